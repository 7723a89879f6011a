// What a simulation found, as data to be shown: pods without a place by what keeps them, node group
// by node group, and what would unblock them.
// A1. Bounded: pods that ask alike and are kept by the same are told once, with their number; nodes
//     that are described alike are one group.

import type { NodeName, PodRef } from '../names';
import { zoneLabel } from '../observation';
import type { Place, RefusingNodes } from './scheduling';
import {
  type NodeRefusal,
  type PodRefusal,
  refusalOrder,
  schedulerWords,
  unblockedBy,
} from './refusals';
import type { PodOutcome } from './windows';

/** Nodes that are described alike and refuse in the same way. */
export interface RefusingGroup {
  /** The first of them. */
  readonly like: NodeName;
  readonly zone?: string;
  readonly nodes: number;
  /** Of resources: the most that is free on any of them. */
  readonly refusal: NodeRefusal;
  /** `Insufficient cpu`: as `FailedScheduling` has it. */
  readonly words: string;
}

export interface UnplacedPods {
  /** The first of them. */
  readonly pod: PodRef;
  /** How many ask alike and find nothing. */
  readonly pods: number;
  readonly owner?: { readonly kind: string; readonly name: string };
  readonly cause: PodOutcome['cause'];
  /** Why no node can take it, whatever is on them; `groups` is empty then. */
  readonly refusal?: PodRefusal;
  readonly groups: readonly RefusingGroup[];
  /** One of these is enough, for the nodes that are nearest to taking it. */
  readonly unblock: readonly string[];
}

/** What the pods that found no place are kept by (A1). */
export function unplacedPods(outcomes: readonly PodOutcome[]): readonly UnplacedPods[] {
  const told = new Map<string, { first: UnplacedPods; count: number }>();
  for (const { pod, cause, place } of outcomes) {
    if (place.kind !== 'none') continue;
    const why = whyNot(place.why);
    const owner = pod.controller === undefined ? pod.ref.name : pod.controller.name;
    const key = JSON.stringify([pod.ref.namespace, owner, cause, why]);
    const known = told.get(key);
    if (known !== undefined) {
      known.count += 1;
      continue;
    }
    const { ref, controller } = pod;
    const owned = controller === undefined ? {} : { owner: controller };
    told.set(key, { first: { pod: ref, pods: 1, ...owned, cause, ...why }, count: 1 });
  }
  return [...told.values()].map(({ first, count }) => ({ ...first, pods: count }));
}

type Why = Pick<UnplacedPods, 'refusal' | 'groups' | 'unblock'>;

function whyNot(why: Extract<Place, { readonly kind: 'none' }>['why']): Why {
  if ('code' in why) return { refusal: why, groups: [], unblock: [unblockedBy(why)] };
  const groups = groupsOf(why);
  const nearest = Math.max(...groups.map(({ refusal }) => refusalOrder.indexOf(refusal.code)));
  const near = groups.filter(({ refusal }) => refusalOrder.indexOf(refusal.code) === nearest);
  return { groups, unblock: [...new Set(near.map(({ refusal }) => unblockedBy(refusal)))] };
}

function groupsOf(why: readonly RefusingNodes[]): readonly RefusingGroup[] {
  return why.map(({ like: { name, labels }, nodes, refusal }) => {
    const zone = labels[zoneLabel];
    const where = zone === undefined ? {} : { zone };
    return { like: name, ...where, nodes, refusal, words: schedulerWords(refusal) };
  });
}

/** `fits on worker-2`, or the words of the scheduler with the number of nodes. */
export function placeWords(place: Place): string {
  switch (place.kind) {
    case 'fits':
      return `fits on ${place.on.node.name}`;
    case 'preempts': {
      const pushed = place.victims.map(({ pod }) => `${pod.ref.namespace}/${pod.ref.name}`);
      return `fits on ${place.on.node.name} when it pushes away ${pushed.join(', ')}`;
    }
    case 'none':
      return 'code' in place.why ? schedulerWords(place.why) : refusalWords(groupsOf(place.why));
  }
}

/** `2 Insufficient cpu, 1 node(s) were unschedulable`. */
export function refusalWords(
  groups: readonly { readonly nodes: number; readonly words: string }[],
): string {
  const counts = new Map<string, number>();
  for (const { nodes, words } of groups) counts.set(words, (counts.get(words) ?? 0) + nodes);
  return [...counts].map(([words, nodes]) => `${nodes} ${words}`).join(', ');
}
