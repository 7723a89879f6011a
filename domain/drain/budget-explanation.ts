// Why a disruption budget allows no eviction now, as data: how many of its pods are healthy, how
// many must be, and what is the matter with those that are not. budget-sentences.ts has the words.
// E1. Bounded: a few pods, short texts. It travels in heartbeats and in workflow histories.
// E2. Only what a cluster says of states goes in: neither environment nor command lines.

import type { BudgetRef, PodRef } from '../names';
import type { BudgetObservation } from '../observation';
import { isFinished } from '../pod-phase';
import { compareTexts } from '../text-order';

/** Pods that one explanation names. */
const namedPods = 3;
const namedFinalizers = 3;

/** What is the matter with a pod that is not Ready. Messages are the cluster's, and short (E1). */
export type PodTrouble =
  | { readonly code: 'unscheduled'; readonly reason: string; readonly message?: string }
  | {
      readonly code: 'container-waiting';
      readonly container: string;
      /** `ImagePullBackOff`, `CrashLoopBackOff`, `ContainerCreating`, … */
      readonly reason: string;
      readonly message?: string;
    }
  | {
      readonly code: 'container-ended';
      readonly container: string;
      readonly reason: string;
      readonly exitCode: number;
    }
  /** Its containers run: a readiness probe or gate fails. Or nothing is known yet. */
  | { readonly code: 'not-ready'; readonly reason?: string; readonly message?: string };

export interface UnhealthyPod {
  readonly pod: PodRef;
  /** Absent as long as it has none. */
  readonly node?: string;
  readonly owner?: { readonly kind: string; readonly name: string };
  /** Epoch milliseconds; absent when the pod does not say. */
  readonly sinceMs?: number;
  readonly trouble:
    | PodTrouble
    | { readonly code: 'terminating'; readonly finalizers: readonly string[] };
}

export interface BudgetExplanation {
  /** Its pods that are healthy, must be, and should be there. */
  readonly healthy: number;
  readonly wanted: number;
  readonly expected: number;
  /** How many more must become Ready before the next eviction; at least 1. */
  readonly missing: number;
  /** Its rule as written (`maxUnavailable 0`), if that lets none of so many pods leave, ever. */
  readonly neverBy?: string;
  /** The longest unhealthy first, three at the most. */
  readonly pods: readonly UnhealthyPod[];
  /** Unhealthy pods that are not named. */
  readonly more: number;
  /** Pods that should be there and do not exist: evicted, and not replaced yet. */
  readonly absent: number;
}

/** A pod of a budget, as far as an explanation needs it. */
export interface ExplainedPod {
  readonly ref: PodRef;
  /** Empty as long as it has none. */
  readonly node: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly notReadySinceMs?: number;
  readonly trouble?: PodTrouble;
  readonly controller?: { readonly kind: string; readonly name: string };
  readonly deletionTimestampMs?: number;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers: readonly string[];
}

/** Whether a budget counts on the pod in vain. Those that are finished have done their part. */
export function isUnhealthy({ phase, ready, deletionTimestampMs }: ExplainedPod): boolean {
  return !isFinished({ phase }) && (!ready || deletionTimestampMs !== undefined);
}

/** Longer than a controller takes to replace a pod that is gone. */
const replacedWithinMs = 10_000;

/**
 * `unhealthy`: all pods of the budget that are; `sparesNoneForMs`: how long `sparesNone` has held.
 * Undefined when the budget allows an eviction, or when its numbers mean nothing (not looked at
 * yet, SyncFailed).
 */
export function explainBudget(
  budget: BudgetObservation,
  unhealthy: readonly ExplainedPod[],
  sparesNoneForMs: number,
): BudgetExplanation | undefined {
  const { currentHealthy: healthy, desiredHealthy: wanted, expectedPods: expected } = budget;
  if (budget.disruptionsAllowed > 0 || !budget.observed || budget.syncFailed) return undefined;
  const isSettled = !countsWhatExists(budget) || sparesNoneForMs >= replacedWithinMs;
  const pods = unhealthy.map(unhealthyPod).toSorted(byAge);
  return {
    healthy,
    wanted,
    expected,
    // An eviction that was allowed a moment ago is still counted as healthy.
    missing: Math.max(1, wanted + 1 - healthy),
    ...(sparesNone(budget) && isSettled ? { neverBy: budgetRule(budget) } : {}),
    pods: pods.slice(0, namedPods),
    more: Math.max(0, pods.length - namedPods),
    absent: Math.max(0, expected - healthy - pods.length),
  };
}

/** Counts decide: `100%` and `3` of three are the same. Without pods there is nothing to keep. */
export function sparesNone({ expectedPods, desiredHealthy }: BudgetObservation): boolean {
  return expectedPods > 0 && desiredHealthy >= expectedPods;
}

/**
 * With a number as minAvailable the pods that exist are expected; otherwise those that their owners
 * want, also while one is being replaced (disruption controller, getExpectedPodCount).
 */
function countsWhatExists({ minAvailable }: BudgetObservation): boolean {
  return minAvailable !== undefined && !minAvailable.endsWith('%');
}

/** `maxUnavailable 0`: the rule of a budget as written. */
export function budgetRule({ minAvailable, maxUnavailable }: BudgetObservation): string {
  if (minAvailable !== undefined) return `minAvailable ${minAvailable}`;
  return maxUnavailable === undefined ? 'no rule' : `maxUnavailable ${maxUnavailable}`;
}

/** `shop/web`: one key for one budget. */
export function budgetKey({ namespace, name }: BudgetRef): string {
  return `${namespace}/${name}`;
}

function unhealthyPod(pod: ExplainedPod): UnhealthyPod {
  const { ref, node, controller: owner } = pod;
  const sinceMs = sinceMsOf(pod);
  return {
    pod: ref,
    ...(node === '' ? {} : { node }),
    ...(owner === undefined ? {} : { owner }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    trouble: troubleOf(pod),
  };
}

function troubleOf(pod: ExplainedPod): UnhealthyPod['trouble'] {
  if (pod.deletionTimestampMs === undefined) return pod.trouble ?? { code: 'not-ready' };
  return { code: 'terminating', finalizers: pod.finalizers.slice(0, namedFinalizers) };
}

/** `metadata.deletionTimestamp` is when its grace is over, not when its deletion was asked for. */
function sinceMsOf(pod: ExplainedPod): number | undefined {
  const { deletionTimestampMs, deletionGracePeriodSeconds: grace = 0, notReadySinceMs } = pod;
  return deletionTimestampMs === undefined ? notReadySinceMs : deletionTimestampMs - grace * 1_000;
}

function byAge(one: UnhealthyPod, other: UnhealthyPod): number {
  const { sinceMs = Infinity } = one;
  const { sinceMs: otherSinceMs = Infinity } = other;
  if (sinceMs !== otherSinceMs) return sinceMs - otherSinceMs;
  return compareTexts(one.pod.name, other.pod.name);
}
