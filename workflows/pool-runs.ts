// Runs the pool workflows of one step, chunk after chunk, for a hop or for its rollback.

import {
  CancellationScope,
  CancelledFailure,
  isCancellation,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';

import { failureInfo } from '../domain/failure-remedies';
import type { NodeName } from '../domain/names';
import type { PoolStep } from '../domain/plan/plan';
import { mostSetAside } from '../domain/drain/quarantine';
import type { NodeOutcome } from '../domain/status/progress';
import { maxChunkNodes, poolWorkflowId } from '../domain/workflow-ids';
import { failureOf } from './activity-failures';
import { limitNow, problemOf, type StepProblem, type StepRun } from './step-run';
import { type PoolEnd, upgradePool, type UpgradePoolInput } from './upgrade-pool';

export interface PoolRunOptions {
  readonly upgrade: string;
  /** With the nodes that are left to do. */
  readonly step: PoolStep;
  readonly hasCanary: boolean;
  readonly verifyOnly: readonly NodeName[];
  readonly cordonReason: string;
  /** Called with the outcomes of each chunk, also of one that failed. */
  readonly onNodes: (nodes: readonly NodeOutcome[]) => void;
}

/**
 * Undefined when every node had its turn. Throws only cancellation, after the outcomes are told.
 */
export async function runPool(
  run: StepRun,
  options: PoolRunOptions,
): Promise<StepProblem | undefined> {
  const { step } = options;
  const most = step.window === undefined ? 0 : mostSetAside(step.drain, sizeOf(step));
  const size = maxChunkNodes(step);
  for (let first = 0; first < step.nodes.length; first += size) {
    const nodes = step.nodes.slice(first, first + size);
    const chunk = first / size;
    const nodesLater = step.nodes.length - first - nodes.length;
    const beside = { nodesBefore: first, nodesLater };
    const part = { ...options, step: { ...step, nodes }, most, beside };
    const end = await runChunk(run, part, chunk);
    options.onNodes(end.nodes);
    if (end.failure !== undefined) return problemOf(end.failure);
    if (end.isStopped) {
      // Our own cancellation reached the pool first; only one by somebody else is a loss.
      if (CancellationScope.current().consideredCancelled) {
        throw new CancelledFailure(`pool ${step.pool} of ${run.hop} was stopped`);
      }
      return problemOf(lostPool(run, step));
    }
  }
  return undefined;
}

function sizeOf({ poolSize, nodes }: PoolStep): number {
  return poolSize ?? nodes.length;
}

interface ChunkOptions extends PoolRunOptions {
  /** Set aside at once. */
  readonly most: number;
  readonly beside: { readonly nodesBefore: number; readonly nodesLater: number };
}

async function runChunk(run: StepRun, options: ChunkOptions, chunk: number): Promise<PoolEnd> {
  const { upgrade, step, hasCanary, verifyOnly, cordonReason, most, beside } = options;
  const parentWorkflowId = workflowInfo().workflowId;
  const workflowId = poolWorkflowId(parentWorkflowId, step.pool, chunk);
  const maxUnavailable = limitNow(run, step);
  const input: UpgradePoolInput = {
    cluster: run.cluster,
    upgrade,
    hop: run.hop,
    parentWorkflowId,
    step: { ...step, maxUnavailable },
    hasCanary: hasCanary && chunk === 0,
    verifyOnly,
    cordonReason,
    paused: run.paused,
    ...(most === 0 ? {} : { mostSetAside: most }),
  };
  const pool = {
    workflowId,
    toldPaused: run.paused,
    isStarted: false,
    isPaused: false,
    step,
    ...beside,
    toldLimit: maxUnavailable,
  };
  run.pool = pool;
  try {
    const handle = await startChild(upgradePool, {
      workflowId,
      args: [input],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `pool ${step.pool}: ${step.nodes.length} nodes`,
    });
    pool.isStarted = true;
    return await handle.result();
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { nodes: [], isStopped: false, failure: failureOf(error) };
  } finally {
    run.pool = undefined;
  }
}

function lostPool(run: StepRun, { pool }: PoolStep): StepProblem['failure'] {
  return failureInfo('unexpected', `pool ${pool} of ${run.hop} was cancelled by somebody`);
}
