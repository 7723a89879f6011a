// drainNode with `surge` on its ladder: what is raised, what is not and why, and that everything is
// put back, whoever else has a hand in it.

import { isDeepStrictEqual } from 'node:util';

import { PortError } from '../../../activities/ports';
import type { DrainProgress } from '../../../domain/activity-contract';
import type { DrainBlocker } from '../../../domain/blockers';
import type { DrainPolicy } from '../../../domain/spec';
import type { LadderStand, SurgeMark } from '../../../domain/drain/surge';
import {
  cluster,
  FakeAttempt,
  type FakeCluster,
  failureOf,
  nodeName,
  runOnce,
} from '../../support/fake-cluster';
import { aClusterToDrain, aDrain } from '../../support/fake-drain';

const startMs = Date.UTC(2026, 0, 1);
const afterMs = 5_000;
const web = { kind: 'Deployment', namespace: 'shop', name: 'web' } as const;
const autoscaler = { kind: 'HorizontalPodAutoscaler', namespace: 'shop', name: 'web-hpa' } as const;

function aCluster(): FakeCluster {
  const fake = aClusterToDrain();
  fake.kube.isWatched = true;
  return fake;
}

function surging(over: Partial<DrainPolicy> = {}) {
  const ladder = ['surge', 'hold'] as const;
  return aDrain({ timeoutMs: 20_000, ladder, surgeAfterMs: afterMs, ...over });
}

function aMark(over: Partial<SurgeMark> = {}): SurgeMark {
  const at = '2025-12-31T23:59:00.000Z';
  return { from: 1, to: 2, node: nodeName('worker-1'), cluster, at, ...over };
}

/** Where pods stood on the ladder, each time that it changed. */
function standsIn({ heartbeats }: FakeAttempt): readonly LadderStand[] {
  const told: LadderStand[] = [];
  for (const { blockers } of heartbeats as DrainProgress[]) {
    for (const blocker of blockers) {
      const stand = blocker.code === 'budget-exhausted' ? blocker.ladder : undefined;
      if (stand !== undefined && !isDeepStrictEqual(stand, told.at(-1))) told.push(stand);
    }
  }
  return told;
}

function undoneIn({ heartbeats }: FakeAttempt): DrainBlocker | undefined {
  const { blockers } = heartbeats.at(-1) as DrainProgress;
  return blockers.find(({ code }) => code === 'surge-undone');
}

function scales({ kube }: FakeCluster): readonly string[] {
  return kube.mutations.filter((line) => line.startsWith('scale'));
}

describe('the rung surge', () => {
  it('raises a Deployment that its budget never lets go, evicts, and puts it back', async () => {
    const fake = aCluster();
    fake.kube.scales.addDeployment('web', 1);
    const attempt = new FakeAttempt();
    const result = await attempt.run(fake, 'drainNode', surging());
    expect(result).toEqual({
      evicted: 1,
      refusals: 0,
      seconds: expect.any(Number) as number,
      surges: [{ raised: web, from: 1, to: 2, end: 'put-back' }],
    });
    expect(fake.kube.mutations).toEqual([
      'scale Deployment web 2, marked',
      'evict shop/web-1',
      'scale Deployment web 1, unmarked',
    ]);
    expect(standsIn(attempt)).toEqual([
      { rung: 'wait', surgeAtMs: startMs + afterMs },
      { rung: 'surge', raised: web, from: 1, to: 2 },
    ]);
    // Five seconds of patience, two until the replica is Ready, one of grace.
    expect(fake.clock.nowMs() - startMs).toBeLessThan(11_000);
  });

  it('serves all pods of the node by one replica', async () => {
    const fake = aCluster();
    fake.kube.scales.addDeployment('web', 3);
    expect(await runOnce(fake, 'drainNode', surging())).toMatchObject({ evicted: 3 });
    expect(scales(fake)).toEqual([
      'scale Deployment web 4, marked',
      'scale Deployment web 3, unmarked',
    ]);
  });

  it('raises the minimum of an autoscaler where one decides', async () => {
    const fake = aCluster();
    fake.kube.scales.addDeployment('web', 2);
    fake.kube.scales.addAutoscaler('web', 1, 5);
    const result = await runOnce(fake, 'drainNode', surging());
    expect(result.surges).toEqual([{ raised: autoscaler, from: 1, to: 3, end: 'put-back' }]);
    expect(scales(fake)).toEqual([
      'scale HorizontalPodAutoscaler web-hpa 3, marked',
      'scale HorizontalPodAutoscaler web-hpa 1, unmarked',
    ]);
  });

  it('raises nothing without the rung', async () => {
    const fake = aCluster();
    fake.kube.scales.addDeployment('web', 1);
    const failure = await failureOf(runOnce(fake, 'drainNode', aDrain({ timeoutMs: 20_000 })));
    expect(failure).toMatchObject({ type: 'drain-deadline' });
    expect(fake.kube.mutations).toEqual([]);
  });

  it('waits as long as a pod is not healthy: that is not the budget', async () => {
    const fake = aCluster();
    fake.kube.scales.addDeployment('web', 2);
    const [pod] = fake.kube.pods.values();
    Object.assign(pod ?? {}, { ready: false });
    const attempt = new FakeAttempt();
    await failureOf(attempt.run(fake, 'drainNode', surging()));
    expect(fake.kube.mutations).toEqual([]);
    expect(standsIn(attempt)).toEqual([]);
  });

  it('waits for the replicas that the Deployment wants itself', async () => {
    const fake = aCluster();
    const scale = fake.kube.scales.addDeployment('web', 1);
    scale.replicas = 2;
    await failureOf(runOnce(fake, 'drainNode', surging()));
    expect(fake.kube.mutations).toEqual([]);
  });

  it('lets the surge of another drain serve', async () => {
    const fake = aCluster();
    const scale = fake.kube.scales.addDeployment('web', 1);
    scale.mark = aMark({ node: nodeName('worker-9') });
    fake.clock.after(12_000, () => {
      scale.mark = undefined;
      fake.kube.budgets.length = 0;
    });
    const attempt = new FakeAttempt();
    await attempt.run(fake, 'drainNode', surging());
    expect(standsIn(attempt).at(-1)).toEqual({
      rung: 'surge',
      raised: web,
      from: 1,
      to: 2,
      by: 'worker-9',
    });
    expect(scales(fake)).toEqual([]);
  });
});

describe('what is not raised', () => {
  it.each<{ what: string; arrange: (fake: FakeCluster) => void; notRaised: unknown }>([
    {
      what: 'a StatefulSet',
      arrange: ({ kube }) => {
        const [pod] = kube.pods.values();
        Object.assign(pod ?? {}, { controller: { kind: 'StatefulSet', name: 'db' } });
      },
      notRaised: { code: 'owner', owner: { kind: 'StatefulSet', name: 'db' } },
    },
    {
      what: 'a ReplicaSet of nobody',
      arrange: ({ kube }) => {
        const [pod] = kube.pods.values();
        Object.assign(pod ?? {}, { controller: { kind: 'ReplicaSet', name: 'lonely' } });
      },
      notRaised: { code: 'owner', owner: { kind: 'ReplicaSet', name: 'lonely' } },
    },
    {
      what: 'a ReplicaSet of something else',
      arrange: ({ kube }) =>
        kube.scales.otherOwners.set('web-5d', { kind: 'Rollout', name: 'web' }),
      notRaised: { code: 'owner', owner: { kind: 'Rollout', name: 'web' } },
    },
    {
      what: 'a pod of nobody',
      arrange: ({ kube }) => {
        const [pod] = kube.pods.values();
        delete pod?.controller;
      },
      notRaised: { code: 'owner' },
    },
    {
      what: 'a Deployment that is never two at a time',
      arrange: ({ kube }) => Object.assign(kube.scales.all[0] ?? {}, { recreates: true }),
      notRaised: { code: 'recreates', deployment: 'web' },
    },
    {
      what: 'one whose autoscaler is at its end',
      arrange: ({ kube }) => void kube.scales.addAutoscaler('web', 1, 1),
      notRaised: { code: 'autoscaler-at-max', autoscaler: 'web-hpa', max: 1 },
    },
    {
      what: 'one whose budget would let none go with one more either',
      arrange: ({ kube }) => Object.assign(kube.budgets[0] ?? {}, { maxUnavailable: '0' }),
      notRaised: { code: 'no-help' },
    },
    {
      what: 'one that the worker has no right to',
      arrange: ({ kube }) => {
        const error = new PortError('forbidden', 'reading Deployment shop/web: no (HTTP 403)');
        for (let time = 0; time < 9; time += 1) {
          kube.failures.push({ method: 'getDeployment', error });
        }
      },
      notRaised: { code: 'forbidden', message: 'reading Deployment shop/web: no (HTTP 403)' },
    },
    {
      what: 'one whose change a webhook refuses',
      arrange: ({ kube }) => {
        const error = new PortError('rejected', 'raising Deployment shop/web: denied (HTTP 422)');
        for (let time = 0; time < 9; time += 1) kube.failures.push({ method: 'setScale', error });
      },
      notRaised: { code: 'failing', message: 'raising Deployment shop/web: denied (HTTP 422)' },
    },
  ])('$what, and it is told why', async ({ arrange, notRaised }) => {
    const fake = aCluster();
    fake.kube.scales.addDeployment('web', 1);
    arrange(fake);
    const attempt = new FakeAttempt();
    const policy = { unmanagedPods: 'evict' } as const;
    const failure = await failureOf(attempt.run(fake, 'drainNode', surging(policy)));
    expect(failure).toMatchObject({ type: 'drain-deadline' });
    expect(fake.kube.mutations).toEqual([]);
    expect(standsIn(attempt).at(-1)).toEqual({ rung: 'wait', notRaised });
  });
});

describe('a surge that somebody undoes', () => {
  const undone = { raised: web, from: 1, to: 2, found: 1, by: 'argocd-controller' };

  it('is told with who did it, and not done again', async () => {
    const fake = aCluster();
    fake.kube.scales.startMs = Infinity;
    const scale = fake.kube.scales.addDeployment('web', 1);
    fake.clock.after(8_000, () => fake.kube.scales.scale(scale, 1, 'argocd-controller'));
    const attempt = new FakeAttempt();
    await failureOf(attempt.run(fake, 'drainNode', surging()));
    expect(undoneIn(attempt)).toEqual({
      ...undone,
      code: 'surge-undone',
      pod: { namespace: 'shop', name: 'web-1' },
      sinceMs: expect.any(Number) as number,
    });
    expect(standsIn(attempt).at(-1)).toEqual({ rung: 'wait', notRaised: { code: 'undone' } });
    expect(scales(fake)).toEqual([
      'scale Deployment web 2, marked',
      'scale Deployment web as it is, unmarked',
    ]);
  });

  it('is remembered by the next attempt', async () => {
    const fake = aCluster();
    fake.kube.scales.addDeployment('web', 1);
    const heartbeatDetails = {
      evicted: 0,
      refusals: 0,
      remaining: 1,
      blockers: [],
      startedAtMs: startMs,
      toEvict: [],
      surgesUndone: [{ ...undone, deployment: 'web', sinceMs: startMs }],
    };
    const attempt = new FakeAttempt({ heartbeatDetails });
    await failureOf(attempt.run(fake, 'drainNode', surging()));
    expect(undoneIn(attempt)).toMatchObject({ ...undone, sinceMs: startMs });
    expect(scales(fake)).toEqual([]);
  });

  it('keeps the replicas that somebody set meanwhile', async () => {
    const fake = aCluster();
    fake.kube.scales.startMs = Infinity;
    const scale = fake.kube.scales.addDeployment('web', 1);
    fake.clock.after(8_000, () => fake.kube.scales.scale(scale, 5, 'kubectl'));
    const attempt = new FakeAttempt();
    await failureOf(attempt.run(fake, 'drainNode', surging()));
    expect(undoneIn(attempt)).toMatchObject({ found: 5, by: 'kubectl' });
    expect([scale.replicas, scale.mark]).toEqual([5, undefined]);
  });

  it("is put back when only its annotation is gone: the replicas are Ascent's", async () => {
    const fake = aCluster();
    fake.kube.scales.startMs = Infinity;
    const scale = fake.kube.scales.addDeployment('web', 1);
    fake.clock.after(8_000, () => Object.assign(scale, { mark: undefined, version: 9 }));
    const attempt = new FakeAttempt();
    await failureOf(attempt.run(fake, 'drainNode', surging()));
    expect(undoneIn(attempt)).toMatchObject({ to: 2, found: 2 });
    expect(scale.replicas).toBe(1);
  });

  it('is nothing to put back when its Deployment is gone', async () => {
    const fake = aCluster();
    fake.kube.scales.startMs = Infinity;
    fake.kube.scales.addDeployment('web', 1);
    fake.clock.after(8_000, () => {
      fake.kube.scales.all.length = 0;
      fake.kube.pods.clear();
    });
    const { surges } = await runOnce(fake, 'drainNode', surging());
    expect(surges).toEqual([{ raised: web, to: 2, end: 'gone' }]);
  });
});

describe('however the drain ends, what it raised is put back', () => {
  it('at its deadline', async () => {
    const fake = aCluster();
    fake.kube.scales.startMs = Infinity;
    const scale = fake.kube.scales.addDeployment('web', 1);
    expect(await failureOf(runOnce(fake, 'drainNode', surging()))).toMatchObject({
      type: 'drain-deadline',
    });
    expect([scale.replicas, scale.mark]).toEqual([1, undefined]);
  });

  it('when it is cancelled', async () => {
    const fake = aCluster();
    fake.kube.scales.startMs = Infinity;
    const scale = fake.kube.scales.addDeployment('web', 1);
    const attempt = new FakeAttempt();
    fake.clock.after(10_000, () => attempt.cancel());
    const failure = await failureOf(attempt.run(fake, 'drainNode', surging()));
    expect(failure).toMatchObject({ name: 'CancelledFailure' });
    expect([scale.replicas, scale.mark]).toEqual([1, undefined]);
  });

  it('by the next attempt, when its worker died: the pods are gone', async () => {
    const fake = aCluster();
    const scale = fake.kube.scales.addDeployment('web', 1);
    Object.assign(scale, { mark: aMark() });
    fake.kube.scales.scale(scale, 2, 'ascent-surge');
    fake.kube.pods.delete('uid-shop-web-1');
    const result = await runOnce(fake, 'drainNode', surging(), { heartbeatDetails: {} });
    expect(result.surges).toEqual([{ raised: web, from: 1, to: 2, end: 'put-back' }]);
    expect([scale.replicas, scale.mark]).toEqual([1, undefined]);
  });

  it('by the next attempt, which goes on where the pods are still there', async () => {
    const fake = aCluster();
    const scale = fake.kube.scales.addDeployment('web', 1);
    Object.assign(scale, { mark: aMark() });
    fake.kube.scales.scale(scale, 2, 'ascent-surge');
    const result = await runOnce(fake, 'drainNode', surging(), { heartbeatDetails: {} });
    expect(result).toMatchObject({ evicted: 1, surges: [{ end: 'put-back' }] });
    expect(scales(fake)).toEqual(['scale Deployment web 1, unmarked']);
  });

  it('again, when somebody else wrote in between', async () => {
    const fake = aCluster();
    const scale = fake.kube.scales.addDeployment('web', 1);
    let writes = 0;
    fake.kube.onCall = (method) => {
      if (method !== 'setScale') return;
      writes += 1;
      if (writes === 2) scale.version += 1;
    };
    const { surges } = await runOnce(fake, 'drainNode', surging());
    expect(surges).toEqual([{ raised: web, from: 1, to: 2, end: 'put-back' }]);
    expect(writes).toBe(3);
  });

  it('is tried again by Temporal when the API is away as its last pod leaves', async () => {
    const fake = aCluster();
    const scale = fake.kube.scales.addDeployment('web', 1);
    let writes = 0;
    fake.kube.onCall = (method) => {
      if (method !== 'setScale') return;
      writes += 1;
      if (writes === 2) throw new PortError('unreachable', 'nobody answers');
    };
    const failure = await failureOf(runOnce(fake, 'drainNode', surging()));
    expect(failure).toMatchObject({ type: 'cluster-unreachable', nonRetryable: false });
    expect(scale.mark).toMatchObject({ node: 'worker-1' });
    const result = await runOnce(fake, 'drainNode', surging(), { heartbeatDetails: {} });
    expect(result.surges).toEqual([{ raised: web, from: 1, to: 2, end: 'put-back' }]);
  });

  it('needs no right to look for it where it had none to raise', async () => {
    const fake = aCluster();
    const error = new PortError('forbidden', 'listing Deployments: no (HTTP 403)');
    fake.kube.failures.push({ method: 'listSurged', error });
    const result = await runOnce(fake, 'drainNode', surging(), { heartbeatDetails: {} });
    expect(result).toMatchObject({ evicted: 0 });
  });
});

describe('endSurges', () => {
  const input = { cluster, node: nodeName('worker-1') };

  it('puts back what the drain of the node raised, once, and nothing of others', async () => {
    const fake = aCluster();
    const one = fake.kube.scales.addDeployment('web', 1);
    const other = fake.kube.scales.addDeployment('api', 1);
    Object.assign(one, { mark: aMark(), by: 'ascent-surge', replicas: 2 });
    Object.assign(other, { mark: aMark({ node: nodeName('worker-2') }), replicas: 2 });
    expect(await runOnce(fake, 'endSurges', input)).toEqual({
      ended: [{ raised: web, from: 1, to: 2, end: 'put-back' }],
    });
    expect(await runOnce(fake, 'endSurges', input)).toEqual({ ended: [] });
    expect([one.replicas, other.replicas]).toEqual([1, 2]);
  });

  it('leaves replicas that are not those of the mark, and takes the mark away', async () => {
    const fake = aCluster();
    const scale = fake.kube.scales.addDeployment('web', 3);
    Object.assign(scale, { mark: aMark(), by: 'kubectl-edit' });
    expect(await runOnce(fake, 'endSurges', input)).toEqual({
      ended: [{ raised: web, to: 2, end: 'left', found: 3, by: 'kubectl-edit' }],
    });
    expect([scale.replicas, scale.mark]).toEqual([3, undefined]);
  });
});
