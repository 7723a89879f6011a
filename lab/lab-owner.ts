// Whose a lab is while a command runs that will take it down by itself, as the demo does.
// O1. A lab has at most one living owner; the lock file in its directory names the process.
// O2. A lab that was kept has no owner: who keeps it lets go of it.

import { rm, rmdir } from 'node:fs/promises';

import { labLayout } from './layout';
import { livingHolder, takeLock } from './lock-file';
import { makeStateDirectory } from './state-directory';

/** Lets go of the lab; may be called again. */
export type LetGo = () => Promise<void>;

/**
 * Makes this process the owner of the lab in `stateDir`, which need not exist. Throws LabError
 * `lab-owned` that names the living owner, or `state-directory-unusable`.
 */
export async function ownLab(stateDir: string): Promise<LetGo> {
  await makeStateDirectory(stateDir);
  const { ownerFile } = labLayout(stateDir);
  await takeLock(ownerFile, {
    code: 'lab-owned',
    heldBy: (pid) => `the lab in ${stateDir} belongs to a demo that runs: process ${pid}`,
    leftBehind: `${ownerFile} is left of a demo that died and does not go away`,
  });
  return async () => {
    // After it is gone the lab may be somebody else's.
    if ((await livingHolder(ownerFile)) !== process.pid) return;
    await rm(ownerFile, { force: true });
    // Only where nothing else is in it.
    await rmdir(stateDir).catch(() => undefined);
  };
}
