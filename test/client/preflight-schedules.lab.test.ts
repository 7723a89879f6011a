// Looks at the hop to come by Temporal's schedules, on a real server: a run is handed the result of
// the run before, which the time-skipping server does not do.

import { Client, Connection } from '@temporalio/client';

import { createActivities } from '../../activities';
import type { AscentClient, PreflightSchedule } from '../../client';
import type { Finding } from '../../domain/preflight/findings';
import { nodeName } from '../support/builders';
import { FakeCluster } from '../support/fake-cluster';
import { terminal } from '../support/workflow-cluster';
import { fetchHistories, saveHistories } from '../support/workflow-histories';
import { startUpgradeServer, untilProgress, type UpgradeServer } from './support/upgrade-server';

jest.setTimeout(180_000);

const silent: Finding = {
  code: 'node-not-ready',
  severity: 'blocks',
  object: { kind: 'node', name: nodeName('worker-1') },
  message: 'it is not Ready',
  remedy: 'look at its kubelet',
};
const slow: Finding = {
  code: 'webhook-slow',
  severity: 'warns',
  object: { kind: 'webhook', name: 'policy' },
  message: 'it may take 30 s',
  remedy: 'give it a shorter timeout',
  evidence: { seconds: 30 },
};

describe('looks by schedule', () => {
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

  const nightly = { at: '02:00', zone: 'Europe/Berlin', actor: 'ada' };
  const handleOf = (cluster: string) => temporal.schedule.getHandle(`preflight/${cluster}`);

  const shortly = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

  /** Lets it act now and waits for the end. What it starts is named after the second. */
  async function triggered(cluster: string): Promise<NonNullable<PreflightSchedule['last']>> {
    const before = (await client.preflightSchedule(cluster))?.last;
    const beforeMs = before === undefined ? 0 : Date.parse(before.time);
    while (Date.now() < (Math.floor(beforeMs / 1_000) + 1) * 1_000) await shortly();
    // As the schedule itself: runs that may overlap are handed nothing.
    await handleOf(cluster).trigger('SKIP');
    const deadline = Date.now() + 60_000;
    for (;;) {
      const last = (await client.preflightSchedule(cluster))?.last;
      const isNews = last !== undefined && last.workflowId !== before?.workflowId;
      if (isNews && last.end.kind !== 'running') return last;
      if (Date.now() > deadline) throw new Error(`never seen: ${JSON.stringify(last)}`);
      await shortly();
    }
  }

  it('are none before, and none after; both is told', async () => {
    const { name } = await server.cluster();
    await expect(client.preflightSchedule(name)).resolves.toBe(undefined);
    await expect(client.unschedulePreflight(name)).resolves.toEqual({ kind: 'none' });
    await client.schedulePreflight(name, nightly);
    await expect(client.unschedulePreflight(name)).resolves.toEqual({ kind: 'removed' });
    await expect(client.preflightSchedule(name)).resolves.toBe(undefined);
  });

  it('are due each day at their time or soon after, and changed by asking', async () => {
    const { name } = await server.cluster();
    const created = await client.schedulePreflight(name, { at: '02:30', actor: 'ada' });
    expect(created).toMatchObject({
      kind: 'scheduled',
      change: 'created',
      schedule: { scheduleId: `preflight/${name}`, at: '02:30', zone: 'UTC', actor: 'ada' },
    });
    const times = created.kind === 'scheduled' ? created.schedule.nextTimes : [];
    const sinceMidnight = times.map((time) => Date.parse(time) % 86_400_000);
    expect(times).toHaveLength(5);
    expect(Math.min(...sinceMidnight)).toBeGreaterThanOrEqual(9_000_000);
    expect(Math.max(...sinceMidnight)).toBeLessThanOrEqual(9_600_000);

    const again = { at: '02:30', actor: 'bob' };
    await expect(client.schedulePreflight(name, again)).resolves.toMatchObject({
      change: 'unchanged',
      schedule: { actor: 'ada' },
    });
    await expect(client.schedulePreflight(name, nightly)).resolves.toMatchObject({
      change: 'changed',
      schedule: nightly,
    });
    await handleOf(name).pause('release day');
    await expect(
      client.schedulePreflight(name, { ...nightly, at: '00:05' }),
    ).resolves.toMatchObject({
      change: 'changed',
      schedule: { at: '00:05', paused: { note: 'release day' }, nextTimes: [] },
    });
    // Neither are they schedules of upgrades.
    await expect(client.schedules()).resolves.toEqual([]);
    await client.unschedulePreflight(name);
  });

  it('tell differences only from the second on, also after one that failed', async () => {
    const { name, cluster } = await server.cluster();
    await client.schedulePreflight(name, nightly);
    cluster.findings = [slow];
    const first = await triggered(name);
    expect(first.workflowId.startsWith(`preflight/${name}/run-`)).toBe(true);
    expect(first.end).toMatchObject({ kind: 'looked', findings: [slow] });
    expect(first.end).not.toHaveProperty('since');
    expect(first.end).not.toHaveProperty('memory');

    cluster.failAny('lookAtHopToCome', terminal('cluster-unreachable', 'nobody answers'));
    const failed = await triggered(name);
    expect(failed.end).toEqual({
      kind: 'failed',
      failure: expect.objectContaining({ code: 'cluster-unreachable' }) as object,
    });

    cluster.findings = [silent, { ...slow, evidence: { seconds: 60 } }];
    const second = await triggered(name);
    expect(second.end).toMatchObject({
      kind: 'looked',
      since: { hop: 'hop-1.29' },
      counts: { blocks: 1, warns: 1, new: 1, changed: 1, gone: 0 },
      findings: [
        { code: 'node-not-ready', change: 'new' },
        { code: 'webhook-slow', change: 'changed' },
      ],
    });
    const third = await triggered(name);
    expect(third.end).toMatchObject({ counts: { new: 0, changed: 0, gone: 0 }, findings: [] });

    const ids = [first, failed, second].map(({ workflowId }) => workflowId);
    const histories = await Promise.all(ids.map((id) => fetchHistories(temporal, id)));
    if (process.env['RECORD'] === '1') await saveHistories('looked-ahead', histories.flat());
    await client.unschedulePreflight(name);
  });

  it('ask the upgrade which hop is to come, through the connection of the worker', async () => {
    const { ports } = new FakeCluster();
    const { name, spec } = await server.cluster({
      instead: (served) => {
        const activities = createActivities({ cluster: served, ports });
        return { lookAtHopToCome: (input) => activities.lookAtHopToCome(input) };
      },
    });
    await client.schedulePreflight(name, nightly);
    const idle = { kind: 'nothing-to-look-at', why: { code: 'no-upgrade-open' } };
    expect((await triggered(name)).end).toMatchObject(idle);

    await client.start(spec, { actor: 'ada' });
    const gate = await untilProgress(client, name, ({ status }) => status.gates[0]);
    const looked = await triggered(name);
    expect(looked.end).toMatchObject({ kind: 'looked', hop: { id: 'hop-1.30' } });
    expect(looked.end).not.toHaveProperty('since');
    const again = await triggered(name);
    expect(again.end).toMatchObject({ since: { hop: 'hop-1.30' }, findings: [], gone: [] });

    const { planDigest = '' } = await client.status(name);
    const answer = { actor: 'ada', reason: 'a test', gate: gate.id, planDigest };
    await client.reject(name, answer);
    await client.result(name);
    expect((await triggered(name)).end).toMatchObject(idle);
    await client.unschedulePreflight(name);
  });
});
