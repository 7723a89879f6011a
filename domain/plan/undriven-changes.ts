// Which changes of a plan the driver of the cluster cannot make: nothing of it is begun then.
// U1. A hop that touches the control plane takes the restore as well: no way back, no way forward
//     (R6), unless it replaces members at a person's word. A hop of nodes only does not: they go
//     back by the command that took them forward.
// U2. A hop in two steps is left by the old programs, so it takes a command that puts them back.
// U3. Machines are started again only by a driver that says that it can.

import type { PlanBlocker } from '../blockers';
import type { Observation, PlannedChange } from '../observation';
import { type Hop, isPreparing, type PoolStep, replacesMachines, type Step } from './plan';

/** One blocker a change, at the first hop that takes it. */
export function undrivenChanges(
  { drives, driver }: Pick<Observation, 'drives' | 'driver'>,
  hops: readonly Hop[],
): readonly PlanBlocker[] {
  const missing = new Map<PlannedChange, PlanBlocker>();
  for (const { id: hop, steps } of hops) {
    for (const change of steps.flatMap(changesOf)) {
      if (isDriven(change, drives) || missing.has(change)) continue;
      const blocker = { code: 'change-undriven', hop, change } as const;
      missing.set(change, driver === undefined ? blocker : { ...blocker, driver });
    }
  }
  return [...missing.values()];
}

/** U3. */
function isDriven(change: PlannedChange, drives: Observation['drives']): boolean {
  return drives === undefined ? change !== 'reboot' : drives.includes(change);
}

/**
 * None of those that replace machines: they are refused by themselves, and no hop with them can be
 * rolled back (rollouts.ts, replaced-members.ts).
 */
function changesOf(step: Step): readonly PlannedChange[] {
  if (isPreparing(step) || replacesMachines(step)) return [];
  switch (step.kind) {
    case 'api-server':
      return ['apiServer', 'restore'];
    case 'controllers':
      return ['controllers', 'restore'];
    case 'member':
      return ['member', 'restore'];
    case 'end-emulation':
      return ['apiServer', 'controllers', 'putBack', 'restore'];
    case 'etcd':
      return ['etcd', 'restore'];
    case 'pool':
      return nodeChanges(step);
    case 'verify':
    case 'soak':
      return [];
  }
}

function nodeChanges({ reboot }: PoolStep): readonly PlannedChange[] {
  return reboot === undefined ? ['node'] : ['node', 'reboot'];
}
