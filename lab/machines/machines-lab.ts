// Brings a lab of machines up and down.
// U1. The lab's file is written before anything else, and tells `down` all that may be there: a lab
//     that is half made, or whose maker was killed, is ended like any other.
// U2. A lab that was made once comes up again with its disks; one that was not is made anew.

import { copyFile, mkdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';

import type { ClusterAccess, KubeadmSshAccess } from '../../activities/access';
import { createSnapshotKey } from '../../activities/adapters/snapshot-key';
import { exists } from '../atomic-file';
import { LabError } from '../lab-error';
import { portsOfSiblings } from '../lab-file';
import { lockLab } from '../lab-lock';
import { endRecordedProcesses } from '../process-identity';
import { makeStateDirectory, requireNothingForeign } from '../state-directory';
import { makePki, servingComponents, servingName } from './certificates';
import { endCgroups, livingIn } from './cgroups';
import { etcdLeaves, layOutEtcd } from './etcd-units';
import { startGate } from './gate';
import { requireMachineHost } from './host-needs';
import { ensureImages } from './images';
import { servingDirectory } from './kubeadm';
import { firstProcess, type MachineContext, startMachine } from './machine';
import { accessOf } from './machine-access';
import { makeCluster, podSubnetsOf, type UpContext, untilReady } from './machine-cluster';
import { layOutMachine, machineDirectory, makeLabKey, writeKnownHosts } from './machine-files';
import {
  checkMachinesShape,
  controlPlanes,
  designMachines,
  etcdMachines,
  type EtcdUnitsShape,
  type Machine,
  type MachineCounts,
  type MachinesFile,
  type MachinesLayout,
  machinesLayout,
  readMachinesFile,
  writeMachinesFile,
} from './machines-file';
import { makeSwitch, removeNetwork } from './network';
import { firstMachineRelease, machineBinaries, machineRelease } from './releases';

export interface MachinesUpOptions extends MachineCounts {
  readonly name: string;
  readonly stateDir: string;
  /** Default: the oldest that machines can run. */
  readonly version?: string;
  /** Absent: etcd as static pods. */
  readonly etcd?: EtcdUnitsShape;
  readonly onProgress?: (progress: { readonly text: string; readonly seconds: number }) => void;
  readonly signal?: AbortSignal;
}

export interface MachinesLab {
  readonly name: string;
  readonly stateDir: string;
  readonly version: string;
  readonly machines: readonly Machine[];
  readonly access: ClusterAccess<KubeadmSshAccess>;
  readonly accessFile: string;
  readonly kubeconfig: string;
  readonly context: MachineContext;
  readonly wasUp: boolean;
  readonly seconds: number;
}

export type MachinesState =
  | { readonly kind: 'absent'; readonly stateDir: string }
  | {
      readonly kind: 'machines';
      readonly stateDir: string;
      readonly name: string;
      readonly version: string;
      readonly kubeconfig: string;
      readonly machines: readonly (Machine & { readonly processes: number })[];
    };

/** Resolves when every node is Ready and the cluster's DNS serves. Throws LabError; U1, U2 hold. */
export async function machinesUp(options: MachinesUpOptions): Promise<MachinesLab> {
  const startedMs = performance.now();
  const secondsSoFar = (): number => (performance.now() - startedMs) / 1_000;
  const report = (text: string): void => options.onProgress?.({ text, seconds: secondsSoFar() });
  await requireMachineHost();
  const release = machineRelease(options.version ?? firstMachineRelease);
  const shape = { ...options, version: release.kubernetes };
  checkMachinesShape(shape);
  const layout = machinesLayout(options.stateDir);
  await makeStateDirectory(layout.stateDir);
  const unlock = await lockLab(layout.lockFile);
  try {
    const found = await readMachinesFile(layout.machinesLabFile);
    if (found === undefined) await requireNothingForeign(layout);
    const taken = await portsOfSiblings(layout.stateDir);
    const lab = found ?? (await designMachines(shape, taken));
    const binaries = await machineBinaries(machineRelease(lab.version));
    const { signal } = options;
    const context: UpContext = { layout, lab, binaries, report, signal };
    const wasUp = await isUp(context);
    if (!wasUp) await bringUp(context);
    await untilReady(context);
    const { name, version, machines } = lab;
    return {
      name,
      stateDir: layout.stateDir,
      version,
      machines,
      access: accessOf(lab, layout, binaries),
      accessFile: layout.accessFile,
      kubeconfig: layout.kubeconfig,
      context: { layout, lab },
      wasUp,
      seconds: secondsSoFar(),
    };
  } finally {
    await unlock();
  }
}

async function isUp(context: MachineContext): Promise<boolean> {
  const { layout, lab } = context;
  if ((await podSubnetsOf(layout)) === undefined) return false;
  const firsts = await Promise.all(lab.machines.map(({ name }) => firstProcess(context, name)));
  return firsts.every((first) => first !== undefined);
}

async function bringUp(context: UpContext): Promise<void> {
  const { layout, lab, binaries, report } = context;
  await writeMachinesFile(layout.machinesLabFile, lab);
  try {
    await endRunning(layout, lab);
    const subnets = await podSubnetsOf(layout);
    report(
      subnets === undefined ? `making lab ${lab.name}` : `starting lab ${lab.name} with its disks`,
    );
    if (subnets === undefined) await layOutLab(context);
    await makeSwitch(lab.name);
    await startGate(layout, lab, binaries.own('machine-gate'));
    for (const machine of lab.machines) await startMachine(context, machine, subnets ?? {});
    report(`${lab.machines.length} machines run`);
    if (subnets === undefined) await makeCluster(context);
  } catch (error) {
    await endRunning(layout, lab);
    throw error;
  }
}

/** The disks of all machines, and what the lab knows of them. */
async function layOutLab(context: UpContext): Promise<void> {
  const { layout, lab, binaries, report } = context;
  for (const stale of [layout.machines, layout.pki, layout.ssh]) {
    await rm(stale, { recursive: true, force: true });
  }
  for (const directory of [layout.processes, layout.logs, layout.config, layout.snapshots]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  await ensureImages(machineRelease(lab.version), binaries);
  report('images are made');
  await makeLabKey(layout, lab.name);
  const members = controlPlanes(lab).map(({ name }) => name);
  const etcd = lab.etcd === undefined ? [] : etcdLeaves(etcdMachines(lab));
  const pki = await makePki(layout.pki, { name: lab.name, members, etcd }, Date.now());
  for (const machine of lab.machines) {
    await layOutMachine(layout, lab, machine, binaries);
    if (machine.role !== 'control-plane') continue;
    const target = path.join(machineDirectory(layout, machine.name), servingDirectory);
    await mkdir(target, { recursive: true });
    for (const component of servingComponents) {
      const name = servingName(machine.name, component);
      await copyFile(pki.certificate(name), path.join(target, `${component}.crt`));
      await copyFile(pki.key(name), path.join(target, `${component}.key`));
    }
  }
  await layOutEtcd(layout, { lab, pki }, binaries);
  await writeKnownHosts(layout, lab);
  if (!(await exists(layout.snapshotKey))) await createSnapshotKey(layout.snapshotKey, Date.now());
}

/** Everything that runs, and the network; disks stay. */
async function endRunning(layout: MachinesLayout, lab: MachinesFile): Promise<void> {
  await endCgroups(lab.cgroups);
  const stubborn = await endRecordedProcesses(layout.processes);
  if (stubborn.length > 0) {
    throw new LabError('lab-failed', `these processes do not end: ${stubborn.join(', ')}`);
  }
  await removeNetwork(lab.name);
}

/** Ends the lab and removes it, disks too unless `keepData`. False when there is none. */
export async function machinesDown(options: {
  readonly stateDir: string;
  readonly keepData?: boolean;
}): Promise<{ readonly wasThere: boolean; readonly wasUp: boolean }> {
  const layout = machinesLayout(options.stateDir);
  const lab = await readMachinesFile(layout.machinesLabFile);
  if (lab === undefined) return { wasThere: false, wasUp: false };
  const unlock = await lockLab(layout.lockFile);
  try {
    const wasUp = (await livingIn(lab.cgroups)).length > 0;
    await endRunning(layout, lab);
    if (options.keepData !== true) await removeFiles(layout);
    return { wasThere: true, wasUp };
  } finally {
    await unlock();
  }
}

/** The lab's file last: while it is there, `down` can be asked again (U1). */
async function removeFiles(layout: MachinesLayout): Promise<void> {
  const { stateDir, machinesLabFile, temporal, ...entries } = layout;
  const others = Object.values(entries).filter((entry) => entry !== temporal);
  await Promise.all(others.map((entry) => rm(entry, { recursive: true, force: true })));
  await rm(machinesLabFile, { force: true });
  await rmdir(stateDir).catch(() => undefined);
}

export async function machinesStatus(options: {
  readonly stateDir: string;
}): Promise<MachinesState> {
  const layout = machinesLayout(options.stateDir);
  const lab = await readMachinesFile(layout.machinesLabFile);
  const { stateDir, kubeconfig } = layout;
  if (lab === undefined) return { kind: 'absent', stateDir };
  const machines = await Promise.all(
    lab.machines.map(async (machine) => ({
      ...machine,
      processes: (await livingIn(lab.cgroups, machine.name)).length,
    })),
  );
  return { kind: 'machines', stateDir, name: lab.name, version: lab.version, kubeconfig, machines };
}
