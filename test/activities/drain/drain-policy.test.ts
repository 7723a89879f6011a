// drainNode with a policy that waits for some pods, leaves or holds others; the order of eviction.

import { FakeAttempt, type FakeCluster, failureOf, runOnce } from '../../support/fake-cluster';
import { aClusterToDrain, aDrain } from '../../support/fake-drain';

const startMs = Date.UTC(2026, 0, 1);
const ofJob = { controller: { kind: 'Job', name: 'import' } };
const pod = (name: string) => ({ namespace: 'shop', name });

/** What becomes of a pod by itself. */
function later(fake: FakeCluster, afterMs: number, change: () => void): void {
  fake.clock.after(afterMs, change);
}

describe('a Job that may finish', () => {
  const policy = { jobTimeoutMs: 60_000 };

  it('is waited for, while the others leave, and its pod leaves when it is done', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'import-x', { uid: 'job', ...ofJob }).addPod('worker-1', 'web-1');
    later(fake, 30_000, () => {
      const running = fake.kube.pods.get('job');
      if (running !== undefined) running.phase = 'Succeeded';
    });
    const attempt = new FakeAttempt();
    const result = await attempt.run(fake, 'drainNode', aDrain(policy));
    expect(fake.kube.mutations).toEqual(['evict shop/web-1', 'evict shop/import-x']);
    expect(result).toMatchObject({ evicted: 2, refusals: 0 });
    expect(result.seconds).toBeGreaterThan(30);
    expect(result.seconds).toBeLessThan(40);
    expect(attempt.heartbeats[0]).toMatchObject({
      remaining: 2,
      blockers: [
        {
          code: 'job-running',
          pod: pod('import-x'),
          job: 'import',
          untilMs: startMs + 60_000,
          sinceMs: startMs,
        },
      ],
    });
    expect(attempt.heartbeats.at(-1)).toMatchObject({ remaining: 0, blockers: [] });
  });

  it('is interrupted when its time is over, counted from the first attempt', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'import-x', { uid: 'job', ...ofJob });
    const startedAtMs = startMs - 50_000;
    const heartbeatDetails = {
      evicted: 0,
      refusals: 0,
      remaining: 1,
      blockers: [],
      startedAtMs,
      toEvict: [],
    };
    const attempt = new FakeAttempt({ heartbeatDetails });
    const result = await attempt.run(fake, 'drainNode', aDrain(policy));
    expect(attempt.heartbeats[0]).toMatchObject({
      blockers: [{ code: 'job-running', untilMs: startedAtMs + 60_000, sinceMs: startedAtMs }],
    });
    expect(result).toMatchObject({ evicted: 1 });
    expect(result.seconds).toBeGreaterThanOrEqual(61);
    expect(result.seconds).toBeLessThan(65);
  });
});

describe('pods that leave by themselves', () => {
  const policy = { namespaces: { shop: 'wait' } } as const;

  it('are waited for and never evicted', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'batch', { uid: 'batch' });
    later(fake, 20_000, () => void fake.kube.pods.delete('batch'));
    const attempt = new FakeAttempt();
    const result = await attempt.run(fake, 'drainNode', aDrain(policy));
    expect(result).toMatchObject({ evicted: 0 });
    expect(result.seconds).toBeGreaterThanOrEqual(20);
    expect(fake.kube.mutations).toEqual([]);
    expect(attempt.heartbeats[0]).toMatchObject({
      remaining: 1,
      blockers: [{ code: 'pod-awaited', pod: pod('batch'), by: 'namespace', sinceMs: startMs }],
    });
  });

  it('are told at the deadline, with the time since when they are waited for', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'batch', { drainAnnotation: 'wait' });
    const heartbeatDetails = {
      evicted: 0,
      refusals: 0,
      remaining: 1,
      blockers: [
        { code: 'pod-awaited', pod: pod('batch'), by: 'annotation', sinceMs: startMs - 1_000 },
      ],
      startedAtMs: startMs - 2_000,
      toEvict: [],
    };
    const attempt = new FakeAttempt({ heartbeatDetails });
    const run = attempt.run(fake, 'drainNode', aDrain({ timeoutMs: 10_000 }));
    expect(await failureOf(run)).toMatchObject({
      type: 'drain-deadline',
      details: [
        {
          progress: {
            evicted: 0,
            remaining: 1,
            blockers: [
              {
                code: 'pod-awaited',
                pod: pod('batch'),
                by: 'annotation',
                sinceMs: startMs - 1_000,
              },
            ],
          },
        },
      ],
    });
  });

  it('are evicted when a person says so in the meantime', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'batch', { uid: 'batch' });
    later(fake, 20_000, () => {
      const waiting = fake.kube.pods.get('batch');
      if (waiting !== undefined) waiting.drainAnnotation = 'evict';
    });
    expect(await runOnce(fake, 'drainNode', aDrain(policy))).toMatchObject({ evicted: 1 });
  });
});

describe('pods that stay', () => {
  it('do not count: the node is drained without them', async () => {
    const fake = aClusterToDrain();
    fake.kube
      .addPod('worker-1', 'metrics', { ref: { namespace: 'monitoring', name: 'metrics' } })
      .addPod('worker-1', 'pinned', { labels: { app: 'web' }, drainAnnotation: 'skip' })
      .addPod('worker-1', 'db', { labels: { app: 'db' }, hasEmptyDir: true })
      .addPod('worker-1', 'web', { labels: { app: 'web' } });
    const policy = { namespaces: { monitoring: 'skip' }, podSelector: 'app=web' } as const;
    expect(await runOnce(fake, 'drainNode', aDrain(policy))).toEqual({
      evicted: 1,
      refusals: 0,
      seconds: 1.2,
    });
    expect(fake.kube.podsOn('worker-1')).toEqual(['metrics', 'pinned', 'db']);
  });

  it('were not evicted by a worker that died', async () => {
    const fake = aClusterToDrain();
    fake.kube
      .addPod('worker-1', 'pinned', { uid: 'pinned', drainAnnotation: 'skip' })
      .addPod('worker-1', 'patient', { uid: 'patient', drainAnnotation: 'wait' })
      .addPod('worker-1', 'system', { uid: 'system', priority: 2_000_000_000 });
    later(fake, 5_000, () => void fake.kube.pods.delete('patient'));
    const heartbeatDetails = {
      evicted: 3,
      refusals: 0,
      remaining: 3,
      blockers: [],
      startedAtMs: startMs,
      toEvict: ['pinned', 'patient', 'system', 'gone'],
    };
    const result = await runOnce(fake, 'drainNode', aDrain(), { heartbeatDetails });
    expect(result).toMatchObject({ evicted: 5 });
  });
});

describe('pods that forbid the drain', () => {
  it('leave all the others where they are', async () => {
    const fake = aClusterToDrain();
    fake.kube
      .addPod('worker-1', 'web-1')
      .addPod('worker-1', 'db-0', { ref: { namespace: 'db', name: 'db-0' } })
      .addPod('worker-1', 'odd', { drainAnnotation: 'Wait' });
    const policy = { namespaces: { db: 'hold' } } as const;
    expect(await failureOf(runOnce(fake, 'drainNode', aDrain(policy)))).toMatchObject({
      type: 'drain-refused',
      nonRetryable: true,
      message: expect.stringContaining('the drain policy for namespace db is hold'),
      details: [
        {
          blockers: [
            {
              code: 'pod-held',
              pod: { namespace: 'db', name: 'db-0' },
              by: 'namespace',
              sinceMs: startMs,
            },
            {
              code: 'drain-annotation-unreadable',
              pod: pod('odd'),
              value: 'Wait',
              sinceMs: startMs,
            },
          ],
        },
      ],
    });
    expect(fake.kube.mutations).toEqual([]);
  });

  it('are not looked for with a selector that cannot be read', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    const drain = aDrain({ podSelector: 'app in web' });
    expect(await failureOf(runOnce(fake, 'drainNode', drain))).toEqual({
      type: 'drain-refused',
      nonRetryable: true,
      message:
        'node worker-1 was not drained: its podSelector app in web cannot be read: column 8:' +
        ' expected (, got "web"',
      details: [{ blockers: [] }],
    });
    expect(fake.kube.mutations).toEqual([]);
  });
});

describe('the order of eviction', () => {
  const systemCritical = { priority: 2_000_000_000 };
  const nodeCritical = { priority: 2_000_001_000 };
  const ours = { labels: { 'app.kubernetes.io/part-of': 'ascent' } };

  it('is ordinary pods, those of the cluster, those of the node, those of Ascent', async () => {
    const fake = aClusterToDrain();
    fake.kube
      .addPod('worker-1', 'worker', ours)
      .addPod('worker-1', 'agent', nodeCritical)
      .addPod('worker-1', 'dns', systemCritical)
      .addPod('worker-1', 'web-1')
      .addPod('worker-1', 'web-2');
    const seen: unknown[] = [];
    fake.kube.onCall = (method) => {
      if (method === 'evict') seen.push(fake.kube.podsOn('worker-1'));
    };
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 5 });
    expect(fake.kube.mutations).toEqual([
      'evict shop/web-1',
      'evict shop/web-2',
      'evict shop/dns',
      'evict shop/agent',
      'evict shop/worker',
    ]);
    // Those of the cluster leave beside the ordinary, which are on their way out.
    expect(seen.slice(2)).toEqual([
      ['worker', 'agent', 'dns', 'web-1', 'web-2'],
      ['worker', 'agent'],
      ['worker'],
    ]);
    expect(attempt.heartbeats[0]).toMatchObject({ remaining: 5 });
  });

  it('gives way to an ordinary pod that turns up, and keeps since when others wait', async () => {
    const fake = aClusterToDrain();
    const dns = { app: 'dns' };
    fake.kube.addPod('worker-1', 'dns', { ...systemCritical, labels: dns });
    fake.kube.addBudget('dns', { matchLabels: dns, desiredHealthy: 1 });
    later(fake, 5_000, () => void fake.kube.addPod('worker-1', 'late', { uid: 'late' }));
    later(fake, 20_000, () => void fake.kube.budgets.pop());
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 2 });
    expect(fake.kube.mutations).toEqual(['evict shop/late', 'evict shop/dns']);
    const told = attempt.heartbeats.flatMap(
      (beat) => (beat as { blockers: readonly { sinceMs: number }[] }).blockers,
    );
    expect(new Set(told.map(({ sinceMs }) => sinceMs))).toEqual(new Set([startMs]));
  });
});
