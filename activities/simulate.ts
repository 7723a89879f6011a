// Where what a simulation reckons with comes from: preflights and `simulate` ask it. Reads only;
// the rules are domain/simulation's.

import type { CollectedEvidence } from '../domain/simulation/evidence';

/** Where evidence of one cluster comes from. Throws PortError where a list must be read. */
export interface SimulationSource {
  /** `autoscalers`: whether what they may add is to be reckoned with; it is when absent. */
  collect(
    signal: AbortSignal,
    wanted?: { readonly autoscalers: boolean },
  ): Promise<CollectedEvidence>;
}
