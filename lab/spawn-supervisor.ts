// Starts the supervisor as a process of its own session, so that the end of the command that
// started it, and Ctrl-C in its terminal, do not reach the lab.

import { spawn } from 'node:child_process';
import { constants, closeSync, existsSync, openSync } from 'node:fs';
import path from 'node:path';

import { LabError } from './lab-error';
import type { LabLayout } from './layout';
import { identify, type ProcessIdentity } from './process-identity';

const entry = 'dist/lab/supervisor/main.js';

/**
 * The built supervisor: beside this file when this file is built, else (in tests, which run the
 * sources) in the dist/ of the same checkout.
 */
function supervisorEntry(): string {
  const candidates = [path.join(__dirname, '..', '..', entry), path.join(__dirname, '..', entry)];
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found !== undefined) return found;
  throw new LabError('not-built', `${entry} is missing: run \`npm run build\` first`);
}

export async function spawnSupervisor(layout: LabLayout): Promise<ProcessIdentity> {
  const file = supervisorEntry();
  const log = openSync(
    path.join(layout.logs, 'supervisor.log'),
    constants.O_CREAT | constants.O_APPEND | constants.O_WRONLY,
    0o600,
  );
  try {
    const child = spawn(process.execPath, ['--enable-source-maps', file, layout.stateDir], {
      cwd: layout.stateDir,
      detached: true,
      stdio: ['ignore', log, log],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined) {
      throw new LabError('lab-failed', `the supervisor ended at once; see ${layout.logs}`);
    }
    return identity;
  } finally {
    closeSync(log);
  }
}
