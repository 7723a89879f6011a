// What the workflows of one upgrade say to each other, all of it as signals. Not for clients.

import { defineSignal } from '@temporalio/workflow';

import type { SnapshotRecord } from '../domain/activity-contract';
import type { Gate } from '../domain/status/control';
import type { ForcedPod } from '../domain/drain/force';
import type { Acknowledgement } from '../domain/findings/acknowledgement';
import type { Finding } from '../domain/preflight/findings';
import type { FindingKey, GateId, HopId, MemberName, NodeName, PoolName } from '../domain/names';
import type { NotLooked, RestoreNote } from '../domain/rollback/account';

/** Parent → child (hop, pool, node, rollback). */
export type Control =
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** From now on so many nodes of the pool may be in work at once. */
  | { readonly kind: 'limit'; readonly pool: PoolName; readonly maxUnavailable: number }
  /** All that hold from now on; those of before do not, where they are not among them. */
  | { readonly kind: 'acknowledgements'; readonly acknowledgements: readonly Acknowledgement[] }
  /** Before a cancellation: a rollback aborts member upgrades instead of letting them finish. */
  | { readonly kind: 'abort-members' };

export const controlSignal = defineSignal<[Control]>('control');

/** What a person decided about a held node, with the words for its cordon. */
export type NodeDecision = {
  readonly actor: string;
  readonly reason: string;
} & (
  | { readonly kind: 'retry' | 'skip' | 'quarantine' }
  /** Its drain is tried again, with these pods forced. */
  | { readonly kind: 'force'; readonly pods: readonly ForcedPod[] }
);

/** Root → held node. */
export const nodeDecisionSignal = defineSignal<[NodeDecision]>('nodeDecision');

/** Root → hop or rollback whose step waits at a gate: try the step again. */
export const retryStepSignal = defineSignal<[GateId]>('retryStep');

/** Node → its pool: whether it stands still, and why. */
export interface NodeReport {
  readonly node: NodeName;
  readonly state: 'moving' | 'paused' | 'held';
}

export const nodeReportSignal = defineSignal<[NodeReport]>('nodeReport');

/** Held-up node → its pool: whether it may be set aside. */
export interface AsideQuestion {
  readonly node: NodeName;
  /** Where the answer goes. */
  readonly workflowId: string;
  /** How its drain ended. */
  readonly why: string;
}

export const asideQuestionSignal = defineSignal<[AsideQuestion]>('asideQuestion');

/** Pool → the node that asked. */
export const asideAnswerSignal = defineSignal<[boolean]>('asideAnswer');

/** Pool → its hop or rollback: whether all of its nodes stand still because of a pause. */
export const poolPausedSignal = defineSignal<[boolean]>('poolPaused');

/** Hop, rollback or node → root. */
export type Report =
  | {
      readonly kind: 'step';
      readonly label: string;
      readonly atMs: number;
      /** Seconds of the steps that are done, by label. */
      readonly stepSeconds: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'snapshot'; readonly record: SnapshotRecord }
  | { readonly kind: 'paused'; readonly paused: boolean }
  | {
      readonly kind: 'gate';
      readonly gate: Gate;
      /** Where the answer goes. */
      readonly workflowId: string;
    }
  /** What a preflight found, bounded; `more` were left out. */
  | {
      readonly kind: 'findings';
      readonly hop: HopId;
      readonly findings: readonly Finding[];
      readonly more: number;
    }
  | {
      readonly kind: 'note';
      readonly event: string;
      readonly text: string;
      readonly node?: NodeName;
      readonly member?: MemberName;
      readonly finding?: FindingKey;
      /** What a rollback saw before data moves: one that begins again could not see it any more. */
      readonly restoreNote?: RestoreNote | NotLooked;
    };

export interface ReportEnvelope {
  /** First run id of the root it is meant for; a root started later ignores it. */
  readonly upgrade: string;
  readonly report: Report;
}

export const reportSignal = defineSignal<[ReportEnvelope]>('report');
