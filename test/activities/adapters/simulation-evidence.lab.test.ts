// What drains meet, on a real API server: a namespace where everything is as it should be, and one
// with something for each check of the preflight.

import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import { KubeRequests } from '../../../activities/adapters/kube-requests';
import { createSimulationSource } from '../../../activities/adapters/simulation-evidence';
import type { NodeName, PoolName } from '../../../domain/names';
import type { DrainedPool } from '../../../domain/preflight/drains';
import { findingKey } from '../../../domain/preflight/identity';
import { drainFindings } from '../../../domain/preflight/preflight-drains';
import { workloadFindings } from '../../../domain/preflight/preflight-workloads';
import type { CollectedEvidence } from '../../../domain/simulation/evidence';
import { never, refusalOf } from './support/refusals';
import { type RealKube, startKube } from './support/real-kube';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(300_000);

const directory = temporaryDirectory();
const zones = { 'w-1': 'x', 'w-2': 'y', 'w-3': 'x' } as const;
const pool: DrainedPool = {
  pool: 'workers' as PoolName,
  nodes: Object.keys(zones) as NodeName[],
  atOnce: 1,
  drain: { timeoutMs: 300_000, emptyDirData: 'delete', unmanagedPods: 'refuse' },
};

let real: RealKube;

async function collect(kubeconfig: string): Promise<CollectedEvidence> {
  const connection = openKubeConnection(kubeconfig);
  try {
    const source = createSimulationSource(new KubeRequests(connection));
    return await source.collect(never, { autoscalers: false });
  } finally {
    await connection.close();
  }
}

async function send(method: 'POST' | 'PATCH', path: string, object: object): Promise<void> {
  const answer = await real.call(method, path, object);
  expect([answer.body, answer.status]).toEqual([expect.anything(), method === 'POST' ? 201 : 200]);
}

const inside = (namespace: string, kind: string): string =>
  `/api/v1/namespaces/${namespace}/${kind}`;

async function addNode(name: string, zone: string): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone };
  await send('POST', '/api/v1/nodes', { metadata: { name, labels } });
  // The API server gives a new node the taint of one that is not ready.
  await send('PATCH', `/api/v1/nodes/${name}`, { spec: { taints: null } });
  const allocatable = { cpu: '4', memory: '8Gi', pods: '110' };
  await send('PATCH', `/api/v1/nodes/${name}/status`, { status: { allocatable } });
}

interface PodWanted {
  readonly namespace: string;
  readonly name: string;
  readonly node: keyof typeof zones;
  /** Absent: nobody owns it. */
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly metadata?: object;
  readonly spec?: object;
  readonly container?: object;
}

const careful = {
  readinessProbe: { tcpSocket: { port: 80 } },
  lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } },
};

async function addPod(pod: PodWanted): Promise<void> {
  const { namespace, name, node: nodeName, owner, metadata, spec, container = careful } = pod;
  const owners = owner === undefined ? [] : [{ apiVersion: 'apps/v1', uid: 'u', ...owner }];
  const ownerReferences = owners.map((one) => ({ ...one, controller: true }));
  const labels = { app: owner?.name ?? name };
  await send('POST', inside(namespace, 'pods'), {
    metadata: { name, labels, ownerReferences, ...metadata },
    spec: { containers: [{ name: 'main', image: 'none', ...container }], nodeName, ...spec },
  });
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await send('PATCH', `${inside(namespace, 'pods')}/${name}/status`, { status });
}

async function addService(namespace: string, app: string): Promise<void> {
  const spec = { selector: { app }, ports: [{ port: 80 }] };
  await send('POST', inside(namespace, 'services'), { metadata: { name: app }, spec });
}

async function addBudget(namespace: string, app: string): Promise<void> {
  const at = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`;
  const spec = { maxUnavailable: 1, selector: { matchLabels: { app } } };
  await send('POST', at, { metadata: { name: app }, spec });
  const healthy = { currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 };
  const status = { observedGeneration: 1, disruptionsAllowed: 1, ...healthy };
  await send('PATCH', `${at}/${app}/status`, { status });
}

/** A disk of w-1, and the claim on it. */
async function addLocalVolume(namespace: string): Promise<void> {
  const volume = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
  const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['w-1'] }];
  await send('POST', '/api/v1/persistentvolumes', {
    metadata: { name: 'disk' },
    spec: {
      ...volume,
      capacity: { storage: '1Gi' },
      local: { path: '/disks/1' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
    },
  });
  await send('POST', inside(namespace, 'persistentvolumeclaims'), {
    metadata: { name: 'data' },
    spec: { ...volume, volumeName: 'disk', resources: { requests: { storage: '1Gi' } } },
  });
}

async function addGood(): Promise<void> {
  const web = { namespace: 'good', owner: { kind: 'ReplicaSet', name: 'web' } } as const;
  await addPod({ ...web, name: 'web-1', node: 'w-1' });
  await addPod({ ...web, name: 'web-2', node: 'w-2' });
  await addService('good', 'web');
  await addBudget('good', 'web');
}

async function addBad(): Promise<void> {
  await addLocalVolume('bad');
  await addPod({
    namespace: 'bad',
    name: 'solo-0',
    node: 'w-1',
    owner: { kind: 'StatefulSet', name: 'solo' },
    container: { volumeMounts: [{ name: 'state', mountPath: '/state' }] },
    spec: {
      terminationGracePeriodSeconds: 600,
      volumes: [
        { name: 'state', emptyDir: {} },
        { name: 'host', hostPath: { path: '/srv' } },
        { name: 'disk', persistentVolumeClaim: { claimName: 'data' } },
      ],
    },
  });
  await addService('bad', 'solo');
  const pair = { namespace: 'bad', owner: { kind: 'ReplicaSet', name: 'pair' } } as const;
  for (const name of ['pair-1', 'pair-2']) await addPod({ ...pair, name, node: 'w-1' });
  const zoned = { namespace: 'bad', owner: { kind: 'ReplicaSet', name: 'zoned' } } as const;
  await addPod({ ...zoned, name: 'zoned-1', node: 'w-1' });
  await addPod({ ...zoned, name: 'zoned-2', node: 'w-3' });
  const metadata = { finalizers: ['example.com/hold'] };
  await addPod({ namespace: 'bad', name: 'alone', node: 'w-3', metadata });
  await addBudget('bad', 'nobody');
}

beforeAll(async () => {
  real = await startKube(directory);
  for (const [name, zone] of Object.entries(zones)) await addNode(name, zone);
  for (const name of ['good', 'bad']) {
    await send('POST', '/api/v1/namespaces', { metadata: { name } });
  }
});
afterAll(() => real.close());

const found = async (): Promise<readonly string[]> => {
  const drains = { kind: 'observed', ...(await collect(real.kubeconfig)) } as const;
  const facts = { observation: { drains }, pools: [pool] };
  const findings = [...workloadFindings(facts), ...drainFindings(facts)];
  return findings.map((finding) => `${finding.severity} ${findingKey(finding)}`);
};

it('there is nothing to find where workloads are as they should be', async () => {
  await addGood();
  expect(await found()).toEqual([]);
});

it('each check finds what it is about', async () => {
  await addBad();
  expect((await found()).toSorted()).toEqual([
    'notes budget-empty:cluster',
    'notes budget-missing:cluster',
    'notes host-path:cluster',
    'notes no-pre-stop:cluster',
    'notes one-zone:cluster',
    'warns bare-pod:namespace/bad',
    'warns drain-stopped:pool/workers:pod-unmanaged',
    'warns empty-dir-data:namespace/bad',
    'warns finalizer:namespace/bad',
    'warns local-volume:namespace/bad',
    'warns long-grace:namespace/bad',
    'warns no-readiness-probe:namespace/bad',
    'warns one-node:namespace/bad',
    'warns room-short:pool/workers',
    'warns single-replica:namespace/bad',
  ]);
});

it('who may list nothing is told so', async () => {
  expect(await refusalOf(collect(real.strangerKubeconfig))).toMatchObject({ code: 'forbidden' });
});
