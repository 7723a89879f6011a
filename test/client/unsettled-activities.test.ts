import { msNumberToTs } from '@temporalio/common/lib/time';

import { unsettledActivities } from '../../client/unsettled-activities';

type Description = Parameters<typeof unsettledActivities>[0];
type Pending = NonNullable<Description['raw']['pendingActivities']>[number];

const nowMs = 1_000_000;
const workflowId = 'upgrade/lab/hop-1.29/workers/worker-1';
const scheduled = 1;
const started = 2;
const heartbeatTimeout = 4;

function seen(pending: Pending) {
  const activity = { activityType: { name: 'drainNode' }, attempt: 1, ...pending };
  const raw = { pendingActivities: [activity] } as Description['raw'];
  return unsettledActivities({ workflowId, raw }, nowMs);
}

function at(ms: number) {
  return msNumberToTs(ms);
}

const identity = { activity: 'drainNode', workflowId };
const apiAway = { attempt: 3, lastFailure: { message: 'the API does not answer' } };
const failing = { code: 'failing', failures: 2, message: 'the API does not answer' };

it.each<{ name: string; pending: Pending; expected: readonly object[] }>([
  {
    name: 'leaves out what a worker has in hand',
    pending: { state: started, scheduledTime: at(1_000) },
    expected: [],
  },
  {
    name: 'gives a worker 30 s to take it',
    pending: { state: scheduled, scheduledTime: at(nowMs - 29_999) },
    expected: [],
  },
  {
    name: 'says since when nobody has taken it',
    pending: { state: scheduled, scheduledTime: at(nowMs - 30_000) },
    expected: [{ ...identity, code: 'not-taken', sinceMs: nowMs - 30_000 }],
  },
  {
    name: 'says why it is tried again while it waits for the next attempt',
    pending: { state: scheduled, scheduledTime: at(nowMs + 20_000), ...apiAway },
    expected: [{ ...identity, ...failing }],
  },
  {
    name: 'says so in the next attempt, too',
    pending: {
      state: started,
      scheduledTime: at(nowMs - 70_000),
      lastStartedTime: at(nowMs - 59_999),
      ...apiAway,
    },
    expected: [{ ...identity, ...failing }],
  },
  {
    name: 'leaves out a failure once the next attempt has gone on for a minute',
    pending: {
      state: started,
      scheduledTime: at(nowMs - 70_000),
      lastStartedTime: at(nowMs - 60_000),
      ...apiAway,
    },
    expected: [],
  },
  {
    name: 'says of a worker that was lost what that means',
    pending: {
      state: started,
      scheduledTime: at(nowMs - 2_000),
      lastStartedTime: at(nowMs - 1_000),
      attempt: 2,
      lastFailure: {
        message: 'activity Heartbeat timeout',
        timeoutFailureInfo: { timeoutType: heartbeatTimeout },
      },
    },
    expected: [
      { ...identity, code: 'failing', failures: 1, message: 'its worker stopped answering' },
    ],
  },
  {
    name: 'puts a worker that is away before the failure that this led to',
    pending: {
      state: scheduled,
      scheduledTime: at(nowMs - 40_000),
      attempt: 2,
      lastFailure: { message: 'activity Heartbeat timeout' },
    },
    expected: [{ ...identity, code: 'not-taken', sinceMs: nowMs - 40_000 }],
  },
])('$name', ({ pending, expected }) => {
  expect(seen(pending)).toEqual(expected);
});

it('is empty for a workflow without activities', () => {
  expect(unsettledActivities({ workflowId, raw: {} }, nowMs)).toEqual([]);
});
