// One `lab up` or `lab down` of a lab at a time.

import { rm } from 'node:fs/promises';

import { LabError } from './lab-error';
import { tryLock } from './lock-file';
import { eventually } from './waiting';

/** Releases the lock; may be called again. */
export type Release = () => Promise<void>;

const takeOverMs = 5_000;

/**
 * Throws LabError `lab-busy` when a living process holds it: waiting for a command that may take
 * minutes is for the person who gave it.
 */
export async function lockLab(file: string): Promise<Release> {
  const isMine = await eventually(
    async () => {
      const attempt = await tryLock(file);
      if (attempt.kind !== 'held') return attempt.kind === 'mine';
      throw new LabError(
        'lab-busy',
        `another command (pid ${attempt.pid}) is bringing this lab up or down`,
      );
    },
    { timeoutMs: takeOverMs, everyMs: 10 },
  );
  if (!isMine) {
    throw new LabError('lab-busy', `${file} is left of a command that died and does not go away`);
  }
  return () => rm(file, { force: true });
}
