// One pool, or one chunk of it: the canary alone, then a window of nodes.
// P1. No node begins while `maxUnavailable` nodes, or more, are in work. That limit may change
//     meanwhile: raised, it lets more begin at once; lowered, nodes in work go on.
// P2. The canary is the first node that really went through; until then one goes at a time.
// P3. While a node is held or the upgrade is paused, no further node begins.
// P4. Cancelled, it begins nothing more and waits for every node it began.

import {
  allHandlersFinished,
  CancellationScope,
  condition,
  defineQuery,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';

import { failureInfo } from '../domain/failure-remedies';
import type { FailureInfo } from '../domain/failures';
import type { ClusterName, HopId, NodeName } from '../domain/names';
import type { NodeChange, PoolStep } from '../domain/plan';
import type { NodeOutcome, PoolStatus } from '../domain/progress';
import { nodeWorkflowId } from '../domain/workflow-ids';
import { failureOf } from './activity-failures';
import {
  limitIn,
  type Line,
  openLine,
  type PausableChild,
  pausedAfter,
  relayControls,
} from './line';
import {
  controlSignal,
  type NodeReport,
  nodeReportSignal,
  poolPausedSignal,
} from './family-messages';
import { upgradeNode } from './upgrade-node';

/** Nodes of one pool workflow: its history stays under 4,096 events. */
export const maxChunkNodes = 250;

export interface UpgradePoolInput {
  readonly cluster: ClusterName;
  /** First run id of the root. */
  readonly upgrade: string;
  readonly hop: HopId;
  /** Hop or rollback that it belongs to. */
  readonly parentWorkflowId: string;
  /** With the nodes of this chunk only. */
  readonly step: PoolStep;
  readonly hasCanary: boolean;
  /** Nodes whose kubelet runs the version already and that must only be verified. */
  readonly verifyOnly: readonly NodeName[];
  readonly cordonReason: string;
  readonly paused: boolean;
}

export interface PoolEnd {
  readonly nodes: readonly NodeOutcome[];
  /** Cancelled before every node had its turn. */
  readonly isStopped: boolean;
  /** A node workflow ended in a way that is not an outcome. */
  readonly failure?: FailureInfo;
}

interface NodeChild extends PausableChild {
  readonly node: NodeName;
  state: NodeReport['state'];
}

interface PoolRun {
  readonly input: UpgradePoolInput;
  readonly workflowId: string;
  readonly line: Line;
  readonly active: Map<NodeName, NodeChild>;
  readonly done: NodeOutcome[];
  begun: number;
  /** P1. */
  maxUnavailable: number;
  paused: boolean;
  isClosed: boolean;
  isStopped: boolean;
  failure: FailureInfo | undefined;
}

/** Takes every node of the step within its budget. */
export async function upgradePool(input: UpgradePoolInput): Promise<PoolEnd> {
  const run = openRun(input);
  const beside = [
    tellPaused(run),
    relayControls({
      line: run.line,
      isPaused: () => run.paused,
      isClosed: () => run.isClosed,
      children: () => [...run.active.values()],
    }),
  ];
  try {
    await takeNodes(run);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    run.isStopped = true;
  }
  await CancellationScope.nonCancellable(async () => {
    await condition(() => run.active.size === 0);
    run.isClosed = true;
    await Promise.all(beside);
    await run.line.whenQuiet();
    await condition(allHandlersFinished);
  });
  const { done, isStopped, failure } = run;
  return { nodes: done, isStopped, ...(failure === undefined ? {} : { failure }) };
}

function openRun(input: UpgradePoolInput): PoolRun {
  const run: PoolRun = {
    input,
    workflowId: workflowInfo().workflowId,
    line: openLine(input.cluster, input.upgrade),
    active: new Map(),
    done: [],
    begun: 0,
    maxUnavailable: input.step.maxUnavailable,
    paused: input.paused,
    isClosed: false,
    isStopped: false,
    failure: undefined,
  };
  setHandler(controlSignal, (control) => {
    run.paused = pausedAfter(control, run.paused);
    const limit = limitIn(control);
    if (limit?.pool === input.step.pool) run.maxUnavailable = limit.maxUnavailable;
  });
  setHandler(nodeReportSignal, (report: Partial<NodeReport> | undefined) => {
    const { node, state } = report ?? {};
    const child = node === undefined ? undefined : run.active.get(node);
    if (child !== undefined && state !== undefined) child.state = state;
  });
  setHandler(defineQuery<PoolStatus>('status'), () => ({
    pool: input.step.pool,
    total: input.step.nodes.length,
    pending: input.step.nodes.length - run.begun,
    done: run.done,
    active: [...run.active.values()].map(({ node, workflowId }) => ({ node, workflowId })),
    paused: run.paused,
  }));
  return run;
}

async function takeNodes(run: PoolRun): Promise<void> {
  for (const change of run.input.step.nodes) {
    await condition(() => mayBegin(run) || run.failure !== undefined);
    if (run.failure !== undefined) return;
    begin(run, change);
  }
  await condition(() => run.active.size === 0);
}

/** P1, P2, P3. */
function mayBegin({ input, active, done, paused, maxUnavailable }: PoolRun): boolean {
  if (paused || [...active.values()].some((child) => child.state === 'held')) return false;
  const isProven = !input.hasCanary || done.some(isThrough);
  return active.size < (isProven ? maxUnavailable : 1);
}

function isThrough({ outcome }: NodeOutcome): boolean {
  return outcome === 'upgraded' || outcome === 'already-done';
}

/** The node counts as in work from here on, before its workflow has started (P1). */
function begin(run: PoolRun, change: NodeChange): void {
  const workflowId = nodeWorkflowId(run.workflowId, change.name);
  const child: NodeChild = {
    node: change.name,
    workflowId,
    toldPaused: run.paused,
    isStarted: false,
    state: 'moving',
  };
  run.active.set(change.name, child);
  run.begun += 1;
  showProgress(run);
  void follow(run, change, child);
}

async function follow(run: PoolRun, change: NodeChange, child: NodeChild): Promise<void> {
  const { workflowId } = child;
  try {
    const handle = await startChild(upgradeNode, {
      workflowId,
      args: [nodeInput(run, change)],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${change.name}: ${change.from} → ${change.to}`,
    });
    child.isStarted = true;
    const outcome = await handle.result();
    run.done.push(outcome);
    const isOurs = CancellationScope.current().consideredCancelled;
    if (outcome.outcome === 'undone' && !isOurs) fail(run, lostNode(workflowId));
  } catch (error) {
    // Cancelled before the node began: nothing was done and nothing is to be told (P4).
    if (!isCancellation(error)) fail(run, failureOf(error));
    else if (!CancellationScope.current().consideredCancelled) fail(run, lostNode(workflowId));
  } finally {
    run.active.delete(change.name);
    showProgress(run);
  }
}

function fail(run: PoolRun, failure: FailureInfo): void {
  run.failure ??= failure;
}

function lostNode(workflowId: string): FailureInfo {
  return failureInfo('unexpected', `workflow ${workflowId} was cancelled by somebody`);
}

function nodeInput(run: PoolRun, change: NodeChange): Parameters<typeof upgradeNode>[0] {
  const { cluster, upgrade, hop, step, verifyOnly, cordonReason } = run.input;
  return {
    cluster,
    upgrade,
    hop,
    pool: step.pool,
    poolWorkflowId: run.workflowId,
    change,
    begin: verifyOnly.includes(change.name) ? 'verify' : 'cordon',
    drain: step.drain,
    upgradeTimeoutMs: step.upgradeTimeoutMs,
    nodeSoakMs: step.nodeSoakMs,
    cordonReason,
    paused: run.paused,
  };
}

/** Tells the hop whether all nodes stand still because of a pause. */
async function tellPaused(run: PoolRun): Promise<void> {
  const isPausedNow = (): boolean =>
    run.paused && [...run.active.values()].every((child) => child.state !== 'moving');
  let told = false;
  await CancellationScope.nonCancellable(async () => {
    for (;;) {
      await condition(() => run.isClosed || isPausedNow() !== told);
      if (run.isClosed) return;
      told = !told;
      run.line.send(run.input.parentWorkflowId, poolPausedSignal, told);
    }
  });
}

function showProgress({ input, done, active }: PoolRun): void {
  const names = [...active.keys()].join(', ');
  const { pool, nodes } = input.step;
  setCurrentDetails(
    `pool **${pool}**: ${done.length} of ${nodes.length} nodes done` +
      (names === '' ? '' : `; in work: ${names}`),
  );
}
