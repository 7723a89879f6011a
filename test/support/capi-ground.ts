// A lab that manages itself as Cluster API would: its definitions, one Cluster, one
// MachineDeployment of two machines, a control plane if one is wanted, and access with exactly the
// rights that the guide names.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { parse } from 'yaml';

import type { MemberPorts } from '../../activities/access';
import { KubeRest } from '../../lab/kube-rest';
import { LabControl } from '../../lab/control';
import { readLabFile } from '../../lab/lab-file';
import { labLayout } from '../../lab/layout';
import { CapiControlPlane } from './capi-control-plane';
import { CapiControllers } from './capi-controllers';
import { installDefinitions } from './capi-definitions';
import type { LabGround } from './lab-ground';
import { until, untilTrue } from './lab-until';

const namespace = 'fleet';
const cluster = 'prod';
const controlPlaneName = 'prod-cp';
export const deploymentName = 'prod-md-0';
const objects = `/apis/cluster.x-k8s.io/v1beta1/namespaces/${namespace}`;
const deploymentPath = `${objects}/machinedeployments/${deploymentName}`;

interface Deployment {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly paused?: boolean };
}

export class CapiGround {
  readonly accessFile: string;
  readonly controllers: CapiControllers;
  readonly #controlPlane: CapiControlPlane | undefined;
  readonly #ground: LabGround;
  readonly #kube: KubeRest;

  private constructor(
    ground: LabGround,
    kube: KubeRest,
    accessFile: string,
    controlPlane: CapiControlPlane | undefined,
  ) {
    this.#ground = ground;
    this.#controlPlane = controlPlane;
    this.#kube = kube;
    this.accessFile = accessFile;
    this.controllers = new CapiControllers(kube, { namespace, cluster });
  }

  /** Returns when all machines have joined. */
  static async open(
    ground: LabGround,
    options: { readonly hasControlPlane?: boolean } = {},
  ): Promise<CapiGround> {
    const kube = await KubeRest.admin(labLayout(ground.stateDir), ground.lab.apiUrl);
    await keepApart(ground, kube);
    await installDefinitions(kube);
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await kube.must({ method: 'POST', path: '/api/v1/namespaces', body });
    const played =
      options.hasControlPlane === true ? await playedControlPlane(ground, kube) : undefined;
    await makeCluster(kube, played !== undefined);
    await played?.make('v1.28.15');
    const accessFile = await accessOf(ground, await tokenOf(kube), played?.ports);
    const made = new CapiGround(ground, kube, accessFile, played);
    made.controllers.start();
    const machines = 2 + (played === undefined ? 0 : ground.lab.members.length);
    await untilTrue('all machines have joined', async () => {
      return (await ground.kube.nodes()).size === 1 + machines;
    });
    return made;
  }

  async close(): Promise<void> {
    await this.controllers.stop();
    await this.#controlPlane?.stop();
    this.#kube.close();
  }

  /** Played; throws where there is none. */
  get controlPlane(): CapiControlPlane {
    if (this.#controlPlane === undefined) throw new Error('no control plane is played');
    return this.#controlPlane;
  }

  /** A person does it, at every member of the lab: there is one. */
  async changeControlPlane(version: string): Promise<void> {
    const { driver, members } = this.#ground.lab.access;
    if (driver.kind !== 'lab') throw new Error('the lab has another driver');
    const control = new LabControl(driver.socket);
    for (const { name } of members) {
      await control.changeApiServer(name, { version });
      await control.changeControllers(name, { version });
    }
    await until('the API answers', () => this.#ground.observe());
  }

  async pauseCluster(paused: boolean): Promise<void> {
    await this.#merge(`${objects}/clusters/${cluster}`, { spec: { paused } });
  }

  /** As a person does. */
  async pauseControlPlane(paused: boolean): Promise<void> {
    const annotations = { 'cluster.x-k8s.io/paused': paused ? '' : null };
    await this.#merge(this.controlPlane.path, { metadata: { annotations } });
  }

  /** `paused` and why, as the object says it. */
  async held(): Promise<readonly [boolean, string | undefined]> {
    const { body } = await this.#kube.must({ method: 'GET', path: deploymentPath });
    const { metadata, spec } = body as Deployment;
    return [spec.paused === true, metadata.annotations?.['ascent.dev/rollout-held']];
  }

  /** So many of its pods must be there. */
  async guard(name: string, minAvailable: number): Promise<void> {
    const path = `/apis/policy/v1/namespaces/default/poddisruptionbudgets/${name}`;
    const spec = { minAvailable, selector: { matchLabels: { app: name } } };
    const metadata = { name };
    await this.#kube.apply(path, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec,
    });
  }

  async #merge(path: string, body: object): Promise<void> {
    const contentType = 'application/merge-patch+json';
    await this.#kube.must({ method: 'PATCH', path, body, contentType });
  }
}

/** The lab's own node is that of the control plane: no pool has it, and no pod goes there. */
async function keepApart(ground: LabGround, kube: KubeRest): Promise<void> {
  const [name = ''] = ground.lab.nodes;
  const role = 'node-role.kubernetes.io/control-plane';
  const body = {
    metadata: { labels: { [role]: '' } },
    spec: { taints: [{ key: role, effect: 'NoSchedule' }] },
  };
  const contentType = 'application/merge-patch+json';
  await kube.must({ method: 'PATCH', path: `/api/v1/nodes/${name}`, body, contentType });
}

async function playedControlPlane(ground: LabGround, kube: KubeRest): Promise<CapiControlPlane> {
  const lab = await readLabFile(labLayout(ground.stateDir).labFile);
  const { driver } = ground.lab.access;
  if (lab === undefined || driver.kind !== 'lab') throw new Error('that is no lab');
  const control = new LabControl(driver.socket);
  const { members } = lab;
  return new CapiControlPlane({
    kube,
    control,
    members,
    namespace,
    cluster,
    name: controlPlaneName,
  });
}

async function makeCluster(kube: KubeRest, hasControlPlane: boolean): Promise<void> {
  const apiVersion = 'cluster.x-k8s.io/v1beta1';
  const controlPlaneRef = {
    apiVersion: 'controlplane.cluster.x-k8s.io/v1beta1',
    kind: 'KubeadmControlPlane',
    name: controlPlaneName,
    namespace,
  };
  const own = hasControlPlane ? { controlPlaneRef } : {};
  const clusterBody = { apiVersion, kind: 'Cluster', metadata: { name: cluster }, spec: own };
  await kube.must({ method: 'POST', path: `${objects}/clusters`, body: clusterBody });
  const labels = { 'cluster.x-k8s.io/cluster-name': cluster };
  const infrastructureRef = { apiVersion: 'test/v1', kind: 'TestMachineTemplate', name: 'md-0' };
  const spec = {
    clusterName: cluster,
    replicas: 2,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        clusterName: cluster,
        version: 'v1.28.15',
        bootstrap: { dataSecretName: 'md-0' },
        infrastructureRef,
      },
    },
  };
  const metadata = { name: deploymentName, labels };
  const body = { apiVersion, kind: 'MachineDeployment', metadata, spec };
  await kube.must({ method: 'POST', path: `${objects}/machinedeployments`, body });
}

/** Of a service account with the Role of the guide and nothing else. */
async function tokenOf(kube: KubeRest): Promise<string> {
  const guide = await readFile(path.join(__dirname, '../..', 'docs', 'cluster-api.md'), 'utf8');
  const blocks = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  const role: unknown = parse(blocks.find((text) => text.includes('kind: Role')) ?? '');
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await kube.must({ method: 'POST', path: `${rbac}/roles`, body: role });
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const metadata = { name: 'ascent' };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata };
  await kube.must({ method: 'POST', path: accounts, body: account });
  const body = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata,
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'ascent' },
    subjects: [{ kind: 'ServiceAccount', name: 'ascent', namespace }],
  };
  await kube.must({ method: 'POST', path: `${rbac}/rolebindings`, body });
  const wanted = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const answer = await kube.must({
    method: 'POST',
    path: `${accounts}/ascent/token`,
    body: wanted,
  });
  return (answer.body as { readonly status: { readonly token: string } }).status.token;
}

async function accessOf(
  ground: LabGround,
  token: string,
  ports: MemberPorts | undefined,
): Promise<string> {
  const { driver: _driver, members, etcd, ...access } = ground.lab.access;
  const { members: etcdMembers, ...credentials } = etcd;
  const named = { members, etcd: { ...credentials, members: etcdMembers } };
  const found = { etcd: credentials };
  const admin = parse(await readFile(access.kubeconfig, 'utf8')) as {
    readonly users: readonly { readonly name: string }[];
  };
  const users = admin.users.map(({ name }) => ({ name, user: { token } }));
  const kubeconfig = path.join(ground.stateDir, 'management.kubeconfig');
  await writeFile(kubeconfig, JSON.stringify({ ...admin, users }), { mode: 0o600 });
  const driver = {
    kind: 'cluster-api',
    kubeconfig,
    namespace,
    cluster,
    ...(ports === undefined ? {} : { members: ports }),
    pools: { workers: deploymentName },
    releases: ['1.29.15', '1.30.14'],
  };
  const file = path.join(ground.stateDir, 'cluster-api.json');
  const whole = { ...access, ...(ports === undefined ? named : found), driver };
  await writeFile(file, JSON.stringify(whole), { mode: 0o600 });
  return file;
}
