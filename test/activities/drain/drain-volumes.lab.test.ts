// A drain of pods with volumes against a real API server. The test plays what is not there: the
// kubelet, which ends pods and reports its volumes, and the controllers that detach them.

import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '../../../activities/adapters/system-clock';
import type { NodeName } from '../../../domain/names';
import { FakeAttempt, FakeCluster, failureOf } from '../../support/fake-cluster';
import { aDrain } from '../../support/fake-drain';
import { openKube, type OpenKube, type RealKube, startKube } from '../adapters/support/real-kube';
import { never } from '../adapters/support/refusals';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const directory = temporaryDirectory();
const pods = '/api/v1/namespaces/default/pods';
const attachments = '/apis/storage.k8s.io/v1/volumeattachments';
const finalizer = 'external-attacher/disk-example-com';

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

async function create(at: string, body: object): Promise<void> {
  expect((await real.call('POST', at, body)).status).toBe(201);
}

async function addNode(name: NodeName): Promise<void> {
  await create('/api/v1/nodes', { metadata: { name } });
  const status = { conditions: [{ type: 'Ready', status: 'True' }] };
  await real.call('PATCH', `/api/v1/nodes/${name}/status`, { status });
  await kube.setCordon(name, 'ascent: test', never);
}

/** It runs, a controller owns it, and it uses the claim, if any. */
async function addPod(node: NodeName, name: string, kind: string, claim?: string): Promise<void> {
  const uid = '11111111-1111-1111-1111-111111111111';
  const volumes =
    claim === undefined ? [] : [{ name: 'data', persistentVolumeClaim: { claimName: claim } }];
  const owner = { apiVersion: 'apps/v1', kind, name: 'owner', uid, controller: true };
  await create(pods, {
    metadata: { name, ownerReferences: [owner] },
    spec: { nodeName: node, containers: [{ name: 'main', image: 'none' }], volumes },
  });
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await real.call('PATCH', `${pods}/${name}/status`, { status });
}

/** A volume bound to the claim `data-NAME`. */
async function addVolume(name: string, source: object): Promise<void> {
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
  await create('/api/v1/namespaces/default/persistentvolumeclaims', {
    metadata: { name: `data-${name}` },
    spec: { ...spec, volumeName: `pv-${name}`, resources: { requests: { storage: '1Gi' } } },
  });
  const claimRef = { namespace: 'default', name: `data-${name}` };
  await create('/api/v1/persistentvolumes', {
    metadata: { name: `pv-${name}` },
    spec: { ...spec, ...source, claimRef, capacity: { storage: '1Gi' } },
  });
}

/** A pod of a StatefulSet, whose volume a CSI driver has attached to the node. */
async function addVolumePod(node: NodeName, name: string): Promise<void> {
  await addVolume(name, { csi: { driver: 'disk.example.com', volumeHandle: `disk-${name}` } });
  await addPod(node, name, 'StatefulSet', `data-${name}`);
  await create(attachments, {
    metadata: { name: `csi-${name}`, finalizers: [finalizer] },
    spec: {
      attacher: 'disk.example.com',
      nodeName: node,
      source: { persistentVolumeName: `pv-${name}` },
    },
  });
}

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName?: string };
  }[];
}

async function list(at: string): Promise<Listed['items']> {
  return ((await real.call('GET', at)).body as Listed).items;
}

/**
 * The machine and its controllers, until `signal`: one step for each object at a turn. Ends pods
 * that are to go, then reports their volumes unused, deletes their attachments, lets those go.
 * `told` gets what was done, in its order.
 */
async function playMachine(
  { node, told, detaches }: { node: NodeName; told: string[]; detaches: boolean },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const there = (await list(pods)).filter(({ spec }) => spec.nodeName === node);
    for (const { metadata } of there) {
      if (metadata.deletionTimestamp === undefined) continue;
      told.push(`ended ${metadata.name}`);
      await real.call('DELETE', `${pods}/${metadata.name}`, { gracePeriodSeconds: 0 });
    }
    const names = new Set(there.map(({ metadata }) => metadata.name));
    for (const { metadata, spec } of await list(attachments)) {
      const pod = metadata.name.replace('csi-', '');
      if (spec.nodeName !== node || names.has(pod) || !detaches) continue;
      const at = `${attachments}/${metadata.name}`;
      if (metadata.deletionTimestamp === undefined) {
        await reportInUse(node, names);
        await real.call('DELETE', at);
        continue;
      }
      told.push(`detached ${pod}`);
      await real.call('PATCH', at, { metadata: { finalizers: null } });
    }
    await sleep(50);
  }
}

async function reportInUse(node: NodeName, names: ReadonlySet<string>): Promise<void> {
  const volumesInUse = [...names]
    .filter((name) => name.startsWith('db-'))
    .map((name) => `kubernetes.io/csi/disk.example.com^disk-${name}`);
  await real.call('PATCH', `/api/v1/nodes/${node}/status`, { status: { volumesInUse } });
}

/** The drain while the machine is played; what happened on it, in its order. */
async function drained(
  node: NodeName,
  options: {
    readonly timeoutMs?: number;
    readonly detaches?: boolean;
    readonly by?: OpenKube;
    readonly attempt?: FakeAttempt;
  } = {},
): Promise<{ readonly told: readonly string[]; readonly outcome: unknown }> {
  const { timeoutMs = 30_000, detaches = true, by = kube, attempt = new FakeAttempt() } = options;
  const told: string[] = [];
  const end = new AbortController();
  const machine = playMachine({ node, told, detaches }, end.signal);
  const ports = { ...new FakeCluster().ports, kube: by, clock: systemClock };
  const drain = { ...aDrain({ timeoutMs, gracePeriodSeconds: 1 }), node };
  const run = attempt.run({ driver: undefined, ports }, 'drainNode', drain);
  const outcome = await run.catch(() => failureOf(run));
  end.abort();
  await machine;
  return { told, outcome };
}

describe('on a node with volumes', () => {
  it('pods leave one after the other, each when the volume before is detached', async () => {
    const node = 'worker-1' as NodeName;
    await addNode(node);
    for (const name of ['db-0', 'db-1', 'db-2']) await addVolumePod(node, name);
    await addVolume('local', { hostPath: { path: '/data' } });
    await addPod(node, 'local-0', 'StatefulSet', 'data-local');
    await addPod(node, 'web-0', 'ReplicaSet');
    await reportInUse(node, new Set(['db-0', 'db-1', 'db-2']));
    const { told, outcome } = await drained(node);
    expect(outcome).toMatchObject({ evicted: 5, refusals: 0 });
    const ofVolumes = told.filter((what) => what.includes('db-'));
    const turns = ofVolumes.map((what) => what.split(' ')[1]);
    expect(ofVolumes).toEqual(
      turns.map((pod, index) => `${index % 2 === 0 ? 'ended' : 'detached'} ${pod}`),
    );
    expect(new Set(turns)).toEqual(new Set(['db-0', 'db-1', 'db-2']));
    // The others did not wait for any of that.
    const others = ['ended local-0', 'ended web-0'].map((what) => told.indexOf(what));
    expect(others.every((at) => at >= 0 && at < told.indexOf(`detached ${turns[2]}`))).toBe(true);
  }, 300_000);

  it('a volume that stays attached is told at the deadline', async () => {
    const node = 'worker-2' as NodeName;
    await addNode(node);
    await addVolumePod(node, 'db-9');
    const { told, outcome } = await drained(node, { timeoutMs: 5_000, detaches: false });
    expect(told).toEqual(['ended db-9']);
    expect(outcome).toMatchObject({
      type: 'drain-deadline',
      details: [
        {
          progress: {
            evicted: 1,
            remaining: 0,
            blockers: [
              {
                code: 'volume-attached',
                pod: { namespace: 'default', name: 'db-9' },
                volume: 'pv-db-9',
                claim: 'data-db-9',
                attachment: 'csi-db-9',
              },
            ],
          },
        },
      ],
    });
  }, 300_000);

  it('a worker that may not look at attachments says so, and drains', async () => {
    const node = 'worker-3' as NodeName;
    await addNode(node);
    await addVolumePod(node, 'db-a');
    await addVolumePod(node, 'db-b');
    const rules = [
      { apiGroups: [''], resources: ['nodes', 'pods'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
      {
        apiGroups: ['policy'],
        resources: ['poddisruptionbudgets'],
        verbs: ['get', 'list', 'watch'],
      },
    ];
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await create(`${rbac}/clusterroles`, { metadata: { name: 'poor' }, rules });
    await create(`${rbac}/clusterrolebindings`, {
      metadata: { name: 'poor' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'poor' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'stranger' }],
    });
    const by = openKube(real.strangerKubeconfig);
    const attempt = new FakeAttempt();
    const { told, outcome } = await drained(node, { by, attempt, detaches: false });
    await by.close();
    expect(outcome).toMatchObject({ evicted: 2, refusals: 0 });
    expect(told.toSorted()).toEqual(['ended db-a', 'ended db-b']);
    expect(attempt.heartbeats).toContainEqual(
      expect.objectContaining({
        blockers: [expect.objectContaining({ code: 'volumes-unobserved' }) as unknown],
      }),
    );
  }, 300_000);
});
