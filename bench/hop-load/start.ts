// The benchmark's side of the clients of a hop.

import { type Reporter, startReporter } from '../../bin/demo/reporter';
import type { LoadReport } from './load';

export type HopLoad = Reporter<readonly LoadReport[]>;

/** Resolves when requests are under way. */
export function startHopLoad(kubeconfig: string): Promise<HopLoad> {
  return startReporter({ name: 'the load', file: 'bench/hop-load/main.js', about: kubeconfig });
}
