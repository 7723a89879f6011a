// Access files that are other than that of a lab in one way each, most of them wrong. Each wrong
// one is of a cluster of its own name, so that its worker serves nobody else.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { parse } from 'yaml';

import type { ClusterAccess } from '../../activities/access';
import { freePortBlock } from '../../lab/free-ports';
import type { LabGround } from './lab-ground';

interface Kubeconfig {
  readonly clusters: readonly { readonly name: string; readonly cluster: object }[];
  readonly users: readonly { readonly name: string; readonly user: object }[];
}

export interface OtherAccess {
  readonly cluster: string;
  readonly accessFile: string;
}

interface Parts {
  readonly access: ClusterAccess;
  readonly kubeconfig: Kubeconfig;
}

async function otherAccess(
  ground: LabGround,
  cluster: string,
  change: (right: Parts) => Partial<Parts>,
): Promise<OtherAccess> {
  const access = JSON.parse(await readFile(ground.lab.accessFile, 'utf8')) as ClusterAccess;
  const kubeconfig = parse(await readFile(access.kubeconfig, 'utf8')) as Kubeconfig;
  const changed = { access, kubeconfig, ...change({ access, kubeconfig }) };
  const accessFile = path.join(ground.stateDir, `${cluster}.json`);
  const kubeconfigFile = path.join(ground.stateDir, `${cluster}.kubeconfig`);
  // JSON is YAML, too.
  await writeFile(kubeconfigFile, JSON.stringify(changed.kubeconfig), { mode: 0o600 });
  const file = { ...changed.access, cluster, kubeconfig: kubeconfigFile };
  await writeFile(accessFile, JSON.stringify(file), { mode: 0o600 });
  return { cluster, accessFile };
}

/** A client certificate of an authority that the API server does not trust: etcd's. */
export function strangersAccess(ground: LabGround): Promise<OtherAccess> {
  return otherAccess(ground, 'stranger', ({ access, kubeconfig }) => {
    const { certificate, key } = access.etcd;
    const user = { 'client-certificate': certificate, 'client-key': key };
    const users = kubeconfig.users.map(({ name }) => ({ name, user }));
    return { kubeconfig: { ...kubeconfig, users } };
  });
}

/** An authority that did not sign the API server's certificate: etcd's. */
export function impostorsAccess(ground: LabGround): Promise<OtherAccess> {
  return otherAccess(ground, 'impostor', ({ access, kubeconfig }) => {
    const authority = { 'certificate-authority': access.etcd.ca };
    const clusters = kubeconfig.clusters.map(({ name, cluster }) => ({
      name,
      cluster: { ...cluster, ...authority },
    }));
    return { kubeconfig: { ...kubeconfig, clusters } };
  });
}

/** Nobody listens at any address of the Kubernetes API. */
export async function unreachableAccess(ground: LabGround): Promise<OtherAccess> {
  const nobody = await nobodysUrls();
  return otherAccess(ground, 'unreachable', ({ access, kubeconfig }) => {
    const clusters = kubeconfig.clusters.map(({ name, cluster }) => ({
      name,
      cluster: { ...cluster, server: nobody() },
    }));
    const members = access.members.map(({ name }) => ({
      name,
      apiServer: nobody(),
      controllerManager: nobody(),
      scheduler: nobody(),
    }));
    return { access: { ...access, members }, kubeconfig: { ...kubeconfig, clusters } };
  });
}

/** With a token of its own instead of the administrator's certificate; nothing is wrong with it. */
export function tokenAccess(
  ground: LabGround,
  cluster: string,
  token: string,
): Promise<OtherAccess> {
  return otherAccess(ground, cluster, ({ kubeconfig }) => {
    const users = kubeconfig.users.map(({ name }) => ({ name, user: { token } }));
    return { kubeconfig: { ...kubeconfig, users } };
  });
}

/** Its snapshots are kept otherwise than the lab's; nothing is wrong with it. */
export function snapshotsAccess(
  ground: LabGround,
  snapshots: Partial<ClusterAccess['snapshots']>,
): Promise<OtherAccess> {
  return otherAccess(ground, ground.cluster, ({ access }) => ({
    access: { ...access, snapshots: { ...access.snapshots, ...snapshots } },
  }));
}

/** Nothing changes the machines: what anybody can write for a cluster of their own. */
export function driverlessAccess(ground: LabGround): Promise<OtherAccess> {
  return otherAccess(ground, 'driverless', ({ access }) => ({
    access: { ...access, driver: { kind: 'none' } },
  }));
}

/** Nobody listens at the addresses of etcd. */
export async function etcdLessAccess(ground: LabGround): Promise<OtherAccess> {
  const nobody = await nobodysUrls();
  return otherAccess(ground, 'etcd-less', ({ access }) => {
    const members = access.etcd.members.map(({ name }) => ({ name, endpoint: nobody() }));
    return { access: { ...access, etcd: { ...access.etcd, members } } };
  });
}

/** More than a member has addresses, for three of them. */
const portCount = 12;

/** Another address at each call: an access file names none twice. */
async function nobodysUrls(): Promise<() => string> {
  let port = await freePortBlock(portCount);
  return () => {
    const url = `https://127.0.0.1:${port}`;
    port += 1;
    return url;
  };
}
