// Drains of pods that do not go, against a real API server. No kubelet runs: as far as the cluster
// knows, nobody confirms the end of any pod.

import { systemClock } from '../../../activities/adapters/system-clock';
import type { NodeName } from '../../../domain/names';
import { FakeCluster, failureOf, runOnce } from '../../support/fake-cluster';
import { aDrain } from '../../support/fake-drain';
import { openKube, type OpenKube, type RealKube, startKube } from '../adapters/support/real-kube';
import { never } from '../adapters/support/refusals';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const directory = temporaryDirectory();
const pods = '/api/v1/namespaces/default/pods';

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

/** A cordoned node whose kubelet reports as it is told. */
async function addNode(name: NodeName, ready: 'True' | 'Unknown'): Promise<void> {
  expect((await real.call('POST', '/api/v1/nodes', { metadata: { name } })).status).toBe(201);
  const status = { conditions: [{ type: 'Ready', status: ready }] };
  await real.call('PATCH', `/api/v1/nodes/${name}/status`, { status });
  await kube.setCordon(name, 'ascent: test', never);
}

/** It runs, and a controller owns it. */
async function addPod(
  node: NodeName,
  name: string,
  finalizers: readonly string[] = [],
): Promise<string> {
  const uid = '11111111-1111-1111-1111-111111111111';
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid, controller: true };
  const created = await real.call('POST', pods, {
    metadata: { name, finalizers, labels: { app: name }, ownerReferences: [owner] },
    spec: { nodeName: node, containers: [{ name: 'main', image: 'none' }] },
  });
  expect(created.status).toBe(201);
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await real.call('PATCH', `${pods}/${name}/status`, { status });
  return (created.body as { readonly metadata: { readonly uid: string } }).metadata.uid;
}

/** A budget that lets no pod of this name leave, as its controller would say it. */
async function guard(name: string): Promise<void> {
  const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
  const spec = { minAvailable: 1, selector: { matchLabels: { app: name } } };
  expect((await real.call('POST', budgets, { metadata: { name }, spec })).status).toBe(201);
  const counts = { currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, disruptionsAllowed: 0 };
  const status = { observedGeneration: 1, ...counts };
  expect((await real.call('PATCH', `${budgets}/${name}/status`, { status })).status).toBe(200);
}

function ports() {
  return { driver: undefined, ports: { ...new FakeCluster().ports, kube, clock: systemClock } };
}

/** With a second of grace for each pod. */
function drainOf(node: NodeName, timeoutMs: number) {
  return { ...aDrain({ timeoutMs, gracePeriodSeconds: 1 }), node };
}

describe('a pod that a drain has evicted and that stays', () => {
  it.each([
    ['its finalizers hold', 'held', 'True', ['example.com/hold'], 'finalizer'],
    ['a node that is not Ready does not confirm', 'lost', 'Unknown', [], 'node-not-ready'],
    ['a kubelet does not confirm', 'late', 'True', [], 'unconfirmed'],
  ] as const)(
    'is told as one that %s',
    async (_what, name, ready, finalizers, cause) => {
      const node = `worker-${name}` as NodeName;
      await addNode(node, ready);
      await addPod(node, name, finalizers);
      expect(await failureOf(runOnce(ports(), 'drainNode', drainOf(node, 6_000)))).toMatchObject({
        type: 'drain-deadline',
        details: [
          {
            progress: {
              evicted: 1,
              remaining: 1,
              blockers: [
                {
                  code: 'pod-terminating',
                  pod: { namespace: 'default', name },
                  finalizers,
                  gracePeriodSeconds: 1,
                  cause,
                },
              ],
            },
          },
        ],
      });
    },
    30_000,
  );
});

describe('pods that a person has forced', () => {
  const node = 'worker-forced' as NodeName;

  it('are removed, or deleted past their budget; one that came later is left alone', async () => {
    await addNode(node, 'Unknown');
    const lost = await addPod(node, 'forced-lost');
    await real.call('DELETE', `${pods}/forced-lost`, { gracePeriodSeconds: 1 });
    const guarded = await addPod(node, 'forced-guarded');
    await guard('forced-guarded');
    await addPod(node, 'forced-late');
    await guard('forced-late');
    const force = [
      { namespace: 'default', name: 'forced-lost', uid: lost, by: 'remove' },
      { namespace: 'default', name: 'forced-guarded', uid: guarded, by: 'delete' },
      { namespace: 'default', name: 'forced-late', uid: 'of-yesterday', by: 'delete' },
    ] as const;
    const drain = { ...drainOf(node, 8_000), force };
    expect(await failureOf(runOnce(ports(), 'drainNode', drain))).toMatchObject({
      type: 'drain-deadline',
      details: [{ progress: { evicted: 0, remaining: 2, forced: [force[1], force[0]] } }],
    });
    const left = await kube.listPodsOnNode(node, 'now', never);
    expect(
      left.map(({ ref, deletionGracePeriodSeconds }) => ({ ...ref, deletionGracePeriodSeconds })),
    ).toEqual([
      { namespace: 'default', name: 'forced-guarded', deletionGracePeriodSeconds: 30 },
      { namespace: 'default', name: 'forced-late' },
    ]);
  }, 300_000);

  it('are told to be gone, replaced, or not to be deleted for want of the right', async () => {
    const uid = await addPod(node, 'forced-stranger');
    const ref = { namespace: 'default', name: 'forced-stranger' };
    const nobody = { namespace: 'default', name: 'nobody' };
    expect(await kube.deletePod({ ref: nobody, uid }, undefined, never)).toBe('gone');
    expect(await kube.deletePod({ ref, uid: 'another' }, undefined, never)).toBe('replaced');
    const stranger = openKube(real.strangerKubeconfig);
    await expect(stranger.deletePod({ ref, uid }, undefined, never)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('deleting pod default/forced-stranger') as string,
    });
    await stranger.close();
  });
});
