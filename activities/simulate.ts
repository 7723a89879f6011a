// simulate: collects what a cluster is now and reckons what a drain of its nodes would come to.
// Reads only; the rules are domain/simulation's.

import type { SimulationEvidence } from '../domain/simulation/evidence';

export interface CollectedEvidence {
  readonly evidence: SimulationEvidence;
  /** Lists that could not be read, such as for want of a right: nothing is known of them. */
  readonly unread: readonly { readonly what: string; readonly problem: string }[];
}

/** Where evidence of one cluster comes from. Throws PortError where a list must be read. */
export interface SimulationSource {
  collect(signal: AbortSignal): Promise<CollectedEvidence>;
}
