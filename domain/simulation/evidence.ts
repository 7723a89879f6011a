// What a simulation knows of a cluster: nodes, pods, budgets and volumes as the scheduler and the
// Eviction API look at them. Collected by activities/adapters/; everything that the API leaves out
// has its meaning here already.
// E1. Pods that ask for the same share one `PodShape` object: the work grows with the number of
//     shapes, not with the number of pods. Shapes that are equal but not the same cost time only.

import type { DrainPod } from '../drain/drain-verdicts';
import type { LabelRequirement, LabelSelector } from '../label-match';
import type { NodeName } from '../names';
import type { BudgetObservation } from '../observation';
import type { Toleration } from '../pool/pod-room';

/** By resource name; `cpu` in thousandths of a core, memory and storage in bytes, others as is. */
export type Amounts = Readonly<Record<string, number>>;

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

export interface SimulatedNode {
  readonly name: NodeName;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly unschedulable: boolean;
  /** `status.allocatable`, with `pods`. */
  readonly allocatable: Amounts;
}

/** One term of a node affinity: all of it must hold. One without requirements matches no node. */
export interface NodeTerm {
  readonly labels: readonly LabelRequirement[];
  /** About `metadata.name`. */
  readonly fields: readonly LabelRequirement[];
}

/** One term of a pod affinity or anti-affinity. */
export interface PodTerm {
  readonly topologyKey: string;
  /** Names; the pod's own where a term names none at all. */
  readonly namespaces: readonly string[];
  /** Absent: only those that are named. */
  readonly namespaceSelector?: LabelSelector;
  readonly selector?: LabelSelector;
}

export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  /** `DoNotSchedule`; the others only move the scheduler's choice. */
  readonly isHard: boolean;
  /** 1 where it is not said. */
  readonly minDomains: number;
  readonly honorsAffinity: boolean;
  readonly honorsTaints: boolean;
  /** With `matchLabelKeys` in it already. */
  readonly selector?: LabelSelector;
}

export interface HostPort {
  /** `0.0.0.0` is every address of the node. */
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** What the checks of workloads look at. */
export interface PodTraits {
  readonly hasReadinessProbe: boolean;
  /** Of every container that is no sidecar. */
  readonly hasPreStop: boolean;
  readonly emptyDirs: readonly {
    readonly name: string;
    readonly isMemory: boolean;
    /** 0 where it is not said. */
    readonly sizeLimitBytes: number;
    readonly mountPaths: readonly string[];
  }[];
  readonly hostPaths: readonly string[];
  readonly gracePeriodSeconds: number;
}

/** What a pod asks of the scheduler (E1). */
export interface PodShape {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** As the scheduler adds them up; without `pods`. */
  readonly requests: Amounts;
  /** The same, with what the scheduler takes for containers that request nothing. */
  readonly weighed: { readonly cpu: number; readonly memory: number };
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Alternatives; absent: every node. */
  readonly nodeTerms?: readonly NodeTerm[];
  readonly preferredNodes: readonly { readonly weight: number; readonly term: NodeTerm }[];
  readonly tolerations: readonly Toleration[];
  readonly affinity: readonly PodTerm[];
  readonly antiAffinity: readonly PodTerm[];
  readonly spread: readonly SpreadConstraint[];
  readonly hostPorts: readonly HostPort[];
  readonly priority: number;
  /** False: `preemptionPolicy: Never`. */
  readonly preempts: boolean;
  readonly traits: PodTraits;
}

export interface SimulatedPod extends DrainPod {
  /** Empty as long as it has none. */
  readonly node: string;
  readonly ready: boolean;
  readonly shape: PodShape;
  /** Claims of its namespace. */
  readonly claims: readonly string[];
  readonly finalizers: readonly string[];
  /** Scheduling gates keep it from the scheduler. */
  readonly gated: boolean;
}

export interface SimulatedBudget extends BudgetObservation {
  readonly selector?: LabelSelector;
  /** `unhealthyPodEvictionPolicy: AlwaysAllow`. */
  readonly letsUnhealthyGo: boolean;
}

/** A PersistentVolumeClaim. */
export interface SimulatedClaim {
  readonly namespace: string;
  readonly name: string;
  /** Empty as long as it is not bound. */
  readonly volume: string;
  /** Empty where it names none. */
  readonly storageClass: string;
}

/** A PersistentVolume. */
export interface SimulatedVolume {
  readonly name: string;
  /** Alternatives; absent: every node. */
  readonly nodeTerms?: readonly NodeTerm[];
  /** Its labels of zone and region; several values are alternatives. */
  readonly zones: Readonly<Record<string, readonly string[]>>;
  /** A directory or disk of one node. */
  readonly isLocal: boolean;
}

export interface SimulatedStorageClass {
  readonly name: string;
  /** `WaitForFirstConsumer`. */
  readonly waitsForPod: boolean;
  /** Alternatives; absent: every node. */
  readonly nodeTerms?: readonly NodeTerm[];
}

export interface SimulatedAutoscaler {
  readonly namespace: string;
  readonly name: string;
  readonly target: { readonly kind: string; readonly name: string };
  readonly max: number;
  readonly current: number;
}

export interface SimulatedService {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Readonly<Record<string, string>>;
}

/** All of it is of one moment, as near as lists come to that. */
export interface SimulationEvidence {
  readonly nodes: readonly SimulatedNode[];
  readonly pods: readonly SimulatedPod[];
  readonly budgets: readonly SimulatedBudget[];
  readonly claims: readonly SimulatedClaim[];
  readonly volumes: readonly SimulatedVolume[];
  readonly storageClasses: readonly SimulatedStorageClass[];
  readonly namespaces: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
  }[];
  readonly autoscalers: readonly SimulatedAutoscaler[];
  readonly services: readonly SimulatedService[];
}

export interface CollectedEvidence {
  readonly evidence: SimulationEvidence;
  /** Lists that could not be read, such as for want of a right: nothing is known of them. */
  readonly unread: readonly { readonly what: string; readonly problem: string }[];
}
