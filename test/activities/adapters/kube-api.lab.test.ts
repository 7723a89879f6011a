// The Kubernetes adapters against a real API server, kube-controller-manager and kube-scheduler.

import { isDeepStrictEqual } from 'node:util';

import { namedMembers } from '../../../activities/adapters/member-directory';
import { createMemberProbe } from '../../../activities/adapters/member-probe';
import { type EvictionAnswer, type NodeFollower, PortError } from '../../../activities/ports';
import type { MemberName, NodeName } from '../../../domain/names';
import { eventually } from '../../../lab/waiting';
import { until } from '../../support/lab-until';
import { openKube, type OpenKube, type RealKube, startKube } from './support/real-kube';
import { temporaryDirectory } from './support/temporary-directory';
import { never } from './support/refusals';

/** Real processes; this only ends what hangs. */
jest.setTimeout(120_000);

const directory = temporaryDirectory();
const worker = 'worker-1' as NodeName;
const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';

let real: RealKube;
let kube: OpenKube;

beforeAll(async () => {
  real = await startKube(directory);
  kube = openKube(real.kubeconfig);
}, 300_000);
afterAll(async () => {
  await kube.close();
  await real.close();
});

/** A running and ready pod, on worker-1 unless said; its uid. */
async function runPod(
  name: string,
  namespace = 'default',
  annotations = {},
  nodeName = worker,
): Promise<string> {
  const created = await real.call('POST', pods(namespace), {
    metadata: { name, labels: { app: name }, annotations },
    spec: {
      containers: [{ name: 'main', image: 'none' }],
      nodeName,
      volumes: [{ name: 'tmp', emptyDir: {} }],
    },
  });
  expect(created.status).toBe(201);
  const conditions = [{ type: 'Ready', status: 'True' }];
  const status = { phase: 'Running', conditions };
  await real.call('PATCH', `${pods(namespace)}/${name}/status`, { status });
  return (created.body as { metadata: { uid: string } }).metadata.uid;
}

async function protect(
  app: string,
  name: string,
  disruptionsAllowed?: number,
  minAvailable = 1,
): Promise<void> {
  const selector = { matchLabels: { app } };
  const spec = { minAvailable, selector };
  expect((await real.call('POST', budgets, { metadata: { name }, spec })).status).toBe(201);
  if (disruptionsAllowed === undefined) return;
  const status = {
    observedGeneration: 1,
    currentHealthy: 1,
    desiredHealthy: minAvailable,
    expectedPods: 1,
  };
  const body = { status: { ...status, disruptionsAllowed } };
  expect((await real.call('PATCH', `${budgets}/${name}/status`, body)).status).toBe(200);
}

function evict(name: string, uid: string, namespace = 'default'): Promise<EvictionAnswer> {
  return kube.evict({ ref: { namespace, name }, uid }, undefined, never);
}

describe('an eviction by a real API server', () => {
  it('is done, and then the pod is leaving', async () => {
    const uid = await runPod('plain');
    expect(await evict('plain', uid)).toEqual({ kind: 'evicted' });
    const [pod] = (await kube.listPodsOnNode(worker, 'now', never)).filter((it) => it.uid === uid);
    expect(pod).toMatchObject({
      ref: { namespace: 'default', name: 'plain' },
      ready: true,
      hasEmptyDir: true,
      isMirror: false,
      deletionTimestampMs: expect.any(Number) as number,
      deletionGracePeriodSeconds: 30,
    });
  });

  it('spends nothing of the budget of a pod that was replaced', async () => {
    await runPod('replaced');
    await protect('replaced', 'replaced', 1);
    expect(await evict('replaced', '11111111-1111-1111-1111-111111111111')).toEqual({
      kind: 'replaced',
    });
    const budget = (await kube.listBudgets(never)).find((it) => it.budget.name === 'replaced');
    expect(budget?.disruptionsAllowed).toBe(1);
  });

  it('is answered with gone when there is no such pod', async () => {
    expect(await evict('nobody', 'x')).toEqual({ kind: 'gone' });
  });

  it('is refused by a budget that allows none', async () => {
    const uid = await runPod('exhausted');
    await protect('exhausted', 'exhausted', 0);
    expect(await evict('exhausted', uid)).toEqual({
      kind: 'budget',
      budget: { namespace: 'default', name: 'exhausted' },
      message: 'The disruption budget exhausted needs 1 healthy pods and has 1 currently',
    });
  });

  it('is refused by a budget that nobody has looked at', async () => {
    const uid = await runPod('unobserved');
    await protect('unobserved', 'unobserved');
    expect(await evict('unobserved', uid)).toEqual({
      kind: 'budget-not-observed',
      message: 'The disruption budget unobserved is still being processed by the server.',
      retryAfterSeconds: 10,
    });
  });

  it('is refused for good by two budgets', async () => {
    const uid = await runPod('overlap');
    await protect('overlap', 'overlap-1', 1);
    await protect('overlap', 'overlap-2', 1);
    expect(await evict('overlap', uid)).toMatchObject({ kind: 'budgets-overlap' });
  });

  it('is refused by a budget with too many evictions that nobody confirmed', async () => {
    const uid = await runPod('crowded');
    await protect('crowded', 'crowded', 1);
    const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const disruptedPods = Object.fromEntries(
      Array.from({ length: 2_001 }, (_, index) => [`pod-${String(index)}`, at]),
    );
    await real.call('PATCH', `${budgets}/crowded/status`, { status: { disruptedPods } });
    expect(await evict('crowded', uid)).toMatchObject({ kind: 'forbidden', by: 'budget' });
  });

  it('waits for a namespace that is being deleted', async () => {
    await real.call('POST', '/api/v1/namespaces', { metadata: { name: 'leaving' } });
    const uid = await runPod('late', 'leaving');
    await real.call('DELETE', '/api/v1/namespaces/leaving');
    // The admission plugin sees the deletion through a watch.
    let answer: EvictionAnswer | undefined;
    const isTold = async (): Promise<boolean> => {
      answer = await evict('late', uid, 'leaving');
      return answer.kind !== 'evicted';
    };
    await eventually(isTold, { timeoutMs: 5_000 });
    expect(answer).toEqual({ kind: 'namespace-terminating' });
  });

  it('fails while a webhook cannot be called', async () => {
    const uid = await runPod('webhook');
    const hooks = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
    const rules = [
      { operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods/eviction'] },
    ];
    await real.call('POST', hooks, {
      metadata: { name: 'broken' },
      webhooks: [
        {
          name: 'broken.example.com',
          clientConfig: { url: 'https://127.0.0.1:1/' },
          rules,
          sideEffects: 'NoneOnDryRun',
          admissionReviewVersions: ['v1'],
          failurePolicy: 'Fail',
        },
      ],
    });
    let answer: EvictionAnswer | undefined;
    const isTold = async (): Promise<boolean> => {
      const dryRun = await real.call('POST', `${pods('default')}/webhook/eviction?dryRun=All`, {
        metadata: { name: 'webhook', namespace: 'default' },
      });
      if (dryRun.status !== 500) return false;
      answer = await evict('webhook', uid);
      return true;
    };
    await eventually(isTold, { timeoutMs: 5_000 });
    await real.call('DELETE', `${hooks}/broken`);
    expect(answer).toEqual({
      kind: 'failed',
      message: expect.stringMatching(/failed calling webhook "broken\.example\.com"/) as string,
    });
  });
});

describe('a user without rights', () => {
  it('is told which right is missing', async () => {
    const stranger = openKube(real.strangerKubeconfig);
    const error: unknown = await stranger.listNodes(never).catch((thrown: unknown) => thrown);
    await stranger.close();
    expect(error).toBeInstanceOf(PortError);
    expect(error).toMatchObject({
      code: 'forbidden',
      message:
        'listing nodes: nodes is forbidden: User "stranger" cannot list resource "nodes"' +
        ' in API group "" at the cluster scope (HTTP 403)',
    });
  });
});

describe('a node of a real API server', () => {
  beforeAll(async () => {
    await real.call('POST', '/api/v1/nodes', { metadata: { name: worker } });
    const status = {
      conditions: [{ type: 'Ready', status: 'True' }],
      nodeInfo: { kubeletVersion: 'v1.28.15' },
    };
    await real.call('PATCH', `/api/v1/nodes/${worker}/status`, { status });
  });

  it('is cordoned and uncordoned, each time once', async () => {
    const version = async (): Promise<unknown> => {
      const { body } = await real.call('GET', `/api/v1/nodes/${worker}`);
      return (body as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
    };
    await kube.setCordon(worker, 'ascent: hop-1.29', never);
    const cordoned = await version();
    await kube.setCordon(worker, 'ascent: hop-1.29', never);
    expect(await version()).toBe(cordoned);
    expect(await kube.getNode(worker, never)).toMatchObject({
      unschedulable: true,
      annotations: {
        'ascent.dev/cordon-reason': 'ascent: hop-1.29',
        'ascent.dev/cordoned-at': expect.stringMatching(/^20.*Z$/) as string,
      },
      ready: true,
      kubeletVersion: 'v1.28.15',
    });

    await kube.setCordon(worker, undefined, never);
    const node = await kube.getNode(worker, never);
    expect([node?.unschedulable, node?.annotations]).toEqual([false, {}]);
  });

  it('that does not exist is undefined', async () => {
    expect(await kube.getNode('worker-9' as NodeName, never)).toBeUndefined();
  });

  it('has more pods than one page holds', async () => {
    const names = Array.from({ length: 600 }, (_, index) => `page-${String(index)}`);
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(
        names.slice(at, at + 50).map((name) =>
          real.call('POST', pods('default'), {
            metadata: { name },
            spec: { nodeName: 'worker-2', containers: [{ name: 'main', image: 'none' }] },
          }),
        ),
      );
    }
    const found = await kube.listPodsOnNode('worker-2' as NodeName, 'now', never);
    expect(found.map(({ ref }) => ref.name).toSorted()).toEqual(names.toSorted());
    expect((await kube.listPods(never)).length).toBeGreaterThan(600);
  }, 300_000);

  it('has DaemonSets that exist, and others that do not', async () => {
    const labels = { app: 'agent' };
    await real.call('POST', '/apis/apps/v1/namespaces/default/daemonsets', {
      metadata: { name: 'agent' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: 'main', image: 'none' }] },
        },
      },
    });
    const exists = (name: string): Promise<boolean> => kube.daemonSetExists('default', name, never);
    expect([await exists('agent'), await exists('nobody')]).toEqual([true, false]);
  });
});

describe('a member of a real control plane', () => {
  it('tells its versions, its health and who leads', async () => {
    const [controllerManager, scheduler] = await Promise.all([
      real.startController('kube-controller-manager'),
      real.startController('kube-scheduler'),
    ]);
    const members = [{ name: 'cp-1', apiServer: real.url, controllerManager, scheduler }];
    const probe = createMemberProbe(kube.connection, namedMembers(members));
    const member = 'cp-1' as MemberName;
    const { version } = real;
    const controller = { kind: 'observed', version, healthy: true };

    expect(await probe.apiServer(member, never)).toEqual({
      kind: 'observed',
      version,
      ready: true,
      failingChecks: [],
    });
    // They learn the client CA a moment after they begin to answer; until then we are anonymous.
    const areKnown = async (): Promise<boolean> => {
      const [one, two] = await Promise.all([
        probe.controllerManager(member, never),
        probe.scheduler(member, never),
      ]);
      return one.kind === 'observed' && two.kind === 'observed';
    };
    await eventually(areKnown, { timeoutMs: 10_000 });
    expect(await probe.controllerManager(member, never)).toEqual(controller);
    expect(await probe.scheduler(member, never)).toEqual(controller);

    const areHeld = async (): Promise<boolean> =>
      (await kube.listLeaderLeases(never)).every(({ holder }) => holder !== '');
    expect(await eventually(areHeld, { timeoutMs: 20_000 })).toBe(true);
    for (const lease of await kube.listLeaderLeases(never)) {
      expect(lease.durationSeconds).toBe(15);
      expect(lease.renewedSecondsAgo).toBeLessThan(15);
    }
  }, 300_000);
});

describe('a node that is followed at a real API server', () => {
  const followed = 'followed' as NodeName;
  let follower: NodeFollower;
  beforeAll(async () => {
    follower = kube.followNode(followed);
    expect(await eventually(async () => follower.pods() !== undefined, { timeoutMs: 30_000 })).toBe(
      true,
    );
  });
  afterAll(() => follower.close());

  /** What `look` tells as soon as a change makes it `wanted`; rejects when none does. */
  async function seen<Answer>(look: () => Answer, wanted: Answer): Promise<Answer> {
    const late = AbortSignal.timeout(30_000);
    while (!isDeepStrictEqual(look(), wanted)) await follower.changed(30_000, late);
    return look();
  }

  const names = (): readonly string[] | undefined => follower.pods()?.map(({ ref }) => ref.name);
  const leaving = (): readonly boolean[] | undefined =>
    follower.pods()?.map(({ deletionTimestampMs }) => deletionTimestampMs !== undefined);
  const allowed = (): readonly number[] | undefined =>
    follower
      .pods()
      ?.flatMap((pod) => follower.budgetsOf(pod) ?? [])
      .map(({ disruptionsAllowed }) => disruptionsAllowed);

  it('tells of pods that come, may leave, are leaving and are gone', async () => {
    const uid = await runPod('told', 'default', {}, followed);
    expect(await seen(names, ['told'])).toEqual(['told']);
    // A controller-manager may have come by now and would not allow the last of one.
    await protect('told', 'told', 1, 0);
    expect(await seen(allowed, [1])).toEqual([1]);
    expect(await evict('told', uid)).toEqual({ kind: 'evicted' });
    expect(await seen(leaving, [true])).toEqual([true]);
    expect(await seen(allowed, [0])).toEqual([0]);
    await real.call('DELETE', `${pods('default')}/told?gracePeriodSeconds=0`);
    expect(await seen(names, [])).toEqual([]);
  });

  it('tells which pods of a budget are unhealthy, and what is the matter with them', async () => {
    await runPod('short', 'default', {}, followed);
    await protect('short', 'short', 0);
    const metadata = { name: 'short-waits', labels: { app: 'short' } };
    // A scheduler may run by now.
    const spec = {
      containers: [{ name: 'main', image: 'none' }],
      schedulingGates: [{ name: 'example.com/not-yet' }],
    };
    expect((await real.call('POST', pods('default'), { metadata, spec })).status).toBe(201);
    const unhealthy = await until('the watch tells', async () => {
      const told = follower.shortfallOf({ namespace: 'default', name: 'short' })?.unhealthy;
      return told?.length === 0 ? undefined : told;
    });
    const message = 'Scheduling is blocked due to non-empty scheduling gates';
    expect(unhealthy).toEqual([
      expect.objectContaining({
        ref: { namespace: 'default', name: 'short-waits' },
        node: '',
        phase: 'Pending',
        trouble: { code: 'unscheduled', reason: 'SchedulingGated', message },
      }),
    ]);
  });

  /** False when somebody changed the node in between, as controllers do while it is new. */
  async function cordonFollowed(): Promise<boolean> {
    try {
      await kube.setCordon(followed, 'ascent: a test', never);
      return true;
    } catch (error) {
      if (error instanceof PortError && error.code === 'conflict') return false;
      throw error;
    }
  }

  it('tells the node itself, whether there is one, and its cordon', async () => {
    const cordon = (): unknown => {
      const node = follower.node();
      return node === undefined || node === 'missing' ? node : node.unschedulable;
    };
    expect(await seen(cordon, 'missing')).toEqual('missing');
    await real.call('POST', '/api/v1/nodes', { metadata: { name: followed } });
    expect(await seen(cordon, false)).toEqual(false);
    expect(await eventually(cordonFollowed, { timeoutMs: 30_000 })).toBe(true);
    expect(await seen(cordon, true)).toEqual(true);
    await real.call('DELETE', `/api/v1/nodes/${followed}`);
    expect(await seen(cordon, 'missing')).toEqual('missing');
  });
});
