// Two drains whose replacements could only run on the node of the other.

import { cordonedAtAnnotation, cordonReasonAnnotation } from '../../../activities/cordon-mark';
import type { FakeCluster } from '../../support/fake-cluster';
import { failureOf, runOnce } from '../../support/fake-cluster';
import { aClusterToDrain, aDrain } from '../../support/fake-drain';

const startMs = Date.UTC(2026, 0, 1);
const unscheduled = { code: 'unscheduled', reason: 'Unschedulable' } as const;

function cordonedAt(ms: number, reason = 'ascent: hop-1.29, to 1.29.15') {
  const at = new Date(ms).toISOString();
  const annotations = { [cordonReasonAnnotation]: reason, [cordonedAtAnnotation]: at };
  return { unschedulable: true, annotations };
}

/** worker-1 waits for a pod of `db`, worker-2 for one of `web`; either has no place. */
function aDeadlock(): FakeCluster {
  const fake = aClusterToDrain();
  const { kube } = fake;
  kube.isWatched = true;
  kube.addNode('worker-1', cordonedAt(startMs + 2)).addNode('worker-2', cordonedAt(startMs + 1));
  for (const [index, app] of ['db', 'web'].entries()) {
    const labels = { app };
    kube.addBudget(app, { matchLabels: labels, desiredHealthy: 1 });
    kube.addPod(`worker-${index + 1}`, `${app}-1`, { labels });
    kube.addPod('', `${app}-2`, { labels, phase: 'Pending', ready: false, trouble: unscheduled });
  }
  return fake;
}

const drain = { ...aDrain({ timeoutMs: 120_000 }), mayYield: true };

describe('a drain that waits for another one', () => {
  it('yields when nothing has moved for half a minute and it began last', async () => {
    const fake = aDeadlock();
    const failure = await failureOf(runOnce(fake, 'drainNode', drain));
    expect(failure).toMatchObject({
      type: 'drain-yielded',
      nonRetryable: true,
      message:
        'the drain of node worker-1 and worker-2 waited for each other without an end,' +
        ' and this one began last',
      details: [
        { progress: { evicted: 0, remaining: 1, blockers: [{ code: 'budget-exhausted' }] } },
      ],
    });
    const tookMs = fake.clock.nowMs() - startMs;
    expect([tookMs >= 30_000, tookMs <= 33_000]).toEqual([true, true]);
    expect(fake.kube.mutations).toEqual([]);
  });

  it.each([
    ['began first', (fake: FakeCluster) => fake.kube.addNode('worker-1', cordonedAt(startMs))],
    [
      'waits for a drain of a person, who may know why',
      (fake: FakeCluster) =>
        fake.kube.addNode('worker-2', cordonedAt(0, 'ascent: drained by ada: x')),
    ],
    [
      'waits for pods that crash',
      ({ kube }: FakeCluster) => {
        for (const pod of kube.pods.values()) delete pod.trouble;
      },
    ],
    [
      'has a pod beside them that may leave',
      ({ kube }: FakeCluster) => kube.addPod('worker-2', 'db-3', { labels: { app: 'db' } }),
    ],
    ['is not watched', ({ kube }: FakeCluster) => void (kube.isWatched = false)],
  ])('stays when it %s', async (_, change) => {
    const fake = aDeadlock();
    change(fake);
    const end = await failureOf(runOnce(fake, 'drainNode', drain)).catch(() => ({}));
    expect(end).not.toMatchObject({ type: 'drain-yielded' });
  });

  it('stays when its input does not let it yield', async () => {
    const failure = await failureOf(
      runOnce(aDeadlock(), 'drainNode', aDrain({ timeoutMs: 60_000 })),
    );
    expect(failure).toMatchObject({ type: 'drain-deadline' });
  });

  it('counts from the last thing that moved', async () => {
    const fake = aDeadlock();
    fake.clock.after(20_000, () => {
      fake.kube.addPod('worker-2', 'web-3', { labels: { app: 'web' }, ready: false });
      fake.kube.addBudget('late', { matchLabels: { app: 'late' }, desiredHealthy: 1 });
      fake.kube.addPod('worker-2', 'late-1', { labels: { app: 'late' } });
    });
    await failureOf(runOnce(fake, 'drainNode', drain));
    expect(fake.clock.nowMs() - startMs).toBeGreaterThanOrEqual(50_000);
  });
});
