// How people and Ascent reach a cluster of machines: kubeconfig and access file, by way of the
// host's loopback. They name files, so that no credential is copied.

import path from 'node:path';

import type { ClusterAccess, EtcdUnitsAccess, KubeadmSshAccess } from '../../activities/access';
import { writeFileAtomic, writeJsonAtomic } from '../atomic-file';
import { pkiOf } from '../certificates';
import { kubeconfigText } from '../kubeconfig';
import { etcdClient, etcdUnit } from './etcd-units';
import {
  controlPlanes,
  etcdMachines,
  type Machine,
  type MachinesFile,
  type MachinesLayout,
  nodeMachines,
} from './machines-file';
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
  const ofEtcd = lab.etcd === undefined ? members : etcdMachines(lab);
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
      members: ofEtcd.map(({ name, ports }) => ({ name, endpoint: url(ports.etcd) })),
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
      machines: addressesOf(nodeMachines(lab)),
      ...(lab.etcd === undefined ? {} : { etcd: etcdAccess(ofEtcd) }),
      packages: { kind: 'binaries', directory: releasesDirectory },
    },
    snapshots: { directory: layout.snapshots, key: layout.snapshotKey },
    tools: { etcd: binaries.of('etcd'), etcdutl: binaries.of('etcdutl') },
  };
}

function addressesOf(machines: readonly Machine[]): KubeadmSshAccess['machines'] {
  return Object.fromEntries(
    machines.map(({ name, ports }) => [name, { host: '127.0.0.1', port: ports.ssh }]),
  );
}

/** On machines of its own etcd is asked with a client's files, elsewhere with those it serves. */
function etcdAccess(members: readonly Machine[]): EtcdUnitsAccess {
  const apart = members.filter(({ role }) => role === 'etcd');
  const units = { unit: etcdUnit, machines: addressesOf(apart) };
  return apart.length === 0 ? units : { ...units, client: etcdClient };
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
