// The directory of a lab: made, or refused before anything else is done.

import { constants } from 'node:fs';
import { access, mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { errnoOf, LabError, messageOf } from './lab-error';
import type { LabLayout } from './layout';

/**
 * Makes the directory with its parents. Throws LabError `state-directory-unusable` when it is none,
 * cannot be made, or cannot be written to.
 */
export async function makeStateDirectory(stateDir: string): Promise<void> {
  try {
    await makeMissing(path.resolve(stateDir));
    await access(stateDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new LabError(
      'state-directory-unusable',
      `${stateDir} cannot be used: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/**
 * For a lab that is to be made: throws LabError `state-directory-unusable` when something is there
 * under a name that the lab will take, because the end of the lab would remove it. Temporal's data
 * may be there, which comes and goes by itself, and so may locks.
 */
export async function requireNothingForeign(layout: LabLayout): Promise<void> {
  const { stateDir, temporal: _data, lockFile: _lock, ownerFile: _owner, ...taken } = layout;
  const names = new Set(await readdir(stateDir));
  const foreign = Object.values(taken)
    .map((file) => path.basename(file))
    .filter((name) => names.has(name));
  if (foreign.length === 0) return;
  throw new LabError(
    'state-directory-unusable',
    `${stateDir} holds what is not of a lab, and would be removed with one: ${foreign.join(', ')}`,
  );
}

/**
 * One after the other, from the last one that is there: where a directory can have no child (/proc)
 * Node's own `recursive` takes the ENOENT for a missing parent, and never ends.
 */
async function makeMissing(directory: string): Promise<void> {
  const missing: string[] = [];
  let found = directory;
  while (!(await isDirectory(found))) {
    missing.unshift(found);
    found = path.dirname(found);
  }
  for (const one of missing) {
    try {
      await mkdir(one, { mode: 0o700 });
    } catch (error) {
      // Another command was quicker.
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

/** False when there is nothing. Throws when there is something else; the root is a directory. */
async function isDirectory(file: string): Promise<boolean> {
  try {
    if ((await stat(file)).isDirectory()) return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  throw new Error(`${file} is no directory`);
}
