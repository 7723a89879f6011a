// Inputs and results of the activities that replace machines (activity-contract.ts).

import type { ChangeResult, ClusterInput, PhaseProgress } from './activity-contract';
import type { MemberName, NodeName, PoolName } from './names';
import type { KubeVersion } from './versions';

export interface RollOutInput extends ClusterInput {
  readonly pool: PoolName;
  /** The oldest kubelet that runs. */
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** How long nothing may go on. */
  readonly stuckMs: number;
}

export interface RollOutResult extends ChangeResult {
  /** That the pool has now. */
  readonly nodes: readonly NodeName[];
}

export interface ReplaceMembersInput extends ClusterInput {
  /** Of the oldest API server. */
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** How long nothing may go on. */
  readonly stuckMs: number;
}

export interface ReplaceMembersResult extends ChangeResult {
  /** That there are now. */
  readonly members: readonly MemberName[];
}

/** Heartbeat details of rollOutPool and of replaceMembers. */
export interface RolloutProgress extends PhaseProgress {
  /** Machines of the new release that are available, and all that there are to be. */
  readonly updated: number;
  readonly replicas: number;
}

export interface HoldRolloutInput extends ClusterInput {
  readonly pool: PoolName;
  readonly to: KubeVersion;
  /** Written beside the pause, for people. */
  readonly reason: string;
}

export interface HoldRolloutResult {
  /** `nothing`: it has not begun, is done, or is held by somebody else. */
  readonly hold: 'placed' | 'already-ours' | 'nothing';
}

/** Those of AscentActivities that replace machines. */
export interface RolloutActivities {
  /** Asks for machines of the release, and follows until all others are gone. */
  rollOutPool(input: RollOutInput): Promise<RollOutResult>;
  /** The same of the members of the control plane. */
  replaceMembers(input: ReplaceMembersInput): Promise<ReplaceMembersResult>;
  /** Keeps its controllers from beginning with further machines, until rollOutPool goes on. */
  holdRollout(input: HoldRolloutInput): Promise<HoldRolloutResult>;
}
