// The rung "surge" as data: what is raised by one temporary replica, what says so on the object,
// why something is not raised, and what came of it. activities/drain/drain-surges.ts does it.
// S1. One replica more, never two: what one does not help is told instead.
// S2. The mark stands on what was raised, written together with the replicas, so that whoever comes
//     after knows what to put back. It is a hint (R7): what it says is compared with what is there.

import { sparesNone } from './budget-explanation';
import type { ClusterName, NodeName } from '../names';
import type { BudgetObservation } from '../observation';

/** What is raised: a Deployment, or the autoscaler that decides about its replicas. */
export interface SurgedObject {
  readonly kind: 'Deployment' | 'HorizontalPodAutoscaler';
  readonly namespace: string;
  readonly name: string;
}

/** What the annotation `ascent.dev/surge` says. `at`: RFC 3339. */
export interface SurgeMark {
  /** Replicas (of an autoscaler its minReplicas) before, and with the temporary one. */
  readonly from: number;
  readonly to: number;
  readonly node: NodeName;
  readonly cluster: ClusterName;
  readonly at: string;
}

/** Why no replica is added for a pod. Messages are the API server's. */
export type SurgeRefusal =
  /** Its pods are not a Deployment's. Without an owner: nobody would make a further one. */
  | { readonly code: 'owner'; readonly owner?: { readonly kind: string; readonly name: string } }
  /** One pod more does not make the budget let one leave. */
  | { readonly code: 'no-help' }
  /** Its strategy is Recreate: two of its pods at a time may be what must not be. */
  | { readonly code: 'recreates'; readonly deployment: string }
  | { readonly code: 'autoscaler-at-max'; readonly autoscaler: string; readonly max: number }
  /** Somebody undid it once in this drain; it is not done again. */
  | { readonly code: 'undone' }
  | { readonly code: 'forbidden'; readonly message: string }
  | { readonly code: 'failing'; readonly message: string };

/** Where a pod stands on the ladder that its budget keeps. Absent: it only waits. */
export type LadderStand =
  | { readonly rung: 'wait'; readonly surgeAtMs: number }
  | { readonly rung: 'wait'; readonly notRaised: SurgeRefusal }
  | {
      readonly rung: 'surge';
      readonly raised: SurgedObject;
      readonly from: number;
      readonly to: number;
      /** The node whose drain raised it, when that is another one. */
      readonly by?: NodeName;
    };

/** A surge that somebody undid while it was needed. */
export interface UndoneSurge {
  readonly raised: SurgedObject;
  readonly from: number;
  readonly to: number;
  /** What was found in place of `to`; the same as `to` when only the annotation was gone. */
  readonly found: number;
  /** Field manager that wrote it last, such as `argocd-controller`. */
  readonly by?: string;
}

/** How a surge ended. `left`: somebody changed the replicas meanwhile, and theirs stay. */
export type SurgeEnd = { readonly raised: SurgedObject; readonly to: number } & (
  | { readonly end: 'put-back'; readonly from: number }
  | { readonly end: 'left'; readonly found: number; readonly by?: string }
  | { readonly end: 'gone' }
);

/** `Deployment shop/web`. */
export function surgedText({ kind, namespace, name }: SurgedObject): string {
  return `${kind} ${namespace}/${name}`;
}

/** As the annotation has it. */
export function surgeMarkText({ from, to, node, cluster, at }: SurgeMark): string {
  return JSON.stringify({ from, to, node, cluster, at });
}

/** Undefined when the text is no such mark: it is then nobody's. */
export function parseSurgeMark(text: string): SurgeMark | undefined {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof given !== 'object' || given === null) return undefined;
  const { from, to, node, cluster, at } = given as Partial<Record<keyof SurgeMark, unknown>>;
  const isCounted = isCount(from) && isCount(to) && from < to;
  if (!isCounted || !isText(node) || !isText(cluster) || !isText(at)) return undefined;
  return { from, to, node: node as NodeName, cluster: cluster as ClusterName, at };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** Whether all its pods are healthy and it lets none leave all the same: waiting does not help. */
export function keepsAllForGood(budget: BudgetObservation): boolean {
  const { observed, syncFailed, disruptionsAllowed, currentHealthy, expectedPods } = budget;
  const isKnown = observed && !syncFailed && disruptionsAllowed === 0;
  return isKnown && currentHealthy >= expectedPods && sparesNone(budget);
}

/**
 * Whether such a budget lets one pod leave when there is one more. Percentages are of the pods that
 * are expected, rounded up, both of those that must be there and of those that may be missing
 * (disruption controller, getExpectedPodCount).
 */
export function oneMoreHelps(budget: BudgetObservation): boolean {
  const expected = budget.expectedPods + 1;
  const { minAvailable, maxUnavailable } = budget;
  const limit = minAvailable ?? maxUnavailable;
  if (limit === undefined) return false;
  const number = Number.parseInt(limit, 10);
  const count = limit.endsWith('%') ? Math.ceil((number * expected) / 100) : number;
  const wanted = minAvailable === undefined ? expected - count : count;
  return budget.currentHealthy + 1 > wanted;
}
