import { failureInfo } from '../../../domain/failure-remedies';
import type { FindingKey } from '../../../domain/names';
import {
  type LastLook,
  lookRefusalText,
  type PreflightSchedule,
  preflightScheduleLines,
  timeOfDay,
} from '../../../domain/preflight/schedule';
import { hopId, version } from '../../support/builders';

describe('the time of a look', () => {
  it.each([
    ['00:00', 0, 0],
    ['02:05', 2, 5],
    ['19:30', 19, 30],
    ['23:59', 23, 59],
  ])('%s is one', (at, hour, minute) => {
    expect(timeOfDay(at)).toEqual({ hour, minute });
  });

  it.each(['', '2:00', '24:00', '12:60', '02:00:00', '2am', ' 02:00'])('"%s" is none', (at) => {
    expect(timeOfDay(at)).toBe(undefined);
  });

  it.each([
    [
      { code: 'cluster-name', cluster: 'my "prod"' },
      String.raw`no cluster is called "my \"prod\"": expected a lower-case DNS label`,
    ],
    [{ code: 'time-malformed', at: '2am' }, '"2am" is no time of a day: expected 00:00 to 23:59'],
    [{ code: 'zone-unknown', zone: 'Berlin' }, '"Berlin" is no time zone of the IANA list'],
  ] as const)('is refused in words: %j', (refusal, text) => {
    expect(lookRefusalText(refusal)).toBe(text);
  });
});

const nightly: PreflightSchedule = {
  scheduleId: 'preflight/prod',
  cluster: 'prod',
  at: '02:00',
  zone: 'Europe/Berlin',
  actor: 'ada',
  nextTimes: ['2026-11-22T01:00:00.000Z'],
  skipped: { overlapping: 0, late: 0 },
};
const what = 'the hop to come of prod is looked at';
const next = 'next, 2026-11-22 01:00:00 UTC';

describe('a schedule of looks in words', () => {
  it('says when, who asked, and what is next', () => {
    expect(preflightScheduleLines(nightly)).toEqual([
      `${what} each day at 02:00 (Europe/Berlin) while an upgrade is open (asked by ada)`,
      next,
    ]);
  });

  it('says what is left of it where somebody has changed it', () => {
    const { actor: _who, zone: _zone, ...zoneless } = nightly;
    expect(preflightScheduleLines(zoneless)[0]).toBe(
      `${what} each day at 02:00 (UTC) while an upgrade is open`,
    );
    const { at: _at, ...timeless } = zoneless;
    expect(preflightScheduleLines({ ...timeless, nextTimes: [] })).toEqual([
      `${what} by a schedule while an upgrade is open`,
      'no time for one comes any more',
    ]);
  });

  it.each([
    [{ note: 'release day' }, 'paused in Temporal (release day): nothing is looked at'],
    [{}, 'paused in Temporal: nothing is looked at'],
  ])('says that it is paused: %j', (paused, text) => {
    expect(preflightScheduleLines({ ...nightly, paused, nextTimes: [] })[1]).toBe(text);
  });

  it.each<readonly [LastLook, string]>([
    [{ kind: 'running', hasWorker: true }, 'it is under way'],
    [{ kind: 'running', hasWorker: false }, 'it waits for a worker; none has come lately'],
    [{ kind: 'closed', state: 'timed-out' }, 'none - Temporal closed its workflow: timed-out'],
    [{ kind: 'unknown' }, 'how it ended is not kept any more'],
    [
      { kind: 'nothing-to-look-at', atMs: 0, why: { code: 'no-upgrade-open' } },
      'nothing to look at: no upgrade is open',
    ],
  ])('says what came of the last time: %j', (end, text) => {
    const last = { time: '2026-11-21T01:00:04.410Z', workflowId: 'x', end };
    expect(preflightScheduleLines({ ...nightly, last }).slice(1)).toEqual([
      next,
      `last, 2026-11-21 01:00:04 UTC: ${text}`,
    ]);
  });

  it('says what a look has found, or why it failed, below it', () => {
    const lines = (end: LastLook) => {
      const last = { time: '2026-11-21T01:00:04.410Z', workflowId: 'x', end };
      return preflightScheduleLines({ ...nightly, last }).slice(2);
    };
    const counts = { blocks: 0, answered: 0, warns: 0, notes: 0, new: 0, changed: 0, gone: 1 };
    const hop = { id: hopId('hop-1.29'), from: version('1.28.15'), to: version('1.29.15') };
    const since = { atMs: 0, hop: hop.id };
    const gone = ['lease-stale:lease/x' as FindingKey];
    expect(
      lines({ kind: 'looked', atMs: 1, hop, since, counts, findings: [], gone, leftOut: 0 }),
    ).toEqual([
      'last, 2026-11-21 01:00:04 UTC: hop-1.29 (1.28.15 → 1.29.15): 0 blocking, 0 warning,' +
        ' 0 to note; since the look before: 0 new, 0 changed, 1 gone',
      'gone: lease-stale:lease/x',
    ]);
    const failure = failureInfo('cluster-unreachable', 'no API server answered');
    expect(lines({ kind: 'failed', failure })).toEqual([
      'last, 2026-11-21 01:00:04 UTC: it failed - cluster-unreachable: no API server answered',
      `→ ${failure.remedy}`,
    ]);
  });
});
