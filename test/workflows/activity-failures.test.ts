import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  type RetryState,
  TerminatedFailure,
  TimeoutFailure,
  type TimeoutType,
} from '@temporalio/common';

import type { AscentActivities, DrainProgress } from '../../domain/activity-contract';
import { failureInfo } from '../../domain/failure-remedies';
import { drainBlockersIn, drainProgressIn, failureOf } from '../../workflows/activity-failures';

function failed(
  activity: keyof AscentActivities,
  cause: Error,
  retryState: RetryState = 'NON_RETRYABLE_FAILURE',
): ActivityFailure {
  return new ActivityFailure('Activity task failed', activity, '1', retryState, 'worker', cause);
}

function timedOut(type: TimeoutType, last?: unknown): TimeoutFailure {
  return new TimeoutFailure('activity timed out', last, type);
}

const progress: DrainProgress = {
  evicted: 3,
  refusals: 2,
  remaining: 1,
  blockers: [{ code: 'namespace-terminating', pod: { namespace: 'a', name: 'b' }, sinceMs: 0 }],
  startedAtMs: 0,
};

describe('the failure of an activity', () => {
  it('is what the activity said when its code is in the catalogue', () => {
    const said = ApplicationFailure.nonRetryable('cp-1 is not ready', 'member-not-ready');
    expect(failureOf(failed('upgradeControlPlaneMember', said))).toEqual(
      failureInfo('member-not-ready', 'cp-1 is not ready'),
    );
  });

  it('keeps the code of the last attempt when time ran out', () => {
    const last = ApplicationFailure.retryable('no route to host', 'cluster-unreachable');
    expect(failureOf(failed('verifyCluster', last, 'TIMEOUT'))).toEqual(
      failureInfo('cluster-unreachable', 'no route to host'),
    );
  });

  it('names a missing worker when nobody took the activity', () => {
    expect(failureOf(failed('planUpgrade', timedOut('SCHEDULE_TO_START')))).toEqual(
      failureInfo('worker-missing', 'no worker took planUpgrade in time'),
    );
  });

  it.each([
    ['observeCluster', 'cluster-unreachable'],
    ['takeSnapshot', 'snapshot-failed'],
    ['checkMembers', 'cluster-unreachable'],
    ['putBackMember', 'member-upgrade-failed'],
    ['upgradeControlPlaneMember', 'member-upgrade-failed'],
    ['drainNode', 'drain-deadline'],
    ['upgradeNode', 'node-upgrade-failed'],
    ['verifyNode', 'node-not-ready'],
    ['verifyCluster', 'verification-failed'],
    ['restoreSnapshot', 'restore-failed'],
  ] as const)('of %s that did not end in time is %s', (activity, code) => {
    const silent = timedOut('SCHEDULE_TO_CLOSE', { phase: 'waiting' });
    expect(failureOf(failed(activity, silent))).toEqual(
      failureInfo(code, `${activity} did not end in time`),
    );
  });

  it('points to the worker when nothing was ever heard of the activity', () => {
    expect(failureOf(failed('cordonNode', timedOut('SCHEDULE_TO_CLOSE')))).toEqual(
      failureInfo(
        'cluster-unreachable',
        'cordonNode did not end in time, and no worker said anything about it:' +
          ' see first that one serves this cluster',
      ),
    );
  });

  it('is unexpected, with its words, when the catalogue has no such code', () => {
    const strange = ApplicationFailure.nonRetryable('boom', 'TypeError');
    expect(failureOf(failed('preflight', strange))).toEqual(
      failureInfo('unexpected', 'preflight: boom'),
    );
    expect(failureOf('not even an error')).toEqual(failureInfo('unexpected', 'not even an error'));
  });
});

it('names the child workflow that somebody terminated', () => {
  const execution = { workflowId: 'upgrade/lab/hop-1.29' };
  const cause = new TerminatedFailure('by mistake');
  const retryState = 'RETRY_POLICY_NOT_SET';
  const lost = new ChildWorkflowFailure(undefined, execution, 'upgradeHop', retryState, cause);
  expect(failureOf(lost)).toEqual(
    failureInfo('unexpected', 'workflow upgrade/lab/hop-1.29 ended unexpectedly: by mistake'),
  );
});

describe('the progress of a drain', () => {
  it('is in its cancellation, its deadline and the last heartbeat of a lost worker', () => {
    const cancelled = new CancelledFailure('cancelled', [progress]);
    const deadline = ApplicationFailure.nonRetryable('late', 'drain-deadline', { progress });
    const silent = timedOut('HEARTBEAT', progress);
    for (const cause of [cancelled, deadline, silent]) {
      const error = failed('drainNode', cause);
      expect(drainProgressIn(error)).toEqual(progress);
      expect(drainBlockersIn(error)).toEqual(progress.blockers);
    }
  });

  it('is unknown when nothing was said, or nothing that can be trusted', () => {
    const causes = [
      new CancelledFailure('cancelled'),
      new CancelledFailure('cancelled', [{ evicted: 'many' }]),
      ApplicationFailure.nonRetryable('no', 'node-missing'),
    ];
    for (const cause of causes) {
      expect(drainProgressIn(failed('drainNode', cause))).toBeUndefined();
      expect(drainBlockersIn(failed('drainNode', cause))).toEqual([]);
    }
    expect(drainProgressIn(new Error('no activity'))).toBeUndefined();
  });

  it('has the blockers of a drain that the policy refused', () => {
    const { blockers } = progress;
    const refused = ApplicationFailure.nonRetryable('no', 'drain-refused', { blockers });
    expect(drainBlockersIn(failed('drainNode', refused))).toEqual(blockers);
  });
});
