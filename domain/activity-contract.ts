// The activities as the workflows see them: names, inputs and results, all plain JSON (R9: the
// cluster's name stands for its credentials). activities/ implements this interface; workflows/
// proxies it; neither knows the other.
// A1. Every mutating activity first looks whether its work is done; twice is the same as once.
// A2. Failures are ApplicationFailures whose type is a FailureCode when they are terminal.

import type { AdmissionHold, HeldNode } from './pool/admission';
import type { DrainBlocker, PlanBlocker } from './blockers';
import type { CordonPurpose } from './drain/cordon-reasons';
import type { EtcdActivities } from './etcd-contract';
import type { ImageActivities } from './images-contract';
import type { FailureInfo } from './failures';
import type { ForcedPod, StuckPod } from './drain/force';
import type { DrainedPool } from './preflight/drains';
import type { PreflightReport } from './preflight/findings';
import type { LookedAhead, LookMemory, NotLookedAhead } from './preflight/look-ahead';
import type { EtcdChangeFacts, PlannedTime } from './preflight/preflight-cluster';
import type { ClusterName, HopId, MemberName, NodeName, PlanDigest, PodRef } from './names';
import type { PoolName, SnapshotId } from './names';
import type { Observation } from './observation';
import type { PlanResult, PoolWindow } from './plan/plan';
import type { RollBackActivities } from './rollback-contract';
import type { RolloutActivities } from './rollout-contract';
import type { SnapshotServed } from './snapshots/served';
import type { PruneInput, PruneResult, SnapshotOrder, SnapshotSeal } from './snapshots/order';
import type { DrainPolicy, RebootPolicy, UpgradeSpec } from './spec';
import type { SurgeEnd } from './drain/surge';
import type { KubeMinor, KubeVersion } from './versions';

export interface ClusterInput {
  readonly cluster: ClusterName;
}

export interface ObserveInput extends ClusterInput {
  /** Nodes with their pods are enough: of the rest the observation says that nobody asked. */
  readonly of?: 'nodes';
}

export interface PlanInput {
  readonly spec: UpgradeSpec;
  /** Hops that this upgrade has behind it, for the policy `between-hops`; 0 when absent. */
  readonly hopsDone?: number;
}

export interface PreflightInput extends ClusterInput {
  readonly hop: { readonly id: HopId; readonly from: KubeVersion; readonly to: KubeVersion };
  /** Absent when asked by an upgrade that began before it was known. */
  readonly planned?: PlannedTime;
  /** Only where etcd changes before anything else of the hop. */
  readonly etcd?: EtcdChangeFacts;
  /**
   * Those that the hop drains. Absent when asked by an upgrade that began before it was known, and
   * where machines are replaced: any node may be drained.
   */
  readonly pools?: readonly DrainedPool[];
}

export interface LookAheadInput extends ClusterInput {
  /** What the look before handed on; absent before the first. */
  readonly before?: LookMemory;
}

/** Are the members of the control plane fit for the next one to be changed? */
export interface CheckMembersInput extends ClusterInput {
  readonly hop: { readonly from: KubeVersion; readonly to: KubeVersion };
  /** Only around members of etcd that change. */
  readonly etcd?: EtcdChangeFacts;
}

export interface SnapshotInput extends ClusterInput {
  readonly snapshotId: SnapshotId;
  /** Absent, as the next two, where it is of no hop: then the API servers tell the version. */
  readonly hop?: HopId;
  readonly kubeVersion?: KubeVersion;
  readonly planDigest?: PlanDigest;
  /** Who asked for the upgrade, or for the snapshot. */
  readonly actor?: string | undefined;
  readonly asked?: SnapshotOrder;
}

/** Something beside etcd that a restore needs, by reference. */
export interface SnapshotNeed {
  readonly kind: 'pki' | 'flags' | 'encryption-config' | 'manifest';
  readonly name: string;
  /** Of one control-plane member; absent: of all of them. */
  readonly member?: string;
  /** `sha256:` and 16 hexadecimal digits of its content. */
  readonly fingerprint: string;
}

/** A snapshot that was restored into a scratch etcd and compared (R6). */
export interface SnapshotRecord {
  readonly id: SnapshotId;
  /** Absent: it was taken for none, but asked for. */
  readonly hop?: HopId;
  readonly asked?: SnapshotOrder;
  readonly kubeVersion: KubeVersion;
  readonly etcdVersion: string;
  /** Location in the store, for people: a path or URL without credentials. */
  readonly location: string;
  /** Names its content in a store where each attempt has another name for it. */
  readonly handle?: string;
  /** Of the snapshot in the clear. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly revision: number;
  readonly totalKeys: number;
  readonly takenAt: string;
  /** Absent, as what follows, in records of releases that did not tell it. */
  readonly cluster?: ClusterName;
  /** etcd's own id of its cluster, and the member that was asked. */
  readonly etcdClusterId?: string;
  readonly etcdMember?: string;
  readonly planDigest?: PlanDigest;
  readonly actor?: string;
  /** Version of Ascent that took it. */
  readonly ascentVersion?: string;
  /** Only in the store: workflows carry records, and this is long. */
  readonly needs?: readonly SnapshotNeed[];
  /** Whether copies of what it needs lie beside it, sealed as it is. */
  readonly needsCopied?: boolean;
  /** What gave way to it; only in the answer of takeSnapshot, absent where nothing did. */
  readonly pruned?: {
    readonly removed: readonly SnapshotId[];
    /** Why not all that were to go are gone. */
    readonly problem?: string;
  };
  /**
   * The way back lies on the machines of the control plane as well; only in the answer of
   * takeSnapshot, absent where a restore needs no such thing.
   */
  readonly staged?: true;
  /** Absent: it lies in the clear. */
  readonly sealed?: SnapshotSeal;
  /** What the store held after it was sealed, not the file that was sealed. */
  readonly verified: {
    readonly by: 'restore';
    /** HashKV of the scratch etcd equals that of the snapshot's member at the revision. */
    readonly hashKv: string;
    readonly keys: number;
    readonly seconds: number;
    /** Absent in records of releases that asked no API server. */
    readonly served?: SnapshotServed;
  };
}

export interface MemberUpgradeInput extends ClusterInput {
  readonly member: MemberName;
  /** `member`: API server and controllers as one. */
  readonly component: 'kube-apiserver' | 'controllers' | 'member';
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** Minor that it is to serve as; absent: its own. */
  readonly emulates?: KubeMinor;
  /** The same of before: only where it is what changes. */
  readonly emulated?: KubeMinor;
}

/** A member that did not come back in `failed` is to run `to` again, which it ran before. */
export interface PutBackInput extends ClusterInput {
  readonly member: MemberName;
  readonly component: MemberUpgradeInput['component'];
  readonly failed: KubeVersion;
  readonly to: KubeVersion;
  /** As in MemberUpgradeInput, of `to` and of `failed`. */
  readonly emulates?: KubeMinor;
  readonly emulated?: KubeMinor;
  /**
   * It did not fail: it serves, as the minor of `to`, and is to do so with the old programs. It is
   * taken out as for an upgrade, and never when it serves as its own minor already.
   */
  readonly isServing?: true;
}

export interface ChangeResult {
  readonly before: KubeVersion;
  readonly after: KubeVersion;
  /** False when the work was already done (A1). */
  readonly changed: boolean;
  readonly seconds: number;
}

export interface NodeInput extends ClusterInput {
  readonly node: NodeName;
}

export interface CordonInput extends NodeInput {
  /** Written on the node, for people: see cordon-reasons.ts. */
  readonly reason: string;
  /** Cordons of ours whose reason gives way to this one; others keep theirs. None when absent. */
  readonly over?: readonly CordonPurpose[];
}

/** `foreign`: somebody else had cordoned the node before; undo leaves it cordoned. */
export interface CordonResult {
  readonly cordon: 'placed' | 'already-ours' | 'foreign';
  /** The reason that an `already-ours` keeps. */
  readonly reason?: string;
}

export interface UncordonInput extends NodeInput {
  /** Which cordons of ours are undone; when absent all but those of a person's drain. */
  readonly undoes?: readonly CordonPurpose[];
}

/** `left-ours`: a cordon of ours that is for something else than what is undone. */
export interface UncordonResult {
  readonly uncordon: 'removed' | 'not-cordoned' | 'left-foreign' | 'left-ours' | 'node-missing';
  /** The reason of the cordon that was removed, or left for being ours. */
  readonly reason?: string;
}

/** Exactly the nodes in `waiting` are to carry the taint of nodes that wait for their upgrade. */
export interface TaintWaitingInput extends ClusterInput {
  readonly waiting: readonly NodeName[];
}

export interface TaintWaitingResult {
  readonly placed: number;
  readonly removed: number;
}

/** Which nodes of a pool may begin now (admission.ts)? */
export interface AdmitNodesInput extends ClusterInput {
  readonly pool: PoolName;
  /** Those that are to be chosen from, in the order of the plan. */
  readonly waiting: readonly NodeName[];
  /** Those of the pool that have begun and not ended, cordoned already or not. */
  readonly inWork: readonly NodeName[];
  /** How many more may begin; at least 1. */
  readonly free: number;
  readonly window: PoolWindow;
  /** Zone of the node that began last. */
  readonly zone?: string;
  readonly policy: DrainPolicy;
  /** How long to wait for one that may begin. */
  readonly waitMs: number;
}

export interface AdmittedNode {
  readonly node: NodeName;
  /** What was in the way and did not go away, while no node was in work. */
  readonly despite?: readonly AdmissionHold[];
}

export interface AdmitNodesResult {
  /** Empty when none could begin within `waitMs`: what is in work may have changed meanwhile. */
  readonly admitted: readonly AdmittedNode[];
}

/** Heartbeat details of admitNodes. */
export interface AdmissionProgress {
  /** The first few, in the order in which they would begin. */
  readonly held: readonly HeldNode[];
  /** Nodes that are held and not named. */
  readonly more: number;
  /** Epoch milliseconds; since when no node is in work. */
  readonly idleSinceMs?: number;
}

export interface DrainInput extends NodeInput {
  readonly policy: DrainPolicy;
  /** What a named person has forced; see force.ts. */
  readonly force?: readonly ForcedPod[];
  /** Whether it may end as `drain-yielded` (drain-deadlock.ts). */
  readonly mayYield?: boolean;
}

export interface DrainResult {
  /** Pods that this drain evicted, over all of its attempts. */
  readonly evicted: number;
  readonly seconds: number;
  /** Evictions that were refused by a budget and tried again. */
  readonly refusals: number;
  /** Those of `force` that were deleted; absent when none was. */
  readonly forced?: readonly ForcedPod[];
  /** What was raised by a temporary replica, and how that ended; absent when nothing was. */
  readonly surges?: readonly SurgeEnd[];
}

export interface EndSurgesResult {
  readonly ended: readonly SurgeEnd[];
}

/** Heartbeat details of drainNode; also the resume point of the next attempt. */
export interface DrainProgress {
  readonly evicted: number;
  readonly refusals: number;
  readonly remaining: number;
  readonly blockers: readonly DrainBlocker[];
  readonly startedAtMs: number;
  /** Absent when nothing was forced. */
  readonly forced?: readonly ForcedPod[];
}

/** Heartbeat details of everything else that takes longer than a few seconds. */
export interface PhaseProgress {
  readonly phase: string;
}

export interface NodeUpgradeInput extends NodeInput {
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** Its machine starts again as a part of the change; absent: it does not. */
  readonly reboot?: RebootPolicy;
}

export interface VerifyNodeInput extends NodeInput {
  readonly version: KubeVersion;
  /** How long the node must be seen good without a break; 0 means once. */
  readonly soakMs: number;
}

export interface VerifyNodeResult {
  readonly passes: number;
  /** DaemonSet pods that are not Ready, as they were not before the node was cordoned. */
  readonly brokenBefore?: readonly PodRef[];
}

export interface VerifyClusterInput extends ClusterInput {
  /** Every API server, controller-manager and scheduler must run this. */
  readonly controlPlane: KubeVersion;
  /** Minor that every API server must serve as; absent: its own. */
  readonly emulates?: KubeMinor;
  /** Nodes that must be Ready in this version; others are not looked at. */
  readonly nodes: readonly { readonly name: NodeName; readonly version: KubeVersion }[];
  /** Those of them that do not exist are left out: a restore forgets who joined since. */
  readonly isMissingFine?: true;
}

/** Thrown as `verification-failed` with `mismatches` as details when anything differs. */
export interface VerifyClusterResult {
  readonly passes: number;
  readonly members: readonly { readonly name: MemberName; readonly version: KubeVersion }[];
}

export interface LeadersResult {
  readonly controllerManager: MemberName | undefined;
  readonly scheduler: MemberName | undefined;
}

export interface AscentActivities
  extends EtcdActivities, ImageActivities, RollBackActivities, RolloutActivities {
  /** Reads only. */
  observeCluster(input: ObserveInput): Promise<Observation>;
  /** Observes and plans; blockers are a result, not a failure. */
  planUpgrade(input: PlanInput): Promise<PlanResult>;
  /** Reads only; findings are a result, not a failure. */
  preflight(input: PreflightInput): Promise<PreflightReport>;
  /** The same of the hop to come of the open upgrade, which it asks; what differs is a result. */
  lookAtHopToCome(input: LookAheadInput): Promise<LookedAhead | NotLookedAhead>;
  takeSnapshot(input: SnapshotInput): Promise<SnapshotRecord>;
  /** Removes what is more than is to be kept (snapshots/retention.ts). */
  pruneSnapshots(input: PruneInput): Promise<PruneResult>;
  /** Which member leads the controllers now (for `leader-last`). */
  findLeaders(input: ClusterInput): Promise<LeadersResult>;
  /** Reads only; waits a while for what is only for a moment so. Findings are a result. */
  checkMembers(input: CheckMembersInput): Promise<PreflightReport>;
  upgradeControlPlaneMember(input: MemberUpgradeInput): Promise<ChangeResult>;
  /** The programs of before and no data; only while no kubelet of the hop has moved. */
  putBackMember(input: PutBackInput): Promise<ChangeResult>;
  cordonNode(input: CordonInput): Promise<CordonResult>;
  /** Undoes only our own cordon; a missing node is done. */
  uncordonNode(input: UncordonInput): Promise<UncordonResult>;
  /** Nodes that do not exist, or are cordoned, are left as they are. */
  taintWaitingNodes(input: TaintWaitingInput): Promise<TaintWaitingResult>;
  /** Reads only. */
  admitNodes(input: AdmitNodesInput): Promise<AdmitNodesResult>;
  drainNode(input: DrainInput): Promise<DrainResult>;
  /** Puts back what the drain of this node raised and could not put back itself. */
  endSurges(input: NodeInput): Promise<EndSurgesResult>;
  upgradeNode(input: NodeUpgradeInput): Promise<ChangeResult>;
  /** Kubelet in the version, Ready, DaemonSet pods of the node Ready, over several passes. */
  verifyNode(input: VerifyNodeInput): Promise<VerifyNodeResult>;
  verifyCluster(input: VerifyClusterInput): Promise<VerifyClusterResult>;
}

/** Details of the ApplicationFailure `drain-deadline`. */
export interface DrainDeadlineDetails {
  readonly progress: DrainProgress;
  /** Those that `blockers` name. */
  readonly pods?: readonly StuckPod[];
}

/** `ascent`: where workflows run. */
export const workflowTaskQueue = 'ascent';

/** Where the activities of one cluster run; only workers with its credentials poll it. */
export function clusterTaskQueue(cluster: ClusterName): string {
  return `cluster/${cluster}`;
}

/** What a start is refused with, besides PlanBlockers. */
export type StartRefusal =
  | { readonly code: 'blocked'; readonly blockers: readonly [PlanBlocker, ...PlanBlocker[]] }
  | { readonly code: 'worker-missing'; readonly taskQueue: string; readonly waitedSeconds: number }
  /** The cluster could not be looked at: unreachable, credentials refused, wrong cluster. */
  | { readonly code: 'planning-failed'; readonly failure: FailureInfo };
