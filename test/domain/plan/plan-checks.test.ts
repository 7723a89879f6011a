import { readFileSync } from 'node:fs';

import { planDigestOf } from '../../../domain/plan/digest';
import type { Observation } from '../../../domain/observation';
import type { Hop, ImagesStep, Plan, Step } from '../../../domain/plan/plan';
import { checkPlan, violationSentence } from '../../../domain/plan/plan-checks';
import type { PlanViolation } from '../../../domain/plan/plan-violations';
import { planViolationCodes } from '../../../domain/plan/plan-violations';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import {
  aCluster,
  aMember,
  anEtcd,
  anEtcdMember,
  aNode,
  aPlan,
  aPool,
  aSpec,
  hopId,
  memberName,
  minor,
  nodeName,
  poolName,
  version,
} from '../../support/builders';

const observation = aCluster().withMembers(2).withNodes(2).observation();
const plan = aPlan(aSpec(), observation);
const silentEtcd = { kind: 'unobserved', problem: { code: 'timeout', message: '' } } as const;

/** The plan with another first hop and a digest that fits again. */
function withHop(change: (hop: Hop) => Hop, from: Plan = plan): Plan {
  return sealed({
    ...from,
    hops: from.hops.map((hop, index) => (index === 0 ? change(hop) : hop)),
  });
}

function sealed(changed: Plan): Plan {
  return { ...changed, digest: planDigestOf(changed) };
}

function withSteps(change: (steps: readonly Step[]) => readonly Step[], from: Plan = plan): Plan {
  return withHop((hop) => ({ ...hop, steps: change(hop.steps) }), from);
}

/** Every step of the first hop through one function; undefined takes the step out. */
function mapSteps(change: (step: Step) => Step | undefined, from: Plan = plan): Plan {
  return withSteps((steps) => steps.flatMap((step) => change(step) ?? []), from);
}

function judge(changed: Plan, seen: Observation = observation, spec = aSpec()) {
  return checkPlan({ plan: changed, spec, observation: seen });
}

function codesOf(violations: readonly PlanViolation[]) {
  return [...new Set(violations.map((violation) => violation.code))];
}

describe('the judge', () => {
  it('accepts what the planner made', () => {
    expect(judge(plan)).toEqual([]);
  });

  it('accepts that a lane goes early where it must', () => {
    const spec = aSpec({ target: minor('1.33'), pools: [aPool({ lane: 'fewest-drains' })] });
    expect(judge(aPlan(spec, observation), observation, spec)).toEqual([]);
  });

  it('accepts the rest of a plan, told how many hops are done', () => {
    const seen = aCluster().withMembers(2, '1.29.15').withNodes(2, '1.29.15').observation();
    const rest = sealed({ ...plan, from: version('1.29.15'), hops: plan.hops.slice(1) });
    const judged = { plan: rest, spec: aSpec(), observation: seen };
    expect(checkPlan({ ...judged, hopsDone: 1 })).toEqual([]);
    expect(checkPlan(judged)).toEqual([
      {
        code: 'approval-wrong',
        where: 'hop-1.30',
        object: 'approval',
        expected: 'none',
        actual: 'required',
      },
    ]);
  });

  it('puts a violation into one sentence', () => {
    const [violation] = judge({ ...plan, to: version('1.31.14') });
    expect(violation && violationSentence(violation)).toMatch(
      /^plan: digest should be [0-9a-f]{64}, is [0-9a-f]{64} \(digest-wrong\)$/,
    );
  });
});

describe('the judge finds', () => {
  it('a digest that does not fit', () => {
    const changed = { ...plan, digest: planDigestOf({ ...plan, hops: [] }) };
    expect(judge(changed)).toEqual([
      {
        code: 'digest-wrong',
        where: 'plan',
        object: 'digest',
        expected: plan.digest,
        actual: changed.digest,
      },
    ]);
  });

  it('an observation that does not tell every version', () => {
    const problem = { code: 'timeout', message: 'no answer' } as const;
    const silent = { kind: 'unobserved', problem } as const;
    const violation = {
      code: 'observation-incomplete',
      where: 'start',
      object: 'cluster lab',
      expected: 'every version observed',
      actual: 'not every version observed',
    };
    for (const part of ['apiServer', 'controllerManager', 'scheduler'] as const) {
      const members = [aMember('cp-1'), aMember('cp-2', '1.28.15', { [part]: silent })];
      expect(judge(plan, { ...observation, members })).toEqual([violation]);
    }
    expect(judge(plan, { ...observation, members: [] })).toEqual([violation]);
    const unreportedNodes = [{ name: nodeName('ghost'), reported: '' }];
    expect(judge(plan, { ...observation, unreportedNodes })).toEqual([violation]);
  });

  it('a plan that ends elsewhere', () => {
    const short = sealed({ ...plan, hops: plan.hops.slice(0, 1) });
    expect(judge(short)).toEqual([
      {
        code: 'target-missed',
        where: 'plan',
        object: 'target',
        expected: '1.30',
        actual: '1.29.15',
      },
      {
        code: 'target-missed',
        where: 'plan',
        object: 'last hop',
        expected: '1.30.14',
        actual: '1.29.15',
      },
    ]);
    const exact = aSpec({ target: version('1.30.9') });
    expect(codesOf(judge(plan, observation, exact))).toEqual(['target-missed']);
  });

  it('a plan without hops, which has to begin where it ends', () => {
    expect(codesOf(judge(sealed({ ...plan, hops: [] })))).toEqual(['target-missed']);
  });

  it('a plan that begins elsewhere', () => {
    const changed = sealed({ ...plan, from: version('1.28.2') });
    expect(judge(changed)).toEqual([
      {
        code: 'hop-disconnected',
        where: 'plan',
        object: 'from',
        expected: '1.28.15',
        actual: '1.28.2',
      },
    ]);
  });

  it('a hop with a wrong name or a wrong beginning', () => {
    const changed = withHop((hop) => ({ ...hop, id: hopId('hop-1.28'), from: version('1.28.2') }));
    expect(judge(changed)).toEqual([
      {
        code: 'hop-misnamed',
        where: 'hop-1.28',
        object: 'id',
        expected: 'hop-1.29',
        actual: 'hop-1.28',
      },
      {
        code: 'hop-disconnected',
        where: 'hop-1.28',
        object: 'from',
        expected: '1.28.15',
        actual: '1.28.2',
      },
    ]);
  });

  it('a skipped minor', () => {
    const last = plan.hops.slice(1).map((hop) => ({ ...hop, from: version('1.28.15') }));
    const changed = sealed({ ...plan, hops: last });
    expect(judge(changed)).toContainEqual({
      code: 'hop-skips-minor',
      where: 'hop-1.30',
      object: 'to',
      expected: 'one minor after 1.28.15',
      actual: '1.30.14',
    });
  });

  it('a hop inside a minor beside others, and one that goes back', () => {
    const [first, second] = plan.hops;
    const between = { ...first, from: version('1.29.15'), to: version('1.29.3') } as Hop;
    const changed = sealed({ ...plan, hops: [first, between, second] as Hop[] });
    const codes = codesOf(judge(changed));
    expect(codes).toEqual(expect.arrayContaining(['hop-skips-minor', 'hop-goes-back']));
  });

  it('a release that the driver cannot install', () => {
    const seen = aCluster().withMembers(2).withNodes(2).withAvailable('1.30.14', '1.29.3');
    expect(judge(plan, seen.observation())).toEqual([
      {
        code: 'release-unavailable',
        where: 'hop-1.29',
        object: 'to',
        expected: '1.30.14, 1.29.3',
        actual: '1.29.15',
      },
    ]);
  });

  it('approvals that differ from the policy', () => {
    expect(codesOf(judge(plan, observation, aSpec({ approvals: 'none' })))).toEqual([
      'approval-wrong',
    ]);
    expect(codesOf(judge(plan, observation, aSpec({ approvals: 'every-hop' })))).toEqual([
      'approval-wrong',
    ]);
  });

  it('steps in another order', () => {
    const changed = withSteps((steps) => steps.toReversed());
    expect(codesOf(judge(changed))).toEqual(
      expect.arrayContaining(['step-order-wrong', 'snapshot-missing']),
    );
  });

  it('a hop without a snapshot', () => {
    const changed = mapSteps((step) => (step.kind === 'snapshot' ? undefined : step));
    expect(judge(changed)).toEqual([
      {
        code: 'step-count-wrong',
        where: 'hop-1.29',
        object: 'step snapshot',
        expected: 'one',
        actual: '0',
      },
      {
        code: 'snapshot-missing',
        where: 'hop-1.29',
        object: 'snapshot',
        expected: 'before the first change',
        actual: 'nowhere',
      },
    ]);
  });

  it('a snapshot after the first change', () => {
    const changed = withSteps(([preflight, snapshot, first, ...rest]) =>
      [preflight, first, snapshot, ...rest].flatMap((step) => step ?? []),
    );
    expect(judge(changed)).toContainEqual({
      code: 'snapshot-missing',
      where: 'hop-1.29',
      object: 'snapshot',
      expected: 'before the first change',
      actual: 'after it',
    });
  });

  it('a hop that verifies twice or never soaks', () => {
    const twice = withSteps((steps) =>
      steps.flatMap((step): readonly Step[] => (step.kind === 'verify' ? [step, step] : [step])),
    );
    expect(codesOf(judge(twice))).toEqual(['step-count-wrong']);
    const never = mapSteps((step) => (step.kind === 'soak' ? undefined : step));
    expect(codesOf(judge(never))).toEqual(['step-count-wrong']);
  });

  it('a step that changes from or to another version', () => {
    const changed = mapSteps((step) =>
      step.kind === 'api-server'
        ? { ...step, from: version('1.28.1'), to: version('1.29.1') }
        : step,
    );
    expect(judge(changed)).toEqual(
      expect.arrayContaining([
        {
          code: 'step-version-wrong',
          where: 'hop-1.29/api-server cp-1',
          object: 'API server of cp-1',
          expected: '1.28.15',
          actual: '1.28.1',
        },
        {
          code: 'step-version-wrong',
          where: 'hop-1.29/api-server cp-1',
          object: 'API server of cp-1',
          expected: '1.29.15',
          actual: '1.29.1',
        },
      ]),
    );
  });

  it('members that nobody knows', () => {
    const changed = mapSteps((step) => {
      if (step.kind === 'api-server') return { ...step, member: memberName(`${step.member}x`) };
      if (step.kind === 'controllers') return { ...step, members: [memberName('cp-9')] };
      return step;
    });
    expect(codesOf(judge(changed))).toEqual(
      expect.arrayContaining(['member-unknown', 'member-left-behind', 'api-server-skewed']),
    );
  });

  it('members that are left out', () => {
    const changed = mapSteps((step) =>
      step.kind === 'api-server' && step.member === memberName('cp-2') ? undefined : step,
    );
    expect(judge(changed)).toContainEqual({
      code: 'member-left-behind',
      where: 'hop-1.29',
      object: 'API server of cp-2',
      expected: '1.29.15',
      actual: '1.28.15',
    });
  });

  it('controllers that are left two minors behind', () => {
    const changed = sealed({
      ...plan,
      hops: plan.hops.map((hop) => ({
        ...hop,
        steps: hop.steps.filter((step) => step.kind !== 'controllers'),
      })),
    });
    expect(judge(changed)).toContainEqual({
      code: 'controller-skewed',
      where: 'hop-1.30/api-server cp-1',
      object: 'scheduler of cp-1',
      expected: 'at most one minor older than 1.30.14, not newer than 1.29',
      actual: '1.28.15',
    });
  });

  it('nodes that nobody knows, come twice or are left behind', () => {
    const changed = mapSteps((step) => {
      const [first, second] = step.kind === 'pool' ? step.nodes : [];
      if (step.kind !== 'pool' || first === undefined || second === undefined) return step;
      return { ...step, nodes: [first, first, { ...second, name: nodeName('ghost') }] };
    });
    const violations = judge(changed);
    expect(violations).toContainEqual({
      code: 'node-repeated',
      where: 'hop-1.29/pool workers',
      object: 'node worker-1',
      expected: 'once in a step',
      actual: 'there again',
    });
    expect(violations).toContainEqual({
      code: 'node-unknown',
      where: 'hop-1.29/pool workers',
      object: 'ghost',
      expected: 'observed',
      actual: 'unknown',
    });
    expect(violations).toContainEqual({
      code: 'node-left-behind',
      where: 'hop-1.29',
      object: 'node worker-2',
      expected: '1.29.15',
      actual: '1.28.15',
    });
  });

  it('nodes in a pool or a lane that is not theirs', () => {
    const spec = aSpec({ pools: [aPool({ lane: 'fewest-drains' })] });
    expect(judge(plan, observation, spec)).toContainEqual({
      code: 'pool-wrong',
      where: 'hop-1.29/pool workers',
      object: 'node worker-1',
      expected: 'in workers, fewest-drains',
      actual: 'in workers, every-hop',
    });
    const none = aSpec({ pools: [aPool({ name: poolName('x'), nodeSelector: { a: 'b' } })] });
    expect(judge(plan, observation, none)).toContainEqual({
      code: 'pool-wrong',
      where: 'hop-1.29/pool workers',
      object: 'node worker-1',
      expected: 'in no pool',
      actual: 'in workers, every-hop',
    });
  });

  it('control-plane nodes that no pool names', () => {
    const nodes = observation.nodes.map((node) => ({ ...node, isControlPlane: true }));
    expect(codesOf(judge(plan, { ...observation, nodes }))).toEqual(['pool-wrong']);
    const named = aSpec({
      pools: [aPool({ nodeSelector: { 'kubernetes.io/hostname': 'worker-1' } })],
    });
    const both = judge(plan, { ...observation, nodes }, named);
    expect(both.map((violation) => violation.object)).toEqual(['node worker-2', 'node worker-2']);
  });

  it('nodes that are drained although they could have waited', () => {
    const spec = aSpec({ pools: [aPool({ lane: 'fewest-drains' })] });
    const eager = sealed({
      ...plan,
      hops: plan.hops.map((hop) => ({
        ...hop,
        steps: hop.steps.map((step) =>
          step.kind === 'pool' ? { ...step, lane: 'fewest-drains' as const } : step,
        ),
      })),
    });
    expect(judge(eager, observation, spec)[0]).toEqual({
      code: 'node-too-early',
      where: 'hop-1.29',
      object: 'node worker-1',
      expected: 'left at 1.28.15, which 1.30.14 supports',
      actual: 'drained',
    });
  });

  it.each([0, 0.5, -1])('a pool with maxUnavailable %d', (maxUnavailable) => {
    const changed = mapSteps((step) => (step.kind === 'pool' ? { ...step, maxUnavailable } : step));
    expect(judge(changed)).toEqual([
      {
        code: 'max-unavailable-wrong',
        where: 'hop-1.29/pool workers',
        object: 'maxUnavailable',
        expected: 'a whole number from 1',
        actual: `${maxUnavailable}`,
      },
    ]);
  });

  it.each([
    ['none', undefined],
    ['any, least-disruptive', { zones: 'any', order: 'least-disruptive' }],
    ['one-at-a-time, as-listed', { zones: 'one-at-a-time', order: 'as-listed' }],
  ] as const)('a window that the spec does not ask for: %s', (actual, window) => {
    const changed = mapSteps((step) => {
      if (step.kind !== 'pool') return step;
      const { window: _, ...without } = step;
      return window === undefined ? without : { ...without, window };
    });
    const expected = 'one-at-a-time, least-disruptive';
    const where = 'hop-1.29/pool workers';
    expect(judge(changed)).toEqual([
      { code: 'window-wrong', where, object: 'window', expected, actual },
    ]);
  });

  describe('nodes that are not in the order of the label', () => {
    const turns = { one: '9', two: '10', three: '10', four: 'b', five: 'c', six: undefined };
    const nodes = Object.entries(turns).map(([name, turn], index) =>
      aNode(name, '1.28.15', {
        zone: index < 2 ? 'a' : 'b',
        labels: turn === undefined ? {} : { turn },
      }),
    );
    const seen = aCluster().withMembers(2).with({ nodes }).observation();
    const specWith = (zones: 'one-at-a-time' | 'any') =>
      aSpec({ target: minor('1.29'), pools: [aPool({ orderLabel: 'turn', zones })] });
    const judged = (zones: 'one-at-a-time' | 'any', ...names: readonly string[]) => {
      const spec = specWith(zones);
      // Made in the middle of an upgrade: one of the nodes has joined without the label.
      const made = planUpgrade({ spec, observation: seen, releases: knownReleases, hopsDone: 0 });
      if (made.kind === 'blocked') throw new Error(JSON.stringify(made.blockers));
      const changed = mapSteps((step) => {
        if (step.kind !== 'pool') return step;
        const listed = names.flatMap((name) => step.nodes.filter((node) => node.name === name));
        return { ...step, nodes: listed };
      }, made.plan);
      return judge(changed, seen, spec);
    };

    it.each(['one-at-a-time', 'any'] as const)('are accepted in order, zones %s', (zones) => {
      expect(judged(zones, 'one', 'two', 'three', 'four', 'five', 'six')).toEqual([]);
    });

    const wrong = (node: string, expected: string, actual: string) => {
      const where = 'hop-1.29/pool workers';
      return { code: 'node-order-wrong', where, object: `node ${node}`, expected, actual };
    };

    it('are told, each by the value before it', () => {
      expect(judged('any', 'two', 'one', 'five', 'four', 'three', 'six')).toEqual([
        wrong('one', 'before 10', '9, after it'),
        wrong('four', 'before c', 'b, after it'),
        wrong('three', 'before b', '10, after it'),
      ]);
      expect(judged('any', 'one', 'two', 'three', 'six', 'four', 'five')).toEqual([
        wrong('four', 'before nodes without the label', 'b, after it'),
      ]);
    });

    it('may come back to an earlier value in another zone only', () => {
      expect(judged('one-at-a-time', 'three', 'four', 'five', 'six', 'one', 'two')).toEqual([]);
      expect(judged('one-at-a-time', 'one', 'three', 'four', 'two', 'five', 'six')).toEqual([
        wrong('two', 'with the others of zone a', 'after another zone'),
        wrong('five', 'with the others of zone b', 'after another zone'),
        wrong('six', 'with the others of zone b', 'after another zone'),
      ]);
    });
  });

  it('kubelets out of skew before the first step, each once', () => {
    const nodes = [aNode('old', '1.24.17'), aNode('new', '1.29.1')];
    const violations = judge(plan, { ...observation, nodes });
    expect(violations.filter((violation) => violation.code === 'kubelet-skewed')).toEqual([
      {
        code: 'kubelet-skewed',
        where: 'start',
        object: 'node old',
        expected: 'at most 2 minors older than 1.28.15, not newer than 1.28',
        actual: '1.24.17',
      },
      {
        code: 'kubelet-skewed',
        where: 'start',
        object: 'node new',
        expected: 'at most 3 minors older than 1.28.15, not newer than 1.28',
        actual: '1.29.1',
      },
    ]);
  });

  it('kubelets that are upgraded before the API servers', () => {
    const changed = withSteps((steps) => [
      ...steps.filter((step) => step.kind === 'pool'),
      ...steps.filter((step) => step.kind !== 'pool'),
    ]);
    expect(judge(changed)).toContainEqual({
      code: 'kubelet-skewed',
      where: 'hop-1.29/pool workers',
      object: 'node worker-1',
      expected: 'at most 3 minors older than 1.28.15, not newer than 1.28',
      actual: '1.29.15',
    });
  });

  it('kubelets that are left too far behind', () => {
    const spec = aSpec({ target: minor('1.32'), pools: [aPool({ lane: 'fewest-drains' })] });
    const long = aPlan(spec, observation);
    const lazy = sealed({
      ...long,
      hops: long.hops.map((hop) => ({
        ...hop,
        steps: hop.steps.filter((step) => step.kind !== 'pool'),
      })),
    });
    expect(judge(lazy, observation, spec)).toContainEqual({
      code: 'kubelet-skewed',
      where: 'hop-1.32/api-server cp-1',
      object: 'node worker-1',
      expected: 'at most 3 minors older than 1.32.13, not newer than 1.31',
      actual: '1.28.15',
    });
  });

  describe('a change of etcd', () => {
    const { controlPlane } = aSpec();
    const wanted = [{ hop: minor('1.29'), version: version('3.6.16') }];
    const spec = aSpec({ controlPlane: { ...controlPlane, etcd: wanted } });
    const at = (etcdVersion: string): Observation => {
      const members = [anEtcdMember('etcd-1', { version: etcdVersion, isLeader: true })];
      return { ...observation, etcd: anEtcd(1, { members }) };
    };
    const good = aPlan(spec, at('3.5.35'));
    const about = { code: 'etcd-version-wrong', where: 'hop-1.29/etcd' } as const;
    const changed = (change: object): Plan =>
      mapSteps((step) => (step.kind === 'etcd' ? { ...step, ...change } : step), good);

    it('that nobody wants, or to something else', () => {
      expect(judge(good, at('3.5.35'))).toEqual([
        { ...about, object: 'etcd', expected: 'left as it is', actual: '3.6.16' },
      ]);
      expect(judge(changed({ to: version('3.6.1') }), at('3.5.35'), spec)).toEqual([
        { ...about, object: 'etcd', expected: '3.6.16', actual: '3.6.1' },
      ]);
    });

    it.each(['3.4.30', '3.6.16', '3.5.30'])('from %s', (actual) => {
      expect(judge(good, at(actual), spec)).toEqual([
        {
          ...about,
          object: 'etcd etcd-1',
          expected: 'from 3.5.35 on, and at most one minor before 3.6.16',
          actual,
        },
      ]);
    });

    it('of members that nobody knows', () => {
      const strange = changed({ members: [memberName('etcd-9')] });
      for (const seen of [at('3.5.35'), at('unknown'), { ...observation, etcd: silentEtcd }]) {
        expect(codesOf(judge(strange, seen, spec))).toEqual(['member-unknown']);
      }
    });

    it('before the snapshot, or out of its place', () => {
      const early = withSteps(
        (steps) => [
          ...steps.filter(({ kind }) => kind === 'etcd'),
          ...steps.filter(({ kind }) => kind !== 'etcd'),
        ],
        good,
      );
      expect(codesOf(judge(early, at('3.5.35'), spec))).toEqual([
        'step-order-wrong',
        'snapshot-missing',
      ]);
      const first = [{ ...wanted[0], order: 'before-api-servers' } as const].map((one) => ({
        ...one,
        hop: minor('1.29'),
        version: version('3.6.16'),
      }));
      const other = aSpec({ controlPlane: { ...controlPlane, etcd: first } });
      expect(codesOf(judge(good, at('3.5.35'), other))).toEqual(['step-order-wrong']);
    });
  });

  describe('a hop in two steps', () => {
    const seen = aCluster().withMembers(2, '1.31.14').withNodes(1, '1.31.14').observation();
    const { controlPlane } = aSpec();
    const emulation = [{ hop: minor('1.32'), soakMs: 1_000 }];
    const once = aSpec({ target: minor('1.32') });
    const spec = { ...once, controlPlane: { ...controlPlane, emulation } };
    const good = aPlan(spec, seen);
    const inHop = { code: 'emulation-wrong', where: 'hop-1.32' } as const;
    const changed = (kind: Step['kind'], change: object): Plan =>
      mapSteps((step) => (step.kind === kind ? { ...step, ...change } : step), good);

    it('that nobody wants, or in one step that is wanted in two', () => {
      const told = { object: 'step controllers', expected: 'serving as its own minor' };
      const nothing = 'no soak, switches: 0';
      const both = 'a soak of 1000 ms, switches: 1';
      const server = { ...inHop, ...told, object: 'step api-server', actual: 'serving as 1.31' };
      expect(judge(good, seen, once)).toEqual([
        server,
        server,
        { ...inHop, ...told, actual: 'serving as 1.31' },
        { ...inHop, object: 'emulation', expected: nothing, actual: both },
      ]);
      const plain = judge(aPlan(once, seen), seen, spec);
      expect(plain.at(-1)).toEqual({
        ...inHop,
        object: 'emulation',
        expected: both,
        actual: nothing,
      });
      expect(codesOf(plain)).toEqual(['emulation-wrong']);
    });

    it('that ends what is not, or not everywhere', () => {
      const at = { ...inHop, where: 'hop-1.32/end-emulation', expected: '1.32.13 as 1.31' };
      const objects = ['API server', 'controller-manager', 'scheduler'];
      const other = changed('end-emulation', { at: version('1.32.12') });
      const actual = '1.32.12 as 1.31';
      expect(judge(other, seen, spec)).toEqual(
        ['API server of cp-1', 'API server of cp-2']
          .concat(
            ['cp-1', 'cp-2'].flatMap((cp) => objects.slice(1).map((one) => `${one} of ${cp}`)),
          )
          .map((object) => ({ ...at, object, actual })),
      );
      const one = changed('end-emulation', { members: [memberName('cp-1')] });
      const left = { ...inHop, expected: 'serving as 1.32', actual: 'serving as 1.31' };
      expect(judge(one, seen, spec).filter(({ code }) => code === 'emulation-wrong')).toEqual(
        objects.map((object) => ({ ...left, object: `${object} of cp-2` })),
      );
      const before = changed('controllers', { emulates: undefined });
      expect(judge(before, seen, spec)).toContainEqual({
        ...at,
        object: 'scheduler of cp-1',
        expected: '1.32.13 as its own',
        actual: '1.32.13 as 1.31',
      });
    });

    it('of members that nobody knows', () => {
      const strange = changed('end-emulation', { members: [memberName('cp-9')] });
      expect(codesOf(judge(strange, seen, spec))).toContain('member-unknown');
    });

    it('whose kubelets are newer than what is emulated', () => {
      const early = withSteps(
        (steps) => [
          ...steps.filter(({ kind }) => kind !== 'end-emulation'),
          ...steps.filter(({ kind }) => kind === 'end-emulation'),
        ],
        good,
      );
      expect(codesOf(judge(early, seen, spec))).toEqual(['step-order-wrong', 'kubelet-skewed']);
    });

    it('whose controllers are newer than what the API servers emulate', () => {
      const newer = changed('controllers', { emulates: undefined });
      expect(codesOf(judge(newer, seen, spec))).toContain('controller-skewed');
    });
  });

  it('finds what the driver cannot change so', () => {
    const wholes: Observation = { ...observation, changedAs: 'member' };
    const told = judge(plan, wholes);
    expect(codesOf(told)).toEqual(['step-kind-wrong']);
    expect(told[0]).toEqual({
      code: 'step-kind-wrong',
      where: 'hop-1.29',
      object: 'steps',
      expected: 'whole members',
      actual: 'api-server',
    });
  });

  describe('of images', () => {
    const drives = ['node', 'apiServer', 'controllers', 'restore', 'images'] as const;
    const brings: Observation = { ...observation, drives };
    const withImages = aPlan(aSpec(), brings);
    const changed = (overrides: Partial<ImagesStep>): Plan =>
      withSteps(
        (steps) => steps.map((one) => (one.kind === 'images' ? { ...one, ...overrides } : one)),
        withImages,
      );
    const at = { where: 'hop-1.29' };

    it('nothing wrong where each hop has one step before the snapshot', () => {
      expect(judge(withImages, brings)).toEqual([]);
    });

    it('a step that is missing, or nobody can take', () => {
      const object = 'step images';
      expect(judge(plan, brings)).toContainEqual({
        ...at,
        code: 'step-count-wrong',
        object,
        expected: '1',
        actual: '0',
      });
      expect(judge(withImages, observation)).toContainEqual({
        ...at,
        code: 'step-count-wrong',
        object,
        expected: '0',
        actual: '1',
      });
    });

    it('a step that comes too late', () => {
      const late = withSteps((steps) => {
        const [preflight, images, ...rest] = steps;
        return [preflight, ...rest, images].filter((one) => one !== undefined);
      }, withImages);
      expect(codesOf(judge(late, brings))).toContain('step-order-wrong');
    });

    it('machines that are left out, or that nobody knows', () => {
      const [first, ...others] =
        withImages.hops[0]?.steps.flatMap((step) => (step.kind === 'images' ? step.nodes : [])) ??
        [];
      expect(judge(changed({ nodes: others }), brings)).toContainEqual({
        ...at,
        code: 'images-incomplete',
        object: `machine ${first}`,
        expected: 'in step images',
        actual: 'in none',
      });
      const strange = changed({ members: [memberName('cp-9')], nodes: [nodeName('worker-99')] });
      expect(codesOf(judge(strange, brings))).toEqual(
        expect.arrayContaining(['member-unknown', 'node-unknown', 'images-incomplete']),
      );
    });

    it('images of another release', () => {
      const of = changed({ to: version('1.30.14') });
      expect(judge(of, brings)).toContainEqual({
        code: 'step-version-wrong',
        where: 'hop-1.29/images',
        object: 'images',
        expected: '1.29.15',
        actual: '1.30.14',
      });
    });
  });

  it.each(planViolationCodes)('%s, in a test of this file', (code) => {
    expect(readFileSync(__filename, 'utf8')).toContain(`'${code}'`);
  });
});
