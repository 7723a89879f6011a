// Starting upgrades on a real Temporal server with the real workflows.

import type { AscentClient } from '../../client';
import type { UpgradeServer } from './support/upgrade-server';
import { startUpgradeServer, untilProgress } from './support/upgrade-server';

jest.setTimeout(120_000);

describe('start', () => {
  let server: UpgradeServer;
  let client: AscentClient;

  beforeAll(async () => {
    server = await startUpgradeServer();
    ({ client } = server);
  });

  afterAll(async () => {
    await server.close();
  });

  describe('without a workflow worker', () => {
    it('is refused within its time, and leaves nothing behind', async () => {
      const { name, spec } = await server.cluster();

      await expect(client.start(spec, { actor: 'ada', timeoutMs: 1_500 })).resolves.toEqual({
        kind: 'refused',
        refusal: { code: 'worker-missing', taskQueue: 'ascent', waitedSeconds: 1 },
      });
      await expect(client.status(name)).rejects.toMatchObject({ code: 'upgrade-not-found' });
    });

    it('is withdrawn when the worker that polled lately was killed', async () => {
      const { name, spec } = await server.cluster();
      await server.pollAndVanish();

      const request = { actor: 'ada', requestId: 'once more', timeoutMs: 3_000 };
      await expect(client.start(spec, request)).resolves.toMatchObject({
        kind: 'refused',
        refusal: { code: 'worker-missing', taskQueue: 'ascent' },
      });
      // What was withdrawn may be asked for again with the same key.
      await expect(client.start(spec, request)).resolves.toMatchObject({
        kind: 'refused',
        refusal: { code: 'worker-missing' },
      });
      // Nobody would want it to begin when a worker comes back at night.
      await expect(
        client.pause(name, { actor: 'ada', reason: 'is it there?' }),
      ).rejects.toMatchObject({ code: 'upgrade-ended', outcome: 'terminated' });
    });
  });

  describe('with a workflow worker', () => {
    beforeAll(async () => {
      await server.workflowWorker();
    });

    it('answers with the plan, and the same again for the same request', async () => {
      const { name, spec } = await server.cluster();
      const request = { actor: 'ada', requestId: 'monday' };

      const first = await client.start(spec, request);
      const again = await client.start(spec, request);
      const other = await client.start(spec, { actor: 'bob' });

      const plan = await client.plan(name);
      expect(first).toEqual({
        kind: 'started',
        plan,
        workflowId: `upgrade/${name}`,
        runId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      });
      expect(again).toEqual(first);
      expect(other).toEqual({ ...first, kind: 'already-running' });
    });

    it('starts once when two ask at the same time', async () => {
      const { spec } = await server.cluster();

      const both = await Promise.all([
        client.start(spec, { actor: 'ada' }),
        client.start(spec, { actor: 'bob' }),
      ]);

      expect(both.map(({ kind }) => kind).toSorted()).toEqual(['already-running', 'started']);
    });

    it('is refused while an upgrade with another spec runs, and names what differs', async () => {
      const { spec } = await server.cluster();
      await client.start(spec, { actor: 'ada' });

      const pools = spec.pools.map((pool) => ({ ...pool, maxUnavailable: 2 }));
      await expect(
        client.start({ ...spec, approvals: 'every-hop', pools }, { actor: 'bob' }),
      ).resolves.toEqual({
        kind: 'refused',
        refusal: {
          code: 'upgrade-conflict',
          differences: ['approvals', 'pools.workers.maxUnavailable'],
        },
      });
    });

    it('is refused with every blocker when there is no plan', async () => {
      const { name, cluster, spec } = await server.cluster();
      cluster.changeNode('worker-2', { kubeletVersion: '1.20.1' as never });
      const request = { actor: 'ada', requestId: 'until it is mended' };

      const result = await client.start(spec, request);

      expect(result).toMatchObject({
        kind: 'refused',
        refusal: { code: 'blocked', blockers: [{ code: 'kubelet-too-old', node: 'worker-2' }] },
      });
      await expect(client.result(name)).resolves.toMatchObject({ outcome: 'blocked' });

      cluster.changeNode('worker-2', { kubeletVersion: '1.28.15' as never });
      // The same key has the same answer; a new look at the cluster takes a new key.
      await expect(client.start(spec, request)).resolves.toEqual(result);
      await expect(client.start(spec, { actor: 'ada' })).resolves.toMatchObject({
        kind: 'started',
      });
    });

    it('is refused when the plan is not the one that was reviewed', async () => {
      const { spec } = await server.cluster();

      await expect(
        client.start(spec, { actor: 'ada', expectedDigest: '0'.repeat(64) }),
      ).resolves.toMatchObject({
        kind: 'refused',
        refusal: { code: 'blocked', blockers: [{ code: 'plan-digest-changed' }] },
      });
    });

    it('is refused when nobody serves the cluster, and names its queue', async () => {
      const { name, spec } = await server.cluster({ isServed: false });

      await expect(client.start(spec, { actor: 'ada' })).resolves.toEqual({
        kind: 'refused',
        refusal: { code: 'worker-missing', taskQueue: `cluster/${name}`, waitedSeconds: 20 },
      });
    });

    it('may follow an upgrade that has ended', async () => {
      const { name, spec } = await server.cluster();
      await client.start(spec, { actor: 'ada', requestId: 'first' });
      const gate = await untilProgress(client, name, ({ status }) => status.gates[0]?.id);
      const { planDigest = '' } = await client.status(name);
      await client.reject(name, { gate, planDigest, actor: 'ada', reason: 'not this week' });
      await expect(client.result(name)).resolves.toMatchObject({ outcome: 'rejected' });

      // A caller that repeats itself for too long must not begin what was rejected.
      await expect(client.start(spec, { actor: 'ada', requestId: 'first' })).rejects.toMatchObject({
        code: 'upgrade-ended',
        outcome: 'rejected',
      });
      await expect(
        client.start(spec, { actor: 'ada', requestId: 'second' }),
      ).resolves.toMatchObject({
        kind: 'started',
      });
    });
  });
});
