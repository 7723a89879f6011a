import { isDeepStrictEqual } from 'node:util';

import { cordonReasonAnnotation } from '../../../activities/cordon-mark';
import { type ClusterView, PortError } from '../../../activities/ports';
import { waitingTaintKey } from '../../../activities/waiting-taint';
import type { AdmissionProgress, AdmitNodesInput } from '../../../domain/activity-contract';
import { zoneLabel } from '../../../domain/observation';
import { poolName } from '../../support/builders';
import { cluster, FakeAttempt, FakeCluster, nodeName, runOnce } from '../../support/fake-cluster';

const web = { app: 'web' };
const startMs = Date.UTC(2026, 0, 1);
const inUpgrade = { [cordonReasonAnnotation]: 'ascent: hop-1.29, to 1.29.15' };
const budgetDrawn = { code: 'budget-drawn', budget: { namespace: 'shop', name: 'web' } };

function question(over: Partial<AdmitNodesInput> = {}): AdmitNodesInput {
  return {
    cluster,
    pool: poolName('workers'),
    waiting: ['worker-2', 'worker-3'].map(nodeName),
    inWork: [],
    free: 1,
    window: { zones: 'one-at-a-time', order: 'least-disruptive' },
    policy: { timeoutMs: 600_000, emptyDirData: 'refuse', unmanagedPods: 'refuse' },
    waitMs: 3_600_000,
    ...over,
  };
}

/** worker-1 is in work; of four pods of a budget two are on worker-2 and one on worker-3. */
function aCluster(): FakeCluster {
  const fake = new FakeCluster();
  fake.kube.isWatched = true;
  fake.kube
    .addNode('worker-1', { unschedulable: true, annotations: inUpgrade })
    .addNode('worker-2')
    .addNode('worker-3')
    .addNode('worker-4')
    .addPod('worker-2', 'web-1', { labels: web })
    .addPod('worker-2', 'web-2', { labels: web })
    .addPod('worker-3', 'web-3', { labels: web })
    .addPod('worker-4', 'web-4', { labels: web });
  return fake;
}

/** Heartbeats repeat by themselves, as real time goes by. */
function news({ heartbeats }: FakeAttempt): readonly unknown[] {
  return heartbeats.filter((one, index) => !isDeepStrictEqual(one, heartbeats[index - 1]));
}

/** For too long to be about to be Ready. */
const broken = { ready: false, notReadySinceMs: startMs - 120_000 };

const beside1 = { inWork: [nodeName('worker-1')] };

describe.each([{ isWatched: true }, { isWatched: false }])('admission, %j', ({ isWatched }) => {
  it('begins with the node that disrupts the least', async () => {
    const fake = aCluster();
    fake.kube.isWatched = isWatched;
    expect(await runOnce(fake, 'admitNodes', question())).toEqual({
      admitted: [{ node: 'worker-3' }],
    });
    // Lists are read only where no watch opens.
    expect(fake.clock.nowMs() - startMs).toBe(isWatched ? 0 : 10_250);
    expect(fake.kube.followers).toBe(0);
  });

  it('begins with two where the budgets of both allow it', async () => {
    const fake = aCluster();
    fake.kube.isWatched = isWatched;
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 1 });
    expect(await runOnce(fake, 'admitNodes', question({ free: 2, ...beside1 }))).toEqual({
      admitted: [{ node: 'worker-3' }, { node: 'worker-2' }],
    });
  });
});

describe('admission', () => {
  it('takes the nodes of a window as they are listed', async () => {
    const window = { zones: 'any', order: 'as-listed' } as const;
    expect(await runOnce(aCluster(), 'admitNodes', question({ window }))).toEqual({
      admitted: [{ node: 'worker-2' }],
    });
  });

  it('finishes the zone that was begun', async () => {
    const fake = aCluster();
    fake.kube.addNode('worker-2', { labels: { [zoneLabel]: 'b' } });
    fake.kube.addNode('worker-3', { labels: { [zoneLabel]: 'a' } });
    const admitted = (zone: string) => runOnce(fake, 'admitNodes', question({ zone, free: 2 }));
    expect(await admitted('b')).toEqual({ admitted: [{ node: 'worker-2' }] });
    expect(await admitted('c')).toEqual({ admitted: [{ node: 'worker-3' }] });
  });

  it.each([
    { what: 'has ended', taints: [[], [waitingTaintKey]], isHeld: false },
    { what: 'is about to begin', taints: [[waitingTaintKey], [waitingTaintKey]], isHeld: true },
    { what: 'may be about to begin', taints: [[], []], isHeld: true },
  ])('takes a node in work that has no cordon for one that $what', async ({ taints, isHeld }) => {
    const [ofInWork = [], ofWaiting = []] = taints;
    const fake = aCluster();
    fake.kube.addNode('worker-1', { taintKeys: ofInWork, labels: { [zoneLabel]: 'a' } });
    fake.kube.addNode('worker-2', { taintKeys: ofWaiting, labels: { [zoneLabel]: 'b' } });
    const attempt = new FakeAttempt();
    const waiting = [nodeName('worker-2')];
    const asked = question({ waiting, waitMs: 0, ...beside1 });
    expect(await attempt.run(fake, 'admitNodes', asked)).toEqual({
      admitted: isHeld ? [] : [{ node: 'worker-2' }],
    });
    const holds = [{ code: 'zone-in-work', zone: 'b', inWork: 'a' }];
    const held = { held: [{ node: 'worker-2', holds }], more: 0 };
    expect(news(attempt)).toEqual(isHeld ? [held] : []);
  });

  it('waits until a budget allows it, and says which', async () => {
    const fake = aCluster();
    const budget = fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 4 });
    fake.kube.addPod('worker-4', 'web-5', { labels: web, ...broken });
    fake.clock.after(6_000, () => {
      budget.desiredHealthy = 2;
    });
    const attempt = new FakeAttempt();
    const result = await attempt.run(fake, 'admitNodes', question(beside1));
    expect(result).toEqual({ admitted: [{ node: 'worker-3' }] });
    expect(fake.clock.nowMs() - startMs).toBeLessThan(6_200);
    expect(news(attempt)).toEqual([
      {
        held: [
          { node: 'worker-3', holds: [{ ...budgetDrawn, allowed: 0, drawn: 0, wanted: 1 }] },
          { node: 'worker-2', holds: [{ ...budgetDrawn, allowed: 0, drawn: 0, wanted: 2 }] },
        ],
        more: 0,
      },
    ]);
  });

  it.each([
    ['that has just come', { ready: false, notReadySinceMs: startMs - 119_000 }],
    ['that says nothing of itself yet', { phase: 'Pending', ready: false }],
    ['that is leaving', { deletionTimestampMs: startMs }],
  ])('gets the next node ready while a budget lacks a pod %s', async (_, pod) => {
    const fake = aCluster();
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 4 });
    fake.kube.addPod('worker-4', 'web-5', { labels: web, ...pod });
    const admitted = await runOnce(fake, 'admitNodes', question(beside1));
    expect(admitted).toEqual({ admitted: [{ node: 'worker-3' }] });
    expect(fake.clock.nowMs()).toBe(startMs);
  });

  it('tells of three held nodes by name, and of how many more', async () => {
    const fake = aCluster();
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 7 });
    for (const name of ['worker-5', 'worker-6', 'worker-7']) {
      fake.kube.addNode(name).addPod(name, `web-of-${name}`, { labels: web });
    }
    fake.kube.addPod('worker-1', 'web-0', { labels: web, ...broken });
    const waiting = ['worker-2', 'worker-3', 'worker-5', 'worker-6', 'worker-7'].map(nodeName);
    const attempt = new FakeAttempt();
    await attempt.run(fake, 'admitNodes', question({ waiting, ...beside1, waitMs: 100 }));
    const [told] = attempt.heartbeats as readonly AdmissionProgress[];
    expect([told?.held.map(({ node }) => node), told?.more]).toEqual([
      ['worker-3', 'worker-5', 'worker-6'],
      2,
    ]);
  });

  it('counts what a node drained by somebody else draws, and not what is set aside', async () => {
    const fake = aCluster();
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 3 });
    const annotations = { [cordonReasonAnnotation]: 'ascent: drained by ada: new memory' };
    fake.kube.addNode('worker-4', { unschedulable: true, annotations });
    const short = question({ ...beside1, waitMs: 0 });
    expect(await runOnce(fake, 'admitNodes', short)).toEqual({ admitted: [] });
    const aside = { [cordonReasonAnnotation]: 'ascent: quarantined by ada: broken disk' };
    fake.kube.addNode('worker-4', { unschedulable: true, annotations: aside });
    const admitted = { admitted: [{ node: 'worker-3' }] };
    expect(await runOnce(fake, 'admitNodes', short)).toEqual(admitted);
  });

  it('counts a node in work before its cordon, and not after', async () => {
    const fake = aCluster();
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 3 });
    fake.kube.addNode('worker-1').addPod('worker-1', 'web-0', { labels: web });
    fake.kube.pods.delete('uid-shop-web-4');
    fake.clock.after(10_000, () => {
      fake.kube.addNode('worker-1', { unschedulable: true, annotations: inUpgrade });
    });
    fake.clock.after(20_000, () => fake.kube.addNode('worker-1'));
    expect(await runOnce(fake, 'admitNodes', question(beside1))).toEqual({
      admitted: [{ node: 'worker-3' }],
    });
    expect(fake.clock.nowMs() - startMs).toBeGreaterThanOrEqual(20_000);
  });

  it('does not begin while the scheduler finds no node for a pod of the same owner', async () => {
    const fake = aCluster();
    const trouble = { code: 'unscheduled', reason: 'Unschedulable', message: '0/4 nodes' } as const;
    fake.kube.addPod('', 'web-9', { phase: 'Pending', ready: false, trouble });
    const attempt = new FakeAttempt();
    await attempt.run(fake, 'admitNodes', question({ ...beside1, waitMs: 0 }));
    const pod = { namespace: 'shop', name: 'web-9' };
    const owner = 'shop/ReplicaSet/web';
    const holds = [{ code: 'alike-unscheduled', owner, pod, message: '0/4 nodes' }];
    expect(news(attempt)).toEqual([
      {
        held: [
          { node: 'worker-3', holds },
          { node: 'worker-2', holds },
        ],
        more: 0,
      },
    ]);
  });

  it('does not begin where its pods would find no room, and reckons no further', async () => {
    const fake = aCluster();
    const names = Array.from({ length: 8 }, (_, index) => `full-${index}`);
    const requests = { cpuMilli: 600, memoryBytes: 0 };
    for (const name of names) {
      const allocatable = { cpuMilli: 1_000, memoryBytes: 1_000, pods: 110 };
      fake.kube.addNode(name, { allocatable }).addPod(name, `on-${name}`, { requests });
    }
    for (const name of ['worker-2', 'worker-3', 'worker-4']) fake.kube.nodes.delete(name);
    const attempt = new FakeAttempt();
    const waiting = names.map(nodeName);
    await attempt.run(fake, 'admitNodes', question({ waiting, waitMs: 0, ...beside1 }));
    const [told] = attempt.heartbeats as readonly AdmissionProgress[];
    expect([told?.held[0], told?.more]).toEqual([
      {
        node: 'full-0',
        holds: [
          {
            code: 'no-room',
            pod: { namespace: 'shop', name: 'on-full-0' },
            pods: 1,
            lack: 'it requests 600 m of CPU, and 400 m are free at most',
          },
        ],
      },
      5,
    ]);
  });

  it.each([
    [
      { requests: { cpuMilli: 0, memoryBytes: 4_194_304 } },
      'it requests 4 MiB of memory, and 2 MiB',
    ],
    [{ nodeSelector: { disk: 'ssd' } }, 'no other node has the labels that it selects'],
    [{}, 'other nodes have taints that it does not tolerate'],
  ])('says what pods lack: %j', async (pod, lack) => {
    const fake = new FakeCluster();
    fake.kube.isWatched = true;
    const allocatable = { cpuMilli: 1_000, memoryBytes: 2_097_152, pods: 110 };
    const labels = { disk: 'ssd' };
    fake.kube.addNode('worker-9', { labels, unschedulable: true, annotations: inUpgrade });
    fake.kube.addNode('worker-2').addPod('worker-2', 'web-1', pod);
    const taints = [{ key: 'gpu', value: '', effect: 'NoSchedule' }] as const;
    const isTainted = Object.keys(pod).length === 0;
    fake.kube.addNode('worker-1', { allocatable, ...(isTainted ? { taints } : {}) });
    const attempt = new FakeAttempt();
    const waiting = [nodeName('worker-2')];
    const inWork = [nodeName('worker-9')];
    await attempt.run(fake, 'admitNodes', question({ waiting, inWork, waitMs: 0 }));
    const [told] = attempt.heartbeats as readonly AdmissionProgress[];
    expect(told?.held[0]?.holds[0]).toMatchObject({ lack: expect.stringContaining(lack) });
  });

  it('does not wait for room that no node will ever have', async () => {
    const fake = aCluster();
    fake.kube.addPod('worker-3', 'pinned', { nodeSelector: { name: 'worker-3' } });
    fake.kube.pods.delete('uid-shop-web-2');
    const waiting = [nodeName('worker-3')];
    expect(await runOnce(fake, 'admitNodes', question({ waiting, ...beside1 }))).toEqual({
      admitted: [{ node: 'worker-3' }],
    });
    expect(fake.clock.nowMs()).toBe(startMs);
  });

  it('does not begin where the volumes of its pods have no other node in their zone', async () => {
    const fake = aCluster();
    const [a, b] = ['a', 'b'].map((zone) => ({ labels: { [zoneLabel]: zone } }));
    fake.kube.addNode('worker-2', a).addNode('worker-3', b).addNode('worker-4', b);
    fake.kube.addPod('worker-2', 'db-0', { claims: ['data', 'logs', 'unbound'] });
    const claim = (name: string) => ({ namespace: 'shop', name });
    fake.kube.volumes.set('pv-1', { claim: claim('data'), zones: ['a', 'b'] });
    fake.kube.volumes.set('pv-2', { claim: claim('logs'), zones: ['a'] });
    fake.kube.volumes.set('pv-3', {});
    const lists: string[] = [];
    fake.kube.onCall = (method) => lists.push(method);
    const waiting = [nodeName('worker-2')];
    const attempt = new FakeAttempt();
    const window = { zones: 'any', order: 'least-disruptive' } as const;
    await attempt.run(fake, 'admitNodes', question({ waiting, window, waitMs: 5_000, ...beside1 }));
    const [told] = attempt.heartbeats as readonly AdmissionProgress[];
    const lack = 'no other node is in the zone of its volumes';
    const pod = { namespace: 'shop', name: 'db-0' };
    expect(told?.held).toEqual([
      { node: 'worker-2', holds: [{ code: 'no-room', pod, pods: 1, lack }] },
    ]);
    expect(lists).toEqual(['listVolumes']);
  });

  it('leaves zones to the scheduler where it may not read volumes', async () => {
    const fake = aCluster();
    fake.kube.addPod('worker-2', 'db-0', { claims: ['data'] });
    fake.kube.failures.push({ method: 'listVolumes', error: new PortError('forbidden', 'no') });
    expect(await runOnce(fake, 'admitNodes', question())).toEqual({
      admitted: [{ node: 'worker-3' }],
    });
  });

  it('begins at last while no node is in work, also where its worker was lost', async () => {
    const fake = aCluster();
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 4 });
    fake.kube.addPod('worker-4', 'web-5', { labels: web, ...broken });
    const heartbeatDetails = { held: [], more: 0, idleSinceMs: startMs - 290_000 };
    const result = await runOnce(fake, 'admitNodes', question(), { heartbeatDetails });
    const despite = [{ ...budgetDrawn, allowed: 0, drawn: 0, wanted: 1 }];
    expect(result).toEqual({ admitted: [{ node: 'worker-3', despite }] });
    const tookMs = fake.clock.nowMs() - startMs;
    expect([tookMs >= 10_000, tookMs < 13_000]).toEqual([true, true]);
  });

  it('waits no longer than a drain may take', async () => {
    const fake = aCluster();
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 4 });
    fake.kube.addPod('worker-4', 'web-5', { labels: web, ...broken });
    const policy = { ...question().policy, timeoutMs: 10_000 };
    await runOnce(fake, 'admitNodes', question({ policy }));
    const tookMs = fake.clock.nowMs() - startMs;
    expect([tookMs >= 10_000, tookMs < 13_000]).toEqual([true, true]);
  });

  it('begins with a node that does not exist: its workflow tells', async () => {
    const waiting = ['worker-9', 'worker-2', 'worker-8', 'worker-7'].map(nodeName);
    expect(await runOnce(aCluster(), 'admitNodes', question({ waiting, free: 2 }))).toEqual({
      admitted: [{ node: 'worker-9' }, { node: 'worker-8' }],
    });
  });

  it.each([
    { lookMs: 5, everyMs: 65 },
    { lookMs: 150, everyMs: 750 },
    { lookMs: 600, everyMs: 1_600 },
  ])('looks no more often than its looks allow: $lookMs ms each', async ({ lookMs, everyMs }) => {
    const fake = aCluster();
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 4 });
    fake.kube.addPod('worker-4', 'web-5', { labels: web, ...broken });
    const other = fake.kube.addBudget('other', { matchLabels: { app: 'other' } });
    const change = (): void => {
      other.desiredHealthy += 1;
      fake.clock.after(10, change);
    };
    change();
    const looks: number[] = [];
    const follow = fake.kube.followCluster.bind(fake.kube);
    fake.kube.followCluster = () => {
      const follower = follow();
      const cluster = (): ClusterView | undefined => {
        looks.push(fake.clock.nowMs());
        fake.clock.advance(lookMs);
        return follower.cluster();
      };
      return { ...follower, cluster };
    };
    await runOnce(fake, 'admitNodes', question({ ...beside1, waitMs: 10_000 }));
    const pauses = looks.slice(1).map((atMs, index) => atMs - (looks[index] ?? 0));
    expect(new Set(pauses)).toEqual(new Set([everyMs]));
  });

  it('ends at its cancellation', async () => {
    const fake = aCluster();
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 4 });
    fake.kube.addPod('worker-4', 'web-5', { labels: web, ...broken });
    const attempt = new FakeAttempt();
    attempt.onHeartbeat = () => attempt.cancel();
    await expect(attempt.run(fake, 'admitNodes', question(beside1))).rejects.toThrow('cancelled');
    expect(fake.kube.followers).toBe(0);
  });
});
