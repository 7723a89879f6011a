// Snapshots by Temporal's schedules, on a real server.

import { Client, Connection } from '@temporalio/client';

import type { AscentClient, SnapshotSchedule } from '../../client';
import { startUpgradeServer, type UpgradeServer } from './support/upgrade-server';
import { terminal } from '../support/workflow-cluster';

jest.setTimeout(180_000);

describe('snapshots by schedule', () => {
  let server: UpgradeServer;
  let client: AscentClient;
  let connection: Connection;
  let temporal: Client;

  beforeAll(async () => {
    server = await startUpgradeServer();
    ({ client } = server);
    connection = await Connection.connect({ address: server.address });
    temporal = new Client({ connection });
    await server.workflowWorker();
  });

  afterAll(async () => {
    await connection.close();
    await server.close();
  });

  const hourMs = 3_600_000;
  const sixHours = { everyMs: 6 * hourMs, keep: 4, actor: 'ada' };
  const handleOf = (cluster: string) => temporal.schedule.getHandle(`snapshot-schedule/${cluster}`);

  const shortly = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

  /** Looks at the schedule until it is so. */
  async function until(
    cluster: string,
    isSo: (schedule: SnapshotSchedule) => boolean,
  ): Promise<SnapshotSchedule> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const schedule = await client.snapshotSchedule(cluster);
      if (schedule !== undefined && isSo(schedule)) return schedule;
      if (Date.now() > deadline) throw new Error(`never seen: ${JSON.stringify(schedule)}`);
      await shortly();
    }
  }

  /** Lets it act now. What it starts is named after the second: not twice within one. */
  async function trigger(cluster: string, overlap?: 'SKIP'): Promise<void> {
    const last = (await client.snapshotSchedule(cluster))?.last;
    const nextMs = last === undefined ? 0 : (Math.floor(Date.parse(last.time) / 1_000) + 1) * 1_000;
    while (Date.now() < nextMs) await shortly();
    await handleOf(cluster).trigger(overlap);
  }

  const hasEnded = ({ last }: SnapshotSchedule) =>
    last !== undefined && last.end.kind !== 'running';

  it('are none before, and none after; both is told', async () => {
    const { name } = await server.cluster();
    await expect(client.snapshotSchedule(name)).resolves.toBe(undefined);
    await expect(client.unscheduleSnapshots(name)).resolves.toEqual({ kind: 'none' });
    await client.scheduleSnapshots(name, sixHours);
    await expect(client.unscheduleSnapshots(name)).resolves.toEqual({ kind: 'removed' });
    await expect(client.snapshotSchedule(name)).resolves.toBe(undefined);
  });

  it('are due on whole multiples of their time or soon after, and changed by asking', async () => {
    const { name } = await server.cluster();
    // Its worker has come for work when this is done.
    await client.takeSnapshot(name, { actor: 'ada', reason: 'a first one' });
    const created = await client.scheduleSnapshots(name, sixHours);
    expect(created).toMatchObject({
      kind: 'scheduled',
      change: 'created',
      schedule: {
        scheduleId: `snapshot-schedule/${name}`,
        cluster: name,
        ...sixHours,
        jitterMs: 600_000,
        skipped: { overlapping: 0, late: 0 },
      },
      hasWorker: true,
    });
    const times = created.kind === 'scheduled' ? created.schedule.nextTimes : [];
    const late = times.map((time) => Date.parse(time) % sixHours.everyMs);
    expect(late).toHaveLength(5);
    expect(Math.max(...late)).toBeLessThanOrEqual(600_000);
    // Of its own: another time, another delay.
    expect(new Set(late).size).toBeGreaterThan(1);

    await expect(client.scheduleSnapshots(name, sixHours)).resolves.toMatchObject({
      change: 'unchanged',
    });
    const daily = { everyMs: 24 * hourMs, actor: 'bob' };
    const changed = await client.scheduleSnapshots(name, daily);
    expect(changed).toMatchObject({ change: 'changed', schedule: daily });
    const found = await client.snapshotSchedule(name);
    expect(found).toMatchObject(daily);
    expect(found).not.toHaveProperty('keep');
    // Neither are they schedules of upgrades.
    await expect(client.schedules()).resolves.toEqual([]);
    await client.unscheduleSnapshots(name);
  });

  it('are taken by the worker of the cluster, counted by themselves', async () => {
    const { name } = await server.cluster();
    await client.scheduleSnapshots(name, sixHours);
    await trigger(name);

    const { last } = await until(name, hasEnded);
    expect(last).toEqual({
      time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      workflowId: expect.stringMatching(`^snapshot-schedule/${name}/run-`) as string,
      end: { kind: 'taken', snapshot: expect.stringMatching(`^${name}-routine-`) as string },
    });
    const taken = temporal.workflow.getHandle(`snapshot/${name}`);
    await expect(taken.result()).resolves.toMatchObject({
      kind: 'taken',
      snapshot: { asked: { reason: 'by schedule, every 6 h', routine: { keep: 4 } } },
    });
    await client.unscheduleSnapshots(name);
  });

  it('are left out while somebody has one taken, and while the one before is', async () => {
    const { name, cluster } = await server.cluster();
    await client.scheduleSnapshots(name, sixHours);
    const asked = cluster.holdAny('takeSnapshot');
    const taking = client.takeSnapshot(name, { actor: 'ada', reason: 'before the move' });
    await asked.reached;
    await trigger(name);
    const { last } = await until(name, hasEnded);
    expect(last?.end).toEqual({ kind: 'busy', workflowId: `snapshot/${name}` });
    asked.release();
    await taking;

    const routine = cluster.holdAny('takeSnapshot');
    await trigger(name, 'SKIP');
    await routine.reached;
    await expect(
      until(name, ({ last: run }) => run?.end.kind === 'running'),
    ).resolves.toBeDefined();
    await trigger(name, 'SKIP');
    await until(name, ({ skipped }) => skipped.overlapping === 1);
    await expect(client.takeSnapshot(name, { actor: 'ada', reason: 'now' })).resolves.toEqual({
      kind: 'busy',
      workflowId: `snapshot/${name}`,
    });
    routine.release();
    await until(name, ({ last: run }) => run?.end.kind === 'taken');
    await client.unscheduleSnapshots(name);
  });

  it('tell why the last one failed, and how Temporal closed it', async () => {
    const { name, cluster } = await server.cluster();
    await client.scheduleSnapshots(name, sixHours);
    cluster.failAny('takeSnapshot', terminal('space-missing', 'there is no room'));
    await trigger(name);
    const failed = await until(name, hasEnded);
    expect(failed.last?.end).toMatchObject({ kind: 'failed', failure: { code: 'space-missing' } });

    const ended = cluster.holdAny('takeSnapshot');
    await trigger(name);
    await ended.reached;
    await until(name, ({ last: run }) => run?.end.kind === 'running');
    await temporal.workflow.getHandle(`snapshot/${name}`).terminate('a test');
    const lost = await until(name, hasEnded);
    expect(lost.last?.end).toMatchObject({
      kind: 'failed',
      failure: {
        code: 'snapshot-failed',
        message: `snapshot/${name} was ended before it was done`,
      },
    });
    ended.release();

    const held = cluster.holdAny('takeSnapshot');
    await trigger(name);
    await held.reached;
    const { last } = await until(name, ({ last: run }) => run?.end.kind === 'running');
    await temporal.workflow.getHandle(last?.workflowId ?? '').terminate('a test');
    const closed = await until(name, hasEnded);
    expect(closed.last?.end).toEqual({ kind: 'closed', state: 'terminated' });
    held.release();
    await client.unscheduleSnapshots(name);
  });

  it('stay paused when how often is changed', async () => {
    const { name } = await server.cluster();
    await client.scheduleSnapshots(name, sixHours);
    await handleOf(name).pause('release day');
    await expect(client.snapshotSchedule(name)).resolves.toMatchObject({
      paused: { note: 'release day' },
      nextTimes: [],
    });
    await expect(
      client.scheduleSnapshots(name, { ...sixHours, everyMs: hourMs }),
    ).resolves.toMatchObject({
      change: 'changed',
      schedule: { everyMs: hourMs, paused: { note: 'release day' } },
    });
    await client.unscheduleSnapshots(name);
  });

  it('are refused as often as would do harm, and nothing is scheduled', async () => {
    const { name } = await server.cluster();
    await expect(
      client.scheduleSnapshots(name, { everyMs: 5_000, keep: 0, actor: 'ada' }),
    ).resolves.toMatchObject({
      kind: 'refused',
      refusals: [{ code: 'every-out-of-bounds' }, { code: 'keep-out-of-bounds' }],
    });
    await expect(client.snapshotSchedule(name)).resolves.toBe(undefined);
  });

  it('tell that no worker has come for the cluster', async () => {
    const { name } = await server.cluster({ isServed: false });
    await expect(client.scheduleSnapshots(name, sixHours)).resolves.toMatchObject({
      change: 'created',
      hasWorker: false,
    });
    await client.unscheduleSnapshots(name);
  });
});
