// Starts a machine, enters it, and ends it without warning.
// M1. What runs on a machine is found by its control groups (cgroups.ts); the record of what
//     launched it (launch-script.ts) is only how its first process of the time is found.

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { LabError } from '../lab-error';
import {
  forgetProcess,
  identify,
  isAlive,
  type ProcessIdentity,
  recordedProcess,
  recordProcess,
} from '../process-identity';
import { spawnDetached } from '../spawn-detached';
import { eventually } from '../waiting';
import { bootScript } from './boot-script';
import { endCgroups, hierarchies, makeCgroups } from './cgroups';
import { imagesDirectory } from './images';
import { launchScript } from './launch-script';
import { machineDirectory } from './machine-files';
import type { Machine, MachinesFile, MachinesLayout } from './machines-file';
import { cable, machineNamespace, namespaceFile, plugIn, routePods } from './network';
import { runHere } from './run-here';

export interface MachineContext {
  readonly layout: MachinesLayout;
  readonly lab: MachinesFile;
  readonly signal?: AbortSignal | undefined;
}

const bootMs = 60_000;

function consoleOf(layout: MachinesLayout, machine: string): string {
  return path.join(layout.logs, `${machine}.log`);
}

/** Undefined when the machine is off. */
async function launcherOf(
  { layout }: MachineContext,
  machine: string,
): Promise<ProcessIdentity | undefined> {
  const recorded = await recordedProcess(layout.processes, machine);
  return recorded !== undefined && isAlive(recorded) ? recorded : undefined;
}

/** The first process of a machine that runs; undefined when it does not, or boots just now. */
export async function firstProcess(
  context: MachineContext,
  machine: string,
): Promise<ProcessIdentity | undefined> {
  const launcher = await launcherOf(context, machine);
  if (launcher === undefined) return undefined;
  // unshare stays as the parent of the new pid namespace's first process.
  for (const parent of await childrenOf(launcher.pid)) {
    for (const child of await childrenOf(parent)) {
      if (await isInitOfNamespace(child)) return identify(child);
    }
  }
  return undefined;
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return text
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}

/** NSpid of /proc/PID/status ends with the pid in the innermost namespace (proc_pid_status(5)). */
async function isInitOfNamespace(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^NSpid:\t\d+\t1$/m.test(status);
}

/** Boots it, and waits until its containerd answers. A machine that runs is left as it is. */
export async function startMachine(
  context: MachineContext,
  machine: Machine,
  podSubnets: Readonly<Record<string, string>>,
): Promise<void> {
  if ((await launcherOf(context, machine.name)) !== undefined) return;
  const { layout, lab } = context;
  await endCgroups(lab.cgroups, machine.name);
  await plugIn(lab.name, machine);
  await routePods(lab, machine.name, podSubnets);
  const procs = await makeCgroups(lab.cgroups, machine.name);
  const directory = machineDirectory(layout, machine.name);
  const script = path.join(directory, 'boot.sh');
  await writeFile(script, bootScript(await hierarchies()));
  const network = namespaceFile(machineNamespace(lab.name, machine.name));
  const launcher = await spawnDetached({
    what: `machine ${machine.name}`,
    file: 'sh',
    args: [
      '-c',
      launchScript,
      'sh',
      script,
      directory,
      machine.name,
      imagesDirectory(),
      network,
      cable,
      ...procs,
    ],
    directory,
    logFile: consoleOf(layout, machine.name),
  });
  await recordProcess(layout.processes, machine.name, launcher);
  await untilBooted(context, machine);
}

async function untilBooted(context: MachineContext, { name }: Machine): Promise<void> {
  const { layout, signal } = context;
  let isBooted = false;
  await eventually(
    async () => {
      isBooted = await onMachine(context, name, {
        doing: 'asking containerd',
        args: ['ctr', 'version'],
      }).then(
        () => true,
        () => false,
      );
      return isBooted || (await launcherOf(context, name)) === undefined;
    },
    { timeoutMs: bootMs, everyMs: 100, ...(signal === undefined ? {} : { signal }) },
  );
  if (isBooted) return;
  throw new LabError(
    'lab-failed',
    `machine ${name} did not boot; see ${consoleOf(layout, name)} and ` +
      path.join(machineDirectory(layout, name), 'disk/var/log/containerd.log'),
  );
}

export interface MachineCommand {
  /** For people: `joining`. */
  readonly doing: string;
  readonly args: readonly string[];
  readonly timeoutMs?: number;
}

const namespaceFlags = ['-m', '-u', '-i', '-n', '-p', '-C'];

/** Runs a command on the machine as root; answers what it prints. Throws LabError. */
export async function onMachine(
  context: MachineContext,
  machine: string,
  { doing, args, timeoutMs }: MachineCommand,
): Promise<string> {
  const first = await firstProcess(context, machine);
  if (first === undefined) {
    throw new LabError('lab-down', `${doing} on ${machine}: the machine does not run`);
  }
  return await runHere({
    doing: `${doing} on ${machine}`,
    file: 'nsenter',
    args: ['-t', String(first.pid), ...namespaceFlags, '--', ...args],
    signal: context.signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

/** SIGKILL for everything on it, at once: its disk stays as it is at this moment. */
export async function cutPower({ layout, lab }: MachineContext, machine: string): Promise<void> {
  await endCgroups(lab.cgroups, machine);
  await forgetProcess(layout.processes, machine);
}
