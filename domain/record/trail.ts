// Puts the audit trail of a whole upgrade together again: the workflow keeps its last entries only,
// but each of its runs was handed what the trail was when it began.

import { canonicalJson } from '../plan/canonical-json';
import type { AuditEntry } from '../status/control';
import type { MissingPart } from './record';

export interface WholeTrail {
  /** Oldest first, each once. */
  readonly entries: readonly AuditEntry[];
  /** What is not in it. */
  readonly missing: readonly MissingPart[];
}

/**
 * One trail of several that were told one after the other, oldest first; each may have lost its
 * beginning. Where two have nothing in common, what was between them is missing.
 */
export function wholeTrail(told: readonly (readonly AuditEntry[])[]): WholeTrail {
  let known: readonly AuditEntry[] = [];
  const gaps: MissingPart[] = [];
  for (const trail of told) {
    const [first] = trail;
    const last = known.at(-1);
    const overlap = overlapOf(known, trail);
    if (overlap === 0 && first !== undefined && last !== undefined) {
      gaps.push({ code: 'trail-gap', afterMs: last.atMs, beforeMs: first.atMs });
    }
    known = [...known, ...trail.slice(overlap)];
  }
  const [first] = known;
  const isWhole = first === undefined || first.event === 'upgrade.asked';
  const beginning: readonly MissingPart[] = isWhole
    ? []
    : [{ code: 'trail-beginning', sinceMs: first.atMs }];
  return { entries: known, missing: [...beginning, ...gaps] };
}

/** How many entries at the end of `known` are those at the beginning of `trail`; the most. */
function overlapOf(known: readonly AuditEntry[], trail: readonly AuditEntry[]): number {
  const before = known.map(canonicalJson);
  const after = trail.map(canonicalJson);
  for (let size = Math.min(before.length, after.length); size > 0; size -= 1) {
    const from = before.length - size;
    if (after.slice(0, size).every((text, index) => text === before[from + index])) return size;
  }
  return 0;
}
