// cordonNode and uncordonNode. Only our own cordon is ever undone: somebody who cordoned a node
// had a reason that we do not know. Of our own, an upgrade leaves those that a person asked for by
// draining the node: they are lifted by who wanted them.

import type { AscentActivities, CordonInput } from '../domain/activity-contract';
import { cordonPurpose, type CordonPurpose } from '../domain/drain/cordon-reasons';
import { type ActivityDependencies, runActivity } from './activity-run';
import { cordonOf } from './cordon-mark';
import { terminalFailure } from './failure-mapping';

/** What an upgrade undoes. */
const undoneByDefault: readonly CordonPurpose[] = ['upgrade', 'quarantine', 'other'];

export function cordonActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'cordonNode' | 'uncordonNode'> {
  const { kube } = deps.ports;
  return {
    /**
     * Key: the node. A node that is cordoned already, by us or by others, is left as it is; only
     * a reason of ours that `over` names is replaced.
     * Bound: two requests. Fails `node-missing`; a change by others in between is tried again.
     */
    cordonNode: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `cordoning node ${input.node}`,
          code: 'unexpected',
          notFoundCode: 'node-missing',
        },
        async ({ signal }) => {
          const node = await kube.getNode(input.node, signal);
          if (node === undefined) {
            throw terminalFailure({
              code: 'node-missing',
              message: `node ${input.node} does not exist, so it cannot be cordoned`,
            });
          }
          const cordon = cordonOf(node);
          if (cordon.kind === 'foreign') return { cordon: 'foreign' };
          if (cordon.kind === 'ours' && !isReplaced(cordon.reason, input)) {
            return { cordon: 'already-ours', reason: cordon.reason };
          }
          await kube.setCordon(input.node, input.reason, signal);
          return { cordon: 'placed' };
        },
      ),

    /**
     * Key: the node. A node that is missing, not cordoned, or cordoned by others or for something
     * that `undoes` does not name is left as it is.
     * Bound: two requests. A change by others in between is tried again.
     */
    uncordonNode: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `uncordoning node ${input.node}`,
          code: 'unexpected',
        },
        async ({ signal }) => {
          const node = await kube.getNode(input.node, signal);
          if (node === undefined) return { uncordon: 'node-missing' };
          const cordon = cordonOf(node);
          if (cordon.kind === 'none') return { uncordon: 'not-cordoned' };
          if (cordon.kind === 'foreign') return { uncordon: 'left-foreign' };
          const { reason } = cordon;
          const { undoes = undoneByDefault } = input;
          if (!undoes.includes(cordonPurpose(reason))) return { uncordon: 'left-ours', reason };
          await kube.setCordon(input.node, undefined, signal);
          return { uncordon: 'removed', reason };
        },
      ),
  };
}

function isReplaced(found: string, { reason, over = [] }: CordonInput): boolean {
  return found !== reason && over.includes(cordonPurpose(found));
}
