// What can be said to and asked of the workflows: the one module of workflows/ that clients import.
// It pulls in no workflow code, only the definitions (`define*`) and the shapes they carry.
// What the workflows say to each other is in family-messages.ts.
// M1. Every command exists as an update (answered at once, refused with a reason) and as a signal
//     of the same name (fire and forget; a refusal lands in the audit trail).
// M2. A refused update fails with an ApplicationFailure: `type` is the refusal's code, `details[0]`
//     the CommandRefusal, `message` its sentence.

import { defineSearchAttributeKey } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';

import type { SnapshotRecord, StartRefusal } from '../domain/activity-contract';
import type { RollBackPreviewInput } from '../domain/rollback-contract';
import type { Blocker } from '../domain/blockers';
import type {
  AcknowledgeRequest,
  AuditEntry,
  CommandAccepted,
  ForcePodsRequest,
  GateRequest,
  NodeRequest,
  Request,
  RevokeRequest,
  RollBackRequest,
  SetPoolRequest,
} from '../domain/status/control';
import type { FailureInfo } from '../domain/failures';
import type { ClusterName, NodeName, PlanDigest } from '../domain/names';
import type {
  DrainAnswer,
  DrainRequest,
  DrainStatus,
  UndoRequest,
} from '../domain/drain/node-drain';
import type { Plan } from '../domain/plan/plan';
import type { HopStatus, NodeStatus, PoolStatus, UpgradeStatus } from '../domain/status/progress';
import type { DrillInput, DrillResult } from '../domain/rollback/drill';
import type { RollBackReport, RollBackTarget } from '../domain/rollback/report';
import type { ReportLimits } from '../domain/rollback/report-limits';
import { searchAttributeNames } from '../domain/search-attributes';
import type { PruneInput, PruneResult, SnapshotOrder } from '../domain/snapshots/order';
import type { UpgradeSpec } from '../domain/spec';
import type { UpgradeState } from './upgrade-state';

/** Argument of the update `start`, and the first part of UpgradeClusterInput. */
export interface StartRequest {
  readonly spec: UpgradeSpec;
  /** Digest of the plan that was reviewed; another plan is refused as `plan-digest-changed`. */
  readonly expectedDigest?: PlanDigest;
  readonly actor: string;
  /** Idempotency key, at most 128 characters. */
  readonly requestId: string;
}

/**
 * The one argument of upgradeCluster. Start it by update-with-start, with the same StartRequest.
 */
export interface UpgradeClusterInput extends StartRequest {
  /** How long the first activity may wait for a worker before the start is refused; 20 s. */
  readonly workerTimeoutMs?: number;
  /** What an earlier run of the same upgrade hands over (continue-as-new); never set by clients. */
  readonly carried?: UpgradeState;
}

/** Answer of the update `start`: the plan of the upgrade that runs now, or why none does. */
export type StartAnswer =
  | { readonly kind: 'planned'; readonly plan: Plan }
  | { readonly kind: 'refused'; readonly refusal: StartRefusal };

/**
 * The root waits for its plan, then answers. An upgrade that runs already answers with its own
 * plan when the specs are the same, and refuses with `upgrade-conflict` when they are not.
 */
export const startUpdate = defineUpdate<StartAnswer, [StartRequest]>('start');

export const pauseUpdate = defineUpdate<CommandAccepted, [Request]>('pause');
export const resumeUpdate = defineUpdate<CommandAccepted, [Request]>('resume');
export const approveUpdate = defineUpdate<CommandAccepted, [GateRequest]>('approve');
export const rejectUpdate = defineUpdate<CommandAccepted, [GateRequest]>('reject');
export const rollBackUpdate = defineUpdate<CommandAccepted, [RollBackRequest]>('rollBack');
export const retryNodeUpdate = defineUpdate<CommandAccepted, [NodeRequest]>('retryNode');
export const skipNodeUpdate = defineUpdate<CommandAccepted, [NodeRequest]>('skipNode');
export const quarantineNodeUpdate = defineUpdate<CommandAccepted, [NodeRequest]>('quarantineNode');
export const forcePodsUpdate = defineUpdate<CommandAccepted, [ForcePodsRequest]>('forcePods');
export const setPoolUpdate = defineUpdate<CommandAccepted, [SetPoolRequest]>('setPool');
export const acknowledgeUpdate = defineUpdate<CommandAccepted, [AcknowledgeRequest]>('acknowledge');
export const revokeAcknowledgementUpdate = defineUpdate<CommandAccepted, [RevokeRequest]>(
  'revokeAcknowledgement',
);

export const pauseSignal = defineSignal<[Request]>('pause');
export const resumeSignal = defineSignal<[Request]>('resume');
export const approveSignal = defineSignal<[GateRequest]>('approve');
export const rejectSignal = defineSignal<[GateRequest]>('reject');
export const rollBackSignal = defineSignal<[RollBackRequest]>('rollBack');
export const retryNodeSignal = defineSignal<[NodeRequest]>('retryNode');
export const skipNodeSignal = defineSignal<[NodeRequest]>('skipNode');
export const quarantineNodeSignal = defineSignal<[NodeRequest]>('quarantineNode');
export const forcePodsSignal = defineSignal<[ForcePodsRequest]>('forcePods');
export const setPoolSignal = defineSignal<[SetPoolRequest]>('setPool');
export const acknowledgeSignal = defineSignal<[AcknowledgeRequest]>('acknowledge');
export const revokeAcknowledgementSignal = defineSignal<[RevokeRequest]>('revokeAcknowledgement');

/** The one argument of previewRollBack. */
export interface PreviewRollBackInput extends RollBackPreviewInput {
  readonly limits: ReportLimits;
  /** How long it may wait for a worker; 20 s. */
  readonly workerTimeoutMs?: number;
}

/** Result of previewRollBack. Without a report whoever asked decides what to do. */
export type RollBackPreview =
  | { readonly kind: 'report'; readonly report: RollBackReport }
  | { readonly kind: 'failed'; readonly failure: FailureInfo };

/** The one argument of takeClusterSnapshot, and of takeScheduledSnapshot. */
export interface TakeSnapshotInput {
  readonly cluster: ClusterName;
  readonly actor: string;
  readonly order: SnapshotOrder;
  /** How long it may wait for a worker; 20 s. */
  readonly workerTimeoutMs?: number;
}

/** Result of takeClusterSnapshot. */
export type SnapshotEnd =
  | { readonly kind: 'taken'; readonly snapshot: SnapshotRecord }
  | { readonly kind: 'failed'; readonly failure: FailureInfo };

/** Another one is taken, or some are removed, at this moment: nothing was begun. */
export interface SnapshotBusy {
  readonly kind: 'busy';
  readonly workflowId: string;
}

/** Result of takeScheduledSnapshot. */
export type ScheduledSnapshotEnd = SnapshotEnd | SnapshotBusy;

/** The one argument of pruneClusterSnapshots. */
export interface PruneSnapshotsInput extends PruneInput {
  readonly actor: string;
  readonly workerTimeoutMs?: number;
}

/** Result of pruneClusterSnapshots. */
export type PruneEnd =
  | (PruneResult & { readonly kind: 'pruned'; readonly dryRun: boolean })
  | { readonly kind: 'failed'; readonly failure: FailureInfo };

/** The one argument of drillRollBack. */
export interface DrillRollBackInput extends DrillInput {
  /** How long it may wait for a worker; 20 s. */
  readonly workerTimeoutMs?: number;
}

/** Result of drillRollBack; `failed`: whether the way back works is not known. */
export type Drill = DrillResult | { readonly kind: 'failed'; readonly failure: FailureInfo };

/** The one argument of lookAhead; its result is LookAheadEnd. */
export interface LookAheadOrder {
  readonly cluster: ClusterName;
  readonly actor: string;
  /** How long it may wait for a worker; 20 s. */
  readonly workerTimeoutMs?: number;
}

/** Queries of upgradeCluster. */
export const statusQuery = defineQuery<UpgradeStatus>('status');
/** Undefined until the plan is made; the plan as it is now, not as first made. */
export const planQuery = defineQuery<Plan | undefined>('plan');
/** Oldest first. */
export const auditQuery = defineQuery<readonly AuditEntry[]>('audit');
/** What a rollback now would return to; undefined while there is no way back. */
export const wayBackQuery = defineQuery<RollBackTarget | undefined>('wayBack');
/** What keeps the plan from being made, or held nodes from being drained. */
export const blockersQuery = defineQuery<readonly Blocker[]>('blockers');

/** Queries named `status` of the children; ids from domain/workflow-ids.ts. */
export const hopStatusQuery = defineQuery<HopStatus>('status');
export const poolStatusQuery = defineQuery<PoolStatus>('status');
export const nodeStatusQuery = defineQuery<NodeStatus>('status');

/** The node that drainNode and uncordonNode are about. */
interface LockedNode {
  readonly cluster: ClusterName;
  readonly node: NodeName;
  /** How long the first activity may wait for a worker before it is refused; 20 s. */
  readonly workerTimeoutMs?: number;
}

/** The one argument of drainNode. Start it by update-with-start, with the same DrainRequest. */
export interface DrainNodeInput extends LockedNode, DrainRequest {}

/** The one argument of uncordonNode. Start it by update-with-start, with the same UndoRequest. */
export interface UncordonNodeInput extends LockedNode, UndoRequest {}

/**
 * Answered when the node is cordoned, or when it is refused. A drain of the node that runs already
 * is joined; one with another policy is refused as `drain-conflict`.
 */
export const drainUpdate = defineUpdate<DrainAnswer, [DrainRequest]>('drain');
/** Ends a drain that runs and uncordons its node; the workflow's result says what came of it. */
export const undoUpdate = defineUpdate<CommandAccepted, [UndoRequest]>('undo');
export const undoSignal = defineSignal<[UndoRequest]>('undo');
/** `status` of drainNode and uncordonNode; both answer `audit`, too. */
export const drainStatusQuery = defineQuery<DrainStatus>('status');

/** Typed keys of the search attributes of upgradeCluster; see domain/search-attributes.ts. */
export const searchAttributes = {
  cluster: defineSearchAttributeKey(searchAttributeNames.cluster, 'KEYWORD'),
  from: defineSearchAttributeKey(searchAttributeNames.from, 'KEYWORD'),
  to: defineSearchAttributeKey(searchAttributeNames.to, 'KEYWORD'),
  phase: defineSearchAttributeKey(searchAttributeNames.phase, 'KEYWORD'),
  waitingFor: defineSearchAttributeKey(searchAttributeNames.waitingFor, 'KEYWORD'),
} as const;
