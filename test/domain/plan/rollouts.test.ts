// Plans for clusters whose pools are replaced as wholes.

import type { RolloutFault } from '../../../domain/blockers';
import type {
  MachineDeploymentObservation,
  NodeObservation,
  Observation,
} from '../../../domain/observation';
import type { Plan, RolloutStep, Step } from '../../../domain/plan/plan';
import { checkPlan } from '../../../domain/plan/plan-checks';
import { plannedMs } from '../../../domain/plan/planned-time';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import type { PoolSpec, UpgradeSpec } from '../../../domain/spec';
import { stepLabel } from '../../../domain/status/step-labels';
import { aCluster, aNode, aPool, aSpec, minor, nodeName } from '../../support/builders';
import { poolName, version } from '../../support/builders';

const pool = { labels: { pool: 'web' } };
const web = aPool({ name: poolName('web'), nodeSelector: { pool: 'web' } });
const batch = aPool({ name: poolName('batch'), lane: 'fewest-drains' });

function deployment(
  name: string,
  nodes: readonly string[],
  overrides: Partial<MachineDeploymentObservation> = {},
): MachineDeploymentObservation {
  return {
    name,
    pool: poolName(name),
    version: version('1.28.15'),
    replicas: nodes.length,
    maxUnavailable: 0,
    nodes: nodes.map(nodeName),
    holds: [],
    ...overrides,
  };
}

interface Seen {
  readonly controlPlane?: string;
  readonly nodes?: readonly NodeObservation[];
  readonly web?: Partial<MachineDeploymentObservation>;
}

/** Two nodes of `web`, one of `batch`; the control plane was changed by hand. */
function seenAs(seen: Seen = {}): Observation {
  const { controlPlane = '1.29.15', nodes = [], web: overrides = {} } = seen;
  const builder = aCluster()
    .withMembers(3, controlPlane)
    .withNode(aNode('web-1', '1.28.15', pool))
    .withNode(aNode('web-2', '1.28.15', pool))
    .withNode(aNode('batch-1'));
  const observation = nodes.reduce((before, node) => before.withNode(node), builder).observation();
  return {
    ...observation,
    driver: 'cluster-api',
    drives: [],
    machineDeployments: [
      deployment('web', ['web-1', 'web-2'], overrides),
      deployment('batch', ['batch-1']),
    ],
  };
}

function specOf(target = '1.29', pools: readonly PoolSpec[] = [web, batch]): UpgradeSpec {
  return aSpec({ target: minor(target), pools });
}

function planned(observation: Observation, spec = specOf()): Plan {
  const result = planUpgrade({ spec, observation, releases: knownReleases });
  if (result.kind === 'blocked') throw new Error(JSON.stringify(result.blockers));
  expect(checkPlan({ spec, observation, plan: result.plan })).toEqual([]);
  return result.plan;
}

function blockersOf(observation: Observation, spec = specOf()) {
  const result = planUpgrade({ spec, observation, releases: knownReleases });
  return result.kind === 'planned' ? [] : result.blockers;
}

function rollouts({ hops }: Plan): readonly Step[] {
  return hops.flatMap(({ steps }) => steps.filter(({ kind }) => kind === 'rollout'));
}

const webStep = {
  kind: 'rollout',
  pool: 'web',
  lane: 'every-hop',
  machineDeployment: 'web',
  from: '1.28.15',
  to: '1.29.15',
  replicas: 2,
  stuckMs: 2_400_000,
};

describe('where machines are replaced', () => {
  it('a hop rolls one pool out after the other, in the order of the spec', () => {
    const plan = planned(seenAs());

    expect(plan.hops.map(({ steps }) => steps.map(stepLabel))).toEqual([
      ['preflight', 'snapshot', 'rollout web', 'rollout batch', 'verify', 'soak'],
    ]);
    expect(rollouts(plan)).toEqual([
      webStep,
      { ...webStep, pool: 'batch', lane: 'fewest-drains', machineDeployment: 'batch', replicas: 1 },
    ]);
    const soakMs = specOf().hopSoakMs;
    expect(plannedMs(plan.hops) - soakMs).toBe((3 + 5 + 5 + 3 * 300) * 1_000);
  });

  it('a pool may jump over the minors that its control plane has gone by hand', () => {
    const jump = planned(seenAs({ controlPlane: '1.30.14' }), specOf('1.30'));
    expect(rollouts(jump)).toEqual(
      expect.arrayContaining([{ ...webStep, to: '1.30.14' }]) as readonly Step[],
    );
  });

  it('goes on with a rollout to the same release that was interrupted', () => {
    const nodes = [aNode('web-1', '1.29.15', pool)];
    const plan = planned(seenAs({ nodes, web: { version: version('1.29.15') } }));
    expect(rollouts(plan)[0]).toEqual(webStep);
  });

  it('leaves a pool out that is there', () => {
    const nodes = ['web-1', 'web-2'].map((name) => aNode(name, '1.29.15', pool));
    const plan = planned(seenAs({ nodes, web: { version: version('1.29.15') } }));
    expect(rollouts(plan).map((step) => stepLabel(step))).toEqual(['rollout batch']);
  });

  it('leaves the control plane to people', () => {
    expect(blockersOf(seenAs({ controlPlane: '1.28.15' }))).toEqual(
      ['apiServer', 'restore', 'controllers']
        .map((change) => ({
          code: 'change-undriven',
          hop: 'hop-1.29',
          change,
          driver: 'cluster-api',
        }))
        .toSorted((a, b) => (a.change < b.change ? -1 : 1)),
    );
  });

  it('keeps lanes over several hops, where something else drives the control plane', () => {
    const {
      drives: _drives,
      driver: _driver,
      ...observation
    } = seenAs({ controlPlane: '1.28.15' });
    const plan = planned(observation, specOf('1.30'));
    expect(
      plan.hops.map(({ steps }) => steps.map(stepLabel).filter((one) => one.startsWith('r'))),
    ).toEqual([['rollout web'], ['rollout web', 'rollout batch']]);
  });
});

describe('a rollout is refused', () => {
  const at = { deployment: 'web' };
  const cases: readonly (readonly [string, Seen, RolloutFault])[] = [
    ['of nobody', { web: { pool: poolName('front') } }, { why: 'no-deployment' }],
    [
      'while its Cluster is paused',
      { web: { holds: ['cluster-paused'] } },
      { why: 'cluster-paused', ...at },
    ],
    ['while somebody has paused it', { web: { holds: ['paused'] } }, { why: 'paused', ...at }],
    ['of a topology', { web: { holds: ['topology'] } }, { why: 'topology', ...at }],
    ['that waits for deletions', { web: { holds: ['on-delete'] } }, { why: 'on-delete', ...at }],
    [
      'of other nodes',
      { web: { nodes: [nodeName('web-1'), nodeName('web-9')] } },
      { why: 'other-nodes', ...at, nodes: [nodeName('web-2')] },
    ],
    [
      'to another release',
      { web: { version: version('1.29.3') } },
      { why: 'under-way', ...at, version: version('1.29.3'), at: version('1.28.15') },
    ],
    [
      'that lets more be missing than the spec',
      { web: { maxUnavailable: 2 } },
      { why: 'over-limit', ...at, maxUnavailable: 2, limit: 1 },
    ],
  ];

  it.each(cases)('%s', (_name, seen, fault) => {
    expect(blockersOf(seenAs(seen))).toEqual([{ code: 'rollout-unusable', pool: 'web', ...fault }]);
  });

  it('without a version', () => {
    const observation = seenAs();
    const [{ version: _version, ...first } = deployment('web', []), ...others] =
      observation.machineDeployments ?? [];
    expect(blockersOf({ ...observation, machineDeployments: [first, ...others] })).toEqual([
      { code: 'rollout-unusable', pool: 'web', why: 'no-version', deployment: 'web' },
    ]);
  });

  it('to a release that is newer than the control plane', () => {
    const seen = seenAs({ controlPlane: '1.28.15', web: { version: version('1.29.15') } });
    const { drives: _drives, driver: _driver, ...observation } = seen;
    expect(blockersOf(observation)).toEqual([
      {
        code: 'rollout-unusable',
        pool: 'web',
        why: 'under-way',
        deployment: 'web',
        version: '1.29.15',
        at: '1.28.15',
      },
    ]);
  });

  it('of a pool without nodes, as of every other', () => {
    const front = aPool({ name: poolName('front'), nodeSelector: { pool: 'front' } });
    const observation = seenAs();
    const machineDeployments = [...(observation.machineDeployments ?? []), deployment('front', [])];
    expect(
      blockersOf({ ...observation, machineDeployments }, specOf('1.29', [front, web, batch])),
    ).toEqual([{ code: 'pool-empty', pool: 'front' }]);
  });
});

describe('the judge of such a plan', () => {
  const observation = seenAs();
  const good = planned(observation);

  function judge(change: (step: Step) => Step, seen = observation, spec = specOf()) {
    const hops = good.hops.map((hop) => ({ ...hop, steps: hop.steps.map(change) }));
    const violations = checkPlan({ spec, observation: seen, plan: { ...good, hops } });
    return violations
      .filter(({ code }) => code !== 'digest-wrong')
      .map(({ code, where, object, expected, actual }) => [code, where, object, expected, actual]);
  }

  const changeWeb =
    (overrides: object) =>
    (step: Step): Step =>
      step.kind === 'rollout' && step.pool === 'web' ? { ...step, ...overrides } : step;

  it('knows who changes nodes one at a time, and who does not', () => {
    const { machineDeployments: _gone, drives: _drives, driver: _driver, ...byNode } = observation;
    expect(judge((step) => step, byNode)).toEqual(
      ['web', 'batch'].map(() => [
        'step-kind-wrong',
        'hop-1.29',
        'steps',
        'one node at a time',
        'rollout',
      ]),
    );
    const nodes = planned(byNode);
    const violations = checkPlan({ spec: specOf(), observation, plan: nodes });
    expect(violations.map(({ code, expected, actual }) => [code, expected, actual])).toEqual(
      ['web', 'batch'].map(() => ['step-kind-wrong', 'pools replaced as wholes', 'pool']),
    );
  });

  it('finds pools that are not in the spec, or in another lane', () => {
    const where = 'hop-1.29/rollout front';
    const [strange] = judge(changeWeb({ pool: 'front' }));
    expect(strange).toEqual(['pool-wrong', where, 'pool front', 'a pool with nodes', 'every-hop']);
    const [slow] = judge(changeWeb({ lane: 'fewest-drains' }));
    expect(slow?.slice(0, 4)).toEqual([
      'pool-wrong',
      'hop-1.29/rollout web',
      'pool web',
      'in lane every-hop',
    ]);
  });

  it('finds what is not at the version that the step begins or ends with', () => {
    const where = 'hop-1.29/rollout web';
    expect(judge(changeWeb({ from: '1.29.3' })).slice(0, 1)).toEqual([
      ['step-version-wrong', where, 'node web-1', '1.28.15', '1.29.3'],
    ]);
    expect(judge(changeWeb({ to: '1.29.3' })).slice(0, 1)).toEqual([
      ['step-version-wrong', where, 'node web-1', '1.29.15', '1.29.3'],
    ]);
  });

  it('finds a pool that goes sooner than its lane lets it', () => {
    const { drives: _drives, driver: _driver, ...seen } = seenAs({ controlPlane: '1.28.15' });
    const spec = specOf('1.30');
    const plan = planned(seen, spec);
    const lane = { pool: batch.name, lane: batch.lane, machineDeployment: 'batch' };
    const tooEarly: Step = { ...(rollouts(plan)[0] as RolloutStep), ...lane };
    const [first, ...later] = plan.hops;
    if (first === undefined) throw new Error('there is no hop');
    const steps = first.steps.flatMap((step): readonly Step[] =>
      step.kind === 'rollout' ? [step, tooEarly] : [step],
    );
    const violations = checkPlan({
      spec,
      observation: seen,
      plan: { ...plan, hops: [{ ...first, steps }, ...later] },
    });
    expect(violations.filter(({ code }) => code === 'node-too-early')).toEqual([
      {
        code: 'node-too-early',
        where: 'hop-1.29',
        object: 'pool batch',
        expected: 'left at 1.28.15, which 1.30.14 supports',
        actual: 'drained',
      },
    ]);
  });
});
