// Completion is what is seen, several times in a row (R2): one good look may be luck.

import type { Clock } from './ports';

export interface PassesOptions<Wrong> {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Good looks in a row that count as good; at least 1. */
  readonly passes: number;
  /** How long the looks must stay good without a break; 0: only `passes` counts. */
  readonly soakMs: number;
  /** How long it may look wrong without a break before it is given up. */
  readonly patienceMs: number;
  /** When everything is given up, good streaks that broke included. */
  readonly limitMs: number;
  readonly everyMs: number;
  /** Pause after a good look, which only wants to be seen again; `everyMs` unless said. */
  readonly confirmEveryMs?: number;
  /** One look: everything that is wrong now. What it throws ends the watch. */
  look(): Promise<readonly Wrong[]>;
  onLook?(look: { readonly goodInARow: number; readonly wrong: readonly Wrong[] }): void;
}

export type PassesResult<Wrong> =
  | { readonly kind: 'good'; readonly passes: number }
  | {
      readonly kind: 'wrong';
      readonly wrong: readonly [Wrong, ...Wrong[]];
      readonly seconds: number;
    };

/** Seconds between two epoch milliseconds, to a tenth; never negative. */
export function secondsBetween(startMs: number, endMs: number): number {
  return Math.max(0, Math.round((endMs - startMs) / 100) / 10);
}

/**
 * Looks until it was good often enough and long enough, or wrong for too long. A wrong look begins
 * the count anew. Ends within `limitMs` plus one look, or with the soak when that is good.
 */
export async function watchUntilGood<Wrong>(
  options: PassesOptions<Wrong>,
): Promise<PassesResult<Wrong>> {
  const { clock, signal, passes, soakMs, patienceMs, limitMs } = options;
  const startedAtMs = clock.nowMs();
  let goodSinceMs: number | undefined;
  let wrongSinceMs: number | undefined;
  let goodInARow = 0;
  for (;;) {
    signal.throwIfAborted();
    const [first, ...rest] = await options.look();
    const nowMs = clock.nowMs();
    if (first === undefined) {
      goodSinceMs ??= nowMs;
      wrongSinceMs = undefined;
      goodInARow += 1;
      options.onLook?.({ goodInARow, wrong: [] });
      if (goodInARow >= passes && nowMs - goodSinceMs >= soakMs) {
        return { kind: 'good', passes: goodInARow };
      }
    } else {
      goodSinceMs = undefined;
      wrongSinceMs ??= nowMs;
      goodInARow = 0;
      options.onLook?.({ goodInARow, wrong: [first, ...rest] });
      if (nowMs - wrongSinceMs >= patienceMs || nowMs - startedAtMs >= limitMs) {
        const seconds = secondsBetween(startedAtMs, nowMs);
        return { kind: 'wrong', wrong: [first, ...rest], seconds };
      }
    }
    await clock.sleep(pauseMs(options, goodInARow), signal);
  }
}

function pauseMs(
  { everyMs, confirmEveryMs = everyMs }: PassesOptions<unknown>,
  goodInARow: number,
): number {
  return goodInARow > 0 ? confirmEveryMs : everyMs;
}
