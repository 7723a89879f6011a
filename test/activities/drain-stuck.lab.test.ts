// Drains of pods that do not go, against a real API server. No kubelet runs: as far as the cluster
// knows, nobody confirms the end of any pod.

import { type ConnectedKubeApi, createKubeApi } from '../../activities/adapters/kube-api';
import { type KubeConnection, openKubeConnection } from '../../activities/adapters/kube-connection';
import { systemClock } from '../../activities/adapters/system-clock';
import type { NodeName } from '../../domain/names';
import { FakeCluster, failureOf, runOnce } from '../support/fake-cluster';
import { aDrain } from '../support/fake-drain';
import { type RealKube, startKube } from './adapters/support/real-kube';
import { never } from './adapters/support/refusals';
import { temporaryDirectory } from './adapters/support/temporary-directory';

const directory = temporaryDirectory();
const pods = '/api/v1/namespaces/default/pods';

let real: RealKube;
let connection: KubeConnection;
let kube: ConnectedKubeApi;

beforeAll(async () => {
  real = await startKube(directory);
  connection = openKubeConnection(real.kubeconfig);
  kube = createKubeApi(connection, { clock: systemClock });
}, 90_000);
afterAll(async () => {
  await kube.close();
  await connection.close();
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
async function addPod(node: NodeName, name: string, finalizers: readonly string[]): Promise<void> {
  const uid = '11111111-1111-1111-1111-111111111111';
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid, controller: true };
  const created = await real.call('POST', pods, {
    metadata: { name, finalizers, labels: { app: name }, ownerReferences: [owner] },
    spec: { nodeName: node, containers: [{ name: 'main', image: 'none' }] },
  });
  expect(created.status).toBe(201);
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await real.call('PATCH', `${pods}/${name}/status`, { status });
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
