// Asks which nodes of a pool may begin now, beside the workflows of those in work (docs/adr/0014).

import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';

import type { AdmitNodesInput, AdmittedNode } from '../domain/activity-contract';
import { activity } from './activity-options';
import { endOf, valueOf, watch } from './settled';

/** How long one question waits for an answer: what it was asked with may be of the past by then. */
const firstWaitMs = 60_000;
/** A pool that waits for days must not fill its history with questions. */
const longestWaitMs = 64 * firstWaitMs;
/** On top of it: outages of the API. */
const marginMs = 10 * 60_000;

export class Admissions {
  #waitMs = firstWaitMs;

  /**
   * Nodes that may begin; empty when there is none now, or when `isGivenUp` says so before. Throws
   * what the activity failed with, and cancellation.
   */
  async ask(
    input: Omit<AdmitNodesInput, 'waitMs'>,
    isGivenUp: () => boolean,
  ): Promise<readonly AdmittedNode[]> {
    const waitMs = this.#waitMs;
    const scope = new CancellationScope();
    const call = activity(input.cluster, 'admitNodes', {
      summary: `which of ${input.waiting.length} nodes of ${input.pool} is next`,
      totalMs: waitMs + marginMs,
    });
    const asking = watch(scope.run(() => call({ ...input, waitMs })));
    await CancellationScope.nonCancellable(() =>
      condition(() => asking.end !== undefined || isGivenUp()),
    );
    if (asking.end === undefined) scope.cancel();
    const end = await endOf(asking);
    const isOurs = CancellationScope.current().consideredCancelled;
    if (end.kind === 'rejected' && isCancellation(end.error) && !isOurs) return [];
    const { admitted } = valueOf(end);
    this.#waitMs = admitted.length > 0 ? firstWaitMs : Math.min(longestWaitMs, 2 * waitMs);
    return admitted;
  }
}
