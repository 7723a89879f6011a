// Two drains that wait for each other: each has taken a pod whose replacement could only run on the
// node of the other, and each waits for the budget of the pod that the other has taken. Neither
// ends by itself, whatever the deadline. The one that began later gives its node back.
// Y1. Only when every node in work stands still: one that gets on will serve again, and then the
//     pods that wait have a place.
// Y2. Only when the scheduler finds no node for a pod that one of these budgets lacks: a pod that
//     crashes is not helped by another node.
// Y3. One yields: the node cordoned last, by name where that is the same.

import type { NodeName } from '../names';
import { compareTexts } from '../text-order';

/** A node that is being drained for an upgrade. */
export interface DrainedNode {
  readonly name: NodeName;
  /** Epoch milliseconds; 0 when its cordon does not say. */
  readonly cordonedAtMs: number;
  /** Pods on it that are leaving. */
  readonly leaving: number;
  /** By uid: pods that a budget keeps there which allows no eviction now. */
  readonly kept: readonly string[];
  /** Whether a budget of these lacks a pod that the scheduler finds no node for. */
  readonly lacksUnscheduled: boolean;
}

/** The node that yields, and what must not have changed for a while before it does. */
export interface Deadlock {
  readonly yields: NodeName;
  readonly waitsFor: readonly NodeName[];
  /** The same as long as nothing moves. */
  readonly signature: string;
}

/** Y1. */
export function isStill({ leaving, kept }: DrainedNode): boolean {
  return leaving === 0 && kept.length > 0;
}

/** Undefined while any of the nodes gets on, or may (Y1, Y2). */
export function findDeadlock(nodes: readonly DrainedNode[]): Deadlock | undefined {
  if (!nodes.every(isStill) || !nodes.some(({ lacksUnscheduled }) => lacksUnscheduled))
    return undefined;
  const byAge = nodes.toSorted(
    (a, b) => a.cordonedAtMs - b.cordonedAtMs || compareTexts(a.name, b.name),
  );
  const youngest = byAge.pop();
  if (youngest === undefined || byAge.length === 0) return undefined;
  const parts = nodes.map(({ name, kept }) => `${name}:${kept.toSorted(compareTexts).join(',')}`);
  return {
    yields: youngest.name,
    waitsFor: byAge.map(({ name }) => name),
    signature: parts.toSorted(compareTexts).join(' '),
  };
}
