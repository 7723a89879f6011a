import { PortError } from '../../../activities/ports';
import type { DrainProgress } from '../../../domain/activity-contract';
import { FakeAttempt, failureOf, nodeName, runOnce } from '../../support/fake-cluster';
import { aClusterToDrain, aDrain } from '../../support/fake-drain';

const never = new AbortController().signal;
const web = { app: 'web' };

const pod = (name: string) => ({ namespace: 'shop', name });

describe('drainNode', () => {
  it('evicts what a controller brings back and leaves the rest of the node alone', async () => {
    const fake = aClusterToDrain();
    fake.kube.daemonSets.add('shop/logs');
    fake.kube
      .addPod('worker-1', 'web-1')
      .addPod('worker-1', 'web-2')
      .addPod('worker-1', 'logs-1', { controller: { kind: 'DaemonSet', name: 'logs' } })
      .addPod('worker-1', 'static', { isMirror: true })
      .addPod('worker-1', 'done', { phase: 'Succeeded', hasEmptyDir: true });
    expect(await runOnce(fake, 'drainNode', aDrain())).toEqual({
      evicted: 3,
      refusals: 0,
      seconds: 1.2,
    });
    expect(fake.kube.podsOn('worker-1')).toEqual(['logs-1', 'static']);
    expect(fake.kube.mutations).toEqual([
      'evict shop/web-1',
      'evict shop/web-2',
      'evict shop/done',
    ]);
  });

  it('does nothing on an empty node, on a missing node, and the second time', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    await runOnce(fake, 'drainNode', aDrain());
    const nothing = { evicted: 0, refusals: 0, seconds: 0 };
    expect(await runOnce(fake, 'drainNode', aDrain())).toEqual(nothing);
    expect(await runOnce(fake, 'drainNode', { ...aDrain(), node: nodeName('gone') })).toEqual(
      nothing,
    );
    expect(fake.kube.mutations).toEqual(['evict shop/web-1']);
  });

  it('looks mostly at what an API server remembers, and at etcd every 5 s', async () => {
    const fake = aClusterToDrain();
    fake.kube.graceMs = 12_000;
    fake.kube.addPod('worker-1', 'web-1');
    await runOnce(fake, 'drainNode', aDrain());
    const lists = fake.kube.podLists;
    expect(lists.filter((freshness) => freshness === 'now')).toHaveLength(4);
    expect(lists.length).toBeGreaterThan(20);
    expect([lists[0], lists.at(-1)]).toEqual(['now', 'now']);
  });

  it('believes no memory that the node is empty', async () => {
    const fake = aClusterToDrain();
    fake.kube.remembered = [];
    fake.kube.graceMs = 3_000;
    fake.kube.addPod('worker-1', 'web-1');
    const startedAtMs = fake.clock.nowMs();
    await runOnce(fake, 'drainNode', aDrain());
    expect(fake.clock.nowMs() - startedAtMs).toBeGreaterThanOrEqual(3_000);
    expect(await fake.kube.listPodsOnNode(nodeName('worker-1'), 'now', never)).toEqual([]);
  });

  it('evicts no pod that is only remembered: it may have been replaced', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-0');
    fake.kube.remembered = await fake.kube.listPods(never);
    fake.kube.pods.clear();
    fake.kube.graceMs = 3_000;
    fake.kube.addPod('worker-1', 'web-1');
    let asked = 0;
    fake.kube.onCall = (method) => {
      if (method === 'evict') asked += 1;
    };
    await runOnce(fake, 'drainNode', aDrain());
    expect(asked).toBe(1);
    expect(fake.kube.mutations).toEqual(['evict shop/web-1']);
  });

  it('believes no memory of pods that are gone when its time is over', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    fake.kube.remembered = await fake.kube.listPods(never);
    const result = await runOnce(fake, 'drainNode', aDrain({ timeoutMs: 2_000 }));
    expect(result).toMatchObject({ evicted: 1 });
  });

  it('waits for a budget about every second and goes on when it allows', async () => {
    const fake = aClusterToDrain();
    for (const name of ['web-1', 'web-2', 'web-3'])
      fake.kube.addPod('worker-1', name, { labels: web });
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 2 });
    const attempt = new FakeAttempt();
    const result = await attempt.run(fake, 'drainNode', aDrain());
    expect(result).toMatchObject({ evicted: 3 });
    expect(result.refusals).toBeGreaterThanOrEqual(3);
    expect(result.seconds).toBeGreaterThan(3);
    expect(result.seconds).toBeLessThan(10);
    expect(attempt.heartbeats).toContainEqual(
      expect.objectContaining({
        evicted: 1,
        blockers: expect.arrayContaining([
          {
            code: 'budget-exhausted',
            pod: pod('web-2'),
            budget: { namespace: 'shop', name: 'web' },
            message: 'The disruption budget web needs 2 healthy pods and has 2 currently',
            sinceMs: Date.UTC(2026, 0, 1),
          },
        ]),
      }),
    );
  });

  it('keeps at most ten evictions under way', async () => {
    const fake = aClusterToDrain();
    for (let index = 0; index < 40; index += 1) fake.kube.addPod('worker-1', `web-${index}`);
    expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 40 });
    expect(fake.kube.mostEvictionsInFlight).toBe(10);
  });

  it('evicts pods that turn up while it waits', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    fake.clock.after(500, () => void fake.kube.addPod('worker-1', 'late', { uid: 'late' }));
    expect(await runOnce(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 2 });
  });

  it('overrides the grace period when the policy says so', async () => {
    const fake = aClusterToDrain();
    fake.kube.graceMs = 60_000;
    fake.kube.addPod('worker-1', 'web-1');
    const result = await runOnce(fake, 'drainNode', aDrain({ gracePeriodSeconds: 3 }));
    expect(result).toEqual({ evicted: 1, refusals: 0, seconds: 3.2 });
  });
});

describe('drainNode refuses', () => {
  it('and evicts nothing when the policy keeps one pod; every reason is told', async () => {
    const fake = aClusterToDrain();
    fake.kube
      .addPod('worker-1', 'web-1')
      .addPod('worker-1', 'cache', { hasEmptyDir: true })
      .addPod('worker-1', 'logs-1', { controller: { kind: 'DaemonSet', name: 'logs' } });
    expect(await failureOf(runOnce(fake, 'drainNode', aDrain()))).toEqual({
      type: 'drain-refused',
      nonRetryable: true,
      message: expect.stringContaining('node worker-1 was not drained: pod shop/cache'),
      details: [
        {
          blockers: [
            { code: 'pod-emptydir', pod: pod('cache'), sinceMs: fake.clock.nowMs() },
            {
              code: 'daemonset-missing',
              pod: pod('logs-1'),
              daemonSet: 'logs',
              sinceMs: fake.clock.nowMs(),
            },
          ],
          pods: ['cache', 'logs-1'].map((name) => ({ ...pod(name), uid: `uid-shop-${name}` })),
        },
      ],
    });
    expect(fake.kube.mutations).toEqual([]);
  });

  it('a node that is not cordoned', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-2', 'web-1');
    const run = runOnce(fake, 'drainNode', { ...aDrain(), node: nodeName('worker-2') });
    expect(await failureOf(run)).toEqual({
      type: 'drain-refused',
      nonRetryable: true,
      message: 'node worker-2 is not cordoned; its pods would come back',
      details: [{ blockers: [] }],
    });
    expect(fake.kube.mutations).toEqual([]);
  });

  it('to go on when somebody uncordons the node meanwhile', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1', { labels: web });
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 1 });
    fake.clock.after(5_000, () => {
      const node = fake.kube.nodes.get('worker-1');
      if (node !== undefined) node.unschedulable = false;
    });
    expect(await failureOf(runOnce(fake, 'drainNode', aDrain()))).toMatchObject({
      type: 'drain-refused',
      message: 'node worker-1 is not cordoned; its pods would come back',
    });
  });

  it('at once when the worker may not evict', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    fake.kube.answer = () => ({ kind: 'forbidden', message: 'cannot create pods/eviction' });
    expect(await failureOf(runOnce(fake, 'drainNode', aDrain()))).toMatchObject({
      type: 'credentials-refused',
      nonRetryable: true,
      message: 'draining node worker-1: may not evict pod shop/web-1: cannot create pods/eviction',
      details: [
        { progress: { evicted: 0, blockers: [{ code: 'eviction-forbidden', pod: pod('web-1') }] } },
      ],
    });
  });

  it('at once when the credentials are refused', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    fake.kube.answer = () => new PortError('unauthorized', 'evicting pod shop/web-1: 401');
    expect(await failureOf(runOnce(fake, 'drainNode', aDrain()))).toEqual({
      type: 'credentials-refused',
      nonRetryable: true,
      message: 'draining node worker-1: evicting pod shop/web-1: 401',
      details: [{ reason: 'unauthorized' }],
    });
  });
});

describe('drainNode at its deadline', () => {
  it('stops with what blocks and has forced nothing', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1', { labels: web }).addPod('worker-1', 'free');
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 1 });
    const startedAtMs = fake.clock.nowMs();
    const failure = await failureOf(runOnce(fake, 'drainNode', aDrain({ timeoutMs: 30_000 })));
    expect(failure).toMatchObject({
      type: 'drain-deadline',
      nonRetryable: true,
      message: expect.stringMatching(
        /^node worker-1 was not empty after 30 s: pods left: 1, evicted: 1; pod shop\/web-1/,
      ),
      details: [
        {
          progress: {
            evicted: 1,
            remaining: 1,
            startedAtMs,
            blockers: [{ code: 'budget-exhausted', pod: pod('web-1'), sinceMs: startedAtMs }],
          },
        },
      ],
    });
    expect(fake.clock.nowMs() - startedAtMs).toBe(30_000);
    expect(fake.kube.podsOn('worker-1')).toEqual(['web-1']);
  });

  it('tells a pod that outlasts its grace period from one that is refused', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'stuck', { finalizers: ['example.com/hold'] });
    const endsAtMs = fake.clock.nowMs() + 1_000;
    expect(
      await failureOf(runOnce(fake, 'drainNode', aDrain({ timeoutMs: 20_000 }))),
    ).toMatchObject({
      type: 'drain-deadline',
      details: [
        {
          progress: {
            evicted: 1,
            remaining: 1,
            blockers: [
              {
                code: 'pod-terminating',
                pod: pod('stuck'),
                finalizers: ['example.com/hold'],
                gracePeriodSeconds: 1,
                cause: 'finalizer',
                sinceMs: endsAtMs,
              },
            ],
          },
        },
      ],
    });
  });

  it('tells that nobody confirms the end of a pod while its node is not Ready', async () => {
    const fake = aClusterToDrain();
    fake.kube.addNode('worker-1', { unschedulable: true, ready: false });
    fake.kube.addPod('worker-1', 'lost');
    fake.kube.confirmsEnds = false;
    const drain = runOnce(fake, 'drainNode', aDrain({ timeoutMs: 20_000, gracePeriodSeconds: 5 }));
    const endsAtMs = fake.clock.nowMs() + 5_000;
    const blockers = [
      {
        code: 'pod-terminating',
        pod: pod('lost'),
        finalizers: [],
        gracePeriodSeconds: 5,
        cause: 'node-not-ready',
        sinceMs: endsAtMs,
      },
    ];
    expect(await failureOf(drain)).toMatchObject({
      type: 'drain-deadline',
      details: [{ progress: { evicted: 1, remaining: 1, blockers } }],
    });
  });

  it('tells a pod with a long grace period while that runs, and what keeps it then', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'slow', { finalizers: ['example.com/hold'] });
    const askedAtMs = fake.clock.nowMs();
    const attempt = new FakeAttempt();
    const drain = aDrain({ timeoutMs: 100_000, gracePeriodSeconds: 90 });
    await failureOf(attempt.run(fake, 'drainNode', drain));
    const slow = { code: 'pod-terminating', pod: pod('slow'), finalizers: ['example.com/hold'] };
    const untilMs = askedAtMs + 90_000;
    // Heartbeats repeat the last details by themselves.
    const beats = [...new Set(attempt.heartbeats)];
    expect(beats.flatMap((beat) => (beat as DrainProgress).blockers)).toEqual([
      { ...slow, gracePeriodSeconds: 90, cause: 'grace', untilMs, sinceMs: askedAtMs },
      { ...slow, gracePeriodSeconds: 90, cause: 'finalizer', sinceMs: untilMs },
    ]);
  });

  it('does not call a pod stuck that is within its grace period', async () => {
    const fake = aClusterToDrain();
    fake.kube.graceMs = 30_000;
    fake.kube.addPod('worker-1', 'slow');
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'drainNode', aDrain())).toMatchObject({ evicted: 1 });
    for (const beat of attempt.heartbeats) expect(beat).toMatchObject({ blockers: [] });
  });
});

describe('drainNode waits and says why', () => {
  it('for a person to remove one of two budgets', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1', { labels: web });
    fake.kube.addBudget('one', { matchLabels: web });
    fake.kube.addBudget('two', { matchLabels: web });
    fake.clock.after(60_000, () => void fake.kube.budgets.pop());
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'drainNode', aDrain())).toMatchObject({
      evicted: 1,
      refusals: 0,
    });
    expect(attempt.heartbeats).toContainEqual(
      expect.objectContaining({
        blockers: [
          {
            code: 'budgets-overlap',
            pod: pod('web-1'),
            message: 'more than one budget selects this pod',
            sinceMs: Date.UTC(2026, 0, 1),
          },
        ],
      }),
    );
  });

  it('as long as the server asks when a budget is not observed yet', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1', { labels: web });
    const budget = fake.kube.addBudget('web', { matchLabels: web, observed: false });
    fake.clock.after(3_000, () => void (budget.observed = true));
    const result = await runOnce(fake, 'drainNode', aDrain());
    expect(result).toMatchObject({ evicted: 1, refusals: 1 });
    expect(result.seconds).toBeGreaterThanOrEqual(11);
  });

  it.each([
    [{ kind: 'throttled', retryAfterSeconds: 4 }, 'api-throttled', 5],
    [{ kind: 'namespace-terminating' }, 'namespace-terminating', 2.5],
    [{ kind: 'failed', message: 'webhook down' }, 'eviction-failing', 1.8],
    [{ kind: 'forbidden', by: 'budget', message: 'bad budget' }, 'eviction-forbidden', 9],
    [new PortError('timeout', 'no answer in 10 s'), 'eviction-failing', 1.8],
    [new PortError('unexpected', 'HTTP 500'), 'eviction-failing', 1.8],
  ] as const)('when the answer is %j', async (answer, code, atLeastSeconds) => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    const answers = [answer];
    fake.kube.answer = () => answers.shift();
    const attempt = new FakeAttempt();
    const result = await attempt.run(fake, 'drainNode', aDrain());
    expect(result).toMatchObject({ evicted: 1, refusals: 0 });
    expect(result.seconds).toBeGreaterThanOrEqual(atLeastSeconds);
    expect(attempt.heartbeats).toContainEqual(
      expect.objectContaining({ blockers: [expect.objectContaining({ code })] }),
    );
  });

  it.each([{ kind: 'gone' }, { kind: 'replaced' }] as const)(
    'not at all when the pod is $kind: the next look settles it',
    async (answer) => {
      const fake = aClusterToDrain();
      fake.kube.addPod('worker-1', 'web-1');
      fake.kube.answer = () => {
        fake.kube.pods.clear();
        return answer;
      };
      const result = await runOnce(fake, 'drainNode', aDrain());
      expect(result).toMatchObject({ evicted: 0, refusals: 0 });
      expect(result.seconds).toBeLessThanOrEqual(2);
    },
  );
});

describe('drainNode goes on after its worker died', () => {
  const startedAtMs = Date.UTC(2026, 0, 1) - 5_000;
  const checkpoint = {
    evicted: 2,
    refusals: 1,
    remaining: 3,
    blockers: [
      { code: 'budget-exhausted', pod: pod('web-3'), message: 'no', sinceMs: startedAtMs + 1 },
    ],
    startedAtMs,
    toEvict: ['uid-gone', 'uid-leaving', 'uid-web-3'],
  };

  it('and counts each pod once, also those evicted after the last heartbeat', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'leaving', { uid: 'uid-leaving', deletionTimestampMs: 1 });
    fake.clock.after(1_000, () => void fake.kube.pods.delete('uid-leaving'));
    fake.kube.addPod('worker-1', 'web-3', { uid: 'uid-web-3' });
    const attempt = new FakeAttempt({ heartbeatDetails: checkpoint });
    expect(await attempt.run(fake, 'drainNode', aDrain())).toEqual({
      evicted: 5,
      refusals: 1,
      seconds: 6.2,
    });
    expect(fake.kube.mutations).toEqual(['evict shop/web-3']);
  });

  it('and keeps since when a pod was refused', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-3', { uid: 'uid-web-3', labels: web });
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 1 });
    const attempt = new FakeAttempt({ heartbeatDetails: checkpoint });
    const run = attempt.run(fake, 'drainNode', aDrain({ timeoutMs: 10_000 }));
    expect(await failureOf(run)).toMatchObject({
      type: 'drain-deadline',
      details: [{ progress: { blockers: [{ sinceMs: startedAtMs + 1 }] } }],
    });
    expect(fake.clock.nowMs()).toBe(startedAtMs + 10_000);
  });

  it('and asks once more when its time is over: a person is told reasons of now', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'free', { uid: 'uid-free' });
    fake.kube.addPod('worker-1', 'web-3', { uid: 'uid-web-3', labels: web });
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 1 });
    const nowMs = fake.clock.nowMs();
    const attempt = new FakeAttempt({ heartbeatDetails: checkpoint });
    const run = attempt.run(fake, 'drainNode', aDrain({ timeoutMs: 5_000 }));
    expect(await failureOf(run)).toMatchObject({
      type: 'drain-deadline',
      details: [
        {
          progress: {
            remaining: 2,
            blockers: [
              { code: 'budget-exhausted', pod: pod('web-3'), sinceMs: startedAtMs + 1 },
              {
                code: 'pod-terminating',
                pod: pod('free'),
                cause: 'grace',
                untilMs: nowMs + 1_000,
                sinceMs: nowMs,
              },
            ],
          },
        },
      ],
    });
    expect(fake.kube.mutations).toEqual(['evict shop/free']);
  });

  it('and begins anew when the resume point is of no use', async () => {
    for (const heartbeatDetails of ['x', null, { evicted: 'many' }, { phase: 'saving' }]) {
      const fake = aClusterToDrain();
      fake.kube.addPod('worker-1', 'web-1');
      const result = await runOnce(fake, 'drainNode', aDrain(), { heartbeatDetails });
      expect(result).toEqual({ evicted: 1, refusals: 0, seconds: 1.2 });
    }
  });

  it('from its own heartbeats, killed at any of them', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (let killedAt = 1; killedAt <= 12; killedAt += 1) {
      const fake = aClusterToDrain();
      for (const name of names) fake.kube.addPod('worker-1', name, { labels: web });
      fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 3 });
      const first = new FakeAttempt();
      let seen: unknown;
      first.onHeartbeat = (details) => {
        if (first.heartbeats.length === killedAt) {
          // The last heartbeat that got through is one older than the last that was sent.
          seen = first.heartbeats.at(-2) ?? details;
          first.shutDownWorker();
        }
      };
      const ended = await first.run(fake, 'drainNode', aDrain()).then(
        (result) => result,
        () => undefined,
      );
      const result =
        ended ?? (await runOnce(fake, 'drainNode', aDrain(), { heartbeatDetails: seen }));
      expect({ killedAt, evicted: result.evicted }).toEqual({ killedAt, evicted: 5 });
    }
  });
});

describe('drainNode, cancelled in the middle', () => {
  it('leaves the evicted evicted, asks for no more and says how far it went', async () => {
    const fake = aClusterToDrain();
    for (const name of ['web-1', 'web-2']) fake.kube.addPod('worker-1', name, { labels: web });
    fake.kube.addBudget('web', { matchLabels: web, desiredHealthy: 1 });
    fake.kube.respawnMs = Infinity;
    const attempt = new FakeAttempt();
    attempt.onHeartbeat = (details) => {
      if ((details as { remaining: number }).remaining === 1) attempt.cancel();
    };
    expect(await failureOf(attempt.run(fake, 'drainNode', aDrain()))).toEqual({
      name: 'CancelledFailure',
      message: 'draining node worker-1: cancelled',
      details: [expect.objectContaining({ evicted: 1, remaining: 1 })],
    });
    expect(fake.kube.mutations).toEqual(['evict shop/web-1']);
    expect(fake.kube.nodes.get('worker-1')).toMatchObject({ unschedulable: true });
  });

  it('is not taken for a failure when the request it interrupts fails', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    const attempt = new FakeAttempt();
    fake.kube.answer = () => {
      attempt.cancel();
      return new PortError('unreachable', 'socket closed');
    };
    expect(await failureOf(attempt.run(fake, 'drainNode', aDrain()))).toMatchObject({
      name: 'CancelledFailure',
    });
  });
});

describe('drainNode without an API server', () => {
  it('fails retryably and keeps its resume point', async () => {
    const fake = aClusterToDrain();
    fake.kube.addPod('worker-1', 'web-1');
    fake.kube.onCall = (method) => {
      if (method === 'evict') {
        const error = new PortError('unreachable', 'listing pods of node worker-1: ECONNREFUSED');
        fake.kube.failures.push({ method: 'listPodsOnNode', error });
      }
    };
    const attempt = new FakeAttempt();
    expect(await failureOf(attempt.run(fake, 'drainNode', aDrain()))).toEqual({
      type: 'cluster-unreachable',
      nonRetryable: false,
      message: 'draining node worker-1: listing pods of node worker-1: ECONNREFUSED',
      details: [{ reason: 'unreachable' }],
    });
    expect(attempt.heartbeats.at(-1)).toMatchObject({ evicted: 1, toEvict: [] });
  });
});
