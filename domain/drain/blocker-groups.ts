// Drains often wait for many pods for one reason. People want the reason, once, and how many.

import { count } from '../counts';
import { blockerSentence } from '../blocker-sentences';
import type { DrainBlocker } from '../blockers';
import type { BudgetRef, PodRef } from '../names';

export interface BlockerGroup {
  /** The same for the same reason at another time. */
  readonly key: string;
  /** The one that has stood longest, with the explanation that any of them has. */
  readonly first: DrainBlocker;
  readonly pods: number;
}

/** Pods behind one budget or one pod, or of one Job, are a group; others are alone. By age. */
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

/** Those that `message`, which is shown beside them, does not say itself. */
export function untoldGroups(
  blockers: readonly DrainBlocker[],
  message: string,
): readonly BlockerGroup[] {
  return blockerGroups(blockers).filter((group) => !message.includes(groupSentence(group)));
}

/** What is known of a budget stands at one of its pods, not always at the one that is told of. */
function explainedBy(first: DrainBlocker, other: DrainBlocker): DrainBlocker {
  return { ...knownOf(other), ...first };
}

type KnownOfBudget = Pick<
  Extract<DrainBlocker, { code: 'budget-exhausted' }>,
  'explanation' | 'ladder'
>;

function knownOf(blocker: DrainBlocker): KnownOfBudget {
  if (blocker.code !== 'budget-exhausted') return {};
  const { explanation, ladder } = blocker;
  return {
    ...(explanation === undefined ? {} : { explanation }),
    ...(ladder === undefined ? {} : { ladder }),
  };
}

function keyOf(blocker: DrainBlocker): string {
  const { namespace, name } = objectOf(blocker);
  return `${blocker.code} ${namespace}/${name}`;
}

function objectOf(blocker: DrainBlocker): PodRef | BudgetRef {
  const { code, pod } = blocker;
  if (code === 'volume-attached') return { namespace: pod.namespace, name: blocker.volume };
  if (code === 'volume-awaited') return blocker.before;
  if (code === 'job-running') return { namespace: pod.namespace, name: blocker.job };
  if (code === 'surge-undone') return blocker.raised;
  return code === 'budget-exhausted' ? (blocker.budget ?? pod) : pod;
}

/** With `nowMs` also for how long it has stood. */
export function groupSentence({ first, pods }: BlockerGroup, nowMs?: number): string {
  const others = pods === 1 ? '' : ` (and ${count(pods - 1, 'more pod')})`;
  return `${blockerSentence(first, nowMs)}${others}`;
}
