// Drains often wait for many pods for one reason. People want the reason, once, and how many.

import { blockerSentence } from '../../domain/blocker-sentences';
import type { DrainBlocker } from '../../domain/blockers';
import type { BudgetRef, PodRef } from '../../domain/names';
import { count, wrap } from './text';

export interface BlockerGroup {
  /** The same for the same reason at another time. */
  readonly key: string;
  /** The one that has stood longest, with the explanation that any of them has. */
  readonly first: DrainBlocker;
  readonly pods: number;
}

/** Pods behind one budget, or of one Job, are a group; others are alone. Oldest first. */
export function blockerGroups(blockers: readonly DrainBlocker[]): readonly BlockerGroup[] {
  const groups = new Map<string, BlockerGroup>();
  for (const blocker of blockers.toSorted((a, b) => a.sinceMs - b.sinceMs)) {
    const key = keyOf(blocker);
    const known = groups.get(key);
    const first = known === undefined ? blocker : explainedBy(known.first, blocker);
    groups.set(key, { key, first, pods: (known?.pods ?? 0) + 1 });
  }
  return [...groups.values()];
}

/** An explanation stands at one pod of its budget, not always at the one that is told of. */
function explainedBy(first: DrainBlocker, other: DrainBlocker): DrainBlocker {
  if (first.code !== 'budget-exhausted' || first.explanation !== undefined) return first;
  if (other.code !== 'budget-exhausted' || other.explanation === undefined) return first;
  return { ...first, explanation: other.explanation };
}

function keyOf(blocker: DrainBlocker): string {
  const { namespace, name } = objectOf(blocker);
  return `${blocker.code} ${namespace}/${name}`;
}

function objectOf(blocker: DrainBlocker): PodRef | BudgetRef {
  const { code, pod } = blocker;
  if (code === 'job-running') return { namespace: pod.namespace, name: blocker.job };
  return code === 'budget-exhausted' ? (blocker.budget ?? pod) : pod;
}

/** With `nowMs` also for how long it has stood. */
export function groupSentence({ first, pods }: BlockerGroup, nowMs?: number): string {
  const others = pods === 1 ? '' : ` (and ${count(pods - 1, 'more pod')})`;
  return `${blockerSentence(first, nowMs)}${others}`;
}

const mostGroups = 4;

export function blockerLines(
  blockers: readonly DrainBlocker[],
  view: { readonly nowMs: number; readonly width: number; readonly indent: string },
): readonly string[] {
  const groups = blockerGroups(blockers);
  const hidden = groups.slice(mostGroups).reduce((sum, { pods }) => sum + pods, 0);
  return [
    ...groups
      .slice(0, mostGroups)
      .flatMap((group) => wrap(groupSentence(group, view.nowMs), view.width, view.indent)),
    ...(hidden === 0 ? [] : [`${view.indent}and ${count(hidden, 'more pod')} for other reasons`]),
  ];
}
