// Decides which pods leave a node and in which order, which are waited for, which stay, and which
// forbid the drain. It never talks to a cluster; activities/drain/drain.ts acts on its verdicts.
// The first rules are the pod filters of kubectl drain (pkg/drain/filters.go of k8s.io/kubectl),
// with policy in place of flags. The first rule that knows the pod decides.
// D1. Mirror pods stay: nothing that is done to one has any effect on its node.
// D2. Pods of an existing DaemonSet stay, finished or not: the node gets them back.
// D3. Pods that `podSelector` does not select stay, whatever becomes of them: as with kubectl's
//     flag, the drain is not about them.
// D4. A pod's annotation wins over the policy for its namespace and over the one for Jobs. It
//     gives no leave that the policy refuses (D9): who may lose data is not the pod's to say. An
//     annotation that cannot be read forbids the drain, because it may have meant to.
// D5. `skip`: the pod stays, in whatever state it is.
// D6. A pod that is already leaving is waited for; no policy can forbid what has happened.
// D7. A finished pod leaves: nothing of it is left to wait for, to guard or to lose. Only its own
//     annotation `hold` keeps it: that is about this very pod, and nobody brings it back.
// D8. `wait`, and a Job that may finish, come before what forbids a pod to leave: as long as it is
//     not evicted, it loses nothing. When the time of the Job is over, its pods are like others. A
//     pod of a Job counts as running until it is finished: one that is deleted while pending is a
//     failure for its Job as well (backoffLimit).
// D9. All reasons that forbid a pod to leave are told, not the first one only.
// D10. Pods leave tier by tier, one when nothing of those before is left to evict or to wait for:
//     ordinary pods, those that the cluster cannot do without, those that their node cannot do
//     without (they serve the ordinary), those of Ascent itself (with its worker, the drain is
//     interrupted). Pods of the cluster do not wait for the end of ordinary ones that are leaving:
//     what they serve, they serve from any node, and budgets keep enough of them.

import type { DrainBlocker, TreatmentSource } from '../blockers';
import { type LabelsMatch, parseLabelSelector } from './label-selector';
import type { PodRef } from '../names';
import { isFinished } from '../pod-phase';
import type { DrainPolicy, PodTreatment } from '../spec';
import { compareTexts } from '../text-order';

/** Annotation with which a pod says what a drain does with it. */
export const drainAnnotation = 'ascent.dev/drain';
/** What it may say. `evict` takes back what is said of the namespace or of Jobs. */
export const drainAnnotationValues = ['evict', 'skip', 'wait', 'hold'] as const;

/** What a verdict needs to know of a pod. */
export interface DrainPod {
  readonly ref: PodRef;
  /** `status.phase`. */
  readonly phase: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `spec.priority`; absent is 0. */
  readonly priority?: number;
  readonly isMirror: boolean;
  readonly hasEmptyDir: boolean;
  readonly controller?: { readonly kind: string; readonly name: string };
  /** The annotation `ascent.dev/drain` as it stands. */
  readonly drainAnnotation?: string;
  /** Set when the pod is terminating; epoch milliseconds. */
  readonly deletionTimestampMs?: number;
}

/** Why a pod may not leave: a blocker without its pod and its time. */
type Refusal =
  | { readonly code: 'pod-unmanaged' | 'pod-emptydir' }
  | { readonly code: 'daemonset-missing'; readonly daemonSet: string }
  | { readonly code: 'pod-held'; readonly by: TreatmentSource }
  | { readonly code: 'drain-annotation-unreadable'; readonly value: string };

type Refusals = readonly [Refusal, ...Refusal[]];

/** Why a pod is waited for although it is not leaving; a blocker as well. Epoch milliseconds. */
export type Awaited =
  | { readonly code: 'pod-awaited'; readonly by: TreatmentSource }
  | { readonly code: 'job-running'; readonly job: string; readonly untilMs: number };

type Waiting = { readonly code: 'terminating' } | Awaited;

type SkipReason =
  | 'mirror'
  | 'daemonset'
  | 'not-selected'
  | 'skipped-by-annotation'
  | 'skipped-by-namespace';

type DrainVerdict =
  | { readonly kind: 'evict'; readonly reason: 'managed' | 'finished' | 'allowed-by-policy' }
  | { readonly kind: 'wait'; readonly waiting: Waiting }
  | { readonly kind: 'skip'; readonly reason: SkipReason }
  | { readonly kind: 'refuse'; readonly reasons: Refusals };

export interface DaemonSetRef {
  readonly namespace: string;
  readonly name: string;
}

/** The pods of one node and what decides about them. Times are epoch milliseconds. */
export interface DrainQuestion<Pod extends DrainPod> {
  readonly pods: readonly Pod[];
  readonly policy: Omit<DrainPolicy, 'timeoutMs' | 'gracePeriodSeconds'>;
  /**
   * Those of `daemonSetsToLookUp` that are not there. One whose lookup failed does not belong here:
   * it would turn a hiccup into a refusal.
   */
  readonly missingDaemonSets: readonly DaemonSetRef[];
  readonly startedAtMs: number;
  readonly nowMs: number;
}

/** The pods of a node, by what happens to them; each list in the order given. */
export interface DrainVerdicts<Pod extends DrainPod> {
  readonly evict: readonly Pod[];
  /** To be evicted when those before them are gone (D10). */
  readonly later: readonly Pod[];
  readonly wait: readonly { readonly pod: Pod; readonly waiting: Waiting }[];
  readonly skip: readonly Pod[];
  readonly refuse: readonly { readonly pod: Pod; readonly reasons: Refusals }[];
}

/** What happens to one pod, as a drain that is only tried out tells it. */
export interface PodVerdict extends PodRef {
  /** `evict` also when others leave before it. */
  readonly verdict: DrainVerdict['kind'];
  /** The first of `reasons`. */
  readonly reason: string;
  /** Several only of a refusal (D9). */
  readonly reasons: readonly string[];
}

/** The DaemonSet that owns the pod, when one does. */
export function daemonSetOf(pod: Pick<DrainPod, 'ref' | 'controller'>): DaemonSetRef | undefined {
  if (pod.controller?.kind !== 'DaemonSet') return undefined;
  return { namespace: pod.ref.namespace, name: pod.controller.name };
}

/** Every DaemonSet that must be looked up before `drainVerdicts` can tell; each once. */
export function daemonSetsToLookUp(
  pods: readonly Pick<DrainPod, 'ref' | 'controller' | 'isMirror'>[],
): readonly DaemonSetRef[] {
  const found = new Map<string, DaemonSetRef>();
  for (const pod of pods) {
    const owner = pod.isMirror ? undefined : daemonSetOf(pod);
    if (owner !== undefined) found.set(`${owner.namespace}/${owner.name}`, owner);
  }
  return [...found.values()];
}

/**
 * Sorts the pods of a node by what happens to them now. Throws RangeError when the policy's
 * podSelector cannot be read; parseLabelSelector tells that beforehand.
 */
export function drainVerdicts<Pod extends DrainPod>(
  question: DrainQuestion<Pod>,
): DrainVerdicts<Pod> {
  const leaving: Pod[] = [];
  const wait: { pod: Pod; waiting: Waiting }[] = [];
  const skip: Pod[] = [];
  const refuse: { pod: Pod; reasons: Refusals }[] = [];
  for (const { pod, verdict } of judged(question)) {
    switch (verdict.kind) {
      case 'evict':
        leaving.push(pod);
        break;
      case 'wait':
        wait.push({ pod, waiting: verdict.waiting });
        break;
      case 'skip':
        skip.push(pod);
        break;
      case 'refuse':
        refuse.push({ pod, reasons: verdict.reasons });
        break;
    }
  }
  const tier = Math.min(...leaving.map(tierOf), ...wait.map(tierHeldUpTo));
  return {
    evict: leaving.filter((pod) => tierOf(pod) === tier),
    later: leaving.filter((pod) => tierOf(pod) > tier),
    wait,
    skip,
    refuse,
  };
}

/** What happens to each pod of a node, with the reason, by namespace and name. Throws as above. */
export function podVerdicts(question: DrainQuestion<DrainPod>): readonly PodVerdict[] {
  return judged(question)
    .map(({ pod, verdict }): PodVerdict => {
      const reasons = reasonsOf(verdict);
      const [reason] = reasons;
      return { ...pod.ref, verdict: verdict.kind, reason, reasons };
    })
    .toSorted((a, b) => compareTexts(a.namespace, b.namespace) || compareTexts(a.name, b.name));
}

function reasonsOf(verdict: DrainVerdict): readonly [string, ...string[]] {
  switch (verdict.kind) {
    case 'evict':
    case 'skip':
      return [verdict.reason];
    case 'wait':
      return [verdict.waiting.code];
    case 'refuse': {
      const [first, ...rest] = verdict.reasons;
      return [first.code, ...rest.map(({ code }) => code)];
    }
  }
}

/** system-cluster-critical; every class from here on is the system's (pkg/apis/scheduling). */
const clusterCriticalPriority = 2_000_000_000;
/** system-node-critical, the highest there is. */
const nodeCriticalPriority = clusterCriticalPriority + 1_000;
const partOfLabel = 'app.kubernetes.io/part-of';

/** D10; the lower ones leave first. */
const tiers = { ordinary: 0, ofCluster: 1, ofNode: 2, ofAscent: 3 } as const;

function tierOf({ labels, priority = 0 }: DrainPod): number {
  if (labels[partOfLabel] === 'ascent') return tiers.ofAscent;
  if (priority >= nodeCriticalPriority) return tiers.ofNode;
  return priority >= clusterCriticalPriority ? tiers.ofCluster : tiers.ordinary;
}

/** The highest tier that may leave while this pod is waited for. */
function tierHeldUpTo({ pod, waiting }: DrainVerdicts<DrainPod>['wait'][number]): number {
  const tier = tierOf(pod);
  const isLeaving = waiting.code === 'terminating';
  return isLeaving && tier === tiers.ordinary ? tiers.ofCluster : tier;
}

/** What decides about every pod of the question, made ready once. */
interface Rules {
  readonly policy: DrainQuestion<DrainPod>['policy'];
  readonly selects: LabelsMatch;
  readonly missing: ReadonlySet<string>;
  /** Until when pods of Jobs may finish; undefined when that is over, or was never meant. */
  readonly jobsUntilMs: number | undefined;
}

function judged<Pod extends DrainPod>(
  question: DrainQuestion<Pod>,
): readonly { readonly pod: Pod; readonly verdict: DrainVerdict }[] {
  const { policy, startedAtMs, nowMs } = question;
  const jobsUntilMs = startedAtMs + (policy.jobTimeoutMs ?? 0);
  const rules: Rules = {
    policy,
    selects: selectorOf(policy.podSelector ?? ''),
    missing: new Set(question.missingDaemonSets.map((ref) => `${ref.namespace}/${ref.name}`)),
    jobsUntilMs: nowMs < jobsUntilMs ? jobsUntilMs : undefined,
  };
  return question.pods.map((pod) => ({ pod, verdict: verdictOf(pod, rules) }));
}

function selectorOf(podSelector: string): LabelsMatch {
  const selector = parseLabelSelector(podSelector);
  if (selector.kind === 'parsed') return selector.matches;
  throw new RangeError(`podSelector ${podSelector}: ${selector.mistakes.join('; ')}`);
}

function verdictOf(pod: DrainPod, rules: Rules): DrainVerdict {
  const reason = skipReason(pod, rules);
  if (reason !== undefined) return { kind: 'skip', reason };
  if (pod.deletionTimestampMs !== undefined) {
    return { kind: 'wait', waiting: { code: 'terminating' } };
  }
  const awaited = awaitedOf(pod, rules);
  if (awaited !== undefined) return { kind: 'wait', waiting: awaited };
  const [first, ...rest] = [...guardsOf(pod, rules), ...lossesOf(pod, rules)];
  if (first !== undefined) return { kind: 'refuse', reasons: [first, ...rest] };
  if (isFinished(pod)) return { kind: 'evict', reason: 'finished' };
  const isPlain = !pod.hasEmptyDir && !comesNotBack(pod);
  return { kind: 'evict', reason: isPlain ? 'managed' : 'allowed-by-policy' };
}

/** D1 to D5. */
function skipReason(pod: DrainPod, rules: Rules): SkipReason | undefined {
  if (pod.isMirror) return 'mirror';
  const owner = daemonSetOf(pod);
  if (owner !== undefined && !rules.missing.has(`${owner.namespace}/${owner.name}`)) {
    return 'daemonset';
  }
  if (!rules.selects(pod.labels)) return 'not-selected';
  const { by, treatment } = treatmentOf(pod, rules);
  return treatment === 'skip' ? `skipped-by-${by}` : undefined;
}

interface TreatmentOfPod {
  readonly by: TreatmentSource;
  /** Undefined: like the others. */
  readonly treatment: PodTreatment | 'evict' | 'unreadable' | undefined;
}

/** D4. */
function treatmentOf(pod: DrainPod, { policy: { namespaces = {} } }: Rules): TreatmentOfPod {
  const { namespace } = pod.ref;
  if (pod.drainAnnotation === undefined) {
    // A namespace may have the name of something that every object inherits.
    const isNamed = Object.hasOwn(namespaces, namespace);
    return { by: 'namespace', treatment: isNamed ? namespaces[namespace] : undefined };
  }
  const said = drainAnnotationValues.find((value) => value === pod.drainAnnotation);
  return { by: 'annotation', treatment: said ?? 'unreadable' };
}

/** D8. */
function awaitedOf(pod: DrainPod, rules: Rules): Awaited | undefined {
  if (isFinished(pod)) return undefined;
  const { by, treatment } = treatmentOf(pod, rules);
  if (treatment === 'wait') return { code: 'pod-awaited', by };
  const { jobsUntilMs } = rules;
  if (treatment !== undefined || jobsUntilMs === undefined) return undefined;
  return pod.controller?.kind === 'Job'
    ? { code: 'job-running', job: pod.controller.name, untilMs: jobsUntilMs }
    : undefined;
}

/** Longest value of an annotation that is told: it may be a quarter of a megabyte. */
const toldCharacters = 60;

/** What is said of the pod itself (D4, D7). */
function guardsOf(pod: DrainPod, rules: Rules): readonly Refusal[] {
  const { by, treatment } = treatmentOf(pod, rules);
  if (treatment === 'unreadable') {
    const value = String(pod.drainAnnotation).slice(0, toldCharacters);
    return [{ code: 'drain-annotation-unreadable', value }];
  }
  const isHeld = treatment === 'hold' && !(by === 'namespace' && isFinished(pod));
  return isHeld ? [{ code: 'pod-held', by }] : [];
}

/** What would be lost with the pod, as far as the policy does not allow it (D7). */
function lossesOf(pod: DrainPod, { policy }: Rules): readonly Refusal[] {
  if (isFinished(pod)) return [];
  const losses: Refusal[] = [];
  if (policy.unmanagedPods === 'refuse' && comesNotBack(pod)) losses.push(unmanaged(pod));
  if (policy.emptyDirData === 'refuse' && pod.hasEmptyDir) losses.push({ code: 'pod-emptydir' });
  return losses;
}

function unmanaged({ controller }: DrainPod): Refusal {
  return controller === undefined
    ? { code: 'pod-unmanaged' }
    : { code: 'daemonset-missing', daemonSet: controller.name };
}

/** Nobody owns it, or a DaemonSet that is gone: one that is there was looked at before (D2). */
function comesNotBack(pod: DrainPod): boolean {
  return pod.controller === undefined || daemonSetOf(pod) !== undefined;
}

/** The refusals as blockers, one for each reason, in the order of the pods. */
export function refusalBlockers(
  refusals: DrainVerdicts<DrainPod>['refuse'],
  sinceMs: number,
): readonly DrainBlocker[] {
  return refusals.flatMap(({ pod, reasons }) =>
    reasons.map((reason) => ({ ...reason, pod: pod.ref, sinceMs })),
  );
}
