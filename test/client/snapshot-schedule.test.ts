// What is told of a schedule of snapshots is what Temporal has, whoever has changed it there. On a
// real server: snapshot-schedules.lab.test.ts.

import type { ScheduleDescription } from '@temporalio/client';

import {
  findSnapshotSchedule,
  scheduleSnapshots,
  snapshotScheduleOf,
  unscheduleSnapshots,
} from '../../client/snapshot-schedules';
import { failureInfo } from '../../domain/failure-remedies';
import { type FakeRun, FakeSchedules } from './support/fake-schedules';

type Described = Parameters<typeof snapshotScheduleOf>[1];

const input = {
  cluster: 'prod',
  actor: 'ada',
  order: { reason: 'by schedule, every 6 h', routine: { keep: 8 } },
};

function described(changes: Partial<Described> = {}): Described {
  return {
    scheduleId: 'snapshot-schedule/prod',
    spec: { intervals: [{ every: 21_600_000, offset: 0 }], calendars: [], jitter: 600_000 },
    action: { args: [input] } as unknown as ScheduleDescription['action'],
    state: { paused: false },
    info: {
      nextActionTimes: Array.from({ length: 10 }, (_, index) => new Date(index * 21_600_000)),
      numActionsSkippedOverlap: 2,
      numActionsMissedCatchupWindow: 1,
    },
    ...changes,
  };
}

const known = {
  scheduleId: 'snapshot-schedule/prod',
  cluster: 'prod',
  skipped: { overlapping: 2, late: 1 },
};

describe('a schedule of snapshots', () => {
  it('tells how often, how many stay, who asked, and the next five times', () => {
    expect(snapshotScheduleOf('prod', described())).toEqual({
      ...known,
      everyMs: 21_600_000,
      jitterMs: 600_000,
      keep: 8,
      actor: 'ada',
      nextTimes: [
        '1970-01-01T00:00:00.000Z',
        '1970-01-01T06:00:00.000Z',
        '1970-01-01T12:00:00.000Z',
        '1970-01-01T18:00:00.000Z',
        '1970-01-02T00:00:00.000Z',
      ],
    });
  });

  it.each([
    [{ paused: true, note: 'release day' }, { note: 'release day' }],
    [{ paused: true, note: '' }, {}],
    [{ paused: true }, {}],
  ])('that is paused has no next time: %j', (state, paused) => {
    expect(snapshotScheduleOf('prod', described({ state }))).toMatchObject({
      paused,
      nextTimes: [],
    });
  });

  it('keeps a note to itself while it is not paused', () => {
    const state = { paused: false, note: 'resumed' };
    expect(snapshotScheduleOf('prod', described({ state }))).not.toHaveProperty('paused');
  });

  it.each<readonly [string, Described['spec']]>([
    [
      'two intervals',
      {
        intervals: [
          { every: 1, offset: 0 },
          { every: 2, offset: 0 },
        ],
      },
    ],
    ['calendars', { calendars: [{}] as unknown as NonNullable<Described['spec']['calendars']> }],
    ['no times at all', {}],
  ])('tells no distance of times that are %s', (_what, spec) => {
    expect(snapshotScheduleOf('prod', described({ spec }))).not.toHaveProperty('everyMs');
  });

  it('tells no jitter where there is none', () => {
    const spec = { intervals: [{ every: 21_600_000, offset: 0 }], jitter: 0 };
    expect(snapshotScheduleOf('prod', described({ spec }))).not.toHaveProperty('jitterMs');
  });

  it.each([[[]], [[{ cluster: 'prod' }]], [undefined]])(
    'tells nobody and no limit where its action has other arguments: %j',
    (args) => {
      const action = { args } as unknown as ScheduleDescription['action'];
      const { nextTimes: _times, ...schedule } = snapshotScheduleOf('prod', described({ action }));
      expect(schedule).toEqual({ ...known, everyMs: 21_600_000, jitterMs: 600_000 });
    },
  );
});

describe('snapshots that are scheduled', () => {
  const sixHours = { everyMs: 21_600_000, keep: 8, actor: 'ada' };
  const id = 'snapshot-schedule/prod';

  it('are one schedule that starts one at a time, and not late', async () => {
    const temporal = new FakeSchedules();

    await expect(scheduleSnapshots(temporal.session, 'prod', sixHours)).resolves.toEqual({
      kind: 'scheduled',
      change: 'created',
      schedule: {
        scheduleId: id,
        cluster: 'prod',
        ...sixHours,
        jitterMs: 600_000,
        nextTimes: ['1970-01-01T00:00:00.000Z'],
        skipped: { overlapping: 0, late: 0 },
      },
      hasWorker: true,
    });
    expect(temporal.all.get(id)).toEqual({
      spec: { intervals: [{ every: 21_600_000 }], jitter: 600_000 },
      policies: { overlap: 'SKIP', catchupWindow: 600_000 },
      action: {
        type: 'startWorkflow',
        workflowType: 'takeScheduledSnapshot',
        workflowId: `${id}/run`,
        taskQueue: 'ascent',
        workflowExecutionTimeout: 8_400_000,
        args: [{ ...input, workerTimeoutMs: 600_000 }],
        staticSummary: 'snapshot of prod every 6 h, asked by ada',
      },
    });
  });

  it('are left as they are when they are so already, whoever asks', async () => {
    const temporal = new FakeSchedules();
    await scheduleSnapshots(temporal.session, 'prod', sixHours);

    await expect(
      scheduleSnapshots(temporal.session, 'prod', { ...sixHours, actor: 'bob' }),
    ).resolves.toMatchObject({ change: 'unchanged', schedule: { actor: 'ada' } });
    await expect(
      scheduleSnapshots(temporal.session, 'prod', { ...sixHours, everyMs: 21_600_400 }),
    ).resolves.toMatchObject({ change: 'unchanged' });
    expect(temporal.updates).toBe(0);
  });

  it('are changed by asking again, and stay paused', async () => {
    const temporal = new FakeSchedules();
    await scheduleSnapshots(temporal.session, 'prod', sixHours);
    const made = temporal.all.get(id);
    if (made === undefined) throw new Error('it was scheduled');
    temporal.all.set(id, { ...made, state: { paused: true, note: 'release day' } });

    const daily = { everyMs: 86_400_000, actor: 'bob' };
    const changed = await scheduleSnapshots(temporal.session, 'prod', daily);
    expect(changed).toMatchObject({
      change: 'changed',
      schedule: { ...daily, paused: { note: 'release day' }, nextTimes: [] },
    });
    expect(changed.kind === 'scheduled' && changed.schedule).not.toHaveProperty('keep');
  });

  it('are set right where somebody has it start something else', async () => {
    const temporal = new FakeSchedules();
    await scheduleSnapshots(temporal.session, 'prod', sixHours);
    const made = temporal.all.get(id);
    if (made === undefined) throw new Error('it was scheduled');
    temporal.all.set(id, { ...made, action: { ...made.action, workflowType: 'cleanUp' } });

    await expect(scheduleSnapshots(temporal.session, 'prod', sixHours)).resolves.toMatchObject({
      change: 'changed',
    });
    expect(temporal.all.get(id)?.action.workflowType).toBe('takeScheduledSnapshot');
  });

  it('are set right where somebody has them all begin at the same second', async () => {
    const temporal = new FakeSchedules();
    await scheduleSnapshots(temporal.session, 'prod', sixHours);
    const made = temporal.all.get(id);
    if (made === undefined) throw new Error('it was scheduled');
    temporal.all.set(id, { ...made, spec: { intervals: [{ every: 21_600_000 }] } });

    await expect(scheduleSnapshots(temporal.session, 'prod', sixHours)).resolves.toMatchObject({
      change: 'changed',
      schedule: { jitterMs: 600_000 },
    });
  });

  it('are refused before Temporal is asked', async () => {
    const temporal = new FakeSchedules();

    await expect(
      scheduleSnapshots(temporal.session, 'Prod 1', { everyMs: 5_000, keep: 0, actor: 'ada' }),
    ).resolves.toEqual({
      kind: 'refused',
      refusals: [
        { code: 'cluster-name', cluster: 'Prod 1' },
        { code: 'every-out-of-bounds', everyMs: 5_000, minMs: 600_000, maxMs: 2_678_400_000 },
        { code: 'keep-out-of-bounds', keep: 0, min: 1, max: 1_000 },
      ],
    });
    expect(temporal.all.size).toBe(0);
  });

  it('are told to have no worker where none has come', async () => {
    const temporal = new FakeSchedules();
    temporal.pollers = [];

    await expect(scheduleSnapshots(temporal.session, 'prod', sixHours)).resolves.toMatchObject({
      hasWorker: false,
    });
  });

  it('tell of one that is under way that it waits for a worker', async () => {
    const temporal = new FakeSchedules();
    await scheduleSnapshots(temporal.session, 'prod', sixHours);
    temporal.pollers = [];
    temporal.runs = [{ status: 'RUNNING' }];

    await expect(findSnapshotSchedule(temporal.session, 'prod')).resolves.toMatchObject({
      last: { end: { kind: 'running', hasWorker: false } },
    });
  });

  it('are none when they are removed, which is told', async () => {
    const temporal = new FakeSchedules();
    const { session } = temporal;
    await scheduleSnapshots(session, 'prod', sixHours);

    await expect(unscheduleSnapshots(session, 'prod')).resolves.toEqual({ kind: 'removed' });
    await expect(unscheduleSnapshots(session, 'prod')).resolves.toEqual({ kind: 'none' });
    await expect(findSnapshotSchedule(session, 'prod')).resolves.toBe(undefined);
  });

  const failed = { kind: 'failed', failure: failureInfo('space-missing', 'there is no room') };
  const busy = { kind: 'busy', workflowId: 'snapshot/prod' };

  it.each<readonly [FakeRun | undefined, object]>([
    [{ status: 'RUNNING' }, { kind: 'running', hasWorker: true }],
    [{ status: 'PAUSED' }, { kind: 'running', hasWorker: true }],
    [
      { status: 'COMPLETED', result: { kind: 'taken', snapshot: { id: 'prod-routine-1' } } },
      { kind: 'taken', snapshot: 'prod-routine-1' },
    ],
    [{ status: 'COMPLETED', result: failed }, failed],
    [{ status: 'COMPLETED', result: busy }, busy],
    [{ status: 'FAILED' }, { kind: 'closed', state: 'failed' }],
    [{ status: 'CANCELLED' }, { kind: 'closed', state: 'cancelled' }],
    [{ status: 'TERMINATED' }, { kind: 'closed', state: 'terminated' }],
    [{ status: 'TIMED_OUT' }, { kind: 'closed', state: 'timed-out' }],
    [undefined, { kind: 'unknown' }],
  ])('tell what came of the last one: %j', async (run, end) => {
    const temporal = new FakeSchedules();
    await scheduleSnapshots(temporal.session, 'prod', sixHours);
    temporal.runs = [{ status: 'TERMINATED' }, run];

    await expect(findSnapshotSchedule(temporal.session, 'prod')).resolves.toMatchObject({
      last: { time: '1970-01-01T00:00:01.000Z', workflowId: 'run-1', end },
    });
  });
});
