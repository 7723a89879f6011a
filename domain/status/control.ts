// What people and services say to a running upgrade, what it answers, and the trail it keeps.
// The Temporal definitions of these messages are in workflows/messages.ts.
// C1. A request id is handled once, also across continue-as-new: the same id gets the same answer.
// C2. A refusal changes nothing and says why as data.

import type { DrainBlocker } from '../blockers';
import type { FailureCode, FailureInfo } from '../failures';
import type { Finding } from '../preflight/findings';
import type { ForceProblem, PodAsked, StuckPod } from '../drain/force';
import type { NeverReason } from '../preflight/acknowledgeable';
import type {
  EvidenceDigest,
  FindingKey,
  GateId,
  HopId,
  MemberName,
  NodeName,
  PlanDigest,
  PodRef,
  PoolName,
} from '../names';
import type { RestoreNote } from '../rollback/account';
import type { MaxUnavailable } from '../spec';

/** Who asks, why, and under which id (idempotency key, at most 128 characters). */
export interface Request {
  readonly requestId: string;
  readonly actor: string;
  readonly reason: string;
}

export interface GateRequest extends Request {
  readonly gate: GateId;
  /** Digest of the plan that was looked at; a stale one is refused. */
  readonly planDigest: PlanDigest;
}

export interface NodeRequest extends Request {
  readonly node: NodeName;
}

export interface RollBackRequest extends Request {
  /** The hop to undo: the one that runs, or the last one finished before the next began. */
  readonly hop: HopId;
  /** Digest of the report of what is undone that was looked at (domain/rollback/report.ts). */
  readonly report?: string;
  /** What that report has seen: it spares the rollback its own look. Not without `report`. */
  readonly note?: RestoreNote;
}

export interface SetPoolRequest extends Request {
  readonly pool: PoolName;
  /** Holds for the rest of the upgrade, beside the plan; see pool-limits.ts. */
  readonly maxUnavailable: MaxUnavailable;
}

export interface ForcePodsRequest extends NodeRequest {
  /** At least one; see force.ts for which. The reason must not be empty. */
  readonly pods: readonly PodAsked[];
}

export interface AcknowledgeRequest extends Request {
  readonly finding: FindingKey;
  /** Of what was seen and is accepted; another is refused. */
  readonly digest: EvidenceDigest;
  /** Milliseconds since 1970: from then on it does not hold. */
  readonly untilMs: number;
}

export interface RevokeRequest extends Request {
  readonly finding: FindingKey;
}

/** Names of the messages; each exists as an update and as a signal of the same name. */
export type Command =
  | { readonly name: 'pause'; readonly request: Request }
  | { readonly name: 'resume'; readonly request: Request }
  | { readonly name: 'approve'; readonly request: GateRequest }
  | { readonly name: 'reject'; readonly request: GateRequest }
  | { readonly name: 'rollBack'; readonly request: RollBackRequest }
  | { readonly name: 'retryNode'; readonly request: NodeRequest }
  | { readonly name: 'skipNode'; readonly request: NodeRequest }
  | { readonly name: 'quarantineNode'; readonly request: NodeRequest }
  | { readonly name: 'forcePods'; readonly request: ForcePodsRequest }
  | { readonly name: 'setPool'; readonly request: SetPoolRequest }
  | { readonly name: 'acknowledge'; readonly request: AcknowledgeRequest }
  | { readonly name: 'revokeAcknowledgement'; readonly request: RevokeRequest };

export type CommandName = Command['name'];

export interface CommandAccepted {
  readonly requestId: string;
  /** One sentence: what happens now. */
  readonly effect: string;
}

/** Why a command is refused (C2). The code is the type of the failure that the caller gets. */
export type CommandRefusal =
  | { readonly code: 'gate-unknown'; readonly gate: GateId; readonly open: readonly GateId[] }
  | {
      readonly code: 'digest-stale';
      readonly given: PlanDigest;
      readonly current: PlanDigest;
    }
  | { readonly code: 'already-paused' }
  | { readonly code: 'not-paused' }
  | {
      readonly code: 'node-not-waiting';
      readonly node: NodeName;
      readonly waiting: readonly NodeName[];
    }
  | {
      /** The node is held, but not by pods that a drain of it has named. */
      readonly code: 'no-pods-to-force';
      readonly node: NodeName;
      readonly failure: FailureCode;
    }
  | {
      readonly code: 'pods-not-forceable';
      readonly node: NodeName;
      readonly problems: readonly ForceProblem[];
      readonly forceable: readonly PodRef[];
    }
  | {
      readonly code: 'pool-unknown';
      readonly pool: PoolName;
      /** Those of the upgrade, in its order. */
      readonly pools: readonly PoolName[];
      /** Which was probably meant; the client looks for it, not the upgrade. */
      readonly meant?: PoolName;
    }
  /** Of no check of this release. */
  | { readonly code: 'finding-unknown'; readonly finding: string }
  /** By the rule of acknowledgeable.ts. */
  | {
      readonly code: 'finding-not-acknowledgeable';
      readonly finding: FindingKey;
      readonly why: NeverReason;
    }
  | {
      readonly code: 'finding-changed';
      readonly finding: FindingKey;
      readonly given: EvidenceDigest;
      readonly current: EvidenceDigest;
    }
  | {
      readonly code: 'acknowledgement-unknown';
      readonly finding: FindingKey;
      /** Those that there are. */
      readonly known: readonly FindingKey[];
    }
  | {
      readonly code: 'rollback-unavailable';
      readonly hop: HopId;
      readonly why:
        | 'no-snapshot-yet'
        | 'next-hop-begun'
        | 'not-begun'
        | 'already-rolling-back'
        | 'machines-replaced';
    }
  /** Not that of the last report that was made; the client looks, not the upgrade. */
  | { readonly code: 'report-unknown'; readonly given: string }
  | {
      /** What a rollback would undo is no longer what the confirmed report says. */
      readonly code: 'report-changed';
      readonly given: string;
      readonly current: string;
      readonly differences: readonly string[];
    }
  | {
      /** What it would undo cannot be told now, so nothing could be confirmed. */
      readonly code: 'report-failed';
      readonly hop: HopId;
      readonly failure: FailureInfo;
    }
  | { readonly code: 'not-planned-yet' }
  | { readonly code: 'upgrade-ended'; readonly outcome: string }
  | {
      readonly code: 'request-malformed';
      readonly problems: readonly string[];
    }
  | {
      readonly code: 'upgrade-conflict';
      /** What differs from the upgrade that runs. */
      readonly differences: readonly string[];
    };

export const commandRefusalCodes = [
  'gate-unknown',
  'digest-stale',
  'already-paused',
  'not-paused',
  'node-not-waiting',
  'no-pods-to-force',
  'pods-not-forceable',
  'pool-unknown',
  'finding-unknown',
  'finding-not-acknowledgeable',
  'finding-changed',
  'acknowledgement-unknown',
  'rollback-unavailable',
  'report-unknown',
  'report-changed',
  'report-failed',
  'not-planned-yet',
  'upgrade-ended',
  'request-malformed',
  'upgrade-conflict',
] as const satisfies readonly CommandRefusal['code'][];

/** Something that waits for a person. Answers: see `answers` of gates.ts. */
export type Gate =
  | {
      readonly kind: 'approval';
      readonly id: GateId;
      readonly hop: HopId;
      /** The hop replaces machines: once it has begun with that, nothing leads back. */
      readonly noWayBack?: true;
      readonly sinceMs: number;
    }
  | {
      /** approve = try the step again; reject = end here; rollBack = return to the snapshot. */
      readonly kind: 'step';
      readonly id: GateId;
      readonly hop: HopId;
      readonly step: string;
      readonly failure: FailureInfo;
      readonly findings: readonly Finding[];
      /** The member of the step was never taken out, or was put back: it is as before the step. */
      readonly asBefore?: true;
      /** The hop replaces machines: it cannot be rolled back. */
      readonly noWayBack?: true;
      /** By the policy of the spec: no pool of the hop has begun. */
      readonly proposes?: 'rollBack';
      readonly sinceMs: number;
    }
  | {
      /** retryNode, skipNode, quarantineNode or rollBack; forcePods while there are `pods`. */
      readonly kind: 'node';
      readonly id: GateId;
      readonly hop: HopId;
      readonly pool: PoolName;
      readonly node: NodeName;
      readonly failure: FailureInfo;
      readonly blockers: readonly DrainBlocker[];
      /** Those that the blockers name; absent when no drain has left any. */
      readonly pods?: readonly StuckPod[];
      readonly sinceMs: number;
    };

/** One line of the audit trail; at most `maxAuditEntries` are kept, the oldest go first. */
export interface AuditEntry {
  readonly atMs: number;
  readonly actor: string;
  /** Dotted event name: `command.pause`, `command.refused`, `hop.begun`, `plan.changed`. */
  readonly event: string;
  /** One sentence. */
  readonly text: string;
  readonly requestId?: string;
  /** That was opened, approved or rejected; absent in lines of older releases. */
  readonly gate?: GateId;
  readonly member?: MemberName;
  readonly node?: NodeName;
  readonly pool?: PoolName;
  /** The finding that was acknowledged, or whose acknowledgement was used, revoked or void. */
  readonly finding?: FindingKey;
}
