// When the eviction of a pod that was refused is asked for again. Pure.

import type { EvictionAnswer } from '../ports';

/** Answers after which a pod is still there to be evicted. */
export type Refused = Exclude<EvictionAnswer, { kind: 'evicted' | 'gone' | 'replaced' }>;

const budgetRetryMs = 1_000;
/** After a refusal, where a watch tells when the budget allows: others may have been first. */
const watchedBudgetRetryMs = 200;
/** A pod that a watched budget keeps (drain-ledger.ts, L3). */
const keptRetryMs = 10_000;
const overlapRetryMs = 5_000;
const forbiddenRetryMs = 10_000;
const namespaceRetryMs = 2_000;
const failingRetryMaxMs = 15_000;
/** Server answers above this are asked again anyhow: a drain must see changes. */
const retryAfterMaxMs = 30_000;

/**
 * `baseMs` times 0.8 to 1.2, the same for the same pod and try: pods of one budget do not ask in
 * step, and a test knows when they do (32-bit FNV-1a over both).
 */
function jittered(baseMs: number, uid: string, tries: number): number {
  let hash = 0x811c9dc5;
  for (const character of `${uid}#${tries}`) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return Math.round(baseMs * (0.8 + 0.4 * (hash / 0xffffffff)));
}

/** How long a pod that a watched budget keeps is not asked for, unless its budget allows it. */
export function keptDelayMs(uid: string, tries: number): number {
  return jittered(keptRetryMs, uid, tries);
}

/** After this answer; `isWatched`: a watch tells when its budget allows. Milliseconds. */
export function retryDelayMs(
  answer: Refused,
  { uid, tries, isWatched }: { uid: string; tries: number; isWatched: boolean },
): number {
  switch (answer.kind) {
    case 'budget':
      return jittered(isWatched ? watchedBudgetRetryMs : budgetRetryMs, uid, tries);
    case 'budget-not-observed':
    case 'throttled':
      return Math.min(retryAfterMaxMs, Math.max(budgetRetryMs, answer.retryAfterSeconds * 1_000));
    case 'budgets-overlap':
      return jittered(overlapRetryMs, uid, tries);
    case 'namespace-terminating':
      return jittered(namespaceRetryMs, uid, tries);
    case 'forbidden':
      return jittered(forbiddenRetryMs, uid, tries);
    case 'failed':
      return jittered(Math.min(failingRetryMaxMs, budgetRetryMs * 2 ** (tries - 1)), uid, tries);
  }
}
