// Which process is meant, beyond doubt: a pid alone may belong to somebody else by now.
// P1. A process is signalled only when pid, start time and boot are those that were recorded.

import { readFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';

import { readJson, writeJsonAtomic } from './atomic-file';
import { errnoOf } from './lab-error';
import { eventually } from './waiting';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat (proc_pid_stat(5)). */
  readonly startTicks: number;
  readonly bootId: string;
}

let bootIdOnce: string | undefined;

function bootId(): string {
  bootIdOnce ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return bootIdOnce;
}

interface ProcessStat {
  readonly state: string;
  readonly startTicks: number;
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name in parentheses may hold blanks and parentheses: fields count from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = Number(fields[19]);
  return state === undefined || !Number.isFinite(startTicks) ? undefined : { state, startTicks };
}

/** Undefined when there is no such process (any more). */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat === undefined ? undefined : { pid, startTicks: stat.startTicks, bootId: bootId() };
}

/** A zombie has ended: it holds no port and does nothing. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false;
  const stat = readStat(identity.pid);
  return stat !== undefined && stat.startTicks === identity.startTicks && stat.state !== 'Z';
}

/** P1. False when the process had already ended. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/** SIGKILL, and waits at most `timeoutMs` until it is really gone. True when it is. */
export async function endProcess(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  if (!signalProcess(identity, 'SIGKILL')) return true;
  return await eventually(() => Promise.resolve(!isAlive(identity)), { timeoutMs, everyMs: 10 });
}

function isIdentity(value: unknown): value is ProcessIdentity {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'startTicks' in value &&
    typeof value.startTicks === 'number' &&
    'bootId' in value &&
    typeof value.bootId === 'string'
  );
}

const recordSuffix = '.json';

/** Records under `directory` who runs as `name`, so that a later command can clean up (P1). */
export async function recordProcess(
  directory: string,
  name: string,
  identity: ProcessIdentity,
): Promise<void> {
  await writeJsonAtomic(path.join(directory, `${name}${recordSuffix}`), identity);
}

export async function forgetProcess(directory: string, name: string): Promise<void> {
  await rm(path.join(directory, `${name}${recordSuffix}`), { force: true });
}

/** Undefined when nothing is recorded or the record is unreadable: it was never complete. */
export async function recordedProcess(
  directory: string,
  name: string,
): Promise<ProcessIdentity | undefined> {
  let value: unknown;
  try {
    value = await readJson(path.join(directory, `${name}${recordSuffix}`));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return isIdentity(value) ? value : undefined;
}

export interface RecordedProcess {
  readonly name: string;
  readonly identity: ProcessIdentity;
}

/** Those of the recorded processes that are alive; none where there is no such directory. */
export async function livingProcesses(directory: string): Promise<readonly RecordedProcess[]> {
  const names = await recordedNames(directory);
  const recorded = await Promise.all(
    names.map(async (name) => ({ name, identity: await recordedProcess(directory, name) })),
  );
  return recorded.flatMap(({ name, identity }) =>
    identity !== undefined && isAlive(identity) ? [{ name, identity }] : [],
  );
}

async function recordedNames(directory: string): Promise<readonly string[]> {
  let files: readonly string[];
  try {
    files = await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  return files
    .filter((file) => file.endsWith(recordSuffix))
    .map((file) => file.slice(0, -recordSuffix.length));
}

/**
 * Ends whatever an earlier supervisor left behind and forgets the records. Answers the names of
 * processes that would not go within 5 s each.
 */
export async function endRecordedProcesses(directory: string): Promise<readonly string[]> {
  const names = await recordedNames(directory);
  const stubborn = await Promise.all(
    names.map(async (name) => {
      const identity = await recordedProcess(directory, name);
      if (identity !== undefined && !(await endProcess(identity, 5_000))) return [name];
      await forgetProcess(directory, name);
      return [];
    }),
  );
  return stubborn.flat();
}
