import {
  type ExplainedPod,
  explainBudget,
  isUnhealthy,
  type PodTrouble,
} from '../../../domain/drain/budget-explanation';
import type { BudgetObservation } from '../../../domain/observation';

const budget: BudgetObservation = {
  budget: { namespace: 'shop', name: 'web' },
  disruptionsAllowed: 0,
  currentHealthy: 2,
  desiredHealthy: 2,
  expectedPods: 3,
  observed: true,
  syncFailed: false,
  maxUnavailable: '1',
};

function aPod(name: string, over: Partial<ExplainedPod> = {}): ExplainedPod {
  const ref = { namespace: 'shop', name };
  return { ref, node: '', phase: 'Pending', ready: false, finalizers: [], ...over };
}

const pulling: PodTrouble = {
  code: 'container-waiting',
  container: 'app',
  reason: 'ImagePullBackOff',
  message: 'Back-off pulling image "web:2"',
};
const web7 = aPod('web-7', {
  node: 'worker-2',
  controller: { kind: 'ReplicaSet', name: 'web-5d' },
  notReadySinceMs: 5_000,
  trouble: pulling,
});

describe('a budget that allows no eviction', () => {
  it('is explained by how many pods it has, wants and lacks, and by the unhealthy ones', () => {
    expect(explainBudget(budget, [web7], 0)).toEqual({
      healthy: 2,
      wanted: 2,
      expected: 3,
      missing: 1,
      pods: [
        {
          pod: { namespace: 'shop', name: 'web-7' },
          node: 'worker-2',
          owner: { kind: 'ReplicaSet', name: 'web-5d' },
          sinceMs: 5_000,
          trouble: pulling,
        },
      ],
      more: 0,
      absent: 0,
    });
  });

  it('names the three that are unhealthy for longest, and counts the others', () => {
    const pods = [
      aPod('unknown-b'),
      aPod('unknown-a'),
      aPod('young', { notReadySinceMs: 9_000 }),
      aPod('old', { notReadySinceMs: 1_000 }),
      // Its deletion was asked for at 4,000.
      aPod('leaving', {
        deletionTimestampMs: 34_000,
        deletionGracePeriodSeconds: 30,
        finalizers: ['a', 'b', 'c', 'd'],
      }),
    ];
    const explained = explainBudget({ ...budget, currentHealthy: 0, expectedPods: 7 }, pods, 0);
    expect(explained).toMatchObject({ missing: 3, more: 2, absent: 2 });
    expect(explained?.pods.map(({ pod, sinceMs }) => [pod.name, sinceMs])).toEqual([
      ['old', 1_000],
      ['leaving', 4_000],
      ['young', 9_000],
    ]);
    expect(explained?.pods[1]?.trouble).toEqual({
      code: 'terminating',
      finalizers: ['a', 'b', 'c'],
    });
    expect(explainBudget(budget, pods.slice(0, 2), 0)?.pods).toEqual([
      { pod: { namespace: 'shop', name: 'unknown-a' }, trouble: { code: 'not-ready' } },
      { pod: { namespace: 'shop', name: 'unknown-b' }, trouble: { code: 'not-ready' } },
    ]);
  });

  it('is small, whatever its pods say', () => {
    const longest = { code: 'unscheduled', reason: 'Unschedulable', message: 'x'.repeat(200) };
    const pods = Array.from({ length: 1_000 }, (_, index) =>
      aPod(`web-${index}-${'x'.repeat(50)}`, {
        node: 'n'.repeat(63),
        controller: { kind: 'ReplicaSet', name: 'r'.repeat(63) },
        trouble: longest as PodTrouble,
        notReadySinceMs: 1_767_225_600_000,
      }),
    );
    expect(JSON.stringify(explainBudget(budget, pods, 0)).length).toBeLessThan(2_048);
  });

  it('has a pod that terminates with no grace known leaving since its deletion', () => {
    const pods = [aPod('leaving', { deletionTimestampMs: 34_000 })];
    expect(explainBudget(budget, pods, 0)?.pods[0]).toMatchObject({ sinceMs: 34_000 });
  });

  it('lacks a pod also while it still counts one whose eviction it has just allowed', () => {
    expect(explainBudget({ ...budget, currentHealthy: 3 }, [], 0)).toMatchObject({ missing: 1 });
  });

  it.each<{ rule: string; over: Partial<BudgetObservation>; settledMs: number }>([
    { rule: 'maxUnavailable 0', over: { maxUnavailable: '0' }, settledMs: 0 },
    { rule: 'minAvailable 100%', over: { minAvailable: '100%' }, settledMs: 0 },
    // It seems so, too, between the end of a pod and its replacement.
    { rule: 'minAvailable 3', over: { minAvailable: '3' }, settledMs: 10_000 },
  ])('never allows one when its rule is $rule of three pods', ({ rule, over, settledMs }) => {
    const seen = { ...budget, currentHealthy: 3, desiredHealthy: 3, ...over };
    expect(explainBudget(seen, [], settledMs)).toMatchObject({ neverBy: rule });
    if (settledMs === 0) return;
    expect(explainBudget(seen, [], settledMs - 1)).not.toHaveProperty('neverBy');
  });

  it.each<{ name: string; over: Partial<BudgetObservation> }>([
    { name: 'allows one after all', over: { disruptionsAllowed: 1 } },
    { name: 'has not been looked at', over: { observed: false } },
    { name: 'cannot be worked out', over: { syncFailed: true } },
  ])('is not explained when it $name', ({ over }) => {
    expect(explainBudget({ ...budget, ...over }, [web7], 0)).toBeUndefined();
  });
});

it.each([
  { name: 'Ready', pod: aPod('web', { phase: 'Running', ready: true }), unhealthy: false },
  { name: 'not Ready', pod: aPod('web', { phase: 'Running' }), unhealthy: true },
  { name: 'Pending', pod: aPod('web'), unhealthy: true },
  {
    name: 'Ready and leaving',
    pod: aPod('web', { phase: 'Running', ready: true, deletionTimestampMs: 1 }),
    unhealthy: true,
  },
  { name: 'Succeeded', pod: aPod('web', { phase: 'Succeeded' }), unhealthy: false },
  { name: 'Failed', pod: aPod('web', { phase: 'Failed' }), unhealthy: false },
])('a pod that is $name is unhealthy: $unhealthy', ({ pod, unhealthy }) => {
  expect(isUnhealthy(pod)).toBe(unhealthy);
});
