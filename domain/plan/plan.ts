// The plan: immutable data that says everything execution will do (R1). The only choices left open
// are named in it: which node of a pool next (`maxUnavailable` and `window` say within what), and
// which controller is the leader at the time (`leader-last`).
// P1. Hops are in order, each one minor above the one before. A hop inside one minor (a patch, or
//     the rest of an interrupted upgrade) is the only hop of its plan.
// P2. In each hop: preflight, images where the driver brings them, snapshot, API servers and then
//     controllers, or whole members where the driver knows nothing smaller, or all members replaced
//     at a person's word, etcd where the spec wants another one (before them if it says so), pools,
//     verify, soak. What is there already is left out: members and nodes at `to`, pools without
//     such nodes. In a hop of two steps API servers and controllers serve as `from` first; they
//     soak so and end that before etcd changes, and before any kubelet does.
// P3. `digest` covers every other field; two equal plans have equal digests.

import type { PlanBlocker } from '../blockers';
import type { ClusterName, HopId, MemberName, NodeName, PlanDigest, PoolName } from '../names';
import type { SnapshotId } from '../names';
import type { DrainPolicy, Lane, RebootPolicy, ZonePolicy } from '../spec';
import type { KubeMinor, KubeVersion } from '../versions';

export interface NodeChange {
  readonly name: NodeName;
  readonly zone: string;
  readonly from: KubeVersion;
  readonly to: KubeVersion;
}

export interface PreflightStep {
  readonly kind: 'preflight';
}

/**
 * What the hop will run is on every machine that runs it before anything is changed: on machines of
 * `members` all that the control plane takes, on those of `nodes` what every node runs.
 */
export interface ImagesStep {
  readonly kind: 'images';
  /** Those that the hop changes. */
  readonly members: readonly MemberName[];
  /** By name. Also those that only a later hop changes: kube-proxy changes on all of them. */
  readonly nodes: readonly NodeName[];
  readonly to: KubeVersion;
  /** Release that etcd changes to in this hop; absent: it stays. */
  readonly etcd?: KubeVersion;
  /** Of one machine. */
  readonly timeoutMs: number;
}

export interface SnapshotStep {
  readonly kind: 'snapshot';
  readonly snapshotId: SnapshotId;
}

/** One API server: out of the balancer, drained, upgraded, verified, back. */
export interface ApiServerStep {
  readonly kind: 'api-server';
  readonly member: MemberName;
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** It serves as this minor afterwards; absent: as its own. */
  readonly emulates?: KubeMinor;
  readonly timeoutMs: number;
  /** Of the only member: how long the API is expected to be away. At most `timeoutMs`. */
  readonly expectedDowntimeMs?: number;
}

/**
 * API server, controller-manager and scheduler of one member as one: out of the balancer, drained,
 * upgraded, verified, back. Its controllers talk to its own API server only, so that they may be
 * newer than the others (version skew policy).
 */
export interface MemberStep {
  readonly kind: 'member';
  readonly member: MemberName;
  /** The oldest of the three that runs. */
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  readonly timeoutMs: number;
  /** As of an API server step. */
  readonly expectedDowntimeMs?: number;
}

/**
 * All members, replaced by machines of another release, one after the other: what they are called
 * afterwards nobody knows, and no snapshot brings them back. How, the object says that does it.
 */
export interface ReplaceMembersStep {
  readonly kind: 'replace-members';
  /** `KubeadmControlPlane prod-control-plane`. */
  readonly object: string;
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** Members, as planned. */
  readonly replicas: number;
  /** How long nothing of it may go on. */
  readonly stuckMs: number;
}

/** kube-controller-manager and kube-scheduler of all members, one member at a time. */
export interface ControllersStep {
  readonly kind: 'controllers';
  readonly members: readonly MemberName[];
  readonly order: 'leader-last';
  /** The oldest that runs; a patch more or less of a single controller is legal. */
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** They serve as this minor afterwards; absent: as their own. */
  readonly emulates?: KubeMinor;
  readonly timeoutMs: number;
}

/**
 * The switch of a hop of two steps: API servers one at a time, then controllers, all of `at`, serve
 * as their own minor. Until it begins, the old programs lead back on the same data.
 */
export interface EndEmulationStep {
  readonly kind: 'end-emulation';
  readonly members: readonly MemberName[];
  /** Of the controllers. */
  readonly order: 'leader-last';
  readonly at: KubeVersion;
  /** As what they serve until then. */
  readonly emulates: KubeMinor;
  readonly timeoutMs: number;
  /** As of an API server step. */
  readonly expectedDowntimeMs?: number;
}

/**
 * etcd members, one at a time. A minor is a migration: until every member runs it, each can still
 * be put back; from then on only the snapshot of the hop leads back.
 */
export interface EtcdStep {
  readonly kind: 'etcd';
  /** As etcd names them. */
  readonly members: readonly MemberName[];
  readonly order: 'leader-last';
  /** Releases of etcd; the oldest that runs. */
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  readonly timeoutMs: number;
  /** Absent: after the controllers. */
  readonly place?: 'before-api-servers';
}

/** Which node of a pool is next, as far as the plan says it; node-order.ts is the rule. */
export interface PoolWindow {
  readonly zones: ZonePolicy;
  /**
   * `least-disruptive`: by the pods that are on the nodes when it is their turn. `as-listed`: in
   * the order of `nodes`, which is the user's.
   */
  readonly order: 'least-disruptive' | 'as-listed';
}

export interface PoolStep {
  readonly kind: 'pool';
  readonly pool: PoolName;
  readonly lane: Lane;
  /** By zone, then by name; with `orderLabel` by its value (node-listing.ts). */
  readonly nodes: readonly NodeChange[];
  /** Absent in plans made before it was known: any zone, as listed. */
  readonly window?: PoolWindow;
  /** Nodes of the pool, when it has some that need no change in this hop. */
  readonly poolSize?: number;
  /** Resolved count, at least 1. */
  readonly maxUnavailable: number;
  readonly drain: DrainPolicy;
  readonly upgradeTimeoutMs: number;
  /** Absent: no machine starts again. */
  readonly reboot?: RebootPolicy;
  readonly nodeSoakMs: number;
}

/**
 * All machines of a pool, replaced by those of another release. How many at once, and how they are
 * drained, their MachineDeployment says.
 */
export interface RolloutStep {
  readonly kind: 'rollout';
  readonly pool: PoolName;
  readonly lane: Lane;
  readonly machineDeployment: string;
  /** The oldest kubelet that runs. */
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** Machines, as planned. */
  readonly replicas: number;
  /** How long nothing of it may go on. */
  readonly stuckMs: number;
}

export interface VerifyStep {
  readonly kind: 'verify';
}

export interface SoakStep {
  readonly kind: 'soak';
  /** While the control plane still serves as the minor before; absent: of the whole hop. */
  readonly of?: 'emulation';
  readonly durationMs: number;
}

export type Step =
  | PreflightStep
  | ImagesStep
  | SnapshotStep
  | ApiServerStep
  | MemberStep
  | ReplaceMembersStep
  | ControllersStep
  | EndEmulationStep
  | EtcdStep
  | PoolStep
  | RolloutStep
  | VerifyStep
  | SoakStep;

export type PreparingStep = PreflightStep | ImagesStep | SnapshotStep;

/** Whether it comes before anything of the hop is changed. */
export function isPreparing(step: Step): step is PreparingStep {
  return step.kind === 'preflight' || step.kind === 'images' || step.kind === 'snapshot';
}

export function isOfPool(step: Step): step is PoolStep | RolloutStep {
  return step.kind === 'pool' || step.kind === 'rollout';
}

/** Whether it replaces machines: no restore brings them back. */
export function replacesMachines(step: Step): step is ReplaceMembersStep | RolloutStep {
  return step.kind === 'rollout' || step.kind === 'replace-members';
}

export type MachinesStep = PoolStep | ReplaceMembersStep | RolloutStep;

/** Whether it is about many machines at once. */
export function isOfMachines(step: Step): step is MachinesStep {
  return step.kind === 'pool' || replacesMachines(step);
}

/** Whether the API server of its member is away for a moment, as a part of the step. */
export function stopsApiServer(step: Step): step is ApiServerStep | MemberStep {
  return step.kind === 'api-server' || step.kind === 'member';
}

export interface Hop {
  readonly id: HopId;
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** Whether a person must approve before the hop begins. */
  readonly approval: 'required' | 'none';
  readonly steps: readonly Step[];
}

export interface Plan {
  readonly schema: 'ascent.plan/v1';
  readonly digest: PlanDigest;
  readonly cluster: ClusterName;
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  readonly hops: readonly Hop[];
}

export type PlanResult =
  | { readonly kind: 'planned'; readonly plan: Plan }
  | { readonly kind: 'blocked'; readonly blockers: readonly [PlanBlocker, ...PlanBlocker[]] };
