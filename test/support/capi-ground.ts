// A lab that manages itself as Cluster API would: its definitions, one Cluster, one
// MachineDeployment of two machines, and access with exactly the rights that the guide names.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { parse } from 'yaml';

import { KubeRest } from '../../lab/kube-rest';
import { LabControl } from '../../lab/control';
import { labLayout } from '../../lab/layout';
import { CapiControllers } from './capi-controllers';
import { installDefinitions } from './capi-definitions';
import type { LabGround } from './lab-ground';
import { until, untilTrue } from './lab-until';

const namespace = 'fleet';
const cluster = 'prod';
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
  readonly #ground: LabGround;
  readonly #kube: KubeRest;

  private constructor(ground: LabGround, kube: KubeRest, accessFile: string) {
    this.#ground = ground;
    this.#kube = kube;
    this.accessFile = accessFile;
    this.controllers = new CapiControllers(kube, { namespace, cluster });
  }

  /** Returns when both machines have joined. */
  static async open(ground: LabGround): Promise<CapiGround> {
    const kube = await KubeRest.admin(labLayout(ground.stateDir), ground.lab.apiUrl);
    await keepApart(ground, kube);
    await installDefinitions(kube);
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await kube.must({ method: 'POST', path: '/api/v1/namespaces', body });
    await makeCluster(kube);
    const made = new CapiGround(ground, kube, await accessOf(ground, await tokenOf(kube)));
    made.controllers.start();
    await untilTrue('two machines have joined', async () => (await ground.kube.nodes()).size === 3);
    return made;
  }

  async close(): Promise<void> {
    await this.controllers.stop();
    this.#kube.close();
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

async function makeCluster(kube: KubeRest): Promise<void> {
  const apiVersion = 'cluster.x-k8s.io/v1beta1';
  const clusterBody = { apiVersion, kind: 'Cluster', metadata: { name: cluster }, spec: {} };
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

async function accessOf(ground: LabGround, token: string): Promise<string> {
  const { driver: _driver, ...access } = ground.lab.access;
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
    pools: { workers: deploymentName },
    releases: ['1.29.15', '1.30.14'],
  };
  const file = path.join(ground.stateDir, 'cluster-api.json');
  await writeFile(file, JSON.stringify({ ...access, driver }), { mode: 0o600 });
  return file;
}
