// Waits for a level, never for an edge: a condition is looked at until it holds or time is up.

import { setTimeout as sleep } from 'node:timers/promises';

/** The first defined answer of `look`; throws, with `what` and the last error, after 20 s. */
export async function eventually<Answer>(
  what: string,
  look: () => Promise<Answer | undefined>,
): Promise<Answer> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    let problem: unknown;
    try {
      const answer = await look();
      if (answer !== undefined) return answer;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > deadline) throw new Error(`${what} did not come`, { cause: problem });
    await sleep(50);
  }
}
