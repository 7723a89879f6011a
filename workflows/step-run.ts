// How a hop or its rollback takes one step after the other: pauses between steps, gates for steps
// that fail, timings, and what the root is told. What the steps do is in upgrade-hop.ts and
// roll-back-hop.ts.
// S1. A step that failed waits at the gate `<hop>/<label>` until it is tried again or cancelled.
// S2. While paused no step begins; "still" is told to the root once nothing moves.

import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';

import type { FailureInfo } from '../domain/failures';
import type { Acknowledgement } from '../domain/findings/acknowledgement';
import type { Finding } from '../domain/preflight/findings';
import { isBlocking, judged } from '../domain/preflight/judgement';
import { count } from '../domain/counts';
import { stepGateId } from '../domain/status/gates';
import type { ClusterName, GateId, HopId, PoolName } from '../domain/names';
import type { PoolStep } from '../domain/plan/plan';
import type { HopStatus } from '../domain/status/progress';
import { failureSentence } from '../domain/status/sentences';
import { failureOf } from './activity-failures';
import {
  acknowledgementsIn,
  limitIn,
  type Line,
  openLine,
  type PausableChild,
  pausedAfter,
  relayControls,
  type Unsaid,
} from './line';
import { type Control, controlSignal, poolPausedSignal, retryStepSignal } from './family-messages';

/** A pool at work below the hop. */
interface PoolChild extends PausableChild {
  /** All of its nodes stand still because of a pause. */
  isPaused: boolean;
  readonly step: PoolStep;
  /** Nodes of the step that other chunks take. */
  readonly nodesBefore: number;
  readonly nodesLater: number;
  /** Limit that it was told last. */
  toldLimit: number;
}

/** By pool: how many of its nodes may be in work at once, where that is not as planned. */
export type Limits = Readonly<Record<PoolName, number>>;

export interface StepRun {
  readonly cluster: ClusterName;
  readonly hop: HopId;
  readonly line: Line;
  paused: boolean;
  /** At a boundary, a gate or a soak: nothing of the hop itself changes the cluster. */
  isStill: boolean;
  /** A rollback was asked for: member upgrades are cut short. */
  abortsMembers: boolean;
  readonly limits: Map<PoolName, number>;
  /** What people answer for, as things stand. */
  acknowledgements: readonly Acknowledgement[];
  pool: PoolChild | undefined;
  step: string;
  stepSinceMs: number;
  readonly stepSeconds: Record<string, number>;
  isClosed: boolean;
  readonly retried: Set<GateId>;
  readonly background: Promise<void>[];
  /** Whether the gate may be given up although the steps themselves cannot be cancelled. */
  readonly isGivenUp: () => boolean;
}

/** Registers the handlers that every stepwise workflow has; call it before the first await. */
export function openStepRun(options: {
  readonly cluster: ClusterName;
  readonly hop: HopId;
  readonly upgrade: string;
  readonly paused: boolean;
  readonly limits?: Limits;
  readonly acknowledgements?: readonly Acknowledgement[] | undefined;
  readonly isGivenUp?: () => boolean;
}): StepRun {
  const { cluster, hop, upgrade, paused } = options;
  const run: StepRun = {
    cluster,
    hop,
    line: openLine(cluster, upgrade),
    paused,
    isStill: true,
    abortsMembers: false,
    limits: new Map(Object.entries(options.limits ?? {}) as [PoolName, number][]),
    acknowledgements: options.acknowledgements ?? [],
    pool: undefined,
    step: 'start',
    stepSinceMs: Date.now(),
    stepSeconds: {},
    isClosed: false,
    retried: new Set(),
    background: [],
    isGivenUp: options.isGivenUp ?? (() => false),
  };
  setHandler(controlSignal, (control: Partial<Control> | undefined) => {
    if (control?.kind === 'abort-members') run.abortsMembers = true;
    run.paused = pausedAfter(control, run.paused);
    const limit = limitIn(control);
    if (limit !== undefined) run.limits.set(limit.pool, limit.maxUnavailable);
    run.acknowledgements = acknowledgementsIn(control) ?? run.acknowledgements;
  });
  setHandler(retryStepSignal, (gate) => void run.retried.add(gate));
  setHandler(poolPausedSignal, (isPaused) => {
    if (run.pool !== undefined) run.pool.isPaused = isPaused;
  });
  run.background.push(
    tellStillness(run),
    relayControls({
      line: run.line,
      isPaused: () => run.paused,
      isClosed: () => run.isClosed,
      children: () => (run.pool === undefined ? [] : [run.pool]),
      unsaid: () => unsaidLimits(run),
    }),
  );
  return run;
}

/** What the status of a hop says of its step, and of the pool that runs. */
export function stepStatus(run: StepRun): Omit<HopStatus, 'members'> {
  const { hop, step, stepSinceMs, stepSeconds, pool } = run;
  const status = { hop, step, stepSinceMs, stepSeconds };
  if (pool === undefined) return status;
  const { workflowId: poolWorkflowId, nodesBefore, nodesLater } = pool;
  return { ...status, poolWorkflowId, nodesBefore, nodesLater };
}

/** How many nodes of the step may be in work at once, as things stand. */
export function limitNow({ limits }: StepRun, step: PoolStep): number {
  return limits.get(step.pool) ?? step.maxUnavailable;
}

function unsaidLimits(run: StepRun): readonly Unsaid[] {
  const { pool } = run;
  if (pool === undefined || !pool.isStarted) return [];
  const maxUnavailable = limitNow(run, pool.step);
  if (pool.toldLimit === maxUnavailable) return [];
  const { workflowId, step } = pool;
  const control = { kind: 'limit', pool: step.pool, maxUnavailable } as const;
  const markTold = (): void => {
    pool.toldLimit = maxUnavailable;
  };
  return [{ workflowId, control, markTold }];
}

/** Ends what runs beside the steps; nothing is left to be said afterwards. */
export async function closeStepRun(run: StepRun): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    run.isClosed = true;
    await Promise.all(run.background);
    await run.line.whenQuiet();
    await condition(allHandlersFinished);
  });
}

async function tellStillness(run: StepRun): Promise<void> {
  const isPausedNow = (): boolean => run.paused && (run.isStill || run.pool?.isPaused === true);
  let told = false;
  await CancellationScope.nonCancellable(async () => {
    for (;;) {
      await condition(() => run.isClosed || isPausedNow() !== told);
      if (run.isClosed) return;
      told = !told;
      run.line.report({ kind: 'paused', paused: told });
    }
  });
}

/** Why a step did not do what it was for. */
export interface StepProblem {
  readonly failure: FailureInfo;
  readonly findings: readonly Finding[];
  /** The member that the step changes is as it was before. */
  readonly asBefore?: true;
}

export function problemOf(failure: FailureInfo): StepProblem {
  return { failure, findings: [] };
}

/**
 * What of the findings blocks, as `1 finding blocks`; undefined when nothing does, given what
 * people answer for.
 */
export function blockedBy(
  { acknowledgements }: Pick<StepRun, 'acknowledgements'>,
  found: readonly Finding[],
  failure: (blocking: string) => FailureInfo,
): StepProblem | undefined {
  const findings = judged(found, acknowledgements, Date.now());
  const { length } = findings.filter(isBlocking);
  if (length === 0) return undefined;
  return {
    failure: failure(`${count(length, 'finding')} ${length === 1 ? 'blocks' : 'block'}`),
    findings,
  };
}

export interface StepAction {
  readonly label: string;
  /** `attempt` counts from 1. */
  readonly take: (attempt: number) => Promise<StepProblem | undefined>;
  /** A look that takes no time worth telling has no timing. */
  readonly isUntimed?: boolean;
}

/** Takes one step until it succeeds (S1). Throws only cancellation. */
export async function takeStep(
  run: StepRun,
  { label, take, isUntimed }: StepAction,
): Promise<void> {
  await untilResumed(run);
  const startedAtMs = Date.now();
  begin(run, label, startedAtMs);
  for (let attempt = 1; ; attempt += 1) {
    run.isStill = false;
    const problem = await tried(() => take(attempt));
    run.isStill = true;
    if (problem === undefined) break;
    await untilRetried(run, label, problem);
    await untilResumed(run);
  }
  if (isUntimed === true) return;
  const seconds = (Date.now() - startedAtMs) / 1_000;
  run.stepSeconds[label] = Math.round(((run.stepSeconds[label] ?? 0) + seconds) * 10) / 10;
}

function begin(run: StepRun, label: string, nowMs: number): void {
  run.step = label;
  run.stepSinceMs = nowMs;
  setCurrentDetails(`**${run.hop}** of ${run.cluster}: ${label}`);
  const stepSeconds = { ...run.stepSeconds };
  run.line.report({ kind: 'step', label, atMs: nowMs, stepSeconds });
}

async function tried(
  action: () => Promise<StepProblem | undefined>,
): Promise<StepProblem | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isCancellation(error)) throw error;
    return problemOf(failureOf(error));
  }
}

/** S2. Only where it waits is it given up: what moves data is not left half done. */
async function untilResumed(run: StepRun): Promise<void> {
  run.isStill = true;
  await condition(() => !run.paused || run.isGivenUp());
  if (!run.isGivenUp()) return;
  if (run.paused || !patched('2026-11-22-rollbacks-go-on')) throw new GivenUp();
}

async function untilRetried(run: StepRun, label: string, problem: StepProblem): Promise<void> {
  const { hop, line } = run;
  const id = stepGateId(hop, label);
  run.retried.delete(id);
  const gate = { kind: 'step', id, hop, step: label, ...problem } as const;
  line.report({
    kind: 'gate',
    gate: { ...gate, sinceMs: Date.now() },
    workflowId: workflowInfo().workflowId,
  });
  setCurrentDetails(`**${hop}** waits at gate ${id}: ${failureSentence(problem.failure)}`);
  await condition(() => run.retried.has(id) || run.isGivenUp());
  if (run.isGivenUp()) throw new GivenUp();
}

/** Thrown inside a workflow whose steps cannot be cancelled when it is given up at a gate. */
export class GivenUp extends Error {
  constructor() {
    super('given up while it waited for an answer');
    this.name = 'GivenUp';
  }
}
