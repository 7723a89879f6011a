// Where an upgrade stands: the data behind `status`, `watch`, the Temporal UI's current details
// and the final report. The sentences are in sentences.ts; how it grows is in workflows/.

import type { HeldNode } from '../pool/admission';
import type { DrainBlocker } from '../blockers';
import type { Gate } from './control';
import type { FailureInfo } from '../failures';
import type { Acknowledgement } from '../findings/acknowledgement';
import type { SeenFindings } from '../preflight/seen';
import type {
  ChangeResult,
  MemberUpgradeInput,
  SnapshotRecord,
  StartRefusal,
} from '../activity-contract';
import type { ClusterName, HopId, MemberName, NodeName, PlanDigest, PoolName } from '../names';
import type { PoolLimitStatus } from '../pool/pool-limits';
import type { NoWayBack, WayBackEnd } from './way-back';
import type { SetAsideNode } from '../drain/quarantine';
import type { RestoreAccount } from '../rollback/account';
import type { RungChoice } from '../rollback/rungs';
import type { RolloutProgress } from '../rollout-contract';
import type { KubeMinor, KubeVersion } from '../versions';

export type UpgradePhase =
  | 'planning'
  | 'waiting-for-approval'
  | 'upgrading'
  | 'soaking'
  | 'needs-operator'
  | 'pausing'
  | 'paused'
  | 'rolling-back'
  | 'ended';

export type NodePhase =
  | 'pending'
  | 'cordoning'
  | 'draining'
  | 'upgrading'
  | 'verifying'
  | 'uncordoning'
  | 'paused'
  | 'held'
  | 'done'
  | 'skipped'
  | 'quarantined'
  | 'undone';

/** Outcome of one node in one hop. */
export interface NodeOutcome {
  readonly node: NodeName;
  readonly outcome: 'upgraded' | 'already-done' | 'skipped' | 'quarantined' | 'undone';
  readonly before: KubeVersion;
  readonly after: KubeVersion;
  readonly evicted: number;
  readonly refusals: number;
  readonly seconds: number;
}

export interface MemberOutcome extends ChangeResult {
  readonly member: MemberName;
  readonly component: MemberUpgradeInput['component'] | 'etcd';
}

export interface HopOutcome {
  readonly hop: HopId;
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  readonly outcome: 'completed' | 'rolled-back' | 'stopped';
  readonly snapshot?: SnapshotRecord;
  readonly members: readonly MemberOutcome[];
  readonly nodes: readonly NodeOutcome[];
  /** Step label → seconds, in order: `preflight`, `snapshot`, `api-server cp-1`, … */
  readonly stepSeconds: Readonly<Record<string, number>>;
  /** Stopped before its switch: its members serve as this minor, so that data can be kept. */
  readonly emulates?: KubeMinor;
  /** It was rolled back by the old programs: nothing that was written is lost. */
  readonly keptData?: true;
  /** What a rollback came to; absent where there was none, or an older release did it. */
  readonly account?: RestoreAccount;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** How an upgrade ends; the result of the workflow upgradeCluster. */
export type UpgradeResult =
  | {
      readonly outcome: 'completed';
      readonly from: KubeVersion;
      readonly to: KubeVersion;
      readonly hops: readonly HopOutcome[];
    }
  | {
      readonly outcome: 'blocked';
      readonly refusal: StartRefusal;
    }
  | {
      readonly outcome: 'rejected' | 'cancelled';
      readonly at: KubeVersion;
      readonly by: string;
      readonly reason: string;
      readonly hops: readonly HopOutcome[];
    }
  | {
      readonly outcome: 'rolled-back';
      readonly at: KubeVersion;
      readonly hop: HopId;
      readonly seconds: number;
      readonly hops: readonly HopOutcome[];
    };

/** What the preflight of a hop found, compared with the one before it in the same upgrade. */
export interface PreflightSeen extends SeenFindings {
  readonly hop: HopId;
}

/** Answer of the query `status` on upgradeCluster. */
export interface UpgradeStatus {
  readonly schema: 'ascent.status/v1';
  readonly cluster: ClusterName;
  readonly phase: UpgradePhase;
  /** One sentence for 03:00: what it does, what it waits for, who can unblock it. */
  readonly sentence: string;
  readonly from?: KubeVersion;
  readonly to?: KubeVersion;
  readonly planDigest?: PlanDigest;
  readonly hop?: {
    readonly id: HopId;
    /** 1-based position and count in the plan as first made. */
    readonly position: number;
    readonly count: number;
    /** Label of the current step, as in HopOutcome.stepSeconds. */
    readonly step: string;
    readonly stepSinceMs: number;
  };
  readonly gates: readonly Gate[];
  readonly paused?: { readonly by: string; readonly reason: string; readonly sinceMs: number };
  readonly lastFailure?: FailureInfo;
  /** Limits of pools that a person has changed; absent when nobody has. */
  readonly limits?: readonly PoolLimitStatus[];
  /** What the last preflight found, and how that differs; absent when it found nothing. */
  readonly preflight?: PreflightSeen;
  /** Absent when there is none. */
  readonly acknowledgements?: readonly Acknowledgement[];
  readonly hops: readonly HopOutcome[];
  readonly startedAtMs: number;
  /** Estimate from the durations seen so far; undefined before anything was seen. */
  readonly secondsLeft?: number;
  /** Of these, what the pool under way takes as a whole, as foreseen when it began. */
  readonly poolSecondsLeft?: number;
  /** Of `secondsLeft`, what another step under way took at `leftAtMs`. */
  readonly stepSecondsLeft?: number;
  readonly leftAtMs?: number;
  /** Hop that rollBack would undo now, when it can. */
  readonly rollBackTo?: {
    readonly hop: HopId;
    readonly at: KubeVersion;
    /** What it would return to. */
    readonly snapshot?: Pick<SnapshotRecord, 'id' | 'takenAt' | 'revision'>;
    /** What will take this away: the point of no return. */
    readonly until?: WayBackEnd;
    /** What going back takes now; absent once it is decided. */
    readonly cheapest?: RungChoice;
    /** End of the soak of an emulation: no member serves as its own minor before, by itself. */
    readonly dataKeptUntilMs?: number;
  };
  /** Completed hops that have passed that point; absent when none has. */
  readonly noWayBack?: readonly NoWayBack[];
  readonly result?: UpgradeResult;
}

/** Answer of the query `status` on upgradeHop. */
export interface HopStatus {
  readonly hop: HopId;
  readonly step: string;
  readonly stepSinceMs: number;
  readonly stepSeconds: Readonly<Record<string, number>>;
  readonly members: readonly MemberOutcome[];
  /** Workflow id of the pool, or of the chunk of one, that runs now. */
  readonly poolWorkflowId?: string;
  /** Nodes of its step in chunks that are through, and in those that have not begun. */
  readonly nodesBefore?: number;
  readonly nodesLater?: number;
}

/** Answer of the query `status` on upgradePool. */
export interface PoolStatus {
  readonly pool: PoolName;
  readonly total: number;
  readonly pending: number;
  readonly done: readonly NodeOutcome[];
  /** Nodes in work, with the ids of their workflows. */
  readonly active: readonly { readonly node: NodeName; readonly workflowId: string }[];
  readonly paused: boolean;
  /** How many nodes may be out of service at once, as of now. */
  readonly maxUnavailable?: number;
  readonly startedAtMs?: number;
  /** By the pool's policy, until the others are done; absent when none is. */
  readonly setAside?: readonly SetAsideNode[];
}

/** Answer of the query `status` on upgradeNode. */
export interface NodeStatus {
  readonly node: NodeName;
  readonly phase: NodePhase;
  readonly phaseSinceMs: number;
  readonly gate?: Gate;
}

/** One node in work, as the client merges it from NodeStatus and the drain's heartbeat. */
export interface NodeProgress extends NodeStatus {
  readonly evicted?: number;
  readonly remaining?: number;
  readonly blockers: readonly DrainBlocker[];
}

/** An activity that does not get on, as Temporal's server knows it; workflows cannot see it. */
export type UnsettledActivity = {
  /** Name in domain/activity-contract.ts. */
  readonly activity: string;
  readonly workflowId: string;
} & (
  | { readonly code: 'not-taken'; readonly sinceMs: number }
  /** Failed `failures` times, last with `message`; it is tried again by itself. */
  | { readonly code: 'failing'; readonly failures: number; readonly message: string }
);

/** What `watch` yields: the status of the upgrade with what its children say. */
export interface UpgradeProgress {
  readonly status: UpgradeStatus;
  readonly pool?: Omit<PoolStatus, 'active'>;
  /** Nodes of the pool that might begin and may not yet; absent when none waits. */
  readonly held?: {
    /** The first few, in the order in which they would begin. */
    readonly nodes: readonly HeldNode[];
    /** Nodes that are held and not named. */
    readonly more: number;
  };
  /**
   * Of the pool, or the control plane, whose machines are being replaced; absent when none is, or
   * nothing is told.
   */
  readonly rollout?: RolloutProgress;
  /** How far a restore is, in the words of its driver; absent when none runs, or none has told. */
  readonly restoring?: string;
  /** The same of machines that get images. */
  readonly images?: string;
  readonly members: readonly MemberOutcome[];
  readonly nodes: readonly NodeProgress[];
  /** Steps of the hop that runs which are done → seconds, as in HopOutcome. */
  readonly stepSeconds?: Readonly<Record<string, number>>;
  /** Absent when every activity gets on. */
  readonly unsettled?: readonly UnsettledActivity[];
}
