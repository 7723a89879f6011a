// One pool, or one chunk of it: the canary alone, then a window of nodes.
// P1. No node begins while `maxUnavailable` nodes, or more, are in work. That limit may change
//     meanwhile: raised, it lets more begin at once; lowered, nodes in work go on.
// P2. The canary is the first node that really went through; until then one goes at a time.
// P3. While a node is held or the upgrade is paused, no further node begins.
// P4. Cancelled, it begins nothing more and waits for every node it began.
// P5. Which node is next an activity says (admission.ts), where the plan has a window for it. A
//     node that came back begins again when no other is left, alone: nobody can be in its way. One
//     that is set aside meanwhile is out of service beside those in work (pool-aside.ts).

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

import type { AdmittedNode } from '../domain/activity-contract';
import type { AdmissionHold } from '../domain/pool/admission';
import { holdSentence } from '../domain/pool/admission-sentences';
import { failureInfo } from '../domain/failure-remedies';
import type { FailureInfo } from '../domain/failures';
import type { ClusterName, HopId, NodeName } from '../domain/names';
import type { NodeChange, PoolStep, PoolWindow } from '../domain/plan/plan';
import type { NodeOutcome, PoolStatus } from '../domain/status/progress';
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
import type { NodeReturn, UpgradeNodeInput } from './node-turn';
import { Admissions } from './pool-admission';
import { Aside } from './pool-aside';
import { upgradeNode } from './upgrade-node';

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
  /** How many nodes its policy may set aside at once; none when absent. */
  readonly mostSetAside?: number;
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

/** A node that begins; `earlier`: it came back before. */
interface Turn {
  readonly change: NodeChange;
  readonly earlier: NodeReturn | undefined;
}

interface PoolRun {
  readonly input: UpgradePoolInput;
  readonly workflowId: string;
  readonly line: Line;
  readonly active: Map<NodeName, NodeChild>;
  readonly done: NodeOutcome[];
  /** P5. */
  readonly returned: { readonly change: NodeChange; readonly earlier: NodeReturn }[];
  readonly aside: Aside;
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
    ...(run.aside.isAllowed ? [CancellationScope.nonCancellable(() => run.aside.answer(run))] : []),
    relayControls({
      line: run.line,
      isPaused: () => run.paused,
      isClosed: () => run.isClosed,
      children: () => [...run.active.values()],
    }),
  ];
  const { window } = input.step;
  try {
    await (window === undefined ? takeInOrder(run) : takeAdmitted(run, window));
  } catch (error) {
    if (!isCancellation(error)) throw error;
    run.isStopped = true;
  }
  await CancellationScope.nonCancellable(async () => {
    await condition(() => run.active.size === 0);
    if (run.returned.length > 0) {
      run.done.push(...(await run.aside.serveAgain(input.cluster, run.returned)));
    }
    run.isClosed = true;
    await Promise.all(beside);
    await run.line.whenQuiet();
    await condition(allHandlersFinished);
  });
  const { done, isStopped, failure } = run;
  return { nodes: done, isStopped, ...(failure === undefined ? {} : { failure }) };
}

function openRun(input: UpgradePoolInput): PoolRun {
  const line = openLine(input.cluster, input.upgrade);
  const startedAtMs = Date.now();
  const run: PoolRun = {
    input,
    workflowId: workflowInfo().workflowId,
    line,
    active: new Map(),
    done: [],
    returned: [],
    aside: new Aside(line, input.mostSetAside ?? 0),
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
    maxUnavailable: run.maxUnavailable,
    startedAtMs,
    ...run.aside.status(),
  }));
  return run;
}

async function takeInOrder(run: PoolRun): Promise<void> {
  for (const change of run.input.step.nodes) {
    await condition(() => mayBegin(run) || run.failure !== undefined);
    if (run.failure !== undefined) return;
    begin(run, change);
  }
  await condition(() => run.active.size === 0);
}

/** P5. */
async function takeAdmitted(run: PoolRun, window: PoolWindow): Promise<void> {
  const waiting = await takeUpgraded(run);
  const admissions = new Admissions();
  let zone: string | undefined;
  while (waiting.size > 0) {
    await condition(() => mayBegin(run) || run.failure !== undefined);
    if (run.failure !== undefined) return;
    for (const { node, despite } of await askWhich(run, admissions, { waiting, window, zone })) {
      const change = waiting.get(node);
      // What was asked for may not hold any more: a pause, a held node, a lower limit.
      if (change === undefined || !mayBegin(run)) break;
      waiting.delete(node);
      zone = change.zone;
      if (despite !== undefined) tellDespite(run, node, despite);
      begin(run, change);
    }
  }
  await takeReturned(run);
}

/** Of nodes whose kubelet runs the version nothing leaves: they begin as they come. */
async function takeUpgraded(run: PoolRun): Promise<Map<NodeName, NodeChange>> {
  const { step, verifyOnly } = run.input;
  const waiting = new Map(step.nodes.map((change) => [change.name, change]));
  for (const change of step.nodes.filter(({ name }) => verifyOnly.includes(name))) {
    await condition(() => mayBegin(run) || run.failure !== undefined);
    if (run.failure !== undefined) break;
    waiting.delete(change.name);
    begin(run, change);
  }
  return waiting;
}

async function askWhich(
  run: PoolRun,
  admissions: Admissions,
  choice: {
    readonly waiting: ReadonlyMap<NodeName, NodeChange>;
    readonly window: PoolWindow;
    readonly zone: string | undefined;
  },
): Promise<readonly AdmittedNode[]> {
  const { cluster, step } = run.input;
  const { waiting, window, zone } = choice;
  const input = {
    cluster,
    pool: step.pool,
    waiting: [...waiting.keys()],
    inWork: [...run.active.keys()],
    free: freePlaces(run),
    window,
    ...(zone === undefined ? {} : { zone }),
    policy: step.drain,
  };
  try {
    return await admissions.ask(input, () => run.failure !== undefined);
  } catch (error) {
    if (isCancellation(error)) throw error;
    fail(run, failureOf(error));
    return [];
  }
}

function tellDespite(run: PoolRun, node: NodeName, holds: readonly AdmissionHold[]): void {
  const why = holds.map(holdSentence).join('; ');
  const text = `node ${node} begins although ${why}: no node was in work, and nothing changed`;
  run.line.report({ kind: 'note', event: 'node.admitted-despite', text, node });
}

/** P5. */
async function takeReturned(run: PoolRun): Promise<void> {
  const isLeft = (): boolean => run.returned.length > 0;
  for (;;) {
    await condition(
      () => run.active.size === 0 && (!isLeft() || mayBegin(run) || run.failure !== undefined),
    );
    const next = run.failure === undefined ? run.returned.shift() : undefined;
    if (next === undefined) return;
    begin(run, next.change, next.earlier);
  }
}

/** P1, P2, P3. */
function mayBegin(run: PoolRun): boolean {
  const { active, paused } = run;
  if (paused || [...active.values()].some((child) => child.state === 'held')) return false;
  return freePlaces(run) > 0;
}

/** P1, P2. */
function freePlaces({ input, active, done, maxUnavailable }: PoolRun): number {
  const isProven = !input.hasCanary || done.some(isThrough);
  return (isProven ? maxUnavailable : 1) - active.size;
}

function isThrough({ outcome }: NodeOutcome): boolean {
  return outcome === 'upgraded' || outcome === 'already-done';
}

/** The node counts as in work from here on, before its workflow has started (P1). */
function begin(run: PoolRun, change: NodeChange, earlier?: NodeReturn): void {
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
  run.aside.takeAgain(change.name);
  showProgress(run);
  void follow(run, { change, earlier }, child);
}

async function follow(run: PoolRun, turn: Turn, child: NodeChild): Promise<void> {
  const { workflowId } = child;
  const { change } = turn;
  try {
    const handle = await startChild(upgradeNode, {
      workflowId,
      args: [nodeInput(run, turn)],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${change.name}: ${change.from} → ${change.to}`,
    });
    child.isStarted = true;
    const outcome = await handle.result();
    if (outcome.outcome === 'returned') return takeBack(run, change, outcome);
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

function takeBack(run: PoolRun, change: NodeChange, earlier: NodeReturn): void {
  run.begun -= 1;
  run.returned.push({ change, earlier });
}

function fail(run: PoolRun, failure: FailureInfo): void {
  run.failure ??= failure;
}

function lostNode(workflowId: string): FailureInfo {
  return failureInfo('unexpected', `workflow ${workflowId} was cancelled by somebody`);
}

function nodeInput(run: PoolRun, { change, earlier }: Turn): UpgradeNodeInput {
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
    ...(step.reboot === undefined ? {} : { reboot: step.reboot }),
    nodeSoakMs: step.nodeSoakMs,
    cordonReason,
    paused: run.paused,
    ...(step.window === undefined || earlier !== undefined ? {} : mayReturn(run)),
    ...(earlier === undefined ? {} : { earlier }),
  };
}

function mayReturn({ aside }: PoolRun): Pick<UpgradeNodeInput, 'mayReturn' | 'maySetAside'> {
  return { mayReturn: true, ...(aside.isAllowed ? { maySetAside: true } : {}) };
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
