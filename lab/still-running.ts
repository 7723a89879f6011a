// What of a lab still runs, for whoever could not take it down.

import { labLayout } from './layout';
import { livingProcesses } from './process-identity';

/** `supervisor (pid 12)`, …; empty when nothing does. The Temporal server counts as well. */
export async function stillRunning(stateDir: string): Promise<readonly string[]> {
  const { processes, temporal } = labLayout(stateDir);
  const found = await Promise.all([processes, temporal].map(livingProcesses));
  return found.flat().map(({ name, identity }) => `${name} (pid ${identity.pid})`);
}
