// What is told of a schedule of looks is what Temporal has, whoever has changed it there. On a real
// server: preflight-schedules.lab.test.ts.

import type { ScheduleDescription } from '@temporalio/client';

import {
  findPreflightSchedule,
  preflightScheduleOf,
  schedulePreflight,
  unschedulePreflight,
} from '../../client/preflight-schedules';
import { failureInfo } from '../../domain/failure-remedies';
import { type FakeRun, FakeSchedules } from './support/fake-schedules';

type Described = Parameters<typeof preflightScheduleOf>[1];
type Calendar = NonNullable<Described['spec']['calendars']>[number];

const range = <T>(start: T, end: T = start, step = 1) => [{ start, end, step }];

/** As Temporal describes what was asked for. */
const daily: Calendar = {
  second: range(0),
  minute: range(5),
  hour: range(2),
  dayOfMonth: range(1, 31),
  month: range('JANUARY' as const, 'DECEMBER' as const),
  year: [],
  dayOfWeek: range('SUNDAY' as const, 'SATURDAY' as const),
};

const order = { cluster: 'prod', actor: 'ada', workerTimeoutMs: 3_600_000 };

function described(changes: Partial<Described> = {}): Described {
  return {
    scheduleId: 'preflight/prod',
    spec: { calendars: [daily], intervals: [], skip: [], jitter: 600_000, timezone: 'Europe/Rome' },
    action: { args: [order] } as unknown as ScheduleDescription['action'],
    state: { paused: false },
    info: {
      nextActionTimes: [new Date(0)],
      numActionsSkippedOverlap: 2,
      numActionsMissedCatchupWindow: 1,
    },
    ...changes,
  };
}

const known = {
  scheduleId: 'preflight/prod',
  cluster: 'prod',
  nextTimes: ['1970-01-01T00:00:00.000Z'],
  skipped: { overlapping: 2, late: 1 },
};

describe('a schedule of looks', () => {
  it('tells the time of the day, its zone, and who asked', () => {
    expect(preflightScheduleOf('prod', described())).toEqual({
      ...known,
      at: '02:05',
      zone: 'Europe/Rome',
      actor: 'ada',
    });
  });

  it('is in UTC where Temporal names no zone', () => {
    const spec = { calendars: [daily] };
    expect(preflightScheduleOf('prod', described({ spec }))).toMatchObject({ zone: 'UTC' });
  });

  it.each<readonly [string, Described['spec']]>([
    ['no times at all', {}],
    ['two of a day', { calendars: [daily, daily] }],
    ['also in a distance', { calendars: [daily], intervals: [{ every: 1, offset: 0 }] }],
    ['not on some days', { calendars: [daily], skip: [daily] }],
    ['of workdays', { calendars: [{ ...daily, dayOfWeek: range('MONDAY', 'FRIDAY') }] }],
    ['of each other day', { calendars: [{ ...daily, dayOfMonth: range(1, 31, 2) }] }],
    ['of a month', { calendars: [{ ...daily, month: range('MAY') }] }],
    ['of a year', { calendars: [{ ...daily, year: range(2_027) }] }],
    ['of each hour', { calendars: [{ ...daily, hour: range(0, 23) }] }],
    ['of two minutes', { calendars: [{ ...daily, minute: [...range(1), ...range(2)] }] }],
    ['of another second', { calendars: [{ ...daily, second: range(7) }] }],
  ])('tells no time of the day where they are %s', (_what, spec) => {
    const schedule = preflightScheduleOf('prod', described({ spec }));
    expect(schedule).toEqual({ ...known, actor: 'ada' });
  });

  it.each([[[]], [[{ cluster: 'prod' }]], [undefined]])(
    'tells nobody where its action has other arguments: %j',
    (args) => {
      const action = { args } as unknown as ScheduleDescription['action'];
      expect(preflightScheduleOf('prod', described({ action }))).not.toHaveProperty('actor');
    },
  );
});

describe('looks that are scheduled', () => {
  const nightly = { at: '02:05', zone: 'Europe/Rome', actor: 'ada' };
  const id = 'preflight/prod';

  async function withSchedule(): Promise<FakeSchedules> {
    const temporal = new FakeSchedules();
    await schedulePreflight(temporal.session, 'prod', nightly);
    return temporal;
  }

  function change(temporal: FakeSchedules, spec: object, rest: object = {}): void {
    const made = temporal.all.get(id);
    if (made === undefined) throw new Error('it was scheduled');
    temporal.all.set(id, { ...made, ...rest, spec: { ...made.spec, ...spec } });
  }

  it('are one schedule that starts one at a time, and not late', async () => {
    const temporal = new FakeSchedules();
    const asked = await schedulePreflight(temporal.session, 'prod', nightly);
    expect(asked).toEqual({
      kind: 'scheduled',
      change: 'created',
      schedule: { ...known, ...nightly, skipped: { overlapping: 0, late: 0 } },
      hasWorker: true,
    });
    expect(temporal.all.get(id)).toEqual({
      spec: {
        calendars: [{ hour: 2, minute: 5, comment: 'each day at 02:05' }],
        timezone: 'Europe/Rome',
        jitter: 600_000,
      },
      policies: { overlap: 'SKIP', catchupWindow: 3_600_000 },
      action: {
        type: 'startWorkflow',
        workflowType: 'lookAhead',
        workflowId: `${id}/run`,
        taskQueue: 'ascent',
        workflowExecutionTimeout: 5_400_000,
        args: [order],
        staticSummary: 'look at the hop to come of prod, asked by ada',
      },
    });
  });

  it('are in UTC where nobody names a zone', async () => {
    const temporal = new FakeSchedules();
    await schedulePreflight(temporal.session, 'prod', { at: '02:05', actor: 'ada' });
    expect(temporal.all.get(id)?.spec).toMatchObject({ timezone: 'UTC' });
  });

  it('are left as they are when they are so already, whoever asks', async () => {
    const temporal = await withSchedule();
    await expect(
      schedulePreflight(temporal.session, 'prod', { ...nightly, actor: 'bob' }),
    ).resolves.toMatchObject({ change: 'unchanged', schedule: nightly });
    expect(temporal.updates).toBe(0);
  });

  it.each([{ at: '03:05' }, { zone: 'UTC' }])('are changed by asking: %j', async (other) => {
    const temporal = await withSchedule();
    change(temporal, {}, { state: { paused: true, note: 'release day' } });
    await expect(
      schedulePreflight(temporal.session, 'prod', { ...nightly, ...other }),
    ).resolves.toMatchObject({ change: 'changed', schedule: { paused: { note: 'release day' } } });
  });

  it('are set right where somebody has them start something else, or all at once', async () => {
    const temporal = await withSchedule();
    const { action } = temporal.all.get(id) ?? {};
    change(temporal, {}, { action: { ...action, workflowType: 'cleanUp' } });
    const again = () => schedulePreflight(temporal.session, 'prod', nightly);
    await expect(again()).resolves.toMatchObject({ change: 'changed' });
    expect(temporal.all.get(id)?.action.workflowType).toBe('lookAhead');
    change(temporal, { jitter: 0 });
    await expect(again()).resolves.toMatchObject({ change: 'changed' });
    expect(temporal.all.get(id)?.spec).toMatchObject({ jitter: 600_000 });
  });

  it('are refused before Temporal is asked', async () => {
    const temporal = new FakeSchedules();
    const wrong = { at: '2am', zone: 'Nowhere/Else', actor: 'ada' };
    await expect(schedulePreflight(temporal.session, 'Prod 1', wrong)).resolves.toEqual({
      kind: 'refused',
      refusals: [
        { code: 'cluster-name', cluster: 'Prod 1' },
        { code: 'time-malformed', at: '2am' },
        { code: 'zone-unknown', zone: 'Nowhere/Else' },
      ],
    });
    expect(temporal.all.size).toBe(0);
  });

  it('are told to have no worker where none has come', async () => {
    const temporal = new FakeSchedules();
    temporal.pollers = [];
    await expect(schedulePreflight(temporal.session, 'prod', nightly)).resolves.toMatchObject({
      hasWorker: false,
    });
  });

  it('are none when they are removed, which is told', async () => {
    const { session } = await withSchedule();
    await expect(unschedulePreflight(session, 'prod')).resolves.toEqual({ kind: 'removed' });
    await expect(unschedulePreflight(session, 'prod')).resolves.toEqual({ kind: 'none' });
    await expect(findPreflightSchedule(session, 'prod')).resolves.toBe(undefined);
  });

  const memory = { atMs: 0, hop: 'hop-1.30', findings: [], more: 0 };
  const idle = { kind: 'nothing-to-look-at', atMs: 0, why: { code: 'rolling-back' } };
  const failed = { kind: 'failed', failure: failureInfo('worker-missing', 'nobody') };

  it.each<readonly [FakeRun | undefined, object]>([
    [{ status: 'RUNNING' }, { kind: 'running', hasWorker: true }],
    [{ status: 'COMPLETED', result: { ...idle, memory } }, idle],
    [{ status: 'COMPLETED', result: { ...failed, memory } }, failed],
    [{ status: 'TERMINATED' }, { kind: 'closed', state: 'terminated' }],
    [undefined, { kind: 'unknown' }],
  ])('tell what came of the last one, without what is handed on: %j', async (run, end) => {
    const temporal = await withSchedule();
    temporal.runs = [run];
    const found = await findPreflightSchedule(temporal.session, 'prod');
    expect(found?.last).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      workflowId: 'run-0',
      end,
    });
  });
});
