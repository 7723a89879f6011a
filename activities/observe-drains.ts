// What drains would meet, for a preflight: more of pods than an observation keeps.

import type { DrainsObservation } from '../domain/preflight/drains';
import { type LookingPorts, PortError } from './ports';
import { problemOf } from './problems';

interface Looking {
  readonly ports: Pick<LookingPorts, 'simulation'>;
  readonly signal: AbortSignal;
}

/** In lists of its own. What cannot be read is a result; throws what is no answer of the API. */
export async function observeDrains({ ports, signal }: Looking): Promise<DrainsObservation> {
  try {
    const collected = await ports.simulation.collect(signal, { autoscalers: false });
    return { kind: 'observed', ...collected };
  } catch (error) {
    if (!(error instanceof PortError) || signal.aborted) throw error;
    return { kind: 'unobserved', problem: problemOf(error) };
  }
}
