// Inputs and results of the activities of a rollback (activity-contract.ts).

import type { ClusterInput } from './activity-contract';
import type { MemberName, SnapshotId } from './names';
import type { RestoreCount, RestoreNote } from './rollback/account';
import type { DrillInput, DrillResult } from './rollback/drill';
import type { RollBackReport, RollBackTarget } from './rollback/report';
import type { ReportLimits } from './rollback/report-limits';
import type { KubeVersion } from './versions';

export interface RestoreInput extends ClusterInput {
  readonly snapshotId: SnapshotId;
  readonly kubeVersion: KubeVersion;
  /** Journal key: a repeated restore with the same id goes on, it does not begin again. */
  readonly restoreId: string;
  /** The workflow verifies before anything relies on it: one good look is enough here. */
  readonly isVerifiedNext?: true;
}

/** What a rollback of the hop, to the snapshot, would undo. */
export interface RollBackPreviewInput extends ClusterInput, RollBackTarget {
  readonly limits?: ReportLimits;
  /** How long a node took on the way up, for the estimate. */
  readonly nodeSeconds?: number;
}

/** An etcd member that a restore went on without: the others are a quorum. */
export interface LostEtcdMember {
  readonly member: MemberName;
  readonly problem: string;
}

export interface RestoreResult {
  readonly seconds: number;
  readonly revision: number;
  readonly members: readonly { readonly name: MemberName; readonly version: KubeVersion }[];
  /** Absent when none was. */
  readonly lost?: readonly LostEtcdMember[];
}

/** A comparison with a snapshot, around a restore of it. */
export interface RestoreLookInput extends ClusterInput {
  readonly snapshotId: SnapshotId;
  readonly limits: ReportLimits;
}

/** Those of AscentActivities that return a cluster, or tell what that would come to. */
export interface RollBackActivities {
  /** Non-cancellable by design; every member, then the control plane in the old version. */
  restoreSnapshot(input: RestoreInput): Promise<RestoreResult>;
  /** Reads only: what a restore would make the cluster forget (rollback/account.ts). */
  noteBeforeRestore(input: RestoreLookInput): Promise<RestoreNote>;
  /** Reads only: what there is after a restore, beside the snapshot. */
  countRestored(input: RestoreLookInput): Promise<RestoreCount>;
  /** What takeSnapshot has staged on machines goes. */
  unstageRestore(input: ClusterInput): Promise<void>;
  /** Reads only: no object, only that and when each was written. */
  previewRollBack(input: RollBackPreviewInput): Promise<RollBackReport>;
  /** In a scratch space of the worker: the cluster is not asked and not touched. */
  drillRollBack(input: DrillInput): Promise<DrillResult>;
}
