// What a Temporal schedule starts each day while a path is open: a look at the hop to come. The
// upgrade is not part of it and waits for nothing of it. What the look before has seen comes with
// the result of the run before, which Temporal hands to the next one of a schedule.

import { isCancellation, setCurrentDetails, workflowInfo } from '@temporalio/workflow';

import type { LookAheadEnd, LookMemory } from '../domain/preflight/look-ahead';
import { lookAheadLines } from '../domain/preflight/look-ahead-sentences';
import { failureOf } from './activity-failures';
import { activity, workerTimeoutMs } from './activity-options';
import type { LookAheadOrder } from './messages';

/** That it failed is its result, too: the next run has to know what the last look has seen. */
export async function lookAhead(input: LookAheadOrder): Promise<LookAheadEnd> {
  const end = await look(input, memoryOf(workflowInfo().lastResult));
  setCurrentDetails(lookAheadLines(end).join('\n\n'));
  return end;
}

async function look(
  { cluster, workerTimeoutMs: waitMs = workerTimeoutMs }: LookAheadOrder,
  before: LookMemory | undefined,
): Promise<LookAheadEnd> {
  const call = activity(cluster, 'lookAtHopToCome', {
    summary: `look at the hop to come of ${cluster}`,
    workerTimeoutMs: waitMs,
  });
  try {
    return await call({ cluster, ...(before === undefined ? {} : { before }) });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const memory = before === undefined ? {} : { memory: before };
    return { kind: 'failed', failure: failureOf(error), ...memory };
  }
}

/** Somebody may have had the schedule start something else: only what looks like ours is taken. */
function memoryOf(lastResult: unknown): LookMemory | undefined {
  const { memory } = (lastResult ?? {}) as { readonly memory?: LookMemory };
  return Array.isArray(memory?.findings) ? memory : undefined;
}
