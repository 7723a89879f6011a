// The certificates of a lab of machines that kubeadm does not make: the cluster's CA, which it
// finds and keeps, and what that CA signs for the lab. Controller-manager and scheduler would sign
// for themselves, and nobody could tell them from others.

import { mkdir } from 'node:fs/promises';

import {
  type LeafRequest,
  loopbackNames,
  makeAuthority,
  makeLeaf,
  type Pki,
  pkiOf,
  privatePem,
  writePair,
} from '../certificates';

export const servingComponents = ['kube-controller-manager', 'kube-scheduler'] as const;

/** Name of a serving certificate in the pki. */
export function servingName(member: string, component: string): string {
  return `${member}-${component}`;
}

function leaves(members: readonly string[]): readonly LeafRequest[] {
  const admin: LeafRequest = {
    name: 'admin',
    authority: 'ca',
    commonName: 'ascent-admin',
    organization: 'system:masters',
    usages: ['client'],
  };
  const serving = members.flatMap((member) =>
    servingComponents.map((component): LeafRequest => ({
      name: servingName(member, component),
      authority: 'ca',
      commonName: component,
      usages: ['server'],
      ...loopbackNames,
    })),
  );
  return [admin, ...serving];
}

/** Makes all of them anew. */
export async function makePki(
  directory: string,
  lab: {
    readonly name: string;
    readonly members: readonly string[];
    /** Of an authority `etcd-ca`; empty: kubeadm makes those of etcd. */
    readonly etcd: readonly LeafRequest[];
  },
  nowMs: number,
): Promise<Pki> {
  const pki = pkiOf(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const signed = { ca: leaves(lab.members), 'etcd-ca': lab.etcd };
  for (const [name, requests] of Object.entries(signed)) {
    if (requests.length === 0) continue;
    const authority = await makeAuthority(`ascent-lab-${lab.name}-${name}`, nowMs);
    const { certificate, keys } = authority;
    const key = await privatePem(keys.privateKey);
    await writePair(pki, name, `${certificate.toString('pem')}\n`, key);
    for (const leaf of requests) {
      const made = await makeLeaf(leaf, authority, nowMs);
      await writePair(pki, leaf.name, made.certificate, made.key);
    }
  }
  return pki;
}
