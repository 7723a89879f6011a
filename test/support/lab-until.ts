// Waits for a level, never for an edge: what real machines do is looked at until it is so.
// W1. Deadlines only matter to tests that fail: they are far longer than anything takes. A budget
//     may count a pod that was evicted as missing for two minutes when its name is taken again at
//     once, as StatefulSets do (DeletionTimeout of the disruption controller), and that twice.
// W2. What a look throws counts as not yet (an API server is away while it is upgraded), except
//     Hopeless: then waiting cannot help.

import { setTimeout as sleep } from 'node:timers/promises';

/** Thrown by a look when what is waited for cannot come any more (W2). */
export class Hopeless extends Error {}

export interface UntilOptions {
  /** Default 7 min (W1). */
  readonly timeoutMs?: number;
  /** Pause between two looks; default 0.2 s. */
  readonly everyMs?: number;
}

const defaultTimeoutMs = 420_000;
const defaultEveryMs = 200;

/** The first defined answer of `look`. Throws, naming `what`, when none came in time. */
export async function until<Answer>(
  what: string,
  look: () => Promise<Answer | undefined>,
  options: UntilOptions = {},
): Promise<Answer> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let problem: unknown;
    try {
      const answer = await look();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      problem = error;
    }
    if (performance.now() >= deadline) {
      const why = problem instanceof Error ? `: ${problem.message}` : '';
      throw new Error(`not seen in ${timeoutMs / 1_000} s: ${what}${why}`, { cause: problem });
    }
    await sleep(options.everyMs ?? defaultEveryMs);
  }
}

/** The same for a condition. */
export async function untilTrue(
  what: string,
  holds: () => Promise<boolean>,
  options: UntilOptions = {},
): Promise<void> {
  await until(what, async () => ((await holds()) ? true : undefined), options);
}
