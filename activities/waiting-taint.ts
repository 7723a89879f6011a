// taintWaitingNodes: pods that leave a node go to one that is upgraded already, where there is
// room, and so move once (docs/adr/0010). The scheduler prefers it; nothing is forbidden.
// T1. The taint is a hint (R7): what is wrong with it is put right by the next call.
// T2. A node loses it with its cordon, in the same patch (KubeApi.setCordon).

import type { AscentActivities } from '../domain/activity-contract';
import { type ActivityDependencies, runActivity } from './activity-run';
import { forEachAtOnce } from './at-once';
import type { NodeView } from './ports';

/** Taint with effect PreferNoSchedule; without a value. */
export const waitingTaintKey = 'ascent.dev/waits-for-upgrade';

/** Whether it waits as the last call of taintWaitingNodes has said. */
export function isWaiting({ taintKeys }: NodeView): boolean {
  return taintKeys.includes(waitingTaintKey);
}

const changesAtOnce = 10;

export function waitingTaintActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'taintWaitingNodes'> {
  const { kube } = deps.ports;
  return {
    /**
     * Key: the cluster; the last list counts. Bound: one patch for each node that is not as it
     * should be. Heartbeats how many were changed. A change by others in between is tried again.
     */
    taintWaitingNodes: ({ cluster, waiting }) =>
      runActivity(
        {
          deps,
          cluster,
          doing: 'tainting the nodes that wait for their upgrade',
          code: 'unexpected',
        },
        async ({ signal, beat }) => {
          const wanted = new Set(waiting);
          // A cordoned node gets no pods anyhow, and loses its taint with its cordon (T2).
          const isWanted = (node: NodeView): boolean =>
            wanted.has(node.name) && !node.unschedulable;
          const nodes = await kube.listNodes(signal);
          const wrong = nodes.filter((node) => isWaiting(node) !== isWanted(node));
          const changed = { placed: 0, removed: 0 };
          await forEachAtOnce(wrong, changesAtOnce, async (node) => {
            const isPlaced = isWanted(node);
            await kube.setWaitingTaint(node.name, isPlaced, signal);
            changed[isPlaced ? 'placed' : 'removed'] += 1;
            beat({ phase: `${changed.placed + changed.removed} nodes changed` });
          });
          return changed;
        },
      ),
  };
}
