// Inputs and results of the activities that change members of etcd (activity-contract.ts).

import type { ChangeResult, ClusterInput } from './activity-contract';
import type { MemberName } from './names';
import type { KubeVersion } from './versions';

/** One member of etcd. `from`: the oldest that runs. */
export interface EtcdUpgradeInput extends ClusterInput {
  readonly member: MemberName;
  readonly from: KubeVersion;
  readonly to: KubeVersion;
}

/** As PutBackInput, of etcd: while the cluster as a whole has not moved to the minor. */
export interface EtcdPutBackInput extends ClusterInput {
  readonly member: MemberName;
  readonly failed: KubeVersion;
  readonly to: KubeVersion;
}

export interface EtcdLeaderResult {
  /** Absent when no member leads, or more than one says so. */
  readonly leader?: MemberName;
}

export interface EtcdRepairInput extends ClusterInput {
  readonly member: MemberName;
}

export interface EtcdRepairResult {
  /** False when all members answered and held the same data already (A1). */
  readonly changed: boolean;
  readonly seconds: number;
}

/** Those of AscentActivities that change members of etcd. */
export interface EtcdActivities {
  /** Which member of etcd leads now (for `leader-last`). */
  findEtcdLeader(input: ClusterInput): Promise<EtcdLeaderResult>;
  /** Moves the leadership away from the member first. */
  upgradeEtcdMember(input: EtcdUpgradeInput): Promise<ChangeResult>;
  putBackEtcdMember(input: EtcdPutBackInput): Promise<ChangeResult>;
  /** Brings back an etcd member that a restore went on without. */
  repairEtcdMember(input: EtcdRepairInput): Promise<EtcdRepairResult>;
}
