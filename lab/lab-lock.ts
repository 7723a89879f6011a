// One `lab up` or `lab down` of a lab at a time.

import { rm } from 'node:fs/promises';

import { takeLock } from './lock-file';

/** Releases the lock; may be called again. */
export type Release = () => Promise<void>;

/**
 * Throws LabError `lab-busy` when a living process holds it: waiting for a command that may take
 * minutes is for the person who gave it.
 */
export async function lockLab(file: string): Promise<Release> {
  await takeLock(file, {
    code: 'lab-busy',
    heldBy: (pid) => `another command (pid ${pid}) is bringing this lab up or down`,
    leftBehind: `${file} is left of a command that died and does not go away`,
  });
  return () => rm(file, { force: true });
}
