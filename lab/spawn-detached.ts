// Starts a process of its own session, so that the end of the command that started it, and Ctrl-C
// in its terminal, do not reach it.

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

import { LabError } from './lab-error';
import { identify, type ProcessIdentity } from './process-identity';

export interface DetachedProcess {
  /** For people: `the supervisor`. */
  readonly what: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly directory: string;
  /** Both of its outputs are added to this file. */
  readonly logFile: string;
}

/** Resolves when it has begun. Throws LabError `lab-failed` when it is gone by then. */
export async function spawnDetached(options: DetachedProcess): Promise<ProcessIdentity> {
  const { what, file, args, directory, logFile } = options;
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(file, [...args], {
      cwd: directory,
      detached: true,
      stdio: ['ignore', log, log],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity !== undefined) return identity;
    throw new LabError('lab-failed', `${what} ended at once; see ${logFile}`);
  } finally {
    closeSync(log);
  }
}
