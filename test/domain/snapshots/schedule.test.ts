import { failureInfo } from '../../../domain/failure-remedies';
import type { SnapshotId } from '../../../domain/names';
import {
  type RoutineEnd,
  routineBounds,
  routineJitterMs,
  routineRefusals,
  routineRefusalText,
  type SnapshotSchedule,
  snapshotScheduleLines,
} from '../../../domain/snapshots/schedule';

const { everyMs, keep } = routineBounds;

describe('how often snapshots may be taken', () => {
  it.each([
    { everyMs: everyMs.min },
    { everyMs: everyMs.max, keep: keep.min },
    { everyMs: 21_600_000, keep: keep.max },
  ])('is so: $everyMs, $keep', (routine) => {
    expect(routineRefusals(routine)).toEqual([]);
  });

  it.each([everyMs.min - 1, everyMs.max + 1, Number.NaN, everyMs.min + 0.5])(
    'is not every %d ms',
    (refused) => {
      expect(routineRefusals({ everyMs: refused })).toEqual([
        {
          code: 'every-out-of-bounds',
          everyMs: refused,
          minMs: everyMs.min,
          maxMs: everyMs.max,
        },
      ]);
    },
  );

  it.each([0, -1, 1.5, keep.max + 1])('leaves not %d of them', (refused) => {
    expect(routineRefusals({ everyMs: everyMs.min, keep: refused })).toEqual([
      { code: 'keep-out-of-bounds', keep: refused, min: 1, max: 1_000 },
    ]);
  });

  it('is refused of what no cluster is called, in words', () => {
    expect(routineRefusalText({ code: 'cluster-name', cluster: 'my "prod"' })).toBe(
      String.raw`no cluster is called "my \"prod\"": expected a lower-case DNS label`,
    );
  });

  it.each([
    [everyMs.min, 60_000],
    [605_000, 60_000],
    [6_000_000, 600_000],
    [everyMs.max, 600_000],
  ])('begins every %d ms, or up to %d ms later', (every, jitterMs) => {
    expect(routineJitterMs(every)).toBe(jitterMs);
  });

  it('is refused for every reason at once, in words', () => {
    expect(routineRefusals({ everyMs: 5_000, keep: 0 }).map(routineRefusalText)).toEqual([
      'a snapshot can be taken every 10 min to 31 d, not every 5 s',
      '1 to 1000 of them can stay, not 0',
    ]);
  });
});

describe('a schedule of snapshots, in words', () => {
  const schedule: SnapshotSchedule = {
    scheduleId: 'snapshot-schedule/prod',
    cluster: 'prod',
    everyMs: 21_600_000,
    keep: 8,
    actor: 'ada',
    nextTimes: ['2026-11-21T06:00:00.000Z', '2026-11-21T12:00:00.000Z'],
    skipped: { overlapping: 0, late: 0 },
  };

  it('says how often, how many stay, who asked and when the next is due', () => {
    expect(snapshotScheduleLines(schedule)).toEqual([
      'a snapshot of prod is taken every 6 h; the newest 8 stay (asked by ada)',
      'next, 2026-11-21 06:00:00 UTC',
    ]);
  });

  it('leaves out what somebody has changed in Temporal itself', () => {
    const { everyMs: _often, keep: _many, actor: _who, ...foreign } = schedule;
    expect(snapshotScheduleLines({ ...foreign, nextTimes: [] })).toEqual([
      'a snapshot of prod is taken by a schedule; they stay as others do',
      'no time for one comes any more',
    ]);
  });

  it('says of the one that stays that it is one', () => {
    expect(snapshotScheduleLines({ ...schedule, keep: 1 })[0]).toBe(
      'a snapshot of prod is taken every 6 h; the newest stays (asked by ada)',
    );
  });

  it.each([
    [{ note: 'release day' }, 'paused in Temporal (release day): none is taken'],
    [{}, 'paused in Temporal: none is taken'],
  ])('says that it is paused: %j', (paused, line) => {
    expect(snapshotScheduleLines({ ...schedule, paused, nextTimes: [] })[1]).toBe(line);
  });

  const failure = failureInfo('space-missing', 'there is no room');
  const workflowId = 'snapshot/prod';

  it.each<readonly [RoutineEnd, readonly string[]]>([
    [{ kind: 'running', hasWorker: true }, ['it is being taken']],
    [{ kind: 'running', hasWorker: false }, ['it waits for a worker; none has come lately']],
    [{ kind: 'taken', snapshot: 'prod-routine-1' as SnapshotId }, ['prod-routine-1']],
    [
      { kind: 'failed', failure },
      ['none - space-missing: there is no room', `→ ${failure.remedy}`],
    ],
    [
      { kind: 'busy', workflowId },
      ['none - another one was taken, or some were removed (snapshot/prod)'],
    ],
    [{ kind: 'closed', state: 'timed-out' }, ['none - Temporal closed its workflow: timed-out']],
    [{ kind: 'unknown' }, ['how it ended is not kept any more']],
  ])('says what came of the last time: %j', (end, [first, ...more]) => {
    const last = { time: '2026-11-21T00:00:00.410Z', workflowId: 'run', end };
    expect(snapshotScheduleLines({ ...schedule, last }).slice(2)).toEqual([
      `last, 2026-11-21 00:00:00 UTC: ${first}`,
      ...more,
    ]);
  });
});
