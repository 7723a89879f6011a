// The last rung of the drain's ladder: a named person has single pods removed that a drain could
// not move. It is never taken by itself, and never by a policy (R4).
// F1. Only pods that a failed drain names as its blockers, each bound to its uid: a pod of the same
//     name that came later is another one.
// F2. A pod that is not leaving is deleted past what keeps it, with its own grace period. One that
//     is terminating beyond that is removed: only its object goes, nobody confirms its end.
// F3. What a person has agreed to is all that is done: a pod that was to be deleted, and outlasts
//     its grace period then, is not removed but asked about again.

import { podText } from '../blocker-sentences';
import type { DrainBlocker } from '../blockers';
import type { PodRef } from '../names';

/** A pod that a failed drain has left on its node. */
export interface StuckPod extends PodRef {
  readonly uid: string;
}

/** A pod to be forced, and how (F2). */
export interface ForcedPod extends StuckPod {
  readonly by: 'delete' | 'remove';
}

/** A pod as somebody asks for it; with `uid` only that very one is meant. */
export interface PodAsked extends PodRef {
  readonly uid?: string;
}

/** Why a pod is not forced. */
export type NotForced =
  /** No blocker of the drain that failed names it. */
  | 'not-named'
  /** Another pod of this name is meant than the one that is asked for. */
  | 'replaced'
  /** Its finalizers hold it: deleting it again changes nothing. */
  | 'finalizer'
  /** It is leaving, and its grace period is not over. */
  | 'in-grace';

export interface ForceProblem {
  readonly pod: PodRef;
  readonly why: NotForced;
}

/** Where a drain that failed has left a node. */
export interface DrainLeftovers {
  readonly blockers: readonly DrainBlocker[];
  readonly pods: readonly StuckPod[];
}

export type ForceAnswer =
  | { readonly kind: 'forced'; readonly pods: readonly ForcedPod[] }
  | {
      readonly kind: 'refused';
      readonly problems: readonly ForceProblem[];
      /** Those that could be forced. */
      readonly forceable: readonly PodRef[];
    };

/** Those of `pods` that the blockers name, each once; the pods of its node as last seen. */
export function stuckPods(
  blockers: readonly DrainBlocker[],
  pods: readonly { readonly ref: PodRef; readonly uid: string }[],
): readonly StuckPod[] {
  // What cannot be seen of volumes keeps no pod.
  const keeping = blockers.filter(({ code }) => code !== 'volumes-unobserved');
  const named = new Set(keeping.map(({ pod }) => podText(pod)));
  return pods
    .filter(({ ref }) => named.has(podText(ref)))
    .map(({ ref: { namespace, name }, uid }) => ({ namespace, name, uid }));
}

/** What becomes of the pods that are asked for: all of them are forced, or none is. */
export function judgeForce(left: DrainLeftovers, asked: readonly PodAsked[]): ForceAnswer {
  const wanted = new Map(asked.map((pod) => [podText(pod), pod]));
  const verdicts = [...wanted.values()].map((pod) => ({ pod, verdict: verdictOf(left, pod) }));
  const problems = verdicts.flatMap(({ pod: { namespace, name }, verdict }) =>
    typeof verdict === 'string' ? [{ pod: { namespace, name }, why: verdict }] : [],
  );
  const forced = verdicts.flatMap(({ verdict }) => (typeof verdict === 'string' ? [] : [verdict]));
  if (problems.length === 0) return { kind: 'forced', pods: forced };
  const forceable = left.pods.filter((pod) => typeof verdictOf(left, pod) !== 'string');
  const refs = forceable.map(({ namespace, name }) => ({ namespace, name }));
  return { kind: 'refused', problems, forceable: refs };
}

function verdictOf({ blockers, pods }: DrainLeftovers, asked: PodAsked): ForcedPod | NotForced {
  const pod = pods.find((one) => podText(one) === podText(asked));
  if (pod === undefined) return 'not-named';
  if (asked.uid !== undefined && asked.uid !== pod.uid) return 'replaced';
  const terminating = blockers.find(
    (one) => one.code === 'pod-terminating' && podText(one.pod) === podText(pod),
  );
  if (terminating?.code !== 'pod-terminating') return { ...pod, by: 'delete' };
  if (terminating.cause === 'grace') return 'in-grace';
  return terminating.finalizers.length > 0 ? 'finalizer' : { ...pod, by: 'remove' };
}

/** `shop/web-0 (uid 5c1e) deleted past what kept it`: what was, or is to be, done to each. */
export function forcedText(pods: readonly ForcedPod[]): string {
  return pods.map((pod) => `${podText(pod)} (uid ${pod.uid}) ${words[pod.by]}`).join(', ');
}

const words = {
  delete: 'deleted past what keeps it, with its own grace period',
  remove: 'removed although nobody confirms that its containers have ended',
} as const satisfies Record<ForcedPod['by'], string>;
