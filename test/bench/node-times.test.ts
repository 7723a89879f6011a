import { meanTimes, nodeTimes, type TimedEvent } from '../../bench/node-times';

/** As Temporal's client gives them: seconds and ids are 64-bit numbers, which come as objects. */
function event(eventId: number, atMs: number, attributes: Partial<TimedEvent> = {}): TimedEvent {
  const seconds = { toString: () => String(Math.floor(atMs / 1_000)) };
  const eventTime = { seconds, nanos: (atMs % 1_000) * 1e6 };
  return { eventId: { toString: () => String(eventId) }, eventTime, ...attributes };
}

function activity(firstId: number, name: string, times: readonly [number, number, number]) {
  const [scheduledMs, startedMs, completedMs] = times;
  return [
    event(firstId, scheduledMs, {
      activityTaskScheduledEventAttributes: { activityType: { name } },
    }),
    event(firstId + 1, startedMs, {
      activityTaskStartedEventAttributes: { scheduledEventId: firstId },
    }),
    event(firstId + 2, completedMs, {
      activityTaskCompletedEventAttributes: { scheduledEventId: firstId },
    }),
  ];
}

describe('nodeTimes', () => {
  it('tells activities, waiting for a worker, and what passes between them', () => {
    const events = [
      event(1, 1_000_000_000),
      ...activity(5, 'cordonNode', [1_000_000_250, 1_000_000_500, 1_000_001_000]),
      ...activity(11, 'drainNode', [1_000_001_250, 1_000_001_250, 1_000_003_250]),
      event(17, 1_000_003_500),
    ];
    expect(nodeTimes(events)).toEqual({
      between: 0.75,
      waiting: 0.25,
      cordonNode: 0.5,
      drainNode: 2,
      whole: 3.5,
    });
  });

  it('adds up an activity that ran twice', () => {
    const events = [
      event(1, 0),
      ...activity(5, 'drainNode', [0, 0, 1_000]),
      ...activity(11, 'drainNode', [1_000, 1_000, 1_500]),
    ];
    expect(nodeTimes(events)).toEqual({ between: 0, waiting: 0, drainNode: 1.5, whole: 1.5 });
  });

  it('tells nothing of an empty history', () => {
    expect(nodeTimes([])).toEqual({});
  });
});

it('takes the mean of each part, also of one that not every node has', () => {
  expect(meanTimes([{ whole: 4, drainNode: 2 }, { whole: 2 }])).toEqual({ whole: 3, drainNode: 1 });
});
