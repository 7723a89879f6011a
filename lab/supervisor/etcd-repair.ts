// Brings back an etcd member that a restore went on without: its entry is removed from the list,
// a new one is added, and it fetches everything from the others (etcd.io/docs/v3.5/op-guide/
// runtime-configuration, "Replace a failed machine").
// P1. A member that is in the list, healthy and not known as lost is left as it is.
// P2. It is known as joining before anything else changes: from then on its etcd never makes a
//     cluster of its own out of an empty directory.
// P3. Every part may be done again: what is there already is seen in the list of the members.

import { rename } from 'node:fs/promises';

import { syncDirectory } from '../../activities/adapters/durable-files';
import { exists } from '../atomic-file';
import { etcdDataDir, etcdPeerUrl } from '../flags';
import type { LabFile, LabMember } from '../lab-file';
import type { LabLayout } from '../layout';
import { messageOf } from '../lab-error';
import type { Child } from './child';
import type { EtcdAdmin, ListedEtcdMember } from './etcd-admin';
import type { MachineStateStore } from './machine-state';
import type { PlannedFaults } from './planned-faults';
import { mustHold, type Probes } from './probes';
import { LabProblemError } from './problem';

const joinMs = 120_000;
const sameDataMs = 60_000;

export interface EtcdRepairParts {
  readonly lab: LabFile;
  readonly layout: LabLayout;
  readonly state: MachineStateStore;
  readonly probes: Probes;
  readonly admin: EtcdAdmin;
  readonly faults: PlannedFaults;
  readonly log: (line: string) => void;
}

/** Resolves when the member has the same data as the others. Throws LabProblemError. */
export async function repairEtcd(
  parts: EtcdRepairParts,
  member: LabMember,
  etcd: Child,
): Promise<void> {
  try {
    await repair(parts, member, etcd);
  } catch (error) {
    throw new LabProblemError(
      'start-failed',
      `etcd of ${member.name} is not back: ${messageOf(error)}; see logs/${etcd.name}.log`,
      { cause: error },
    );
  }
}

async function repair(parts: EtcdRepairParts, member: LabMember, etcd: Child): Promise<void> {
  const { admin, faults, lab, log, probes, state } = parts;
  faults.requireDisk(member.name);
  const survivors = lab.members.filter((other) => other.name !== member.name);
  const source = await firstHealthy(probes, survivors);
  const { etcdLost = [], etcdJoining = [] } = state.current;
  const isKnown = etcdLost.includes(member.name) || etcdJoining.includes(member.name);
  const entry = entryOf(await admin.members(source), member);
  if (!isKnown && entry !== undefined && (await probes.isEtcdHealthy(member))) return;
  await etcd.stop('SIGKILL', 0);
  await state.update((current) => ({
    ...current,
    etcdLost: etcdLost.filter((name) => name !== member.name),
    etcdJoining: [...new Set([...etcdJoining, member.name])],
  }));
  await putAside(parts, member);
  if (entry !== undefined) {
    log(`etcd of ${member.name}: its entry ${entry.id} is removed from the members`);
    await admin.remove(source, entry.id);
  }
  log(`etcd of ${member.name}: it is added to the members again`);
  await admin.add(source, etcdPeerUrl(member));
  await etcd.start();
  await mustHold(`etcd of ${member.name} was healthy`, () => probes.isEtcdHealthy(member), joinMs);
  await mustHold(
    `etcd of ${member.name} had the data of ${source.name}`,
    () => haveSameData(parts, source, member),
    sameDataMs,
  );
  await state.update((current) => ({
    ...current,
    etcdJoining: (current.etcdJoining ?? []).filter((name) => name !== member.name),
  }));
}

function entryOf(
  listed: readonly ListedEtcdMember[],
  member: LabMember,
): ListedEtcdMember | undefined {
  return listed.find(({ peerUrls }) => peerUrls.includes(etcdPeerUrl(member)));
}

async function firstHealthy(probes: Probes, members: readonly LabMember[]): Promise<LabMember> {
  for (const member of members) if (await probes.isEtcdHealthy(member)) return member;
  throw new Error('no other etcd member is healthy');
}

/** At one revision: the cluster is written to meanwhile. */
async function haveSameData(
  { probes }: EtcdRepairParts,
  source: LabMember,
  member: LabMember,
): Promise<boolean> {
  const revision = await probes.etcdRevision(source);
  if (revision === undefined) return false;
  const [theirs, ours] = await Promise.all([
    probes.etcdHash(source, revision),
    probes.etcdHash(member, revision),
  ]);
  return theirs !== undefined && theirs === ours;
}

/** What is left of it is not thrown away: nobody has looked at it yet. */
async function putAside({ layout }: EtcdRepairParts, member: LabMember): Promise<void> {
  const current = etcdDataDir(layout, member);
  if (!(await exists(current))) return;
  await rename(current, `${current}.lost-${new Date().toISOString().replaceAll(':', '')}`);
  await syncDirectory(layout.etcd);
}
