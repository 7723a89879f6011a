// Which machines a plan brings images to, and how long that is thought to take.

import { renderPlan } from '../../../cli/render/plan';
import { plainStyle } from '../../../cli/render/style';
import type { DrivenChange, Observation } from '../../../domain/observation';
import { plannedMs } from '../../../domain/plan/planned-time';
import { type ImagesStep, isOfPool, type Plan } from '../../../domain/plan/plan';
import { checkPlan } from '../../../domain/plan/plan-checks';
import { timeLeft } from '../../../domain/status/progress-estimate';
import { stepLabel } from '../../../domain/status/step-labels';
import type { PoolSpec } from '../../../domain/spec';
import { aCluster, anEtcd, anEtcdMember, aNode, aPlan, aPool } from '../../support/builders';
import { aSpec, minor, version } from '../../support/builders';

const all: readonly DrivenChange[] = ['node', 'member', 'putBack', 'etcd', 'restore', 'images'];
const memberTimeoutMs = aSpec().controlPlane.memberTimeoutMs;

interface Asked {
  readonly drives?: readonly DrivenChange[] | undefined;
  readonly pools?: readonly PoolSpec[];
  readonly target?: string;
  readonly etcd?: readonly { readonly hop: string; readonly version: string }[];
}

function seen(members = 2, nodes = 2, drives: Asked['drives'] = all): Observation {
  const etcd = [anEtcdMember('etcd-1', { version: '3.5.15', isLeader: true })];
  const observation = aCluster().withMembers(members).withNodes(nodes).observation();
  const driven = drives === undefined ? {} : { drives };
  return { ...observation, etcd: anEtcd(1, { members: etcd }), changedAs: 'member', ...driven };
}

function planOf(observation: Observation, { target = '1.29', pools, etcd = [] }: Asked = {}): Plan {
  const { controlPlane } = aSpec();
  const wanted = etcd.map((one) => ({ hop: minor(one.hop), version: version(one.version) }));
  const spec = aSpec({
    target: minor(target),
    hopSoakMs: 0,
    controlPlane: { ...controlPlane, allowSingleMember: true, etcd: wanted },
    ...(pools === undefined ? {} : { pools }),
  });
  const plan = aPlan(spec, observation);
  expect(checkPlan({ plan, spec, observation })).toEqual([]);
  return plan;
}

function imagesIn({ hops }: Plan): readonly ImagesStep[] {
  return hops.flatMap(({ steps }) => steps.filter((step) => step.kind === 'images'));
}

const step = { kind: 'images', timeoutMs: memberTimeoutMs } as const;

describe('where the driver brings images', () => {
  it('each hop does so after its preflight, before its snapshot', () => {
    const plan = planOf(seen(), { target: '1.30' });
    expect(plan.hops.map(({ steps }) => steps.map(stepLabel).slice(0, 4))).toEqual([
      ['preflight', 'images', 'snapshot', 'member cp-1'],
      ['preflight', 'images', 'snapshot', 'member cp-1'],
    ]);
    const on = { members: ['cp-1', 'cp-2'], nodes: ['worker-1', 'worker-2'] };
    expect(imagesIn(plan)).toEqual([
      { ...step, ...on, to: '1.29.15' },
      { ...step, ...on, to: '1.30.14' },
    ]);
  });

  it('nodes that wait for a later hop get theirs as well: kube-proxy changes there too', () => {
    const plan = planOf(seen(), { target: '1.30', pools: [aPool({ lane: 'fewest-drains' })] });
    expect(plan.hops[0]?.steps.filter(isOfPool)).toEqual([]);
    expect(imagesIn(plan).map(({ nodes }) => nodes)).toEqual([
      ['worker-1', 'worker-2'],
      ['worker-1', 'worker-2'],
    ]);
  });

  it('machines of members are named once, also where their kubelets are in a pool', () => {
    const observation = seen(1, 1);
    const nodes = [...observation.nodes, aNode('cp-1', '1.28.15')];
    expect(imagesIn(planOf({ ...observation, nodes }))).toMatchObject([
      { members: ['cp-1'], nodes: ['worker-1'] },
    ]);
  });

  it('a hop of nodes only asks for those that it changes', () => {
    const behind = aNode('worker-1', '1.28.15');
    const done = aNode('worker-2', '1.29.15');
    const observation = aCluster().withMembers(2, '1.29.15').withNodes(0).observation();
    const there = { ...seen(), members: observation.members, nodes: [behind, done] };
    expect(imagesIn(planOf(there))).toEqual([
      { ...step, members: [], nodes: ['worker-1'], to: '1.29.15' },
    ]);
  });

  it('the release that etcd changes to is told', () => {
    const asked = { etcd: [{ hop: '1.29', version: '3.5.16' }] };
    expect(imagesIn(planOf(seen(), asked))).toMatchObject([{ etcd: '3.5.16' }]);
  });

  it('the plan says to how many machines, and for how long at most', () => {
    const lines = renderPlan(planOf(seen(3, 4)), plainStyle);
    expect(
      lines
        .find((line) => line.includes(' images '))
        ?.replaceAll(/ +/g, ' ')
        .trim(),
    ).toBe(
      '2 images those of 1.29.15 come to 7 machines before anything is changed;' +
        ' 5 at a time, at most 5 min each',
    );
  });

  it('a minute is planned for each lot of machines, and counted down', () => {
    const plan = planOf(seen(3, 4));
    const without = planOf(seen(3, 4, all.slice(0, -1)));
    expect(plannedMs(plan.hops) - plannedMs(without.hops)).toBe(2 * 60_000);
    const [hop] = plan.hops;
    if (hop === undefined) throw new Error('there is no hop');
    const current = { hop: hop.id, step: 'images', stepSinceMs: 0, stepSeconds: { preflight: 2 } };
    const progress = { plan, hops: [], current, nowMs: 30_000 };
    expect(timeLeft(progress)).toMatchObject({ stepSecondsLeft: 90 });
    const took = { hop: hop.id, stepSeconds: { images: 40 }, startedAtMs: 0 };
    const later = { ...progress, hops: [{ ...took, hop: 'hop-1.28' }] } as never;
    expect(timeLeft(later)).toMatchObject({ stepSecondsLeft: 10 });
  });
});

it.each([[undefined], [['node', 'member', 'putBack', 'etcd', 'restore'] as const]])(
  'a plan for a driver that says %j has no such step',
  (drives) => {
    const { drives: _told, ...untold } = seen();
    const observation = drives === undefined ? untold : { ...untold, drives };
    expect(imagesIn(planOf(observation))).toEqual([]);
  },
);
