// A worker with exactly the rights of deploy/rbac/upgrader*.yaml upgrades a real cluster: control
// plane, nodes, budgets, volumes, a temporary replica and a pod that a person forces. What it has
// asked for is read in the audit logs of the API servers: nothing was refused, and each right that
// the files give was asked for, is needed, and is missed by its name when it is taken away.

import { readFile } from 'node:fs/promises';

import { Agent, request } from 'undici';
import { parse } from 'yaml';

import type { ClusterAccess } from '../../../activities/access';
import { openServedCluster } from '../../../activities/adapters/open-cluster';
import type { DrainLook } from '../../../client';
import type { NodeName } from '../../../domain/names';
import { KubeRest } from '../../../lab/kube-rest';
import { labLayout } from '../../../lab/layout';
import { auditedRequests, type AuditedRequest } from '../../support/audited-requests';
import { type OtherAccess, tokenAccess } from '../../support/lab-access';
import { LabGround } from '../../support/lab-ground';
import { untilEnded } from '../../support/lab-progress';
import { labDrainPolicy, labSpec } from '../../support/lab-spec';
import { aStory } from '../../support/lab-story';
import { until, untilTrue } from '../../support/lab-until';
import {
  isOfOtherMinors,
  type Manifest,
  manifestsOf,
  pathOf,
  quietWebhook,
  rightOf,
  rightsOf,
  withoutEach,
} from '../../support/service-accounts';

jest.setTimeout(600_000);

const cluster = 'rights';
const username = 'system:serviceaccount:ascent:ascent-upgrader';
const held = 'worker-03';
const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
const attachment = '/apis/storage.k8s.io/v1/volumeattachments/csi-db-0';

const manifests = [rightsOf.upgrader, rightsOf.upgraderSurge, rightsOf.upgraderForce].flatMap(
  manifestsOf,
);

/** One node comes to its deadline. */
const spec = labSpec({
  cluster,
  target: '1.29.15',
  allowSingleMember: true,
  drainTimeoutMs: 45_000,
});

const methods: Readonly<Record<string, 'POST' | 'PATCH' | 'DELETE'>> = {
  create: 'POST',
  patch: 'PATCH',
  delete: 'DELETE',
};

describe('a worker with the rights of deploy/rbac', () => {
  let ground: LabGround;
  let kube: KubeRest;
  let token: string;
  let access: OtherAccess;
  const tell = aStory(() => ground.diagnosis());

  const apply = (object: Manifest): Promise<void> => kube.apply(pathOf(object), object);
  const asked = (): Promise<readonly AuditedRequest[]> => auditedRequests(ground.lab, username);

  beforeAll(async () => {
    ground = await LabGround.open({ name: cluster, members: 1, nodes: 3, pods: 0 });
    await ground.bringUpLab();
    kube = await KubeRest.admin(labLayout(ground.stateDir), ground.lab.apiUrl);
    for (const each of manifests) await apply(each);
    const { body } = await kube.must({
      method: 'POST',
      path: '/api/v1/namespaces/ascent/serviceaccounts/ascent-upgrader/token',
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
    });
    ({ token } = (body as { readonly status: { readonly token: string } }).status);
    access = await tokenAccess(ground, cluster, token);
    await ground.kube.spread('web', 3);
    await ground.kube.pinPair('pair', held);
    await addAgent();
    await addDatabase();
    for (const each of quietWebhook) await apply(each);
    await ground.startWorker({ accessFile: access.accessFile });
  });

  afterAll(async () => {
    kube?.close();
    await ground?.close();
  });

  async function addAgent(): Promise<void> {
    const labels = { app: 'agent' };
    const containers = [{ name: 'main', image: 'none' }];
    const template = { metadata: { labels }, spec: { containers } };
    await apply({
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'agent', namespace: 'default' },
      spec: { selector: { matchLabels: labels }, template },
    });
  }

  /** One pod of a StatefulSet with a volume. */
  async function addDatabase(): Promise<void> {
    const volume = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
    await kube.apply('/api/v1/persistentvolumes/pv-db-0', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'pv-db-0' },
      spec: {
        ...volume,
        capacity: { storage: '1Gi' },
        csi: { driver: 'disk.example.com', volumeHandle: 'db-0' },
        claimRef: { namespace: 'default', name: 'data-db-0' },
      },
    });
    await kube.apply(`${claims}/data-db-0`, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data-db-0', namespace: 'default' },
      spec: { ...volume, volumeName: 'pv-db-0', resources: { requests: { storage: '1Gi' } } },
    });
    const labels = { app: 'db' };
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } }];
    const template = {
      metadata: { labels },
      spec: { containers: [{ name: 'main', image: 'none' }], volumes },
    };
    await apply({
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: 'db', namespace: 'default' },
      spec: { replicas: 1, serviceName: 'db', selector: { matchLabels: labels }, template },
    });
  }

  /** The volume, to the node where its pod is; nobody detaches it. */
  async function attachVolume(): Promise<void> {
    const pod = await until('the database runs', async () =>
      (await ground.kube.pods()).find(({ name, isReady }) => name === 'default/db-0' && isReady),
    );
    await kube.apply(attachment, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'VolumeAttachment',
      metadata: { name: 'csi-db-0' },
      spec: {
        attacher: 'disk.example.com',
        nodeName: pod.node,
        source: { persistentVolumeName: 'pv-db-0' },
      },
    });
  }

  tell('empties nodes whose budgets never let a pod leave', async () => {
    const policy = { ...labDrainPolicy(), ladder: ['surge', 'hold'], surgeAfterMs: 1_000 } as const;
    const asked = { actor: 'ada', reason: 'new memory' };
    for (const name of ['solo', 'scaled']) {
      const { node } = await ground.kube.guard(name);
      if (name === 'scaled') await ground.kube.autoscale(name, { min: 1, max: 3 });
      await ground.client.drain(cluster, node, { ...asked, policy });
      let last: DrainLook | undefined;
      for await (const look of ground.client.watchDrain(cluster, node)) last = look;
      expect(last?.status.end).toMatchObject({ outcome: 'drained' });
      await ground.client.uncordon(cluster, node, asked);
      await ground.kube.allowEvictions(name);
    }
  });

  tell('upgrades a cluster from one end to the other', async () => {
    await attachVolume();
    expect(await ground.client.start(spec, { actor: 'ada' })).toMatchObject({ kind: 'started' });
    await untilTrue('a drain waits for a volume', async () =>
      (await asked()).some(({ right }) => right === 'get storage.k8s.io/volumeattachments'),
    );
    await kube.must({ method: 'DELETE', path: attachment });
    await until('the last of a pair keeps a drain', async () => {
      const { gates } = await ground.client.status(cluster);
      return gates.find(({ id }) => id === `node/${held}`);
    });
    const [pod] = (await ground.kube.movablePods(held)).filter(({ isReady }) => isReady);
    const [namespace = '', name = ''] = pod?.name.split('/') ?? [];
    const force = { node: held as NodeName, pods: [{ namespace, name }] };
    const said = { actor: 'ada', reason: 'it may be down' };
    await ground.client.forcePods(cluster, { ...said, ...force });
    expect(await untilEnded(ground)).toMatchObject({ outcome: 'completed', to: '1.29.15' });
  });

  tell('is refused nothing, and asks for each of its rights', async () => {
    await doWhatIsRare();
    const all = await asked();
    expect(all.filter(({ isAllowed }) => !isAllowed)).toEqual([]);
    const given = withoutEach(manifests).flatMap(({ rule }) =>
      isOfOtherMinors(rule) ? [] : (rightOf(rule) ?? []),
    );
    expect([...new Set(all.map(({ right }) => right))].toSorted()).toEqual(given.toSorted());
  });

  /**
   * As the worker does while no watch is open: it reads a pod before it evicts it. And where
   * another one has died in the middle of a surge: it looks for what that has raised.
   */
  async function doWhatIsRare(): Promise<void> {
    const of = JSON.parse(await readFile(access.accessFile, 'utf8')) as ClusterAccess;
    const ports = openServedCluster(of);
    const pod = { ref: { namespace: 'default', name: 'nobody' }, uid: 'none' };
    try {
      const answer = await ports.kube.evict(pod, undefined, AbortSignal.timeout(60_000));
      expect(answer).toEqual({ kind: 'gone' });
      expect(await ports.kube.listSurged(AbortSignal.timeout(60_000))).toEqual([]);
    } finally {
      await ports.close();
    }
  }

  tell('misses each right that is taken away, by its name', async () => {
    const all = await asked();
    const agent = await agentOf(ground.lab.access.kubeconfig);
    try {
      for (const { whole, without, rule } of withoutEach(manifests)) {
        const right = rightOf(rule);
        // The lab's controllers let everybody read their metrics; those of kubeadm do not.
        if (right === undefined || isOfOtherMinors(rule)) continue;
        const [{ uri } = { uri: '' }] = all.filter((one) => one.right === right);
        const refusal = `cannot ${rule.verbs[0]} resource "${rule.resources?.[0]}" in API group`;
        await apply(without);
        await untilTrue(`nobody may ${right}`, async () =>
          (await ask(agent, rule.verbs[0] ?? '', uri)).includes(refusal),
        );
        await apply(whole);
      }
    } finally {
      await agent.close();
    }
  });

  async function agentOf(kubeconfig: string): Promise<Agent> {
    const { clusters } = parse(await readFile(kubeconfig, 'utf8')) as {
      readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
    };
    const ca = await readFile(clusters[0]?.cluster['certificate-authority'] ?? '', 'utf8');
    return new Agent({ connect: { ca } });
  }

  /** The same request once more, without its content. */
  async function ask(dispatcher: Agent, verb: string, uri: string): Promise<string> {
    const { body } = await request(
      `${ground.lab.apiUrl}${uri}`.replace(/Seconds=\d+/, 'Seconds=1'),
      {
        dispatcher,
        method: methods[verb] ?? 'GET',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': verb === 'patch' ? 'application/merge-patch+json' : 'application/json',
        },
        body: verb in methods ? '{}' : null,
      },
    );
    const { message = '' } = (await body.json()) as { readonly message?: string };
    return message;
  }
});
