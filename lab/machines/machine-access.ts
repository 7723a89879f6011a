// How people and Ascent reach a cluster of machines: kubeconfig and access file, by way of the
// host's loopback. They name files, so that no credential is copied.

import path from 'node:path';

import type { ClusterAccess, KubeadmSshAccess } from '../../activities/access';
import { writeFileAtomic, writeJsonAtomic } from '../atomic-file';
import { pkiOf } from '../certificates';
import { kubeconfigText } from '../kubeconfig';
import { controlPlanes, type MachinesFile, type MachinesLayout } from './machines-file';
import { type MachineBinaries, releasesDirectory } from './releases';

/** `binaries`: of the lab's release, which verify its snapshots. */
export function accessOf(
  lab: MachinesFile,
  layout: MachinesLayout,
  binaries: MachineBinaries,
): ClusterAccess<KubeadmSshAccess> {
  const pki = pkiOf(layout.pki);
  const url = (port: number | undefined): string => `https://127.0.0.1:${port ?? 0}`;
  const members = controlPlanes(lab);
  return {
    apiVersion: 'ascent/access/v1',
    cluster: lab.name,
    kubeconfig: layout.kubeconfig,
    members: members.map(({ name, ports }) => ({
      name,
      apiServer: url(ports.apiServer),
      controllerManager: url(ports.controllerManager),
      scheduler: url(ports.scheduler),
    })),
    etcd: {
      members: members.map(({ name, ports }) => ({ name, endpoint: url(ports.etcd) })),
      ca: pki.certificate('etcd-ca'),
      certificate: pki.certificate('etcd-client'),
      key: pki.key('etcd-client'),
    },
    driver: {
      kind: 'kubeadm',
      ssh: {
        user: 'root',
        key: path.join(layout.ssh, 'key'),
        knownHosts: path.join(layout.ssh, 'known_hosts'),
      },
      machines: Object.fromEntries(
        lab.machines.map(({ name, ports }) => [name, { host: '127.0.0.1', port: ports.ssh }]),
      ),
      packages: { kind: 'binaries', directory: releasesDirectory },
    },
    snapshots: { directory: layout.snapshots, key: layout.snapshotKey },
    tools: { etcd: binaries.of('etcd'), etcdutl: binaries.of('etcdutl') },
  };
}

export async function writeClusterFiles(
  lab: MachinesFile,
  layout: MachinesLayout,
  binaries: MachineBinaries,
): Promise<void> {
  const pki = pkiOf(layout.pki);
  await writeFileAtomic(
    layout.kubeconfig,
    kubeconfigText({
      cluster: lab.name,
      server: `https://127.0.0.1:${lab.balancerPort}`,
      ca: pki.certificate('ca'),
      user: 'admin',
      credentials: {
        'client-certificate': pki.certificate('admin'),
        'client-key': pki.key('admin'),
      },
    }),
  );
  await writeJsonAtomic(layout.accessFile, accessOf(lab, layout, binaries));
}
