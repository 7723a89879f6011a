// Follows a workflow until it ends, through restarts of the worker and of Temporal itself.
// W1. It ends with the workflow, when its signal is aborted, or with an error that waiting cannot
//     mend; never because something was away for a while.
// W2. It follows the chain of runs that is the current one when it begins, not a later one.

import { setTimeout as sleep } from 'node:timers/promises';

import type { WorkflowHandle } from '@temporalio/client';

import type { Session } from './calls';
import { explainedError } from './calls';
import { AscentError } from './errors';
import { isOutage } from './temporal-errors';

export interface WatchOptions {
  /** Time between two looks, in milliseconds; default 1 s. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
  /** Called once when nobody answers any more; the watch goes on trying (W1). */
  readonly onOutage?: (error: AscentError) => void;
  /** Called when the first answer after an outage has come. */
  readonly onRecovery?: () => void;
}

/** What is followed. Every function throws AscentError. */
export interface Followed<Look, Result> {
  /** The chain of runs that is the current one now. */
  describe(): Promise<{ readonly workflowId: string; readonly runId: string }>;
  resultOf(handle: WorkflowHandle): Promise<Result>;
  look(session: Session): Promise<Look>;
  /** What is shown last; `before`: the look before the end, if there was one. */
  finalLook(result: Result, before: Look | undefined): Promise<Look>;
}

const defaultIntervalMs = 1_000;
/** An outage is told after this time; each look is repeated anyway. */
const lookTimeoutMs = 5_000;

/**
 * Yields looks, every `intervalMs`, and the final one last. Returns the result; undefined when the
 * signal ended it. Throws temporal-unreachable only when the very first answer does not come.
 */
export async function* follow<Look, Result>(
  session: Session,
  followed: Followed<Look, Result>,
  options: WatchOptions,
): AsyncGenerator<Look, Result | undefined> {
  const intervalMs = options.intervalMs ?? defaultIntervalMs;
  const stop = new AbortController();
  const signal =
    options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const end = await followEnd(session, followed, signal, intervalMs);
  const brief = { ...session, callTimeoutMs: Math.min(session.callTimeoutMs, lookTimeoutMs) };
  const outage = outageNotes(options);
  let last: Look | undefined;
  try {
    while (!signal.aborted && !end.settled()) {
      const look = await outage.around(() => followed.look(brief));
      if (look !== undefined && !end.settled()) {
        last = look;
        yield look;
      }
      await Promise.race([pause(intervalMs, signal), end.promise.catch(() => undefined)]);
    }
    if (!end.settled()) return undefined;
    const result = await end.promise;
    if (result !== undefined) yield await followed.finalLook(result, last);
    return result;
  } finally {
    stop.abort();
  }
}

interface EndOfWatch<Result> {
  readonly promise: Promise<Result | undefined>;
  settled(): boolean;
}

/** One long poll for the result of the chain of runs that is the current one now (W2). */
async function followEnd<Look, Result>(
  session: Session,
  followed: Followed<Look, Result>,
  signal: AbortSignal,
  retryMs: number,
): Promise<EndOfWatch<Result>> {
  const { workflowId, runId } = await followed.describe();
  const handle = session.client.workflow.getHandle(workflowId, runId);
  const poll = async (): Promise<Result | undefined> => {
    while (!signal.aborted) {
      try {
        return await session.client.withAbortSignal(signal, () => followed.resultOf(handle));
      } catch (error) {
        if (!isOutage(error)) throw await explainedError(session, error, 0);
        await pause(retryMs, signal);
      }
    }
    return undefined;
  };
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  const promise = poll().finally(settle);
  // The loop looks at it when it is settled; until then a rejection is nobody's.
  promise.catch(() => undefined);
  return { promise, settled: () => isSettled };
}

function outageNotes(options: WatchOptions) {
  let isOut = false;
  let isFirst = true;
  return {
    /** Undefined while nobody answers. */
    async around<T>(ask: () => Promise<T>): Promise<T | undefined> {
      try {
        const answer = await ask();
        if (isOut) options.onRecovery?.();
        isOut = false;
        isFirst = false;
        return answer;
      } catch (error) {
        if (!isPassing(error) || isFirst) throw error;
        if (!isOut) options.onOutage?.(error);
        isOut = true;
        return undefined;
      }
    },
  };
}

/** Not found can pass, too: a server that has just started answers before it has loaded. */
function isPassing(error: unknown): error is AscentError {
  return (
    error instanceof AscentError &&
    (error.code === 'temporal-unreachable' ||
      error.code === 'worker-missing' ||
      error.code === 'upgrade-not-found' ||
      error.code === 'drain-not-found')
  );
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
