// Follows an upgrade until it ends, through restarts of the worker and of Temporal itself.
// W1. It ends with the upgrade, when its signal is aborted, or with an error that waiting cannot
//     mend; never because something was away for a while.
// W2. It follows the upgrade that runs when it begins, not a later one of the same cluster.

import { setTimeout as sleep } from 'node:timers/promises';

import type { UpgradeProgress, UpgradeResult } from '../domain/progress';
import { resultSentence } from '../domain/status-sentences';
import type { Session } from './calls';
import { callUpgrade, explainedError, resultOf } from './calls';
import { AscentError } from './errors';
import { readProgress } from './progress';
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

const defaultIntervalMs = 1_000;
/** An outage is told after this time; each look is repeated anyway. */
const lookTimeoutMs = 5_000;

/**
 * Yields where the upgrade stands, every `intervalMs`; the last one has `status.result`, which is
 * also the generator's return value. Throws AscentError: upgrade-not-found, upgrade-failed,
 * temporal-refused; temporal-unreachable only when the very first answer does not come.
 */
export async function* watchUpgrade(
  session: Session,
  cluster: string,
  options: WatchOptions = {},
): AsyncGenerator<UpgradeProgress, UpgradeResult | undefined> {
  const intervalMs = options.intervalMs ?? defaultIntervalMs;
  const stop = new AbortController();
  const signal =
    options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const end = await followEnd(session, cluster, signal, intervalMs);
  const look = { ...session, callTimeoutMs: Math.min(session.callTimeoutMs, lookTimeoutMs) };
  const outage = outageNotes(options);
  let last: UpgradeProgress | undefined;
  try {
    while (!signal.aborted && !end.settled()) {
      const progress = await outage.around(() => readProgress(look, cluster));
      if (progress !== undefined && !end.settled()) {
        last = progress;
        yield progress;
      }
      await Promise.race([pause(intervalMs, signal), end.promise.catch(() => undefined)]);
    }
    if (!end.settled()) return undefined;
    const result = await end.promise;
    if (result !== undefined) yield await finalProgress(session, cluster, result, last);
    return result;
  } finally {
    stop.abort();
  }
}

interface EndOfWatch {
  readonly promise: Promise<UpgradeResult | undefined>;
  settled(): boolean;
}

/** One long poll for the result of the chain of runs that is the current one now (W2). */
async function followEnd(
  session: Session,
  cluster: string,
  signal: AbortSignal,
  retryMs: number,
): Promise<EndOfWatch> {
  const { workflowId, runId } = await callUpgrade(session, cluster, (upgrade) =>
    upgrade.describe(),
  );
  const handle = session.client.workflow.getHandle(workflowId, runId);
  const poll = async (): Promise<UpgradeResult | undefined> => {
    while (!signal.aborted) {
      try {
        return await session.client.withAbortSignal(signal, () => resultOf(handle, cluster));
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
      error.code === 'upgrade-not-found')
  );
}

/** The workers may be gone by now: then the result is put onto what was seen last. */
async function finalProgress(
  session: Session,
  cluster: string,
  result: UpgradeResult,
  last: UpgradeProgress | undefined,
): Promise<UpgradeProgress> {
  const seen = await readProgress(session, cluster).catch(() => undefined);
  if (seen?.status.result !== undefined) return seen;
  const base = last?.status ?? emptyStatus(cluster);
  const status = {
    ...base,
    phase: 'ended',
    gates: [],
    result,
    sentence: resultSentence(cluster, result),
    hops: 'hops' in result ? result.hops : base.hops,
  } as const;
  return { status, members: [], nodes: [] };
}

function emptyStatus(cluster: string): UpgradeProgress['status'] {
  return {
    schema: 'ascent.status/v1',
    cluster: cluster as UpgradeProgress['status']['cluster'],
    phase: 'ended',
    sentence: '',
    gates: [],
    hops: [],
    startedAtMs: 0,
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
