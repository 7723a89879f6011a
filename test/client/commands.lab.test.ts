// Following and answering upgrades on a real Temporal server with the real workflows.

import type { AscentClient, UpgradeProgress, UpgradeSummary } from '../../client';
import { eventually } from '../../lab/waiting';
import type { ServedCluster, UpgradeServer } from './support/upgrade-server';
import { startUpgradeServer, untilProgress } from './support/upgrade-server';

jest.setTimeout(120_000);

const ada = { actor: 'ada', reason: 'a test' };

describe('an upgrade that runs', () => {
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

  /** Started, with its first drain held. */
  async function draining() {
    const served = await server.cluster();
    const hold = served.cluster.hold('drainNode', 'worker-1');
    await client.start(served.spec, { actor: 'ada' });
    await hold.reached;
    return { ...served, hold };
  }

  /** At the gate between the hops. */
  async function waiting(): Promise<ServedCluster & { readonly planDigest: string }> {
    const served = await server.cluster();
    await client.start(served.spec, { actor: 'ada' });
    const planDigest = await untilProgress(client, served.name, ({ status }) =>
      status.phase === 'waiting-for-approval' ? status.planDigest : undefined,
    );
    return { ...served, planDigest };
  }

  it('says where it stands down to the node that is drained', async () => {
    const { name, hold } = await draining();

    const progress = await untilProgress(client, name, (seen) =>
      seen.nodes[0]?.phase === 'draining' ? seen : undefined,
    );

    expect(progress).toMatchObject({
      status: { cluster: name, phase: 'upgrading', hop: { id: 'hop-1.29', step: 'pool workers' } },
      pool: { pool: 'workers', total: 3, done: [], paused: false },
      members: [{ member: 'cp-1' }, { member: 'cp-1' }],
      nodes: [{ node: 'worker-1', phase: 'draining' }],
    });
    expect(Object.keys(progress.stepSeconds ?? {})).toEqual([
      'preflight',
      'snapshot',
      'api-server cp-1',
      'controllers cp-1',
    ]);
    hold.release();
  });

  it('is paused and resumed, and refuses what it has already', async () => {
    const { name, hold } = await draining();

    await expect(client.resume(name, ada)).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'not-paused' },
    });
    const paused = await client.pause(name, { ...ada, requestId: 'p-1' });
    await expect(client.pause(name, { ...ada, requestId: 'p-1' })).resolves.toEqual(paused);
    await expect(client.pause(name, ada)).rejects.toMatchObject({
      refusal: { code: 'already-paused' },
    });
    await untilProgress(client, name, ({ status }) => status.phase === 'paused' || undefined);
    hold.release();

    await expect(client.resume(name, ada)).resolves.toMatchObject({
      effect: expect.stringContaining('goes on') as string,
    });
    const events = (await client.audit(name)).map(({ event, actor }) => `${event} ${actor}`);
    expect(events).toEqual(expect.arrayContaining(['command.pause ada', 'command.resume ada']));
  });

  it('takes a pool faster from now on, and says which pool was meant', async () => {
    const { name, hold } = await draining();
    const change = { ...ada, pool: 'workers', maxUnavailable: '100%' } as const;

    const mistyped = client.setPool(name, { ...change, pool: 'worker' });

    await expect(mistyped).rejects.toMatchObject({
      code: 'command-refused',
      message: 'no pool of this upgrade is called worker',
      remedy: 'name one of workers - did you mean workers?',
      refusal: { code: 'pool-unknown', pool: 'worker', pools: ['workers'], meant: 'workers' },
    });
    await expect(client.setPool(name, { ...change, requestId: 'faster' })).resolves.toEqual({
      requestId: 'faster',
      effect: 'pool workers goes on with at most 3 nodes at once, not 1',
    });
    const { limits } = await client.status(name);
    expect(limits).toMatchObject([{ pool: 'workers', asked: '100%', maxUnavailable: 3 }]);
    hold.release();
  });

  it('refuses answers to gates that do not wait, and stale digests', async () => {
    const { name, planDigest } = await waiting();
    const stale = '0'.repeat(64);

    await expect(
      client.approve(name, { ...ada, gate: 'approve/hop-1.99', planDigest }),
    ).rejects.toMatchObject({
      code: 'command-refused',
      refusal: { code: 'gate-unknown', gate: 'approve/hop-1.99', open: ['approve/hop-1.30'] },
    });
    await expect(
      client.approve(name, { ...ada, gate: 'approve/hop-1.30', planDigest: stale }),
    ).rejects.toMatchObject({
      refusal: { code: 'digest-stale', given: stale, current: planDigest },
    });
    await expect(
      client.approve(name, { ...ada, gate: 'approve/hop-1.30', planDigest, actor: '' }),
    ).rejects.toMatchObject({ refusal: { code: 'request-malformed' } });
    await expect(client.retryNode(name, { ...ada, node: 'worker-1' })).rejects.toMatchObject({
      refusal: { code: 'node-not-waiting', node: 'worker-1', waiting: [] },
    });
    await expect(client.rollBack(name, { ...ada, hop: 'hop-1.30' })).rejects.toMatchObject({
      refusal: { code: 'rollback-unavailable', hop: 'hop-1.30' },
    });
  });

  it('is rolled back from between the hops', async () => {
    const { name } = await waiting();

    await client.rollBack(name, { ...ada, hop: 'hop-1.29' });

    await expect(client.result(name)).resolves.toMatchObject({
      outcome: 'rolled-back',
      at: '1.28.15',
      hop: 'hop-1.29',
    });
  });

  it('takes no message after its end, and says how it ended', async () => {
    const { name, planDigest } = await waiting();
    await client.reject(name, { ...ada, gate: 'approve/hop-1.30', planDigest });
    const result = await client.result(name);

    await expect(client.pause(name, ada)).rejects.toMatchObject({
      code: 'upgrade-ended',
      outcome: 'rejected',
      result,
    });
  });

  it('is not found under a name that no upgrade has', async () => {
    const notFound = { code: 'upgrade-not-found', cluster: 'nobody' };

    await expect(client.status('nobody')).rejects.toMatchObject(notFound);
    await expect(client.plan('nobody')).rejects.toMatchObject(notFound);
    await expect(client.audit('nobody')).rejects.toMatchObject(notFound);
    await expect(client.result('nobody')).rejects.toMatchObject(notFound);
    await expect(client.pause('nobody', ada)).rejects.toMatchObject(notFound);
    await expect(client.watch('nobody').next()).rejects.toMatchObject(notFound);
  });

  it('is watched until its end, which is also what the watch returns', async () => {
    const { name, spec } = await server.cluster();
    await client.start({ ...spec, approvals: 'none' }, { actor: 'ada' });

    const seen: UpgradeProgress[] = [];
    const watch = client.watch(name, { intervalMs: 100 });
    let next = await watch.next();
    while (next.done !== true) {
      seen.push(next.value);
      next = await watch.next();
    }

    const result = await client.result(name);
    expect(result).toMatchObject({ outcome: 'completed', from: '1.28.15', to: '1.30.14' });
    expect(next.value).toEqual(result);
    expect(seen.at(-1)?.status).toMatchObject({ phase: 'ended', result, gates: [] });
    // From one hop to the next it continued as new; the watch went along.
    const hops = seen.flatMap(({ status }) => (status.hop === undefined ? [] : [status.hop.id]));
    expect([...new Set(hops)]).toEqual(['hop-1.29', 'hop-1.30']);
  });

  it('is left by a watch whose signal is aborted', async () => {
    const { name, hold } = await draining();
    const stop = new AbortController();
    const watch = client.watch(name, { intervalMs: 60_000, signal: stop.signal });
    await watch.next();

    const next = watch.next();
    stop.abort();

    await expect(next).resolves.toEqual({ done: true, value: undefined });
    await expect(client.status(name)).resolves.toMatchObject({ phase: 'upgrading' });
    hold.release();
  });

  it('stands in the list with where it is and what it waits for', async () => {
    const { name } = await waiting();
    const isListed = async () => {
      const [upgrade] = await client.list({ cluster: name, running: true });
      return upgrade?.waitingFor === undefined ? undefined : upgrade;
    };
    const upgrade = await untilProgress(client, name, () => true).then(async () => {
      // Visibility is about a second behind.
      for (;;) {
        const found = await isListed();
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });

    expect(upgrade).toMatchObject({
      cluster: name,
      workflowId: `upgrade/${name}`,
      state: 'running',
      from: '1.28.15',
      to: '1.30.14',
      phase: 'waiting-for-approval',
      waitingFor: 'approve/hop-1.30',
    });
    expect(upgrade).not.toHaveProperty('outcome');
    const { startedAtMs } = await client.status(name);
    expect(Date.parse(upgrade.startedAt)).toBeLessThan(startedAtMs + 2_000);
    await expect(client.list({ cluster: "no'body" })).resolves.toEqual([]);
    await expect(client.list({ limit: 1 })).resolves.toHaveLength(1);
  });

  it('stands in the list with how it ended', async () => {
    const { name, planDigest } = await waiting();
    await client.reject(name, { ...ada, gate: 'approve/hop-1.30', planDigest });
    await client.result(name);
    let listed: readonly UpgradeSummary[] = [];
    // Visibility is about a second behind.
    await eventually(
      async () => {
        listed = await client.list({ cluster: name });
        return listed[0]?.state === 'ended';
      },
      { timeoutMs: 30_000 },
    );

    expect(listed.map(({ state, outcome }) => [state, outcome])).toEqual([['ended', 'rejected']]);
  });
});
