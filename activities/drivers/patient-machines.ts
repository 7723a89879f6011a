// Machines that are reached by way of an API server that a step takes away.

import { PortError } from '../ports';
import { isAway, type Machines } from './machine-shell';

/**
 * An API server that has just started knows no rights yet, and one whose etcd is away answers
 * strangely.
 */
const strangeCodes: readonly PortError['code'][] = ['forbidden', 'unauthorized', 'unexpected'];
const strangeMs = 120_000;

/** Takes an API server that is not itself again yet for one that is away, for two minutes. */
export function patientMachines(machines: Machines): Machines {
  let firstMs: number | undefined;
  return {
    ...machines,
    connect: async (name, signal) => {
      try {
        const shell = await machines.connect(name, signal);
        firstMs = undefined;
        return shell;
      } catch (error) {
        if (isAway(error)) firstMs = undefined;
        if (!(error instanceof PortError) || !strangeCodes.includes(error.code)) throw error;
        firstMs ??= performance.now();
        if (performance.now() - firstMs >= strangeMs) throw error;
        throw new PortError('unreachable', error.message, { cause: error });
      }
    },
  };
}
