// drainNode where pods have volumes that are attached to their node.

import { PortError } from '../../../activities/ports';
import type { DrainProgress } from '../../../domain/activity-contract';
import { FakeAttempt, type FakeCluster, failureOf, runOnce } from '../../support/fake-cluster';
import { aClusterToDrain, aDrain } from '../../support/fake-drain';

const startMs = Date.UTC(2026, 0, 1);

function aCluster({ isWatched = true } = {}): FakeCluster {
  const fake = aClusterToDrain();
  fake.kube.isWatched = isWatched;
  return fake;
}

/** Calls of the port in their order, but for looks whether a volume is attached. */
function callsOf(fake: FakeCluster): string[] {
  const calls: string[] = [];
  fake.kube.onCall = (method) => {
    if (method !== 'isAttached') calls.push(method);
  };
  return calls;
}

function forbidden(what: string): PortError {
  return new PortError('forbidden', `${what}: may not`);
}

/** Of `db-0`, whose volume is told to be attached since it left. */
function attachedSince(sinceMs: number): object {
  return {
    code: 'volume-attached',
    pod: { namespace: 'shop', name: 'db-0' },
    volume: 'pv-db-0',
    claim: 'data-db-0',
    attachment: 'csi-pv-db-0',
    sinceMs,
  };
}

/** Until the volume of `db-0` is detached. */
function db1Waits(sinceMs: number): object {
  return {
    code: 'volume-awaited',
    pod: { namespace: 'shop', name: 'db-1' },
    before: { namespace: 'shop', name: 'db-0' },
    sinceMs,
  };
}

describe('pods with attached volumes', () => {
  it.each([true, false])(
    'leave one after the other, when the volume before is detached (watched: %p)',
    async (isWatched) => {
      const fake = aCluster({ isWatched });
      fake.kube.addVolumePod('worker-1', 'db-0').addVolumePod('worker-1', 'db-1');
      fake.kube.addPod('worker-1', 'web-1').addVolumePod('worker-1', 'db-2');
      expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 4, refusals: 0 });
      expect(fake.kube.mutations).toEqual([
        'evict shop/db-0',
        'evict shop/web-1',
        'detach pv-db-0',
        'evict shop/db-1',
        'detach pv-db-1',
        'evict shop/db-2',
        'detach pv-db-2',
      ]);
    },
  );

  it('cost one list, one read of each volume, and looks that become fewer', async () => {
    const fake = aCluster();
    const looksAtMs: number[] = [];
    const calls: string[] = [];
    fake.kube.onCall = (method) => {
      if (method === 'isAttached') looksAtMs.push(fake.clock.nowMs() - startMs);
      else calls.push(method);
    };
    fake.kube.detachMs = 5_000;
    fake.kube.addVolumePod('worker-1', 'db-0').addVolumePod('worker-1', 'db-1');
    await runOnce(fake, 'drainNode', aDrain());
    expect(calls).toEqual([
      'listAttachments',
      'findVolume',
      'findVolume',
      'evict',
      'evict',
      'listPodsOnNode',
    ]);
    expect(looksAtMs).toEqual([
      1_000, 1_200, 1_600, 2_400, 4_000, 6_000, 7_000, 7_200, 7_600, 8_400, 10_000, 12_000,
    ]);
  });

  it('are not looked for where no pod has a claim', async () => {
    const fake = aCluster();
    const calls = callsOf(fake);
    fake.kube.addPod('worker-1', 'web-1').attach('worker-1', 'data-of-nobody');
    await runOnce(fake, 'drainNode', aDrain());
    expect(calls).toEqual(['evict', 'listPodsOnNode']);
  });

  it('are let go when the kubelet does not use the volume any more', async () => {
    const fake = aCluster();
    const inUse = 'kubernetes.io/csi/disk^pv-db-0';
    const node = fake.kube.nodes.get('worker-1');
    if (node !== undefined) node.volumesInUse = ['kubernetes.io/csi/disk^other', inUse];
    fake.kube.addVolumePod('worker-1', 'db-0');
    let looks = 0;
    fake.kube.onCall = (method) => {
      if (method === 'isAttached') looks += 1;
    };
    fake.clock.after(30_000, () => delete node?.volumesInUse);
    const result = await runOnce(fake, 'drainNode', aDrain());
    expect(result.seconds).toBeGreaterThanOrEqual(30);
    expect(result.seconds).toBeLessThan(31);
    expect(looks).toBe(1);
  });

  it('go on when one of them has a budget that allows nothing', async () => {
    const fake = aCluster({ isWatched: false });
    const labels = { app: 'db' };
    fake.kube.addVolumePod('worker-1', 'db-0', { labels }).addVolumePod('worker-1', 'kv-0');
    fake.kube.addBudget('db', { matchLabels: labels, desiredHealthy: 1 });
    const failure = await failureOf(runOnce(fake, 'drainNode', aDrain({ timeoutMs: 20_000 })));
    expect(fake.kube.mutations).toEqual(['evict shop/kv-0', 'detach pv-kv-0']);
    expect(failure).toMatchObject({
      details: [
        { progress: { evicted: 1, remaining: 1, blockers: [{ code: 'budget-exhausted' }] } },
      ],
    });
  });

  it('that were refused are not asked for while another one leaves', async () => {
    const fake = aCluster({ isWatched: false });
    const labels = { app: 'db' };
    fake.kube.detachMs = 10_000;
    fake.kube.addVolumePod('worker-1', 'db-0', { labels }).addVolumePod('worker-1', 'kv-0');
    const budget = fake.kube.addBudget('db', { matchLabels: labels, desiredHealthy: 1 });
    let asked = 0;
    fake.kube.onCall = (method) => {
      if (method === 'evict') asked += 1;
    };
    fake.clock.after(2_000, () => void (budget.desiredHealthy = 0));
    expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 2, refusals: 1 });
    expect(asked).toBe(3);
    expect(fake.clock.nowMs() - startMs).toBeGreaterThan(20_000);
  });

  it('leave one after the other also when the answer to an eviction is lost', async () => {
    const fake = aCluster();
    const done: string[] = [];
    fake.kube.addVolumePod('worker-1', 'db-0').addVolumePod('worker-1', 'db-1');
    const db0 = fake.kube.pods.get('uid-shop-db-0');
    fake.kube.answer = ({ name }) => {
      if (name !== 'db-0' || db0 === undefined) return undefined;
      db0.deletionTimestampMs = fake.clock.nowMs() + 1_000;
      fake.clock.after(1_000, () => void fake.kube.pods.delete(db0.uid));
      fake.clock.after(3_000, () => {
        fake.kube.attachments.delete('csi-pv-db-0');
        done.push(...fake.kube.mutations, 'detach pv-db-0');
      });
      return new PortError('timeout', 'no answer within 30 s');
    };
    expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ refusals: 0 });
    expect(done).toEqual(['detach pv-db-0']);
    expect(fake.kube.mutations).toEqual(['evict shop/db-1', 'detach pv-db-1']);
  });

  it('that use the same claim leave before it is detached', async () => {
    const fake = aCluster();
    const claims = ['data-shared'];
    fake.kube.addVolumePod('worker-1', 'cms-0', { claims });
    fake.kube.addVolumePod('worker-1', 'cms-1', { claims });
    expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 2 });
    expect(fake.kube.mutations).toEqual([
      'evict shop/cms-0',
      'evict shop/cms-1',
      'detach pv-shared',
    ]);
  });

  it('are not waited for where a pod that stays uses the claim', async () => {
    const fake = aCluster();
    const claims = ['data-shared'];
    fake.kube.daemonSets.add('shop/agent');
    fake.kube.addVolumePod('worker-1', 'cms-0', { claims });
    fake.kube.addPod('worker-1', 'agent', {
      claims,
      controller: { kind: 'DaemonSet', name: 'agent' },
    });
    expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 1, seconds: 1.1 });
  });

  it('are looked at again when they did not run at first', async () => {
    const fake = aCluster();
    fake.kube.addVolumePod('worker-1', 'db-0');
    fake.kube.addPod('worker-1', 'db-1', { phase: 'Pending', claims: ['data-db-1'] });
    fake.kube.answer = ({ name }) =>
      name === 'db-1' && !fake.kube.attachments.has('csi-pv-db-1')
        ? { kind: 'failed', message: 'a webhook says no' }
        : undefined;
    fake.clock.after(500, () => fake.kube.attach('worker-1', 'data-db-1'));
    await runOnce(fake, 'drainNode', aDrain());
    expect(fake.kube.mutations).toEqual([
      'evict shop/db-0',
      'detach pv-db-0',
      'evict shop/db-1',
      'detach pv-db-1',
    ]);
  });

  it('whose volume nobody attaches leave with the others', async () => {
    const fake = aCluster();
    const calls = callsOf(fake);
    fake.kube.addPod('worker-1', 'db-0', { claims: ['local-0'] });
    fake.kube.addPod('worker-1', 'db-1', { claims: ['local-1'] });
    fake.kube.attachments.set('csi-x', { name: 'csi-x', node: 'worker-1', volume: 'deleted' });
    expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 2, seconds: 1 });
    expect(calls).toEqual(['listAttachments', 'findVolume', 'evict', 'evict', 'listPodsOnNode']);
  });
});

describe('a volume that stays attached', () => {
  it('is told with its claim since when, and ends the drain at its deadline', async () => {
    const fake = aCluster();
    fake.kube.detachMs = Infinity;
    fake.kube.addVolumePod('worker-1', 'db-0').addVolumePod('worker-1', 'db-1');
    const failure = await failureOf(runOnce(fake, 'drainNode', aDrain({ timeoutMs: 60_000 })));
    expect(failure).toMatchObject({
      type: 'drain-deadline',
      details: [
        {
          progress: {
            evicted: 1,
            remaining: 1,
            blockers: [attachedSince(startMs + 1_000), db1Waits(startMs)],
          },
        },
      ],
    });
    expect(fake.clock.nowMs() - startMs).toBe(60_000);
  });

  it('does not have the pods read from etcd again and again', async () => {
    const fake = aCluster();
    fake.kube.detachMs = Infinity;
    fake.kube.addVolumePod('worker-1', 'db-0');
    const failure = await failureOf(runOnce(fake, 'drainNode', aDrain({ timeoutMs: 60_000 })));
    expect(failure).toMatchObject({ details: [{ progress: { evicted: 1, remaining: 0 } }] });
    expect(fake.kube.podLists).toEqual(['now']);
  });

  it('ends the drain when it is detached at the last moment', async () => {
    const fake = aCluster();
    fake.kube.detachMs = 58_990;
    fake.kube.addVolumePod('worker-1', 'db-0');
    expect(await runOnce(fake, 'drainNode', aDrain({ timeoutMs: 60_000 }))).toEqual({
      evicted: 1,
      refusals: 0,
      seconds: 60,
    });
  });
});

describe('a drain whose worker died', () => {
  it.each([1, 2, 3, 4, 5, 6, 7])(
    'goes on where volumes are waited for (killed at heartbeat %d)',
    async (killedAt) => {
      const fake = aCluster();
      fake.kube.detachMs = 5_000;
      fake.kube.addVolumePod('worker-1', 'db-0').addVolumePod('worker-1', 'db-1');
      const first = new FakeAttempt();
      let seen: unknown;
      first.onHeartbeat = () => {
        if (first.heartbeats.length !== killedAt) return;
        // The last heartbeat that got through is one older than the last that was sent.
        seen = first.heartbeats.at(-2);
        first.shutDownWorker();
      };
      await first.run(fake, 'drainNode', aDrain()).catch(() => undefined);
      await runOnce(fake, 'drainNode', aDrain(), { heartbeatDetails: seen });
      expect(fake.kube.mutations).toEqual([
        'evict shop/db-0',
        'detach pv-db-0',
        'evict shop/db-1',
        'detach pv-db-1',
      ]);
    },
  );

  it('keeps since when a volume is waited for', async () => {
    const fake = aCluster();
    fake.kube.detachMs = Infinity;
    fake.kube.addVolumePod('worker-1', 'db-0').addVolumePod('worker-1', 'db-1');
    const first = new FakeAttempt();
    first.onHeartbeat = (details) => {
      if ((details as DrainProgress).blockers.length > 1) first.shutDownWorker();
    };
    await first.run(fake, 'drainNode', aDrain()).catch(() => undefined);
    fake.clock.advance(10_000);
    const heartbeatDetails = first.heartbeats.at(-1);
    const again = runOnce(fake, 'drainNode', aDrain({ timeoutMs: 60_000 }), { heartbeatDetails });
    expect(await failureOf(again)).toMatchObject({
      details: [
        {
          progress: {
            evicted: 1,
            blockers: [attachedSince(startMs + 1_000), db1Waits(startMs)],
          },
        },
      ],
    });
  });

  it('believes no heartbeat about volumes that it cannot read', async () => {
    for (const volumePods of ['x', [1], [{ uid: 1 }], [{ uid: 'x', pod: {} }], null]) {
      const fake = aCluster();
      fake.kube.addPod('worker-1', 'web-1');
      const heartbeatDetails = { volumePods };
      const result = await runOnce(fake, 'drainNode', aDrain(), { heartbeatDetails });
      expect(result).toEqual({ evicted: 1, refusals: 0, seconds: 1 });
    }
  });
});

describe('a worker that may not look at volumes', () => {
  it.each(['listAttachments', 'findVolume'] as const)(
    'tells it and drains as if there were none (%s)',
    async (method) => {
      const fake = aCluster();
      fake.kube.addVolumePod('worker-1', 'db-0').addVolumePod('worker-1', 'db-1');
      fake.kube.failures.push({ method, error: forbidden(method) });
      const attempt = new FakeAttempt();
      expect(await attempt.run(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 2 });
      expect(fake.clock.nowMs() - startMs).toBe(1_000);
      expect(attempt.heartbeats).toContainEqual(
        expect.objectContaining({
          blockers: [
            {
              code: 'volumes-unobserved',
              pod: { namespace: 'shop', name: 'db-0' },
              message: `${method}: may not`,
              sinceMs: startMs,
            },
          ],
        }),
      );
    },
  );

  it('waits no longer when the right to look is taken away', async () => {
    const fake = aCluster();
    const calls = callsOf(fake);
    fake.kube.addVolumePod('worker-1', 'db-0').addVolumePod('worker-1', 'db-1');
    fake.kube.failures.push({ method: 'isAttached', error: forbidden('isAttached') });
    expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 2 });
    expect(calls.filter((method) => method === 'listAttachments')).toHaveLength(1);
  });

  it('is told from one that cannot reach the API', async () => {
    const fake = aCluster();
    fake.kube.addVolumePod('worker-1', 'db-0');
    const error = new PortError('unreachable', 'listing volume attachments: refused');
    fake.kube.failures.push({ method: 'listAttachments', error });
    expect(await failureOf(runOnce(fake, 'drainNode', aDrain()))).toMatchObject({
      message: expect.stringContaining('listing volume attachments: refused') as unknown,
    });
  });
});
