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
  lab: { readonly name: string; readonly members: readonly string[] },
  nowMs: number,
): Promise<Pki> {
  const pki = pkiOf(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const authority = await makeAuthority(`ascent-lab-${lab.name}-ca`, nowMs);
  const { certificate, keys } = authority;
  await writePair(pki, 'ca', `${certificate.toString('pem')}\n`, await privatePem(keys.privateKey));
  for (const leaf of leaves(lab.members)) {
    const made = await makeLeaf(leaf, authority, nowMs);
    await writePair(pki, leaf.name, made.certificate, made.key);
  }
  return pki;
}
