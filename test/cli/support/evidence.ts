// Evidence of clusters for command lines.

import type { SimulationSource } from '../../../activities/simulate';

/** For commands that never ask for any. */
export const noEvidence: SimulationSource = {
  collect: () => Promise.reject(new Error('this test has no evidence')),
};
