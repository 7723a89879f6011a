// Plans for clusters whose members are replaced by other machines.

import type { ControlPlaneFault } from '../../../domain/blockers';
import type { ControlPlaneObjectObservation, Observation } from '../../../domain/observation';
import type { Hop, Plan, Step } from '../../../domain/plan/plan';
import { checkPlan } from '../../../domain/plan/plan-checks';
import { plannedMs } from '../../../domain/plan/planned-time';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import type { UpgradeSpec } from '../../../domain/spec';
import { timeLeft } from '../../../domain/status/progress-estimate';
import { stepLabel } from '../../../domain/status/step-labels';
import { aCluster, aNode, aSpec, minor, nodeName, version } from '../../support/builders';

const object = 'KubeadmControlPlane prod-cp';
const role = 'node-role.kubernetes.io/control-plane';
const cpNodes = ['cp-1', 'cp-2', 'cp-3'];

/** Three members, each with a node of its own; one pool, which follows. */
function seenAs(overrides: Partial<ControlPlaneObjectObservation> = {}): Observation {
  const builder = cpNodes.reduce(
    (before, name) => before.withNode(aNode(name, '1.28.15', { labels: { [role]: '' } })),
    aCluster().withMembers(3),
  );
  const workers = builder.withNodes(2).observation();
  const nodes = workers.nodes.map((node) => {
    return cpNodes.includes(node.name) ? { ...node, isControlPlane: true } : node;
  });
  const deployment = {
    name: 'workers-md-0',
    pool: aSpec().pools[0]?.name ?? ('workers' as never),
    version: version('1.28.15'),
    replicas: 2,
    maxUnavailable: 0,
    nodes: nodes.filter(({ isControlPlane }) => !isControlPlane).map(({ name }) => name),
    holds: [],
  };
  return {
    ...workers,
    nodes,
    driver: 'cluster-api',
    drives: [],
    changedAs: 'member',
    controlPlaneObject: {
      object,
      version: version('1.28.15'),
      replicas: 3,
      nodes: cpNodes.map(nodeName),
      holds: [],
      ...overrides,
    },
    machineDeployments: [deployment],
  };
}

const specOf = (target = '1.29', overrides: Partial<UpgradeSpec> = {}): UpgradeSpec =>
  aSpec({ target: minor(target), approvals: 'none', ...overrides });

function resultOf(observation: Observation, spec = specOf(), hopsDone?: number) {
  const done = hopsDone === undefined ? {} : { hopsDone };
  return planUpgrade({ spec, observation, releases: knownReleases, ...done });
}

function planned(observation: Observation, spec = specOf()): Plan {
  const result = resultOf(observation, spec);
  if (result.kind === 'blocked') throw new Error(JSON.stringify(result.blockers));
  expect(checkPlan({ spec, observation, plan: result.plan })).toEqual([]);
  return result.plan;
}

function blockersOf(observation: Observation, spec = specOf()) {
  const result = resultOf(observation, spec);
  return result.kind === 'planned' ? [] : result.blockers;
}

const replacement = {
  kind: 'replace-members',
  object,
  from: '1.28.15',
  to: '1.29.15',
  replicas: 3,
  stuckMs: specOf().controlPlane.memberTimeoutMs,
};

describe('where members are replaced', () => {
  it('a hop has one step for all of them, before its pools, and waits for a person', () => {
    const [hop, ...others] = planned(seenAs()).hops;
    expect(others).toEqual([]);
    expect(hop?.steps.map(stepLabel)).toEqual([
      'preflight',
      'snapshot',
      'replace-members',
      'rollout workers',
      'verify',
      'soak',
    ]);
    expect(hop?.steps[2]).toEqual(replacement);
    expect(hop?.approval).toBe('required');
  });

  it('names no member, so that the rest is planned the same when they have other names', () => {
    const spec = specOf('1.30');
    const whole = planned(seenAs(), spec);
    const before = seenAs({ version: version('1.29.15'), nodes: [] });
    const later = aCluster().withMembers(3, '1.29.15').observation();
    const renamed = later.members.map((one) => ({ ...one, name: `new-${one.name}` as never }));
    const nodes = before.nodes
      .filter(({ isControlPlane }) => !isControlPlane)
      .map((node) => ({ ...node, kubeletVersion: version('1.29.15') }));
    const deployments = before.machineDeployments?.map((one) => {
      return { ...one, version: version('1.29.15') };
    });
    const seen = { ...before, members: renamed, nodes, machineDeployments: deployments ?? [] };
    const again = resultOf(seen, spec, 1);
    expect(again.kind === 'planned' ? again.plan.hops : again.blockers).toEqual(
      whole.hops.slice(1),
    );
  });

  it('takes the kubelets of members along, over as many minors as there are', () => {
    const plan = planned(seenAs(), specOf('1.32'));
    expect(plan.hops.map(({ to }) => to.slice(0, 4))).toEqual(['1.29', '1.30', '1.31', '1.32']);
    expect(blockersOf(seenAs({ nodes: [] }), specOf('1.32'))).toEqual(
      cpNodes.map((node) => expect.objectContaining({ code: 'kubelet-too-old', node }) as object),
    );
  });

  it('needs nothing of it inside of a version', () => {
    const seen = seenAs({ version: version('1.29.15') });
    const at = aCluster().withMembers(3, '1.29.15').observation();
    const plan = planned({ ...seen, members: at.members });
    expect(plan.hops.map(({ approval, steps }) => [approval, ...steps.map(stepLabel)])).toEqual([
      ['none', 'preflight', 'snapshot', 'rollout workers', 'verify', 'soak'],
    ]);
  });

  it('takes as many minutes as others did, and five for each machine until one was seen', () => {
    const plan = planned(seenAs(), specOf('1.29', { hopSoakMs: 0 }));
    expect(plannedMs(plan.hops)).toBe((3 + 5 + 3 * 300 + 2 * 300 + 5) * 1_000);
    const [hop] = plan.hops;
    const current = { hop: hop?.id as Hop['id'], step: 'replace-members', stepSinceMs: 0 };
    const stepSeconds = { preflight: 2, snapshot: 4 };
    const progress = { plan, hops: [], current: { ...current, stepSeconds }, nowMs: 100_000 };
    expect(timeLeft(progress)?.stepSecondsLeft).toBe(800);
    const two = planned(seenAs(), specOf('1.30', { hopSoakMs: 0 }));
    const later = { ...current, hop: two.hops[1]?.id as Hop['id'], stepSeconds: {} };
    const seen = { ...stepSeconds, 'replace-members': 120 };
    const done = { hop: hop?.id, stepSeconds: seen, nodes: [], members: [] } as never;
    const then = { plan: two, hops: [done], current: later, nowMs: 20_000 };
    expect(timeLeft(then)?.stepSecondsLeft).toBe(100);
  });
});

describe('a replacement is refused', () => {
  const controlPlane = object;
  const faults: readonly (readonly [
    string,
    Partial<ControlPlaneObjectObservation>,
    ControlPlaneFault,
  ])[] = [
    ...(['cluster-paused', 'paused', 'topology', 'hosted'] as const).map(
      (why) => [why, { holds: [why] }, { why, controlPlane }] as const,
    ),
    [
      'under-way',
      { version: version('1.29.3') },
      { why: 'under-way', controlPlane, version: version('1.29.3'), at: version('1.28.15') },
    ],
  ];

  it.each(faults)('%s', (_name, seen, fault) => {
    expect(blockersOf(seenAs(seen))).toEqual([{ code: 'control-plane-unusable', ...fault }]);
  });

  it('without a version', () => {
    const { controlPlaneObject, ...others } = seenAs();
    const { version: _version, ...rest } = controlPlaneObject ?? {};
    const seen = { ...others, controlPlaneObject: rest } as Observation;
    expect(blockersOf(seen)).toEqual([
      { code: 'control-plane-unusable', why: 'no-version', controlPlane },
    ]);
  });

  it('not when it has been asked for the same already, and not when nothing takes it', () => {
    expect(blockersOf(seenAs({ version: version('1.29.15') }))).toEqual([]);
    const seen = seenAs({ version: version('1.29.15'), holds: ['paused'] });
    const at = aCluster().withMembers(3, '1.29.15').observation();
    expect(blockersOf({ ...seen, members: at.members })).toEqual([]);
  });

  it('together with another etcd, which comes with the machines', () => {
    const etcd = [{ hop: minor('1.29'), version: version('3.5.35') }];
    const controls = { ...specOf().controlPlane, etcd };
    expect(blockersOf(seenAs(), specOf('1.29', { controlPlane: controls }))).toEqual(
      ['etcd', 'restore'].map((change) => ({
        code: 'change-undriven',
        hop: 'hop-1.29',
        change,
        driver: 'cluster-api',
      })),
    );
  });
});

describe('the judge of such a plan', () => {
  const observation = seenAs();
  const good = planned(observation);

  function judge(change: (step: Step) => Step, overrides: Partial<Hop> = {}) {
    const hops = good.hops.map((hop) => ({ ...hop, steps: hop.steps.map(change), ...overrides }));
    const violations = checkPlan({ spec: specOf(), observation, plan: { ...good, hops } });
    return violations
      .filter(({ code }) => code !== 'digest-wrong')
      .map(({ code, where, object: what, expected, actual }) => {
        return [code, where, what, expected, actual];
      });
  }

  it('wants an approval, whatever the spec says', () => {
    expect(judge((step) => step, { approval: 'none' })).toEqual([
      ['approval-wrong', 'hop-1.29', 'approval', 'required', 'none'],
    ]);
  });

  it('finds what is not at the version that the step begins or ends with', () => {
    const found = judge((step) =>
      step.kind === 'replace-members' ? { ...step, from: version('1.28.3') } : step,
    );
    expect(found[0]).toEqual([
      'step-version-wrong',
      'hop-1.29/replace-members',
      'API server of cp-1',
      '1.28.15',
      '1.28.3',
    ]);
  });

  it('knows who replaces members, and who does not', () => {
    const { controlPlaneObject: _object, ...kubeadm } = observation;
    const violations = checkPlan({ spec: specOf(), observation: kubeadm, plan: good });
    expect(violations.map(({ code, expected, actual }) => [code, expected, actual])).toContainEqual(
      ['step-kind-wrong', 'whole members', 'replace-members'],
    );
    const { changedAs: _changedAs, drives: _drives, driver: _driver, ...plain } = kubeadm;
    const one = planUpgrade({
      spec: specOf(),
      observation: plain,
      releases: knownReleases,
    });
    if (one.kind === 'blocked') throw new Error(JSON.stringify(one.blockers));
    const wrong = checkPlan({ spec: specOf(), observation, plan: one.plan });
    expect(wrong.map(({ code, expected }) => [code, expected])).toContainEqual([
      'step-kind-wrong',
      'members replaced by other machines',
    ]);
  });
});
