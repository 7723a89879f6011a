// What a drain raised by temporary replicas, as its workflow sees it: what came of it is told, and
// what a drain that did not end well may have left is put back.
// S1. Only with `surge` on the ladder: ask `raises` before, without an await. A drain whose policy
//     has none gives exactly the commands that it gave before there were surges.

import { CancellationScope, isCancellation } from '@temporalio/workflow';

import type { ClusterName, NodeName } from '../domain/names';
import { surgeAfterMsOf } from '../domain/drain/drain-ladder';
import type { DrainPolicy } from '../domain/spec';
import type { SurgeEnd } from '../domain/drain/surge';
import { surgeEndText } from '../domain/drain/surge-sentences';
import { failureOf } from './activity-failures';
import { activity, cleanupMs } from './activity-options';

/** What is told goes to the audit trail. */
export type TellSurge = (told: {
  readonly event: 'surge.ended' | 'surge.left';
  readonly text: string;
}) => void;

/** Whether drains of this policy may raise anything (S1). */
export function raises(policy: DrainPolicy): boolean {
  return surgeAfterMsOf(policy) !== undefined;
}

/** One line for each. */
export function tellSurges(tell: TellSurge, ends: readonly SurgeEnd[] = []): void {
  for (const ended of ends) tell({ event: 'surge.ended', text: surgeEndText(ended) });
}

/**
 * Puts back what the last drain of the node left. Not cancellable; within a minute. False when it
 * could not be done, which is told with the way to do it by hand. Throws nothing.
 */
export function endSurges(
  { cluster, node }: { readonly cluster: ClusterName; readonly node: NodeName },
  tell: TellSurge,
): Promise<boolean> {
  return CancellationScope.nonCancellable(async () => {
    const summary = `put back what the drain of ${node} raised`;
    const call = activity(cluster, 'endSurges', { summary, totalMs: cleanupMs });
    try {
      tellSurges(tell, (await call({ cluster, node })).ended);
      return true;
    } catch (error) {
      if (isCancellation(error)) throw error;
      const text =
        `what the drain of ${node} may have raised could not be put back:` +
        ` ${failureOf(error).message}; docs/operate.md says how to do it by hand`;
      tell({ event: 'surge.left', text });
      return false;
    }
  });
}
