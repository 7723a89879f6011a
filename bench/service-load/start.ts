// The benchmark's side of the clients of a Service.

import { type Reporter, startReporter } from '../../bin/demo/reporter';
import type { LoadReport } from '../hop-load/load';

export type ServiceLoad = Reporter<readonly LoadReport[]>;

/** In the network of the process; resolves when requests are under way. */
export function startServiceLoad(address: string, networkOf: number): Promise<ServiceLoad> {
  const file = 'bench/service-load/main.js';
  return startReporter({ name: 'the load', file, about: address, networkOf });
}
