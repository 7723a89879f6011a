// Uncordons a node that Ascent has cordoned, outside of an upgrade: what `undo` becomes where no
// drain of the node runs that it could stop.

import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';

import type { DrainEnd, DrainRequest } from '../domain/drain/node-drain';
import { drainUpdate, type UncordonNodeInput } from './messages';
import { close, openNodeRun, refused, undone, undoneBy } from './node-run';

/** Undoes the cordon of the node, whatever of ours it is for; an upgrade's only when none runs. */
export async function uncordonNode(input: UncordonNodeInput): Promise<DrainEnd> {
  const run = openNodeRun(input, { phase: 'undoing', asked: 'undo', undo: input });
  const { actor, reason } = input;
  const refuse = (_request: DrainRequest): never => {
    throw refused({ code: 'being-undone', by: actor });
  };
  setHandler(drainUpdate, refuse, { validator: refuse });
  const options = { by: actor, reason, undoes: undoneBy(input) };
  let end: DrainEnd;
  try {
    end = await undone(run, options);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    // Two requests: whoever cancels them wants them to end, and they do.
    end = await CancellationScope.nonCancellable(() => undone(run, options));
  }
  close(run, end);
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  return end;
}
