// drainNode while watches tell what is on its node; drain.test.ts is without them.

import { isDeepStrictEqual } from 'node:util';

import type { DrainProgress } from '../../../domain/activity-contract';
import { FakeAttempt, type FakeCluster, failureOf, runOnce } from '../../support/fake-cluster';
import { aClusterToDrain, aDrain } from '../../support/fake-drain';

const web = { app: 'web' };
const startMs = Date.UTC(2026, 0, 1);

/** `worker-1` is cordoned, watched, and to be drained; `worker-2` takes what leaves. */
function aCluster(): FakeCluster {
  const fake = aClusterToDrain();
  fake.kube.isWatched = true;
  return fake;
}

const drain = aDrain({ timeoutMs: 60_000 });

/** Evictions that were asked for, refused or not. */
function countEvictions(fake: FakeCluster): () => number {
  let asked = 0;
  fake.kube.onCall = (method) => {
    if (method === 'evict') asked += 1;
  };
  return () => asked;
}

/** `count` pods of one budget on worker-1; `healthy` of them must stay. */
function aDeployment(fake: FakeCluster, count: number, healthy: number): void {
  for (let index = 1; index <= count; index += 1) {
    fake.kube.addPod('worker-1', `web-${index}`, { labels: web });
  }
  fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: healthy });
}

const whileWeb1Leaves = {
  healthy: 3,
  wanted: 3,
  expected: 4,
  missing: 1,
  pods: [
    {
      pod: { namespace: 'shop', name: 'web-1' },
      node: 'worker-1',
      owner: { kind: 'ReplicaSet', name: 'web' },
      sinceMs: startMs,
      trouble: { code: 'terminating', finalizers: [] },
    },
  ],
  more: 0,
  absent: 0,
};

/** Explanations in heartbeats, each when it is new. */
function explanationsIn({ heartbeats }: FakeAttempt): readonly unknown[] {
  const told: unknown[] = [];
  for (const heartbeat of heartbeats) {
    const { blockers } = heartbeat as DrainProgress;
    for (const blocker of blockers) {
      const explanation = 'explanation' in blocker ? blocker.explanation : undefined;
      const isNew = !isDeepStrictEqual(explanation, told.at(-1));
      if (explanation !== undefined && isNew) told.push(explanation);
    }
  }
  return told;
}

describe('a watched drain', () => {
  it('reads the pods from etcd once, at its end, and the node never', async () => {
    const fake = aCluster();
    const calls: string[] = [];
    fake.kube.onCall = (method) => calls.push(method);
    fake.kube.addPod('worker-1', 'web-1').addPod('worker-1', 'web-2');
    expect(await runOnce(fake, 'drainNode', drain)).toMatchObject({ evicted: 2, refusals: 0 });
    expect(calls).toEqual(['evict', 'evict', 'listPodsOnNode']);
    expect(fake.kube.podLists).toEqual(['now']);
    expect(fake.kube.followers).toBe(0);
  });

  it('ends when the last pod is gone, not at the next look by the clock', async () => {
    const fake = aCluster();
    fake.kube.graceMs = 1_010;
    fake.kube.addPod('worker-1', 'web-1');
    expect(await runOnce(fake, 'drainNode', drain)).toMatchObject({ evicted: 1 });
    expect(fake.clock.nowMs() - startMs).toBe(1_010);
  });

  it('asks for no eviction that its budget would refuse, but once it allows one', async () => {
    const fake = aCluster();
    aDeployment(fake, 4, 3);
    const asked = countEvictions(fake);
    const attempt = new FakeAttempt();
    const result = await attempt.run(fake, 'drainNode', drain);
    expect(result).toMatchObject({ evicted: 4, refusals: 0 });
    expect(asked()).toBe(4);
    // Four times a second of grace and half a second until the replacement is Ready.
    expect(result.seconds).toBeLessThanOrEqual(6);
    expect(attempt.heartbeats[0]).toMatchObject({ evicted: 0, remaining: 4, blockers: [] });
    expect(attempt.heartbeats).toContainEqual(
      expect.objectContaining({
        evicted: 1,
        blockers: ['web-2', 'web-3', 'web-4'].map((name) => ({
          code: 'budget-exhausted',
          pod: { namespace: 'shop', name },
          budget: { namespace: 'shop', name: 'web' },
          message: 'The disruption budget web needs 3 healthy pods and has 4 currently',
          sinceMs: startMs,
          ...(name === 'web-2' ? { explanation: whileWeb1Leaves } : {}),
        })),
      }),
    );
  });

  it('tells which pod a budget waits for and why, as that changes, once for all pods', async () => {
    const fake = aCluster();
    aDeployment(fake, 2, 2);
    const message = '0/2 nodes are available';
    const unscheduled = { code: 'unscheduled', reason: 'Unschedulable', message } as const;
    const pending = { phase: 'Pending', ready: false, notReadySinceMs: startMs, labels: web };
    fake.kube.addPod('', 'web-3', { ...pending, trouble: unscheduled });
    const web3 = [...fake.kube.pods.values()].at(-1);
    const pulling = {
      code: 'container-waiting',
      container: 'app',
      reason: 'ContainerCreating',
    } as const;
    const scheduled = { ...pending, node: 'worker-2', trouble: pulling };
    fake.clock.after(3_000, () => Object.assign(web3 ?? {}, scheduled));
    fake.clock.after(6_000, () => Object.assign(web3 ?? {}, { phase: 'Running', ready: true }));
    const attempt = new FakeAttempt();
    await attempt.run(fake, 'drainNode', drain);
    const { heartbeats } = attempt;
    expect(heartbeats[1]).toMatchObject({ evicted: 0, blockers: [{ explanation: {} }, {}] });
    const owner = { kind: 'ReplicaSet', name: 'web' };
    const why = { healthy: 2, wanted: 2, expected: 3, missing: 1, more: 0, absent: 0 };
    const waiting = { pod: { namespace: 'shop', name: 'web-3' }, owner, sinceMs: startMs };
    expect(explanationsIn(attempt).slice(0, 2)).toEqual([
      { ...why, pods: [{ ...waiting, trouble: unscheduled }] },
      { ...why, pods: [{ ...waiting, node: 'worker-2', trouble: pulling }] },
    ]);
    const told = (heartbeats[1] as DrainProgress).blockers.filter((one) => 'explanation' in one);
    expect(told).toHaveLength(1);
  });

  it('says at its deadline that a budget never lets a pod leave, and what to change', async () => {
    const fake = aCluster();
    fake.kube.addPod('worker-1', 'web-1', { labels: web });
    fake.kube.addPod('worker-1', 'web-2', { labels: web });
    const rule = { maxUnavailable: '0', desiredHealthy: 2 };
    fake.kube.addBudget('web', { matchLabels: web, ...rule });
    expect(await failureOf(runOnce(fake, 'drainNode', drain))).toMatchObject({
      type: 'drain-deadline',
      message:
        'node worker-1 was not empty after 1 min: pods left: 2, evicted: 0; pod shop/web-1 has' +
        ' not left: budget shop/web wants 2 of 2 pods healthy (maxUnavailable 0), so it lets none' +
        ' leave while there are no more - add a replica, or let the budget spare at least one pod' +
        ' (and 1 more pod)',
      details: [{ progress: { blockers: [{ explanation: { neverBy: 'maxUnavailable 0' } }, {}] } }],
    });
  });

  it('says so of a number as minAvailable only when no replacement comes for a while', async () => {
    const fake = aCluster();
    aDeployment(fake, 1, 1);
    const attempt = new FakeAttempt();
    await failureOf(attempt.run(fake, 'drainNode', drain));
    const why = { healthy: 1, wanted: 1, expected: 1, missing: 1, pods: [], more: 0, absent: 0 };
    expect(explanationsIn(attempt)).toEqual([why, { ...why, neverBy: 'minAvailable 1' }]);
  });

  it('asks all the same every ten seconds or so: a watched budget may be wrong', async () => {
    const fake = aCluster();
    aDeployment(fake, 1, 0);
    fake.kube.told = { disruptionsAllowed: 0 };
    expect(await runOnce(fake, 'drainNode', drain)).toMatchObject({ evicted: 1 });
    const seconds = (fake.clock.nowMs() - startMs) / 1_000;
    expect(seconds).toBeGreaterThanOrEqual(8);
    expect(seconds).toBeLessThanOrEqual(14);
  });

  it('asks again soon when others were quicker than the watch', async () => {
    const fake = aCluster();
    aDeployment(fake, 1, 1);
    fake.kube.told = { disruptionsAllowed: 1 };
    fake.clock.after(1_000, () => void fake.kube.addPod('worker-2', 'web-9', { labels: web }));
    const result = await runOnce(fake, 'drainNode', drain);
    expect(result).toMatchObject({ evicted: 1 });
    expect(result.refusals).toBeGreaterThanOrEqual(3);
    expect(result.seconds).toBeLessThan(2.5);
  });

  it.each([
    { name: 'not Ready', pod: { ready: false } },
    { name: 'Pending', pod: { phase: 'Pending' } },
  ])('asks at once for a pod that is $name: its budget may not guard it', async ({ pod }) => {
    const fake = aCluster();
    fake.kube.addPod('worker-1', 'web-1', { labels: web, ...pod });
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 1 });
    fake.kube.answer = () => ({ kind: 'evicted' });
    const asked = countEvictions(fake);
    fake.clock.after(3_000, () => fake.kube.pods.clear());
    await runOnce(fake, 'drainNode', drain);
    expect(asked()).toBeGreaterThan(0);
  });

  it.each([
    { name: 'two budgets', second: true, observed: true, code: 'budgets-overlap' },
    { name: 'an unobserved budget', second: false, observed: false, code: 'budget-not-observed' },
  ])('lets the Eviction API say what $name mean', async ({ second, observed, code }) => {
    const fake = aCluster();
    fake.kube.addPod('worker-1', 'web-1', { labels: web });
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 1, observed });
    if (second) fake.kube.addBudget('more', { matchLabels: web, desiredHealthy: 1 });
    expect(await failureOf(runOnce(fake, 'drainNode', drain))).toMatchObject({
      type: 'drain-deadline',
      details: [{ progress: { blockers: [{ code }] } }],
    });
  });

  it('evicts nothing twice while the watch has not told of the eviction', async () => {
    const fake = aCluster();
    fake.kube.addPod('worker-1', 'web-1');
    const [before] = [...fake.kube.pods.values()].map((pod) => ({ ...pod }));
    fake.kube.told = { pods: before === undefined ? [] : [before] };
    fake.clock.after(1_500, () => {
      fake.kube.told = {};
    });
    const asked = countEvictions(fake);
    expect(await runOnce(fake, 'drainNode', drain)).toMatchObject({ evicted: 1 });
    expect(asked()).toBe(1);
  });

  it('believes no watch that the node is empty', async () => {
    const fake = aCluster();
    fake.kube.told = { pods: [] };
    fake.kube.addPod('worker-1', 'web-1');
    expect(await runOnce(fake, 'drainNode', drain)).toMatchObject({ evicted: 1 });
    expect(fake.kube.podsOn('worker-1')).toEqual([]);
  });

  it('believes no watch that the node is uncordoned, which may only not know yet', async () => {
    const fake = aCluster();
    fake.kube.addPod('worker-1', 'web-1');
    fake.kube.told = { isUncordoned: true };
    expect(await runOnce(fake, 'drainNode', drain)).toMatchObject({ evicted: 1 });
  });

  it('stops as soon as somebody uncordons the node', async () => {
    const fake = aCluster();
    aDeployment(fake, 1, 1);
    fake.clock.after(1_230, () => {
      const node = fake.kube.nodes.get('worker-1');
      if (node !== undefined) node.unschedulable = false;
    });
    expect(await failureOf(runOnce(fake, 'drainNode', drain))).toMatchObject({
      type: 'drain-refused',
      message: 'node worker-1 is not cordoned; its pods would come back',
    });
    expect(fake.clock.nowMs() - startMs).toBe(1_230);
    expect(fake.kube.followers).toBe(0);
  });

  it('goes on by the clock when the watch breaks in the middle', async () => {
    const fake = aCluster();
    aDeployment(fake, 3, 2);
    fake.clock.after(700, () => {
      fake.kube.isWatched = false;
    });
    expect(await runOnce(fake, 'drainNode', drain)).toMatchObject({ evicted: 3 });
    expect(fake.kube.podLists.length).toBeGreaterThan(3);
  });
});
