// One `lab up` or `lab down` of a lab at a time. The lock names its holder; a holder that died
// holds nothing.

import { link, rename, rm, writeFile } from 'node:fs/promises';

import { readJson } from './atomic-file';
import { errnoOf, LabError } from './lab-error';
import { identify, isAlive, type ProcessIdentity } from './process-identity';

/** Releases the lock; may be called again. */
export type Release = () => Promise<void>;

const attempts = 5;

async function holderOf(file: string): Promise<ProcessIdentity | undefined> {
  try {
    return (await readJson(file)) as ProcessIdentity | undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Throws LabError `lab-busy` when a living process holds it. */
export async function lockLab(file: string): Promise<Release> {
  const mine = identify(process.pid);
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      if (await tryLink(draft, file)) return () => rm(file, { force: true });
      const holder = await holderOf(file);
      if (holder !== undefined && isAlive(holder)) {
        throw new LabError(
          'lab-busy',
          `another command (pid ${holder.pid}) is bringing this lab up or down; wait for it`,
        );
      }
      // The renaming is atomic: of two that find a dead holder, one takes the file away.
      await rename(file, `${draft}.stale`).catch(() => undefined);
      await rm(`${draft}.stale`, { force: true });
    }
    throw new LabError('lab-busy', `${file} cannot be taken over from a command that died`);
  } finally {
    await rm(draft, { force: true });
  }
}

/** A link appears with its content at once, and fails when there is a file already. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}
