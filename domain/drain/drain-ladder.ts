// The ladder of a drain: what is done about a pod that its disruption budget keeps, rung by rung.
// Every drain asks for evictions and waits (R4). What comes after is the policy's.
// L1. Only `surge` lets a pod leave, and it takes nothing away: a budget that lets none of so many
//     pods go gets one pod more. Forcing is no rung: a named person does that.
// L2. A ladder has an end. At the drain's deadline somebody or something must decide.

import type { DrainRung } from '../spec';

/** Every rung, in the only order in which a ladder may name them. */
export const drainRungs = ['surge', 'hold', 'quarantine'] as const satisfies readonly DrainRung[];

/**
 * How long a pod is kept before its Deployment is raised, when the policy does not say: longer than
 * a budget needs that only waits for a replacement.
 */
export const defaultSurgeAfterMs = 60_000;

/** What is wrong with a ladder; undefined when it may be climbed (L2). */
export type LadderFault = 'no-end' | 'two-ends' | 'repeated' | 'surge-late';

/** Looks at rungs as a client wrote them. A rung that is unknown ends nothing. */
export function ladderFault(ladder: readonly string[]): LadderFault | undefined {
  if (new Set(ladder).size !== ladder.length) return 'repeated';
  const ends = ladder.filter((rung) => rung === 'hold' || rung === 'quarantine');
  if (ends.length === 2) return 'two-ends';
  if (ends.length === 0) return 'no-end';
  return ladder.at(-1) === ends[0] ? undefined : 'surge-late';
}

/** Of a DrainPolicy. */
interface SurgeRung {
  readonly ladder?: readonly DrainRung[] | undefined;
  readonly surgeAfterMs?: number | undefined;
}

/** After how long a kept pod gets a further one beside it; undefined when the ladder has none. */
export function surgeAfterMsOf({ ladder, surgeAfterMs }: SurgeRung): number | undefined {
  if (ladder?.includes('surge') !== true) return undefined;
  return surgeAfterMs ?? defaultSurgeAfterMs;
}
