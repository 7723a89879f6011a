// Decides which pods leave a node, which are waited for, which stay, and which forbid the drain.
// It never talks to a cluster; activities/drain.ts acts on its verdicts.
// The rules are the pod filters of kubectl drain (pkg/drain/filters.go of k8s.io/kubectl), with
// policy in place of flags. Where we differ, on purpose:
// D1. Mirror pods are looked at first: nothing that is done to one has any effect on its node.
// D2. Pods of an existing DaemonSet are never touched, finished or not: the node gets them back.
// D3. A pod that is already leaving is waited for; no policy can forbid what has happened.
// D4. All reasons that forbid a pod to leave are told, not the first one only.

import type { DrainBlocker } from './blockers';
import type { PodRef } from './names';
import type { DrainPolicy } from './spec';

/** What a verdict needs to know of a pod. */
export interface DrainPod {
  readonly ref: PodRef;
  /** `status.phase`. */
  readonly phase: string;
  readonly isMirror: boolean;
  readonly hasEmptyDir: boolean;
  readonly controller?: { readonly kind: string; readonly name: string };
  /** Set when the pod is terminating; epoch milliseconds. */
  readonly deletionTimestampMs?: number;
}

/** Why a pod may not leave under the policy. */
type RefusalReason = 'daemonset-missing' | 'pod-emptydir' | 'pod-unmanaged';

export type DrainVerdict =
  | { readonly kind: 'evict'; readonly reason: 'managed' | 'finished' | 'allowed-by-policy' }
  | { readonly kind: 'wait'; readonly reason: 'terminating' }
  | { readonly kind: 'skip'; readonly reason: 'mirror' | 'daemonset' }
  | { readonly kind: 'refuse'; readonly reasons: readonly [RefusalReason, ...RefusalReason[]] };

export interface DaemonSetRef {
  readonly namespace: string;
  readonly name: string;
}

/** The pods of a node, by what happens to them; each list in the order given. */
export interface DrainVerdicts<Pod extends DrainPod> {
  readonly evict: readonly Pod[];
  readonly wait: readonly Pod[];
  readonly skip: readonly Pod[];
  readonly refuse: readonly {
    readonly pod: Pod;
    readonly reasons: readonly [RefusalReason, ...RefusalReason[]];
  }[];
}

/** The DaemonSet that owns the pod, when one does. */
export function daemonSetOf(pod: DrainPod): DaemonSetRef | undefined {
  if (pod.controller?.kind !== 'DaemonSet') return undefined;
  return { namespace: pod.ref.namespace, name: pod.controller.name };
}

/** Every DaemonSet that must be looked up before `drainVerdicts` can tell; each once. */
export function daemonSetsToLookUp(pods: readonly DrainPod[]): readonly DaemonSetRef[] {
  const found = new Map<string, DaemonSetRef>();
  for (const pod of pods) {
    const owner = pod.isMirror ? undefined : daemonSetOf(pod);
    if (owner !== undefined) found.set(`${owner.namespace}/${owner.name}`, owner);
  }
  return [...found.values()];
}

/**
 * What happens to one pod. `daemonSetExists` counts only for pods that a DaemonSet owns; a lookup
 * that failed must not be given as false: it would turn a hiccup into a refusal.
 */
export function drainVerdict(options: {
  readonly pod: DrainPod;
  readonly policy: Pick<DrainPolicy, 'emptyDirData' | 'unmanagedPods'>;
  readonly daemonSetExists: boolean;
}): DrainVerdict {
  const { pod, policy, daemonSetExists } = options;
  if (pod.isMirror) return { kind: 'skip', reason: 'mirror' };
  if (daemonSetOf(pod) !== undefined && daemonSetExists) {
    return { kind: 'skip', reason: 'daemonset' };
  }
  if (pod.deletionTimestampMs !== undefined) return { kind: 'wait', reason: 'terminating' };
  if (pod.phase === 'Succeeded' || pod.phase === 'Failed') {
    return { kind: 'evict', reason: 'finished' };
  }
  return policyVerdict(pod, policy);
}

/** A running pod that is its node's own concern no more: what the policy says to losing it. */
function policyVerdict(
  pod: DrainPod,
  policy: Pick<DrainPolicy, 'emptyDirData' | 'unmanagedPods'>,
): DrainVerdict {
  const isOrphan = daemonSetOf(pod) !== undefined;
  const comesNotBack = isOrphan || pod.controller === undefined;
  const reasons: RefusalReason[] = [];
  if (comesNotBack && policy.unmanagedPods === 'refuse') {
    reasons.push(isOrphan ? 'daemonset-missing' : 'pod-unmanaged');
  }
  if (pod.hasEmptyDir && policy.emptyDirData === 'refuse') reasons.push('pod-emptydir');
  const [first, ...rest] = reasons;
  if (first !== undefined) return { kind: 'refuse', reasons: [first, ...rest] };
  const isPlain = !pod.hasEmptyDir && !comesNotBack;
  return { kind: 'evict', reason: isPlain ? 'managed' : 'allowed-by-policy' };
}

/** Sorts the pods of a node by their verdicts. `missingDaemonSets`: looked up and not there. */
export function drainVerdicts<Pod extends DrainPod>(options: {
  readonly pods: readonly Pod[];
  readonly policy: Pick<DrainPolicy, 'emptyDirData' | 'unmanagedPods'>;
  readonly missingDaemonSets: readonly DaemonSetRef[];
}): DrainVerdicts<Pod> {
  const missing = new Set(options.missingDaemonSets.map((ref) => `${ref.namespace}/${ref.name}`));
  const sorted = {
    evict: [] as Pod[],
    wait: [] as Pod[],
    skip: [] as Pod[],
    refuse: [] as { pod: Pod; reasons: readonly [RefusalReason, ...RefusalReason[]] }[],
  };
  for (const pod of options.pods) {
    const owner = daemonSetOf(pod);
    const daemonSetExists = owner !== undefined && !missing.has(`${owner.namespace}/${owner.name}`);
    const verdict = drainVerdict({ pod, policy: options.policy, daemonSetExists });
    if (verdict.kind === 'refuse') sorted.refuse.push({ pod, reasons: verdict.reasons });
    else sorted[verdict.kind].push(pod);
  }
  return sorted;
}

/** The refusals as blockers, one for each reason, in the order of the pods. */
export function refusalBlockers(
  refusals: DrainVerdicts<DrainPod>['refuse'],
  sinceMs: number,
): readonly DrainBlocker[] {
  return refusals.flatMap(({ pod, reasons }) =>
    reasons.map((reason) => refusalBlocker(pod, reason, sinceMs)),
  );
}

function refusalBlocker(pod: DrainPod, code: RefusalReason, sinceMs: number): DrainBlocker {
  if (code !== 'daemonset-missing') return { code, pod: pod.ref, sinceMs };
  return { code, pod: pod.ref, daemonSet: pod.controller?.name ?? '', sinceMs };
}
