import type { AscentActivities } from '../../domain/activity-contract';
import { activityOptions } from '../../workflows/activity-options';

const minuteMs = 60_000;

type Row = readonly [keyof AscentActivities, number, number, boolean];

it.each<Row>([
  ['observeCluster', 10, 2, true],
  ['planUpgrade', 10, 2, true],
  ['preflight', 15, 5, true],
  ['lookAtHopToCome', 15, 5, true],
  ['takeSnapshot', 120, 60, true],
  ['findLeaders', 10, 0.5, false],
  ['checkMembers', 5, 2, true],
  ['putBackMember', 15, 15, true],
  ['upgradeControlPlaneMember', 15, 15, true],
  ['findEtcdLeader', 10, 0.5, false],
  ['upgradeEtcdMember', 15, 15, true],
  ['putBackEtcdMember', 15, 15, true],
  ['cordonNode', 10, 0.5, false],
  ['uncordonNode', 10, 0.5, false],
  ['taintWaitingNodes', 10, 10, true],
  ['drainNode', 30, 30, true],
  ['upgradeNode', 15, 15, true],
  ['verifyNode', 15, 10, true],
  ['verifyCluster', 15, 10, true],
  ['restoreSnapshot', 30, 10, true],
  ['noteBeforeRestore', 3, 3, true],
  ['countRestored', 5, 5, true],
  ['unstageRestore', 2, 1, true],
])('%s may take %d min in all and %d min an attempt', (name, total, attempt, heartbeats) => {
  expect(activityOptions(name, { summary: 'a test' })).toEqual({
    summary: 'a test',
    scheduleToCloseTimeout: total * minuteMs,
    startToCloseTimeout: attempt * minuteMs,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    ...(heartbeats ? { heartbeatTimeout: 10_000 } : {}),
    retry: { initialInterval: 1_000, backoffCoefficient: 2, maximumInterval: 30_000 },
  });
});

it('lets the plan say how long a drain may take', () => {
  expect(activityOptions('drainNode', { summary: '', totalMs: 5_000 })).toMatchObject({
    scheduleToCloseTimeout: 5_000,
    startToCloseTimeout: 5_000,
  });
});

it('adds what an activity has to watch to both bounds', () => {
  expect(activityOptions('verifyNode', { summary: '', extraMs: minuteMs })).toMatchObject({
    scheduleToCloseTimeout: 16 * minuteMs,
    startToCloseTimeout: 11 * minuteMs,
  });
});

it('waits for a worker only where it is told to', () => {
  const call = { summary: '', totalMs: 90_000, workerTimeoutMs: 20_000 };
  expect(activityOptions('planUpgrade', call)).toMatchObject({ scheduleToStartTimeout: 20_000 });
});
