// Why a pod that is terminating is still there, told apart by who can do something about it.
// S1. A kubelet that does not report comes first, unless it has said that the pod has ended: as
//     long as it has not, nobody who waits for that (a Job's finalizer, a volume) goes on either.
// S2. A finalizer keeps the object, whatever the kubelet says.
// S3. A long grace period is told while it runs: a drain may come to its deadline before. There,
//     any grace period is: nothing may be left that nobody has a word for.

import type { DrainBlocker, TerminatingCause } from '../blockers';
import type { PodRef } from '../names';
import { isFinished } from '../pod-phase';

/** What is asked of a pod that is leaving. */
export interface LeavingPod {
  readonly ref: PodRef;
  readonly phase: string;
  /** When its grace period is over; epoch milliseconds. */
  readonly deletionTimestampMs?: number;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers: readonly string[];
  /** Absent when it claims no volume. */
  readonly claims?: readonly string[];
}

/** What is asked of its node. */
export interface LeftNode {
  readonly ready: boolean;
  /** Absent when there are none. */
  readonly volumesInUse?: readonly string[];
}

/** Clocks of API server and worker may disagree by this much before grace counts as exceeded. */
const graceSlackMs = 2_000;
/** S3: longer than this is long. The default of the API is half of it. */
const longGraceSeconds = 60;

/** Whether the grace period of the pod is over, so that it should be gone. */
export function isOverdue({ deletionTimestampMs }: LeavingPod, nowMs: number): boolean {
  return deletionTimestampMs !== undefined && nowMs > deletionTimestampMs + graceSlackMs;
}

interface TerminatingQuestion {
  readonly nowMs: number;
  /** Undefined when it is not known. */
  readonly node: LeftNode | undefined;
  /** Also of a pod within a short grace period (S3). */
  readonly tellsAll?: boolean;
}

/** Undefined while there is nothing to tell: it is not terminating, or has a moment of grace. */
export function terminatingBlocker(
  pod: LeavingPod,
  { nowMs, node, tellsAll = false }: TerminatingQuestion,
): Extract<DrainBlocker, { readonly code: 'pod-terminating' }> | undefined {
  const { ref, finalizers, deletionTimestampMs: untilMs } = pod;
  const { deletionGracePeriodSeconds: gracePeriodSeconds = 0 } = pod;
  if (untilMs === undefined) return undefined;
  const facts = { code: 'pod-terminating', pod: ref, finalizers, gracePeriodSeconds } as const;
  if (isOverdue(pod, nowMs)) {
    return { ...facts, cause: causeOf(pod, node), sinceMs: untilMs };
  }
  if (!tellsAll && gracePeriodSeconds <= longGraceSeconds) return undefined;
  // `metadata.deletionTimestamp` is when its grace is over, not when its deletion was asked for.
  return { ...facts, cause: 'grace', untilMs, sinceMs: untilMs - gracePeriodSeconds * 1_000 };
}

function causeOf(pod: LeavingPod, node: LeftNode | undefined): TerminatingCause {
  // The kubelet confirms by a deletion of its own, with no grace; the phase may say so before.
  const { finalizers, deletionGracePeriodSeconds, claims = [] } = pod;
  const hasEnded = isFinished(pod) || deletionGracePeriodSeconds === 0;
  if (node?.ready === false && !hasEnded) return 'node-not-ready';
  if (finalizers.length > 0) return 'finalizer';
  // The kubelet lets go of a pod when its volumes are unmounted, after its containers have ended.
  const hasVolumes = claims.length > 0 && node?.volumesInUse !== undefined;
  return isFinished(pod) && hasVolumes ? 'volume' : 'unconfirmed';
}
