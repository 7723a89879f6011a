// Evidence as checks of workloads ask for it: by owner, by namespace, by budget.

import { isFinished } from '../pod-phase';
import type {
  SimulatedBudget,
  SimulatedPod,
  SimulatedService,
  SimulationEvidence,
} from './evidence';
import { Evictions } from './evictions';
import type { WorkloadFinding } from './findings';

/** How long the drain of a node may take, and what it makes of the time that pods ask for. */
export interface DrainLimit {
  readonly timeoutSeconds: number;
  /** Wins over what pods say; absent: theirs counts. */
  readonly gracePeriodSeconds?: number;
}

/** By name, of nodes that are to be drained. */
export type DrainLimits = ReadonlyMap<string, DrainLimit>;

/** Pods of one owner. */
export interface Workload {
  readonly object: WorkloadFinding['object'];
  readonly pods: readonly [SimulatedPod, ...SimulatedPod[]];
}

export interface CheckedCluster {
  readonly evidence: SimulationEvidence;
  /** By namespace. */
  readonly pods: ReadonlyMap<string, readonly SimulatedPod[]>;
  /** Those of `pods` that leave with a node. */
  readonly leaving: readonly SimulatedPod[];
  /** Those of which a pod leaves with a node. */
  readonly workloads: readonly Workload[];
  /** Absent: any node may be drained, and nobody has said how. */
  readonly limits: DrainLimits | undefined;
  readonly budgetsOf: (pod: SimulatedPod) => readonly SimulatedBudget[];
  /** The first Service that sends requests to it. */
  readonly serviceOf: (pod: SimulatedPod) => SimulatedService | undefined;
}

export function checkedCluster(evidence: SimulationEvidence, limits?: DrainLimits): CheckedCluster {
  const evictions = new Evictions(evidence.budgets);
  const pods = evidence.pods.filter(
    (pod) => !isFinished(pod) && !pod.isMirror && pod.controller?.kind !== 'DaemonSet',
  );
  const leaves = ({ node }: SimulatedPod): boolean => limits === undefined || limits.has(node);
  const services = grouped(evidence.services, ({ namespace }) => namespace);
  return {
    evidence,
    pods: grouped(pods, ({ ref }) => ref.namespace),
    leaving: pods.filter(leaves),
    workloads: workloadsOf(pods).filter((workload) => workload.pods.some(leaves)),
    limits,
    budgetsOf: (pod) => evictions.budgetsOf(pod),
    serviceOf: ({ ref, labels }) =>
      services.get(ref.namespace)?.find(({ selector }) => isSelected(selector, labels)),
  };
}

function grouped<Item>(
  items: readonly Item[],
  by: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(by(item)) ?? [];
    group.push(item);
    groups.set(by(item), group);
  }
  return groups;
}

function workloadsOf(pods: readonly SimulatedPod[]): readonly Workload[] {
  const workloads = new Map<string, { object: Workload['object']; pods: SimulatedPod[] }>();
  for (const pod of pods) {
    if (pod.controller === undefined) continue;
    const { namespace } = pod.ref;
    const { kind, name } = ownerOf(pod.controller, pod.labels);
    const key = `${namespace}/${kind}/${name}`;
    const known = workloads.get(key) ?? { object: { kind, namespace, name }, pods: [] };
    known.pods.push(pod);
    workloads.set(key, known);
  }
  // One that is there has a pod.
  return [...workloads.values()] as unknown as readonly Workload[];
}

/**
 * The ReplicaSet of a Deployment is another one after each change: its name ends in the hash of the
 * pods' template, which they carry as a label.
 */
function ownerOf(
  owner: { readonly kind: string; readonly name: string },
  labels: SimulatedPod['labels'],
): { readonly kind: string; readonly name: string } {
  const ending = `-${labels['pod-template-hash']}`;
  if (owner.kind !== 'ReplicaSet' || !owner.name.endsWith(ending)) return owner;
  return { kind: 'Deployment', name: owner.name.slice(0, -ending.length) };
}

function isSelected(
  selector: SimulatedService['selector'],
  labels: SimulatedPod['labels'],
): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}
