// drainNode with pods that a named person has forced.

import { PortError } from '../../../activities/ports';
import type { DrainInput, DrainProgress } from '../../../domain/activity-contract';
import type { ForcedPod } from '../../../domain/drain/force';
import type { DrainPolicy } from '../../../domain/spec';
import { FakeAttempt, failureOf, runOnce } from '../../support/fake-cluster';
import { aClusterToDrain, aDrain } from '../../support/fake-drain';

const web = { app: 'web' };

const shop = (name: string) => ({ namespace: 'shop', name });

function forced(name: string, by: ForcedPod['by'] = 'delete'): ForcedPod {
  return { ...shop(name), uid: `uid-shop-${name}`, by };
}

function aForcingDrain(force: readonly ForcedPod[], policy?: Partial<DrainPolicy>): DrainInput {
  return { ...aDrain({ timeoutMs: 30_000, ...policy }), force };
}

/** `web-1` and `web-2` run on worker-1 behind a budget that never lets one leave. */
function aBlockedCluster() {
  const fake = aClusterToDrain();
  fake.kube.respawnMs = Infinity;
  fake.kube.addPod('worker-1', 'web-1', { labels: web });
  fake.kube.addPod('worker-1', 'web-2', { labels: web });
  fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 2 });
  return fake;
}

describe.each([{ isWatched: false }, { isWatched: true }])('forced, $isWatched', (watches) => {
  it('a pod is deleted past its budget, and no other one', async () => {
    const fake = aBlockedCluster();
    fake.kube.isWatched = watches.isWatched;
    const attempt = new FakeAttempt();
    const failure = await failureOf(
      attempt.run(fake, 'drainNode', aForcingDrain([forced('web-1')])),
    );
    expect(fake.kube.mutations).toEqual(['delete shop/web-1']);
    expect(failure).toMatchObject({
      type: 'drain-deadline',
      details: [
        {
          progress: { evicted: 0, remaining: 1, forced: [forced('web-1')] },
          pods: [{ ...shop('web-2'), uid: 'uid-shop-web-2' }],
        },
      ],
    });
    expect(attempt.heartbeats).toContainEqual(
      expect.objectContaining({ evicted: 0, remaining: 2, forced: [forced('web-1')] }),
    );
  });

  it('all pods that keep the node leave, and the result tells which', async () => {
    const fake = aBlockedCluster();
    fake.kube.isWatched = watches.isWatched;
    fake.kube.addPod('worker-1', 'free');
    const pods = [forced('web-1'), forced('web-2')];
    expect(await runOnce(fake, 'drainNode', aForcingDrain(pods))).toEqual({
      evicted: 1,
      refusals: 0,
      seconds: expect.any(Number) as number,
      forced: pods,
    });
    expect(fake.kube.mutations.toSorted()).toEqual([
      'delete shop/web-1',
      'delete shop/web-2',
      'evict shop/free',
    ]);
  });
});

describe('a forced drain', () => {
  it('removes the object of a pod that outlasts its grace period, once', async () => {
    const fake = aClusterToDrain();
    const deletionTimestampMs = fake.clock.nowMs() - 60_000;
    const leaving = { deletionTimestampMs, deletionGracePeriodSeconds: 30 };
    fake.kube.addPod('worker-1', 'lost', leaving);
    const pods = [forced('lost', 'remove')];
    expect(await runOnce(fake, 'drainNode', aForcingDrain(pods))).toEqual({
      evicted: 0,
      refusals: 0,
      seconds: expect.any(Number) as number,
      forced: pods,
    });
    expect(fake.kube.mutations).toEqual(['remove shop/lost']);
  });

  it('removes no pod that somebody only agreed to delete', async () => {
    const fake = aBlockedCluster();
    fake.kube.confirmsEnds = false;
    const failure = await failureOf(
      runOnce(fake, 'drainNode', aForcingDrain([forced('web-1'), forced('web-2')])),
    );
    expect(fake.kube.mutations).toEqual(['delete shop/web-1', 'delete shop/web-2']);
    expect(failure).toMatchObject({
      type: 'drain-deadline',
      details: [
        {
          progress: {
            remaining: 2,
            blockers: [
              { code: 'pod-terminating', cause: 'unconfirmed' },
              { code: 'pod-terminating', cause: 'unconfirmed' },
            ],
          },
          pods: [{ name: 'web-1' }, { name: 'web-2' }],
        },
      ],
    });
  });

  it('leaves a pod of the same name alone that came later', async () => {
    const fake = aBlockedCluster();
    const drain = aForcingDrain([{ ...forced('web-1'), uid: 'uid-of-yesterday' }]);
    expect(await failureOf(runOnce(fake, 'drainNode', drain))).toMatchObject({
      type: 'drain-deadline',
      details: [{ progress: { evicted: 0, remaining: 2 } }],
    });
    expect(fake.kube.mutations).toEqual([]);
  });

  it('deletes a pod that the policy refuses, when it refuses no other one', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'cache', { hasEmptyDir: true });
    const pods = [forced('cache')];
    expect(await runOnce(fake, 'drainNode', aForcingDrain(pods))).toMatchObject({ forced: pods });

    fake.kube.addPod('worker-1', 'cache', { hasEmptyDir: true });
    fake.kube.addPod('worker-1', 'other', { hasEmptyDir: true });
    expect(await failureOf(runOnce(fake, 'drainNode', aForcingDrain(pods)))).toMatchObject({
      type: 'drain-refused',
      details: [
        { blockers: [{ code: 'pod-emptydir', pod: shop('other') }], pods: [{ name: 'other' }] },
      ],
    });
    expect(fake.kube.mutations).toEqual(['delete shop/cache']);
  });

  it('goes on after its worker died and counts what was forced as forced', async () => {
    const fake = aBlockedCluster();
    const drain = aForcingDrain([forced('web-1'), forced('web-2')]);
    const attempt = new FakeAttempt();
    attempt.onHeartbeat = (details) => {
      if ((details as DrainProgress).forced !== undefined) attempt.shutDownWorker();
    };
    await failureOf(attempt.run(fake, 'drainNode', drain));
    expect(
      await runOnce(fake, 'drainNode', drain, { heartbeatDetails: attempt.heartbeats.at(-1) }),
    ).toMatchObject({ evicted: 0, forced: [forced('web-1'), forced('web-2')] });
    expect(fake.kube.mutations).toEqual(['delete shop/web-1', 'delete shop/web-2']);
  });

  it.each([
    ['forbidden', 'eviction-forbidden'],
    ['rejected', 'eviction-failing'],
  ] as const)('tells that a deletion is %s, tries again, and goes on', async (code, told) => {
    const fake = aBlockedCluster();
    const message = 'deleting pod shop/web-1: 403';
    fake.kube.failures.push({ method: 'deletePod', error: new PortError(code, message) });
    fake.kube.addPod('worker-1', 'free');
    const attempt = new FakeAttempt();
    const drain = aForcingDrain([forced('web-1'), forced('web-2')]);
    expect(await attempt.run(fake, 'drainNode', drain)).toMatchObject({
      evicted: 1,
      forced: [forced('web-2'), forced('web-1')],
    });
    const blocker = { code: told, pod: shop('web-1'), message, sinceMs: Date.UTC(2026, 0, 1) };
    expect(attempt.heartbeats).toContainEqual(
      expect.objectContaining({ forced: [forced('web-2')], blockers: [blocker] }),
    );
  });

  it('ends at once when its credentials are refused', async () => {
    const fake = aBlockedCluster();
    const error = new PortError('unauthorized', 'deleting pod shop/web-1: 401');
    fake.kube.failures.push({ method: 'deletePod', error });
    const drain = aForcingDrain([forced('web-1')]);
    expect(await failureOf(runOnce(fake, 'drainNode', drain))).toMatchObject({
      type: 'credentials-refused',
      nonRetryable: true,
    });
  });
});
