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

function kubeconfig(lab: LabFile, layout: LabLayout, user: string): string {
  const pki = pkiOf(layout.pki);
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: lab.name,
        cluster: { server: balancerUrl(lab), 'certificate-authority': pki.certificate('ca') },
      },
    ],
    users: [
      {
        name: user,
        user: { 'client-certificate': pki.certificate(user), 'client-key': pki.key(user) },
      },
    ],
    contexts: [{ name: lab.name, context: { cluster: lab.name, user } }],
    'current-context': lab.name,
  });
}

export interface VerifierTools {
  readonly etcd: string;
  readonly etcdutl: string;
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
    tools: { etcd: tools.etcd, etcdutl: tools.etcdutl },
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
