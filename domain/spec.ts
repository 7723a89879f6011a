// What a person asks for, after validation: durations are milliseconds, defaults are filled in.
// Reading YAML, defaults and suggestions for mistyped keys live in activities' and cli's edge
// (client/spec-file.ts); the planner and the workflows only ever see this shape.

import type { ClusterName, PoolName } from './names';
import type { KubeMinor, KubeVersion } from './versions';

/**
 * How a pool follows the hops of the control plane.
 * `every-hop`: drained and upgraded once in each hop.
 * `fewest-drains`: stays behind as far as the skew policy allows (three minors; two for kubelets
 * older than 1.25) and jumps. Source: kubernetes.io/releases/version-skew-policy.
 */
export type Lane = 'every-hop' | 'fewest-drains';

/** Which hops wait for a person. `between-hops`: every hop but the first. */
export type ApprovalPolicy = 'none' | 'between-hops' | 'every-hop';

/**
 * What becomes of a hop whose control plane fails before any of its pools has begun. `never`: the
 * step waits for a person. `ask`: it does, and going back is proposed. `automatic`: the hop is
 * rolled back at once.
 */
export type RollBackPolicy = 'never' | 'ask' | 'automatic';

/**
 * What happens to pods that are not to be evicted like the others. `skip`: they stay, and the drain
 * is done without them. `wait`: they leave by themselves, and the drain waits until they have.
 * `hold`: they forbid the drain until a person changes that.
 */
export type PodTreatment = 'skip' | 'wait' | 'hold';

/**
 * A rung of the ladder of a drain, beyond asking for evictions and waiting. `surge`: a Deployment
 * whose budget never lets a pod leave gets a temporary replica. `hold`: at the deadline the node
 * stays cordoned and a person is asked. `quarantine`: it is set aside, and its pool goes on.
 */
export type DrainRung = 'surge' | 'hold' | 'quarantine';

/**
 * The choices that `kubectl drain` leaves to flags, and more; the names say what happens. Plans
 * that were made before a choice was known lack it.
 */
export interface DrainPolicy {
  /** How long the drain of one node may take before a person is asked (nothing is forced). */
  readonly timeoutMs: number;
  /** Overrides each pod's own grace period; undefined keeps it. Seconds, as in the API. */
  readonly gracePeriodSeconds?: number;
  /** Pods with an emptyDir volume lose its content when they leave. */
  readonly emptyDirData: 'delete' | 'refuse';
  /** Pods without a controller do not come back when they leave. */
  readonly unmanagedPods: 'evict' | 'refuse';
  /** Label selector as kubectl takes it; other pods stay. Undefined: the drain is about all. */
  readonly podSelector?: string;
  /**
   * For how long running pods of Jobs may finish, counted from the drain's start; they are evicted
   * afterwards. Undefined: they are evicted like the others.
   */
  readonly jobTimeoutMs?: number;
  /** By namespace; the annotation `ascent.dev/drain` of a pod wins over it. */
  readonly namespaces?: Readonly<Record<string, PodTreatment>>;
  /** In order, `surge` first; ends with `hold` or `quarantine`. Undefined: `hold` alone. */
  readonly ladder?: readonly DrainRung[];
  /** How long a budget keeps a pod before it is raised; a minute when undefined. */
  readonly surgeAfterMs?: number;
}

/** Nodes out of service at the same time: a count, or a share rounded down to at least 1. */
export type MaxUnavailable = number | `${number}%`;

/** Whether nodes of one zone only may be out of service at the same time. */
export type ZonePolicy = 'one-at-a-time' | 'any';

/** Which machines of changed nodes start again, while they are drained. */
export interface RebootPolicy {
  /** `when-required`: those that say of themselves that they should, for a new kernel mostly. */
  readonly when: 'always' | 'when-required';
  /** Until the machine answers again. */
  readonly timeoutMs: number;
}

export interface PoolSpec {
  readonly name: PoolName;
  /** All of these labels must be on the node. Empty: every worker that no earlier pool took. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly lane: Lane;
  readonly maxUnavailable: MaxUnavailable;
  /** Absent: one at a time. */
  readonly zones?: ZonePolicy;
  /** Key of a label whose values order the nodes; absent: the least disruptive go first. */
  readonly orderLabel?: string;
  readonly drain: DrainPolicy;
  /** How long the driver may take to change the kubelet of one node. */
  readonly upgradeTimeoutMs: number;
  /** Absent: none does. */
  readonly reboot?: RebootPolicy;
  /** How long a node must stay Ready after it is back, before it counts. */
  readonly nodeSoakMs: number;
}

/** Another etcd, in the hop to `hop`. */
export interface EtcdTarget {
  readonly hop: KubeMinor;
  readonly version: KubeVersion;
  /** Absent: after the controllers. Before the API servers where they want a newer one. */
  readonly order?: 'before-api-servers';
}

/** The new programs serve as the minor before, first, in the hop to `hop`. */
export interface EmulationTarget {
  readonly hop: KubeMinor;
  /** How long, before they serve as their own. */
  readonly soakMs: number;
}

/** Thrown away by nobody: a spec is an input of the plan and its digest. */
export interface UpgradeSpec {
  readonly apiVersion: 'ascent/v1';
  readonly cluster: ClusterName;
  /** `1.30` (the newest patch that can be had) or `1.30.14`. */
  readonly target: KubeVersion | KubeMinor;
  /** Exact releases for hops in between; a minor that is not named gets its newest known patch. */
  readonly via: readonly KubeVersion[];
  readonly approvals: ApprovalPolicy;
  /** `never` when undefined. */
  readonly rollBack?: RollBackPolicy;
  /** Durable wait after each hop; gates are checked all through it. */
  readonly hopSoakMs: number;
  readonly controlPlane: {
    /** How long one member may take until it is verified in its new version. */
    readonly memberTimeoutMs: number;
    /** A single control-plane member means downtime in each hop; it must be asked for. */
    readonly allowSingleMember: boolean;
    /** Absent: etcd stays what it is. */
    readonly etcd?: readonly EtcdTarget[];
    /** Absent: every hop is done in one step. */
    readonly emulation?: readonly EmulationTarget[];
  };
  readonly pools: readonly PoolSpec[];
}
