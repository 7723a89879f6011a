// Finds the built supervisor and starts it.

import { existsSync } from 'node:fs';
import path from 'node:path';

import { LabError } from './lab-error';
import type { LabLayout } from './layout';
import type { ProcessIdentity } from './process-identity';
import { spawnDetached } from './spawn-detached';

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

/** Throws LabError `not-built` or `lab-failed`. */
export async function spawnSupervisor(layout: LabLayout): Promise<ProcessIdentity> {
  return spawnDetached({
    what: 'the supervisor',
    file: process.execPath,
    args: ['--enable-source-maps', supervisorEntry(), layout.stateDir],
    directory: layout.stateDir,
    logFile: path.join(layout.logs, 'supervisor.log'),
  });
}
