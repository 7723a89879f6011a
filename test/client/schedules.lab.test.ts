// Upgrades by Temporal's schedules, on a real server.

import { Client, Connection } from '@temporalio/client';

import type { AscentClient } from '../../client';
import type { UpgradeServer } from './support/upgrade-server';
import { startUpgradeServer, untilProgress } from './support/upgrade-server';

jest.setTimeout(120_000);

describe('schedules', () => {
  let server: UpgradeServer;
  let client: AscentClient;
  let connection: Connection;

  beforeAll(async () => {
    server = await startUpgradeServer();
    ({ client } = server);
    connection = await Connection.connect({ address: server.address });
    await server.workflowWorker();
  });

  afterAll(async () => {
    await connection.close();
    await server.close();
  });

  const everySaturday = {
    kind: 'cron',
    expression: '0 2 * * 6',
    timezone: 'Europe/Berlin',
  } as const;

  /** Lets the schedule act now, and waits for what it did. */
  async function trigger(scheduleId: string): Promise<unknown> {
    const temporal = new Client({ connection });
    const schedule = temporal.schedule.getHandle(scheduleId);
    const before = (await schedule.describe()).info.numActionsTaken;
    await schedule.trigger();
    for (;;) {
      const { info } = await schedule.describe();
      const last = info.recentActions.at(-1);
      if (info.numActionsTaken > before && last !== undefined) {
        return temporal.workflow.getHandle(last.action.workflow.workflowId).result();
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  it('start the upgrade under the id that is the lock of the cluster', async () => {
    const { name, spec } = await server.cluster();
    const { scheduleId } = await client.schedule(spec, { actor: 'ada', when: everySaturday });

    await expect(trigger(scheduleId)).resolves.toEqual({
      kind: 'started',
      workflowId: `upgrade/${name}`,
      runId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });

    await untilProgress(client, name, ({ status }) => status.gates[0]?.id);
    // It runs, so the next time of the schedule starts nothing.
    await expect(trigger(scheduleId)).resolves.toEqual({
      kind: 'already-running',
      workflowId: `upgrade/${name}`,
    });
    await expect(client.start(spec, { actor: 'bob' })).resolves.toMatchObject({
      kind: 'already-running',
    });
    await client.unschedule(name);
    await expect(client.status(name)).resolves.toMatchObject({ phase: 'waiting-for-approval' });
  });

  it('know their next times in their zone', async () => {
    const { name, spec } = await server.cluster();

    const schedule = await client.schedule(spec, { actor: 'ada', when: everySaturday });

    expect(schedule).toMatchObject({
      scheduleId: `upgrade-schedule/${name}`,
      cluster: name,
      timezone: 'Europe/Berlin',
    });
    const hours = schedule.nextTimes.map((time) =>
      new Intl.DateTimeFormat('en-GB', {
        timeZone: 'Europe/Berlin',
        weekday: 'short',
        hour: '2-digit',
        minute: '2-digit',
      }).format(new Date(time)),
    );
    expect(hours).toEqual(Array.from({ length: 5 }, () => 'Sat 02:00'));
    await client.unschedule(name);
  });

  it('act once for a single time', async () => {
    const { name, spec } = await server.cluster();
    const when = { kind: 'at', time: '2099-03-01T02:30', timezone: 'Europe/Berlin' } as const;

    const schedule = await client.schedule(spec, { actor: 'ada', when });

    // Winter time: UTC+1.
    expect(schedule.nextTimes).toEqual(['2099-03-01T01:30:00.000Z']);
    await client.unschedule(name);
  });

  it('are one for each cluster, and gone when they are removed', async () => {
    const { name, spec } = await server.cluster();
    await client.schedule(spec, { actor: 'ada', when: everySaturday });

    await expect(
      client.schedule(spec, { actor: 'ada', when: everySaturday }),
    ).rejects.toMatchObject({ code: 'schedule-exists' });
    await client.unschedule(name);
    await expect(client.unschedule(name)).rejects.toMatchObject({ code: 'schedule-not-found' });
  });

  it('refuse a line that Temporal does not read', async () => {
    const { spec } = await server.cluster();
    const when = { kind: 'cron', expression: '0 99 * * 6' } as const;

    await expect(client.schedule(spec, { actor: 'ada', when })).rejects.toMatchObject({
      code: 'schedule-invalid',
    });
  });
});
