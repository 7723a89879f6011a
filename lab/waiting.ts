// Waiting for a level, never for an edge: a condition is asked again until it holds or time is up.

import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Pause between two questions. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** Rejects with the signal's reason when aborted. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** True as soon as the condition holds, false when it did not within the time. */
export async function eventually(
  condition: () => Promise<boolean>,
  options: WaitOptions,
): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    if (await condition()) return true;
    if (performance.now() >= deadline) return false;
    await sleep(options.everyMs ?? 100, options.signal);
  }
}
