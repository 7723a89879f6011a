// Snapshots outside of hops, as the cluster's worker takes and removes them.
// D1. What is refused or fails is a value: whoever asks for a snapshot has to know that there is
//     none.

import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';

import { failureInfo } from '../domain/failure-remedies';
import type { FailureInfo } from '../domain/failures';
import type { ClusterName } from '../domain/names';
import { snapshotWorkflowId } from '../domain/workflow-ids';
import type {
  PruneEnd,
  PruneSnapshotsInput,
  SnapshotBusy,
  SnapshotEnd,
  TakeSnapshotInput,
} from '../workflows/messages';
import type { Session } from './calls';
import { runWorkflow } from './run-workflow';

export type { PruneEnd, SnapshotBusy, SnapshotEnd } from '../workflows/messages';

export interface TakeSnapshotOptions {
  /** Who asks, and why: in the record of the snapshot. */
  readonly actor: string;
  readonly reason: string;
}

export interface PruneSnapshotsOptions {
  readonly actor: string;
  /** Tells what would go, and removes nothing. */
  readonly dryRun?: boolean;
}

/** As long as takeSnapshot may take (activity-options.ts of the workflows), and a while more. */
const takeTimeoutMs = 130 * 60_000;
const pruneTimeoutMs = 15 * 60_000;

/**
 * Takes a snapshot as a hop does, and answers when it is verified. Throws AscentError as every
 * call.
 */
export function takeSnapshot(
  session: Session,
  cluster: string,
  { actor, reason }: TakeSnapshotOptions,
): Promise<SnapshotEnd | SnapshotBusy> {
  const input = { cluster: cluster as ClusterName, actor, order: { reason } };
  return run<TakeSnapshotInput, SnapshotEnd>(session, input, {
    workflowType: 'takeClusterSnapshot',
    timeoutMs: takeTimeoutMs,
    summary: `snapshot of ${cluster}, asked by ${actor}: ${reason}`,
  });
}

/** Removes what is more than is to be kept; answers when it is gone. Throws as takeSnapshot. */
export function pruneSnapshots(
  session: Session,
  cluster: string,
  { actor, dryRun = false }: PruneSnapshotsOptions,
): Promise<PruneEnd | SnapshotBusy> {
  const input = { cluster: cluster as ClusterName, actor, dryRun };
  return run<PruneSnapshotsInput, PruneEnd>(session, input, {
    workflowType: 'pruneClusterSnapshots',
    timeoutMs: pruneTimeoutMs,
    summary: `snapshots of ${cluster} that are too many, asked by ${actor}`,
  });
}

interface Failed {
  readonly kind: 'failed';
  readonly failure: FailureInfo;
}

function run<Input extends { readonly cluster: ClusterName }, End>(
  session: Session,
  input: Input,
  what: { readonly workflowType: string; readonly timeoutMs: number; readonly summary: string },
): Promise<End | SnapshotBusy | Failed> {
  const workflowId = snapshotWorkflowId(input.cluster);
  const answerOf = (error: unknown): SnapshotBusy | Failed | undefined => {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { kind: 'busy', workflowId };
    if (!(error instanceof WorkflowFailedError)) return undefined;
    const message = `${workflowId} was ended before it was done`;
    return { kind: 'failed', failure: failureInfo('snapshot-failed', message) };
  };
  return runWorkflow<Input, End | SnapshotBusy | Failed>(session, {
    ...what,
    workflowId,
    input,
    conflict: 'FAIL',
    answerOf,
  });
}
