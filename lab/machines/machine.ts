// Starts a machine, enters it, and ends it without warning.
// M1. What runs on a machine is found by its control groups (cgroups.ts); the record of its first
//     process is only how it is entered.

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
import { machineDirectory } from './machine-files';
import type { Machine, MachinesFile, MachinesLayout } from './machines-file';
import { machineNamespace, namespaceFile, plugIn, routePods } from './network';
import { runHere } from './run-here';

export interface MachineContext {
  readonly layout: MachinesLayout;
  readonly lab: MachinesFile;
  readonly signal?: AbortSignal | undefined;
}

/** Into the groups first: the new cgroup namespace then has them as its roots. */
const launch =
  'set -eu; script=$1 machine=$2 name=$3 images=$4 network=$5; shift 5; ' +
  'for procs in "$@"; do echo $$ > "$procs"; done; ' +
  'exec nsenter --net="$network" -- unshare --mount --uts --ipc --pid --cgroup --fork ' +
  '--propagation private -- sh "$script" "$machine" "$name" "$images"';

const bootMs = 60_000;

function consoleOf(layout: MachinesLayout, machine: string): string {
  return path.join(layout.logs, `${machine}.log`);
}

/** The first process of a machine that runs; undefined when it does not. */
export async function firstProcess(
  { layout }: MachineContext,
  machine: string,
): Promise<ProcessIdentity | undefined> {
  const recorded = await recordedProcess(layout.processes, machine);
  return recorded !== undefined && isAlive(recorded) ? recorded : undefined;
}

/** Boots it, and waits until its containerd answers. A machine that runs is left as it is. */
export async function startMachine(
  context: MachineContext,
  machine: Machine,
  podSubnets: Readonly<Record<string, string>>,
): Promise<void> {
  if ((await firstProcess(context, machine.name)) !== undefined) return;
  const { layout, lab } = context;
  await endCgroups(lab.cgroups, machine.name);
  await plugIn(lab.name, machine);
  await routePods(lab, machine.name, podSubnets);
  const procs = await makeCgroups(lab.cgroups, machine.name);
  const directory = machineDirectory(layout, machine.name);
  const script = path.join(directory, 'boot.sh');
  await writeFile(script, bootScript(await hierarchies()));
  const network = namespaceFile(machineNamespace(lab.name, machine.name));
  const starter = await spawnDetached({
    what: `machine ${machine.name}`,
    file: 'sh',
    args: [
      '-c',
      launch,
      'sh',
      script,
      directory,
      machine.name,
      imagesDirectory(),
      network,
      ...procs,
    ],
    directory,
    logFile: consoleOf(layout, machine.name),
  });
  await recordProcess(layout.processes, machine.name, await firstChild(context, machine, starter));
  await untilBooted(context, machine);
}

/** unshare stays as the parent of the new pid namespace's first process. */
async function firstChild(
  { layout, signal }: MachineContext,
  { name }: Machine,
  starter: ProcessIdentity,
): Promise<ProcessIdentity> {
  const file = `/proc/${starter.pid}/task/${starter.pid}/children`;
  let found: ProcessIdentity | undefined;
  await eventually(
    async () => {
      const child = Number((await readFile(file, 'utf8').catch(() => '')).trim().split(' ')[0]);
      const isFirst = child > 0 && (await isInitOfNamespace(child));
      if (isFirst) found = identify(child);
      return found !== undefined || !isAlive(starter);
    },
    { timeoutMs: bootMs, everyMs: 20, ...(signal === undefined ? {} : { signal }) },
  );
  if (found !== undefined) return found;
  throw new LabError('lab-failed', `machine ${name} did not boot; see ${consoleOf(layout, name)}`);
}

/** NSpid of /proc/PID/status ends with the pid in the innermost namespace (proc_pid_status(5)). */
async function isInitOfNamespace(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^NSpid:\t\d+\t1$/m.test(status);
}

async function untilBooted(context: MachineContext, { name }: Machine): Promise<void> {
  const { layout, signal } = context;
  const isBooted = await eventually(
    () =>
      onMachine(context, name, { doing: 'asking containerd', args: ['ctr', 'version'] }).then(
        () => true,
        () => false,
      ),
    { timeoutMs: bootMs, everyMs: 100, ...(signal === undefined ? {} : { signal }) },
  );
  if (isBooted) return;
  throw new LabError(
    'lab-failed',
    `containerd on ${name} does not answer; see ${consoleOf(layout, name)} and ` +
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
