// etcd as a unit of machines, outside of kubeadm: its programs, certificates and configuration,
// written before their first boot, and what control planes need to ask it.

import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { stringify } from 'yaml';

import type { LeafRequest, Pki } from '../certificates';
import { copyProgram, machineDirectory } from './machine-files';
import {
  controlPlanes,
  etcdMachines,
  type Machine,
  type MachinesFile,
  type MachinesLayout,
} from './machines-file';
import type { MachineBinaries } from './releases';

/** machine-init knows it, and its configuration file (tools/toolchain/go/machine). */
export const etcdUnit = 'etcd';
const configFile = '/etc/etcd/etcd.yaml';
const directory = '/etc/etcd/pki';

/** On its machines. */
export const etcdClient = {
  ca: `${directory}/ca.crt`,
  certificate: `${directory}/client.crt`,
  key: `${directory}/client.key`,
} as const;

const kubernetesPki = '/etc/kubernetes/pki';

/** For kubeadm's ClusterConfiguration. */
export function externalEtcd(lab: MachinesFile): object {
  return {
    external: {
      endpoints: etcdMachines(lab).map(({ address }) => `https://${address}:2379`),
      caFile: `${kubernetesPki}/etcd/ca.crt`,
      certFile: `${kubernetesPki}/apiserver-etcd-client.crt`,
      keyFile: `${kubernetesPki}/apiserver-etcd-client.key`,
    },
  };
}

function memberName({ name }: Pick<Machine, 'name'>): string {
  return `${name}-etcd`;
}

/** Of the authority `etcd-ca`. On machines of its own a member's is none of a client. */
export function etcdLeaves(machines: readonly Machine[]): readonly LeafRequest[] {
  const client: LeafRequest = {
    name: 'etcd-client',
    authority: 'etcd-ca',
    commonName: 'etcd-client',
    usages: ['client'],
  };
  const members = machines.flatMap((machine): readonly LeafRequest[] => {
    const { name, address, role } = machine;
    const names = { dnsNames: ['localhost', name], addresses: ['127.0.0.1', address] };
    const leaf = { authority: 'etcd-ca', commonName: name, ...names } as const;
    return [
      {
        ...leaf,
        name: memberName(machine),
        usages: role === 'etcd' ? ['server'] : ['server', 'client'],
      },
      { ...leaf, name: `${memberName(machine)}-peer`, usages: ['server', 'client'] },
    ];
  });
  return [client, ...members];
}

/** As the file of `--config-file`. */
export function etcdConfig(lab: MachinesFile, { name, address }: Machine): string {
  const peer = (machine: Machine): string => `https://${machine.address}:2380`;
  const security = (file: string): object => ({
    'cert-file': `${directory}/${file}.crt`,
    'key-file': `${directory}/${file}.key`,
    'client-cert-auth': true,
    'trusted-ca-file': `${directory}/ca.crt`,
  });
  return stringify({
    name,
    'data-dir': '/var/lib/etcd',
    'listen-client-urls': `https://127.0.0.1:2379,https://${address}:2379`,
    'advertise-client-urls': `https://${address}:2379`,
    'listen-peer-urls': `https://${address}:2380`,
    'initial-advertise-peer-urls': `https://${address}:2380`,
    'initial-cluster': etcdMachines(lab)
      .map((machine) => `${machine.name}=${peer(machine)}`)
      .join(','),
    'initial-cluster-state': 'new',
    'initial-cluster-token': lab.name,
    'client-transport-security': security('member'),
    'peer-transport-security': security('peer'),
  });
}

/** Of the machines of a lab whose etcd is units; nothing for any other. */
export async function layOutEtcd(
  layout: MachinesLayout,
  { lab, pki }: { readonly lab: MachinesFile; readonly pki: Pki },
  binaries: MachineBinaries,
): Promise<void> {
  if (lab.etcd === undefined) return;
  for (const machine of etcdMachines(lab)) {
    const at = (file: string): string => path.join(machineDirectory(layout, machine.name), file);
    for (const tool of ['etcd', 'etcdctl', 'etcdutl'] as const) {
      await copyProgram(binaries.of(tool), at(`usr/local/bin/${tool}`));
    }
    await mkdir(at(directory), { recursive: true });
    await copyFile(pki.certificate('etcd-ca'), at(`${directory}/ca.crt`));
    const pairs = { member: memberName(machine), peer: `${memberName(machine)}-peer` };
    for (const [file, name] of Object.entries({ ...pairs, client: 'etcd-client' })) {
      await copyPair(pki, name, at(`${directory}/${file}`));
    }
    await writeFile(at(configFile), etcdConfig(lab, machine));
  }
  for (const { name } of controlPlanes(lab)) {
    const at = (file: string): string => path.join(machineDirectory(layout, name), file);
    await mkdir(at(`${kubernetesPki}/etcd`), { recursive: true });
    await copyFile(pki.certificate('etcd-ca'), at(`${kubernetesPki}/etcd/ca.crt`));
    await copyPair(pki, 'etcd-client', at(`${kubernetesPki}/apiserver-etcd-client`));
  }
}

async function copyPair(pki: Pki, name: string, to: string): Promise<void> {
  await copyFile(pki.certificate(name), `${to}.crt`);
  await copyFile(pki.key(name), `${to}.key`);
}
