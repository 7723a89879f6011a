// Single nodes through the client, on a real Temporal server with the real workflows.

import type { AscentClient, DrainLook } from '../../client';
import type { UpgradeServer } from './support/upgrade-server';
import { startUpgradeServer, untilProgress } from './support/upgrade-server';

jest.setTimeout(120_000);

const ada = { actor: 'ada', reason: 'new memory' };
const bob = { actor: 'bob', reason: 'not today' };
const node = 'worker-1';
const counts = { evicted: 10, refusals: 0, seconds: expect.any(Number) as number };

describe('a node outside of an upgrade', () => {
  let server: UpgradeServer;
  let client: AscentClient;

  beforeAll(async () => {
    server = await startUpgradeServer();
    ({ client } = server);
    await server.workflowWorker();
  });

  afterAll(async () => {
    await server.close();
  });

  async function looksOf(cluster: string): Promise<readonly DrainLook[]> {
    const looks: DrainLook[] = [];
    const watch = client.watchDrain(cluster, node, { intervalMs: 50 });
    for await (const look of watch) looks.push(look);
    return looks;
  }

  it('is drained, followed, and uncordoned', async () => {
    const { name, cluster } = await server.cluster();
    const workflowId = `drain/${name}/worker-1`;

    expect(await client.drain(name, node, ada)).toEqual({ kind: 'started', workflowId });
    const looks = await looksOf(name);

    expect(looks.at(-1)).toMatchObject({
      status: {
        cluster: name,
        node,
        by: 'ada',
        phase: 'ended',
        end: { outcome: 'drained', cordon: 'ours', ...counts },
      },
      blockers: [],
    });
    // Followed after its end, it is told as it ended; nothing begins anew.
    expect(await looksOf(name)).toEqual(looks.slice(-1));
    expect(cluster.cordonReason(node)).toBe('ascent: drained by ada: new memory');
    expect(await client.uncordon(name, node, bob)).toEqual({
      kind: 'ended',
      end: {
        outcome: 'undone',
        by: 'bob',
        reason: 'not today',
        uncordon: 'removed',
        cordon: 'ascent: drained by ada: new memory',
        ...counts,
        evicted: 0,
      },
    });
    const trail = (await client.audit(name, node)).map(({ event, actor }) => `${event} ${actor}`);
    expect(trail).toEqual(['command.undo bob', 'drain.undone ascent']);
  });

  it('is joined while it is drained, and is stopped by an uncordon', async () => {
    const { name, cluster } = await server.cluster();
    const hold = cluster.hold('drainNode', node);
    const first = await client.drain(name, node, { ...ada, requestId: 'd-1' });
    await hold.reached;

    const again = await client.drain(name, node, { ...ada, requestId: 'd-1' });
    expect(again).toEqual(first);
    const joined = await client.drain(name, node, bob);
    expect(joined).toMatchObject({ kind: 'already-running' });
    const policy = { timeoutMs: 1_000, emptyDirData: 'refuse', unmanagedPods: 'evict' } as const;
    expect(await client.drain(name, node, { ...bob, policy })).toEqual({
      kind: 'refused',
      refusal: {
        code: 'drain-conflict',
        differences: ['emptyDirData', 'timeoutMs', 'unmanagedPods'],
      },
    });
    for await (const look of client.watchDrain(name, node, { intervalMs: 50 })) {
      if (look.remaining === undefined) continue;
      expect(look).toMatchObject({ status: { phase: 'draining' }, evicted: 2, remaining: 1 });
      break;
    }

    expect(await client.uncordon(name, node, bob)).toMatchObject({
      kind: 'ended',
      end: { outcome: 'undone', by: 'bob', uncordon: 'removed', evicted: 2, refusals: 1 },
    });
    expect(cluster.cordonReason(node)).toBeUndefined();
  });

  it('belongs to the upgrade that has it in work; the others do not', async () => {
    const { name, cluster, spec } = await server.cluster();
    const hold = cluster.hold('drainNode', node);
    await client.start(spec, { actor: 'ada' });
    await hold.reached;
    await untilProgress(client, name, (seen) => seen.nodes[0]?.phase === 'draining' || undefined);
    const refusal = {
      code: 'node-in-upgrade',
      node,
      cluster: name,
      hop: 'hop-1.29',
      phase: 'draining',
    };

    expect(await client.drain(name, node, ada)).toEqual({ kind: 'refused', refusal });
    expect(await client.uncordon(name, node, bob)).toEqual({ kind: 'refused', refusal });
    expect(await client.drain(name, 'worker-3', ada)).toMatchObject({ kind: 'started' });
    await client.watchDrain(name, 'worker-3').return(undefined);
    hold.release();
  });

  it('is refused when it does not exist, and where nobody serves its cluster', async () => {
    const { name } = await server.cluster();
    expect(await client.drain(name, 'gone', ada)).toEqual({
      kind: 'refused',
      refusal: { code: 'node-missing', node: 'gone' },
    });
    const { name: unserved } = await server.cluster({ isServed: false });
    expect(await client.drain(unserved, node, ada)).toEqual({
      kind: 'refused',
      refusal: { code: 'worker-missing', taskQueue: `cluster/${unserved}`, waitedSeconds: 20 },
    });
  });

  it('is not known before anything was asked of it', async () => {
    const { name } = await server.cluster({ isServed: false });
    await expect(client.audit(name, node)).rejects.toMatchObject({ code: 'drain-not-found' });
    await expect(client.watchDrain(name, node).next()).rejects.toMatchObject({
      code: 'drain-not-found',
    });
  });
});

describe('where no worker runs workflows', () => {
  it('nothing is begun that could drain a node later by surprise', async () => {
    const server = await startUpgradeServer();
    try {
      const { name } = await server.cluster();
      const options = { ...ada, timeoutMs: 2_000 };
      const missing = {
        kind: 'refused',
        refusal: { code: 'worker-missing', taskQueue: 'ascent', waitedSeconds: 1 },
      };
      expect(await server.client.drain(name, node, options)).toEqual(missing);
      expect(await server.client.uncordon(name, node, options)).toEqual(missing);
      await expect(server.client.audit(name, node)).rejects.toMatchObject({
        code: 'drain-not-found',
      });
    } finally {
      await server.close();
    }
  });
});
