// What keeps pods on their nodes.

import type { DrainDeadlineDetails } from '../../domain/activity-contract';
import type { DrainBlocker } from '../../domain/blockers';

/** A pod of the namespace `shop` that a budget of it keeps. */
export function behindBudget(pod: string, budget: string, sinceMs: number): DrainBlocker {
  return {
    code: 'budget-exhausted',
    pod: { namespace: 'shop', name: pod },
    budget: { namespace: 'shop', name: budget },
    message: 'needs 2',
    sinceMs,
  };
}

/** Of a drain whose time was over with one pod left. */
export const onePodLeft: DrainDeadlineDetails = {
  progress: {
    evicted: 3,
    refusals: 40,
    remaining: 1,
    blockers: [
      {
        code: 'budget-exhausted',
        pod: { namespace: 'web', name: 'web-0' },
        message: 'needs 1 healthy pod and has 1',
        sinceMs: 0,
      },
    ],
    startedAtMs: 0,
  },
  pods: [{ namespace: 'web', name: 'web-0', uid: 'uid-web-0' }],
};
