// How long hops take as planned, before any of them was seen: their soaks, and for the rest the
// guesses that estimates begin with. What people take to answer is not planned.

import { firstGuessSeconds } from '../status/progress-estimate';
import { turnsOf } from './images-step';
import { type Hop, isPreparing, replacesMachines, type Step } from './plan';

/**
 * A cold API server was ready after 2.4 s with 8,000 objects and after 8 to 10 s with 100,000, on
 * two cores (docs/benchmarks.md); with the stop before it and as much again for slower disks.
 */
export const apiServerRestartMs = 30_000;

/** Milliseconds. A pool's nodes go as many at once as it may have in work. */
export function plannedMs(hops: readonly Hop[]): number {
  const steps = hops.flatMap((hop) => hop.steps.map(stepMs));
  return steps.reduce((sum, ms) => sum + ms, 0);
}

function stepMs(step: Step): number {
  if (isPreparing(step)) {
    return (step.kind === 'images' ? turnsOf(step) : 1) * firstGuessSeconds[step.kind] * 1_000;
  }
  if (replacesMachines(step)) return step.replicas * firstGuessSeconds[step.kind] * 1_000;
  switch (step.kind) {
    case 'soak':
      return step.durationMs;
    case 'pool': {
      const turns = Math.ceil(step.nodes.length / step.maxUnavailable);
      return turns * (firstGuessSeconds.node * 1_000 + step.nodeSoakMs);
    }
    case 'end-emulation': {
      const { 'end-emulation': server, 'end-emulation-controllers': rest } = firstGuessSeconds;
      return step.members.length * (server + rest) * 1_000;
    }
    case 'controllers':
    case 'etcd':
      return step.members.length * firstGuessSeconds[step.kind] * 1_000;
    case 'api-server':
    case 'member':
    case 'verify':
      return firstGuessSeconds[step.kind] * 1_000;
  }
}
