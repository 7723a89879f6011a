// Kubeconfigs and the access file: how people, components and workers reach the lab. They name
// files of the pki, so that no credential is copied (R9).

import path from 'node:path';
import { stringify } from 'yaml';

import type { ClusterAccess } from '../activities/access';
import { writeFileAtomic, writeJsonAtomic } from './atomic-file';
import { pkiOf } from './certificates';
import { apiServerUrl, balancerUrl, controllerManagerUrl, etcdUrl, schedulerUrl } from './flags';
import type { LabFile } from './lab-file';
import type { LabLayout } from './layout';

export interface KubeconfigFacts {
  readonly cluster: string;
  readonly server: string;
  /** File of the CA's certificate. */
  readonly ca: string;
  readonly user: string;
  /** Of the user, as a kubeconfig names them. */
  readonly credentials: Readonly<Record<string, string>>;
}

/** A kubeconfig of one user of one cluster. */
export function kubeconfigText({
  cluster,
  server,
  ca,
  user,
  credentials,
}: KubeconfigFacts): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority': ca } }],
    users: [{ name: user, user: credentials }],
    contexts: [{ name: cluster, context: { cluster, user } }],
    'current-context': cluster,
  });
}

function kubeconfig(lab: LabFile, layout: LabLayout, user: string): string {
  const pki = pkiOf(layout.pki);
  return kubeconfigText({
    cluster: lab.name,
    server: balancerUrl(lab),
    ca: pki.certificate('ca'),
    user,
    credentials: { 'client-certificate': pki.certificate(user), 'client-key': pki.key(user) },
  });
}

export interface VerifierTools {
  readonly etcd: string;
  readonly etcdutl: string;
  /** kube-apiserver by minor. */
  readonly apiServers: Readonly<Record<string, string>>;
}

export function clusterAccess(
  lab: LabFile,
  layout: LabLayout,
  tools: VerifierTools,
): ClusterAccess {
  const pki = pkiOf(layout.pki);
  return {
    apiVersion: 'ascent/access/v1',
    cluster: lab.name,
    kubeconfig: layout.kubeconfig,
    members: lab.members.map((member) => ({
      name: member.name,
      apiServer: apiServerUrl(member),
      controllerManager: controllerManagerUrl(member),
      scheduler: schedulerUrl(member),
    })),
    etcd: {
      members: lab.members.map((member) => ({ name: member.name, endpoint: etcdUrl(member) })),
      ca: pki.certificate('etcd-ca'),
      certificate: pki.certificate('etcd-client'),
      key: pki.key('etcd-client'),
    },
    driver: { kind: 'lab', socket: layout.socket },
    snapshots: { directory: layout.snapshots, key: layout.snapshotKey },
    tools: { etcd: tools.etcd, etcdutl: tools.etcdutl, apiServers: tools.apiServers },
  };
}

/** Writes the admin's kubeconfig, those of the components, and access.json; all mode 0600. */
export async function writeAccess(
  lab: LabFile,
  layout: LabLayout,
  tools: VerifierTools,
): Promise<ClusterAccess> {
  await writeFileAtomic(layout.kubeconfig, kubeconfig(lab, layout, 'admin'));
  for (const user of ['controller-manager', 'scheduler', 'kwok']) {
    await writeFileAtomic(
      path.join(layout.config, `${user}.kubeconfig`),
      kubeconfig(lab, layout, user),
    );
  }
  const access = clusterAccess(lab, layout, tools);
  await writeJsonAtomic(layout.accessFile, access);
  return access;
}
