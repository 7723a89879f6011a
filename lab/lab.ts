// Brings a lab up and down. The work is the supervisor's (supervisor/); this module prepares its
// directory, starts it detached, and waits until what was asked for is really there.
// U1. `up` of a running lab changes nothing, `down` of a stopped one neither.
// U2. What fails or is aborted on the way up leaves no process behind; data stays. A lab that was
//     up before is not the one that fails: it is left as it was (U1).

import { mkdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';

import type { ClusterAccess } from '../activities/access';
import { createSnapshotKey } from '../activities/adapters/snapshot-key';
import { PortError } from '../activities/ports';
import type { LabStatus } from '../activities/drivers/lab-protocol';
import { writeFileAtomic } from './atomic-file';
import { auditPolicy } from './audit-policy';
import { installedBinaries, type LabBinaries } from './binaries';
import { ensurePki } from './certificates';
import { LabControl } from './control';
import { auditPolicyFile, balancerUrl } from './flags';
import { isPortFree } from './free-ports';
import { requireIsolation } from './isolation';
import { clusterAccess, type VerifierTools, writeAccess } from './kubeconfig';
import { kwokConfig } from './kwok-config';
import { LabError } from './lab-error';
import type { LabProgress } from './lab-faults';
import {
  checkShape,
  designLab,
  portsOf,
  portsOfSiblings,
  readLabFile,
  writeLabFile,
  type LabFile,
  type LabShape,
} from './lab-file';
import { lockLab } from './lab-lock';
import { labReady } from './lab-ready';
import { labLayout, defaultStateDir, type LabLayout } from './layout';
import { livingHolder } from './lock-file';
import {
  endProcess,
  endRecordedProcesses,
  isAlive,
  recordedProcess,
  recordProcess,
} from './process-identity';
import { spawnSupervisor } from './spawn-supervisor';
import { makeStateDirectory, requireNothingForeign } from './state-directory';
import { kubernetesRelease } from './toolchain/catalogue';
import { eventually } from './waiting';
import { defaultPods } from './workload-manifests';

export interface LabUpOptions {
  readonly name?: string;
  /** Default: layout.defaultStateDir of the name. */
  readonly stateDir?: string;
  readonly members?: number;
  readonly nodes?: number;
  readonly zones?: number;
  readonly version?: string;
  /** Of etcd; default: the catalogue's first. */
  readonly etcdVersion?: string;
  readonly workloads?: 'demo' | 'none';
  /** Default: workload-manifests.defaultPods of the nodes. */
  readonly pods?: number;
  readonly onProgress?: (progress: LabUpProgress) => void;
  readonly signal?: AbortSignal;
}

export interface LabUpProgress {
  /** One line for people: `3 of 3 API servers serve, 84 of 118 pods available`. */
  readonly text: string;
  readonly seconds: number;
}

export interface Lab {
  readonly name: string;
  readonly stateDir: string;
  /** Release that the lab was made with. */
  readonly version: string;
  readonly members: readonly string[];
  readonly nodes: readonly string[];
  readonly access: ClusterAccess;
  readonly accessFile: string;
  readonly kubeconfig: string;
  /** `https://127.0.0.1:…` of the balancer. */
  readonly apiUrl: string;
  readonly control: LabControl;
  readonly wasUp: boolean;
  readonly seconds: number;
}

export type LabState =
  | { readonly kind: 'absent'; readonly stateDir: string }
  | { readonly kind: 'down'; readonly stateDir: string; readonly name: string }
  | {
      readonly kind: 'up';
      readonly stateDir: string;
      readonly name: string;
      readonly progress: LabProgress;
      readonly status: LabStatus;
      readonly accessFile: string;
      readonly kubeconfig: string;
    };

const supervisorName = 'supervisor';
const portsFreeMs = 5_000;
const shutdownMs = 15_000;

interface UpContext {
  readonly layout: LabLayout;
  readonly lab: LabFile;
  readonly binaries: LabBinaries;
  readonly control: LabControl;
  readonly signal: AbortSignal | undefined;
  readonly report: (text: string) => void;
}

function shapeOf(options: LabUpOptions): LabShape {
  const { nodes = 9, version = '1.28.15' } = options;
  return {
    name: options.name ?? 'lab',
    version: kubernetesRelease(version) ?? version,
    ...(options.etcdVersion === undefined ? {} : { etcdVersion: options.etcdVersion }),
    members: options.members ?? 3,
    nodes,
    zones: options.zones ?? 3,
    workloads: options.workloads ?? 'demo',
    pods: options.pods ?? defaultPods(nodes),
  };
}

/**
 * Throws what `labUp` would throw at once, before anybody waits for a download: LabError
 * `lab-unsupported`, `options-invalid` or `state-directory-unusable`.
 */
export async function checkLabUp(options: LabUpOptions): Promise<void> {
  await prepare(options);
}

async function prepare(
  options: LabUpOptions,
): Promise<{ readonly shape: LabShape; readonly layout: LabLayout }> {
  requireIsolation();
  const shape = shapeOf(options);
  checkShape(shape);
  const layout = labLayout(options.stateDir ?? defaultStateDir(shape.name));
  await makeStateDirectory(layout.stateDir);
  return { shape, layout };
}

/**
 * Resolves when every member serves, every node is Ready and all workloads are available. Throws
 * LabError; U1 and U2 hold.
 */
export async function labUp(options: LabUpOptions = {}): Promise<Lab> {
  const startedMs = performance.now();
  const { shape, layout } = await prepare(options);
  const secondsSoFar = (): number => (performance.now() - startedMs) / 1_000;
  const report = (text: string): void => {
    options.onProgress?.({ text, seconds: secondsSoFar() });
  };
  const release = await lockLab(layout.lockFile);
  try {
    const found = await readLabFile(layout.labFile);
    if (found === undefined) await requireNothingForeign(layout);
    const control = new LabControl(layout.socket);
    const binaries = await installedBinaries();
    const isUp = found !== undefined && (await isRunning(layout));
    if (isUp) report(`lab ${found.name} is up already`);
    const lab =
      found ?? (await designLab(shape, Date.now(), await portsOfSiblings(layout.stateDir)));
    const context = { layout, lab, binaries, control, signal: options.signal, report };
    if (!isUp) await bringUp(context, found !== undefined);
    if (isUp) await labReady(readyOptions(context));
    else await untilReady(context);
    return await describe(context, { wasUp: isUp, seconds: secondsSoFar() });
  } finally {
    await release();
  }
}

/** Ends everything that belongs to the lab; removes its directory unless `keepData`. */
export async function labDown(options: {
  readonly stateDir: string;
  readonly keepData?: boolean;
}): Promise<{ readonly wasUp: boolean }> {
  const layout = labLayout(options.stateDir);
  const lab = await readLabFile(layout.labFile);
  if (lab === undefined) return { wasUp: false };
  const release = await lockLab(layout.lockFile);
  try {
    const wasUp = await isRunning(layout);
    await endEverything(layout);
    if (options.keepData !== true) await removeLab(layout);
    return { wasUp };
  } finally {
    await release();
  }
}

export async function labStatus(options: { readonly stateDir: string }): Promise<LabState> {
  const layout = labLayout(options.stateDir);
  const { stateDir } = layout;
  const lab = await readLabFile(layout.labFile);
  if (lab === undefined) return { kind: 'absent', stateDir };
  const control = new LabControl(layout.socket);
  try {
    const [progress, status] = await Promise.all([control.progress(), control.status()]);
    const { accessFile, kubeconfig } = layout;
    return { kind: 'up', stateDir, name: lab.name, progress, status, accessFile, kubeconfig };
  } catch (error) {
    if (error instanceof LabError && error.code === 'lab-down') {
      return { kind: 'down', stateDir, name: lab.name };
    }
    throw error;
  }
}

async function isRunning(layout: LabLayout): Promise<boolean> {
  const supervisor = await recordedProcess(layout.processes, supervisorName);
  return supervisor !== undefined && isAlive(supervisor);
}

async function bringUp(context: UpContext, hasData: boolean): Promise<void> {
  const { layout, lab, binaries, report } = context;
  // A supervisor that was killed takes its children along; this is for what escaped even that.
  const stubborn = await endRecordedProcesses(layout.processes);
  if (stubborn.length > 0) {
    throw new LabError(
      'lab-failed',
      `processes of the last run do not end: ${stubborn.join(', ')}`,
    );
  }
  const files = await binaries.kube(lab.version);
  if (files === undefined) {
    const installed = await binaries.versions();
    throw new LabError(
      'options-invalid',
      `Kubernetes ${lab.version} is not installed; there are ${installed.join(', ') || 'none'}`,
    );
  }
  await requireEtcd(context);
  await requirePorts(lab);
  report(hasData ? `starting lab ${lab.name} with its data` : `making lab ${lab.name}`);
  // First of all: it says that everything beside it is the lab's.
  await writeLabFile(layout.labFile, lab);
  for (const directory of [layout.processes, layout.logs, layout.config, layout.snapshots]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  await ensurePki(layout.pki, lab, Date.now());
  await ensureSnapshotKey(layout.snapshotKey);
  await writeAccess(lab, layout, await verifierTools(lab, binaries));
  await writeFileAtomic(path.join(layout.config, 'kwok.yaml'), kwokConfig());
  await writeFileAtomic(auditPolicyFile(layout), auditPolicy());
  const supervisor = await spawnSupervisor(layout);
  await recordProcess(layout.processes, supervisorName, supervisor);
}

/** Throws LabError `options-invalid`. */
async function requireEtcd({ lab, binaries }: UpContext): Promise<void> {
  const { etcdVersion = binaries.etcdVersion } = lab;
  if ((await binaries.etcdOf(etcdVersion)) !== undefined) return;
  const installed = (await binaries.etcdVersions()).join(', ');
  const message = `etcd ${etcdVersion} is not installed; there are ${installed}`;
  throw new LabError('options-invalid', message);
}

/** Kept with the data: snapshots of the last run are sealed with it. */
async function ensureSnapshotKey(file: string): Promise<void> {
  try {
    await createSnapshotKey(file, Date.now());
  } catch (error) {
    if (!(error instanceof PortError) || error.code !== 'conflict') throw error;
  }
}

/**
 * Throws LabError `port-taken` that names every port that somebody else has. Ports of a process
 * that was killed just now are given a moment: its threads let go one by one.
 */
async function requirePorts(lab: LabFile): Promise<void> {
  let taken: readonly number[] = portsOf(lab);
  await eventually(
    async () => {
      const free = await Promise.all(taken.map(isPortFree));
      taken = taken.filter((_, index) => free[index] === false);
      return taken.length === 0;
    },
    { timeoutMs: portsFreeMs, everyMs: 100 },
  );
  if (taken.length === 0) return;
  throw new LabError(
    'port-taken',
    `lab ${lab.name} needs ports that others listen on: ${taken.join(', ')}; ` +
      'end those processes, or take the lab down and up again for new ports',
    { problems: taken.map(String) },
  );
}

/** U2: a lab that does not become ready is ended. */
async function untilReady(context: UpContext): Promise<void> {
  try {
    await labReady(readyOptions(context));
  } catch (error) {
    await endEverything(context.layout);
    throw error;
  }
}

function readyOptions(context: UpContext): Parameters<typeof labReady>[0] {
  return { ...context, isSupervised: () => isRunning(context.layout) };
}

async function endEverything(layout: LabLayout): Promise<void> {
  const supervisor = await recordedProcess(layout.processes, supervisorName);
  if (supervisor !== undefined && isAlive(supervisor)) {
    // One that does not listen, because it has just begun, has nothing to end in order.
    const isStopping = await new LabControl(layout.socket).shutdown().then(
      () => true,
      () => false,
    );
    const isGone =
      isStopping &&
      (await eventually(() => Promise.resolve(!isAlive(supervisor)), {
        timeoutMs: shutdownMs,
        everyMs: 20,
      }));
    // Its children die with it; while it lives, it would start them again.
    if (!isGone) await endProcess(supervisor, shutdownMs);
  }
  const stubborn = await endRecordedProcesses(layout.processes);
  if (stubborn.length > 0) {
    throw new LabError('lab-failed', `these processes do not end: ${stubborn.join(', ')}`);
  }
  await rm(layout.socket, { force: true });
}

/** Only what the lab made: the directory itself goes when nothing else is in it. */
async function removeLab(layout: LabLayout): Promise<void> {
  const { stateDir, ...entries } = layout;
  // A living owner lets go by itself; until then nobody else takes the directory.
  const isOwned = (await livingHolder(layout.ownerFile)) !== undefined;
  const kept = [layout.temporal, ...(isOwned ? [layout.ownerFile] : [])];
  await Promise.all(
    Object.values(entries)
      .filter((entry) => !kept.includes(entry))
      .map((entry) => rm(entry, { recursive: true, force: true })),
  );
  await rmdir(stateDir).catch(() => undefined);
}

/** Made with an etcd of its own, it is a lab whose etcd may change: the newest reads all. */
async function verifierTools(lab: LabFile, binaries: LabBinaries): Promise<VerifierTools> {
  const newest = lab.etcdVersion === undefined ? undefined : (await binaries.etcdVersions()).at(-1);
  const files = newest === undefined ? undefined : await binaries.etcdOf(newest);
  const { etcd, etcdutl } = files ?? binaries;
  return { etcd, etcdutl, apiServers: await binaries.apiServers() };
}

async function describe(
  context: UpContext,
  how: { readonly wasUp: boolean; readonly seconds: number },
): Promise<Lab> {
  const { lab, layout, binaries, control } = context;
  return {
    name: lab.name,
    stateDir: layout.stateDir,
    version: lab.version,
    members: lab.members.map((member) => member.name),
    nodes: lab.nodes.map((node) => node.name),
    access: clusterAccess(lab, layout, await verifierTools(lab, binaries)),
    accessFile: layout.accessFile,
    kubeconfig: layout.kubeconfig,
    apiUrl: balancerUrl(lab),
    control,
    ...how,
  };
}
