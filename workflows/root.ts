// The moving part of upgradeCluster: its state, its handlers, and the courier that carries what the
// state says to children, to the Temporal UI and to the search attributes.
// T1. Handlers change the state and nothing else; everybody who acts waits for the state.
// T2. The courier is one loop beside the main loop; it is never cancelled.
// T3. The courier acts only when no handler is under way. The SDK may join a workflow task that
//     gave
//     no command with a later one that brings an update (temporalio/sdk-rust#1146), and then wakes
//     us before the update is answered; waiting for the answer gives one order in both cases.

import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  setCurrentDetails,
  setHandler,
  type SignalDefinition,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';

import type { UpdateDefinition } from '@temporalio/common';

import type { PlanBlocker } from '../domain/blockers';
import { canonicalJson } from '../domain/plan/canonical-json';
import type {
  Command,
  CommandAccepted,
  CommandName,
  CommandRefusal,
} from '../domain/status/control';
import type { PlanDigest, PoolName } from '../domain/names';
import type { Hop, Plan } from '../domain/plan/plan';
import { limitOf } from '../domain/pool/pool-limits';
import { refusalSentence } from '../domain/status/sentences';
import { specDifferences } from '../domain/plan/spec-differences';
import { applyCommand, applySignal, refusalOf } from './command-desk';
import {
  isMisinformed,
  type Line,
  openLine,
  type PausableChild,
  sayUnsaid,
  type Unsaid,
} from './line';
import {
  controlSignal,
  nodeDecisionSignal,
  type ReportEnvelope,
  reportSignal,
  retryStepSignal,
} from './family-messages';
import {
  acknowledgeSignal,
  acknowledgeUpdate,
  approveSignal,
  approveUpdate,
  auditQuery,
  blockersQuery,
  forcePodsSignal,
  forcePodsUpdate,
  pauseSignal,
  pauseUpdate,
  planQuery,
  quarantineNodeSignal,
  quarantineNodeUpdate,
  rejectSignal,
  rejectUpdate,
  resumeSignal,
  resumeUpdate,
  revokeAcknowledgementSignal,
  revokeAcknowledgementUpdate,
  retryNodeSignal,
  retryNodeUpdate,
  rollBackSignal,
  rollBackUpdate,
  searchAttributes,
  setPoolSignal,
  setPoolUpdate,
  skipNodeSignal,
  skipNodeUpdate,
  type StartAnswer,
  type StartRequest,
  startUpdate,
  statusQuery,
  wayBackQuery,
  type UpgradeClusterInput,
} from './messages';
import { startProblems } from './request-problems';
import { noted, openUpgrade, type UpgradeState, withReport } from './upgrade-state';
import { rollBackTarget, withPolicy } from './way-back';
import { attributesOf, blockersOf, detailsOf, statusOf } from './upgrade-status';

export interface HopChild extends PausableChild {
  readonly hop: Hop;
  /** Limit of each of its pools that it was told last. */
  readonly toldLimits: Map<PoolName, number>;
  /** Those that it was told last, or began with. */
  toldAcknowledgements: UpgradeState['acknowledgements'];
}

export interface Root {
  readonly input: UpgradeClusterInput;
  /** Also names this upgrade in reports, snapshots and restores. */
  readonly upgrade: string;
  readonly line: Line;
  state: UpgradeState;
  /** The hop or rollback that runs. */
  child: HopChild | undefined;
  /** State that the outside was told last. */
  published: UpgradeState | undefined;
  isClosed: boolean;
}

/** Makes the state and registers every handler; call it before the first await. */
export function openRoot(input: UpgradeClusterInput): Root {
  const upgrade = workflowInfo().firstExecutionRunId;
  const root: Root = {
    input,
    upgrade,
    line: openLine(input.spec.cluster, upgrade),
    state: input.carried ?? openUpgrade(input.spec, input.actor, Date.now()),
    child: undefined,
    published: undefined,
    isClosed: false,
  };
  setHandler(statusQuery, () => statusOf(root.state, Date.now()));
  setHandler(planQuery, () => root.state.plan);
  setHandler(auditQuery, () => root.state.audit);
  setHandler(blockersQuery, () => blockersOf(root.state));
  setHandler(wayBackQuery, () => rollBackTarget(root.state));
  // Anybody may send anything; what is not from a child of ours is not looked at.
  setHandler(reportSignal, (envelope: Partial<ReportEnvelope> | undefined) => {
    const { upgrade: of, report } = envelope ?? {};
    if (of !== upgrade || report === undefined) return;
    const nowMs = Date.now();
    root.state = withPolicy(withReport(root.state, report, nowMs), report, nowMs);
  });
  registerStart(root);
  registerCommands(root);
  return root;
}

type RequestOf<Name extends CommandName> = Extract<Command, { readonly name: Name }>['request'];

/** One command as an update and as a signal (M1 of messages.ts). */
function registerCommand<Name extends CommandName>(
  root: Root,
  name: Name,
  update: UpdateDefinition<CommandAccepted, [RequestOf<Name>]>,
  signal: SignalDefinition<[RequestOf<Name>]>,
): void {
  // The compiler cannot see that a name and the request of that name are a Command.
  const commandOf = (request: RequestOf<Name>): Command => ({ name, request }) as Command;
  const validator = (request: RequestOf<Name>): void => {
    const refusal = refusalOf(root.state, commandOf(request), Date.now());
    if (refusal !== undefined) throw refused(refusal);
  };
  setHandler(update, (request) => answerTo(root, commandOf(request)), { validator });
  setHandler(signal, (request) => {
    root.state = applySignal(root.state, commandOf(request), Date.now());
  });
}

function registerCommands(root: Root): void {
  registerCommand(root, 'pause', pauseUpdate, pauseSignal);
  registerCommand(root, 'resume', resumeUpdate, resumeSignal);
  registerCommand(root, 'approve', approveUpdate, approveSignal);
  registerCommand(root, 'reject', rejectUpdate, rejectSignal);
  registerCommand(root, 'rollBack', rollBackUpdate, rollBackSignal);
  registerCommand(root, 'retryNode', retryNodeUpdate, retryNodeSignal);
  registerCommand(root, 'skipNode', skipNodeUpdate, skipNodeSignal);
  registerCommand(root, 'quarantineNode', quarantineNodeUpdate, quarantineNodeSignal);
  registerCommand(root, 'forcePods', forcePodsUpdate, forcePodsSignal);
  registerCommand(root, 'setPool', setPoolUpdate, setPoolSignal);
  registerCommand(root, 'acknowledge', acknowledgeUpdate, acknowledgeSignal);
  registerCommand(
    root,
    'revokeAcknowledgement',
    revokeAcknowledgementUpdate,
    revokeAcknowledgementSignal,
  );
}

/** Looks again: another message of the same activation may have come between validator and here. */
function answerTo(root: Root, command: Command): CommandAccepted {
  const answer = applyCommand(root.state, command, Date.now());
  if (answer.kind === 'refused') throw refused(answer.refusal);
  root.state = answer.state;
  return answer.answer;
}

function refused(refusal: CommandRefusal): ApplicationFailure {
  return ApplicationFailure.nonRetryable(refusalSentence(refusal), refusal.code, refusal);
}

function registerStart(root: Root): void {
  setHandler(startUpdate, (request) => answerStart(root, request), {
    validator: (request) => {
      const refusal = startRefusalOf(root.state, request);
      if (refusal !== undefined) throw refused(refusal);
    },
  });
}

function startRefusalOf(state: UpgradeState, request: StartRequest): CommandRefusal | undefined {
  const problems = startProblems(request);
  if (problems.length > 0) return { code: 'request-malformed', problems };
  const differences = specDifferences(state.spec, request.spec);
  if (differences.length > 0) return { code: 'upgrade-conflict', differences };
  if (state.result === undefined || state.refusal !== undefined) return undefined;
  return { code: 'upgrade-ended', outcome: state.result.outcome };
}

/** The one handler that waits: planning takes seconds, and the caller wants its outcome. */
async function answerStart(root: Root, request: StartRequest): Promise<StartAnswer> {
  await CancellationScope.nonCancellable(() =>
    condition(() => root.state.plan !== undefined || root.state.refusal !== undefined),
  );
  const { plan, refusal } = root.state;
  if (refusal !== undefined) return { kind: 'refused', refusal };
  if (plan === undefined) throw new Error('neither plan nor refusal after waiting for one of them');
  if (isNews(root, request)) {
    const text = `${request.actor} asked for the upgrade that runs already`;
    const { actor, requestId } = request;
    const note = { actor, event: 'upgrade.asked-again', text, requestId };
    root.state = noted(root.state, note, Date.now());
  }
  const changed = digestChange(plan, request.expectedDigest);
  if (changed === undefined) return { kind: 'planned', plan };
  return { kind: 'refused', refusal: { code: 'blocked', blockers: [changed] } };
}

/** Whoever repeats a start, with its request id, leaves no second line in the trail. */
function isNews({ input, state }: Root, { requestId }: StartRequest): boolean {
  return requestId !== input.requestId && !state.audit.some((one) => one.requestId === requestId);
}

/** Why the plan is not the one that was reviewed; undefined when it is, or none was. */
export function digestChange(
  plan: Plan,
  expected: PlanDigest | undefined,
): PlanBlocker | undefined {
  if (expected === undefined || expected === plan.digest) return undefined;
  return { code: 'plan-digest-changed', expected, actual: plan.digest };
}

/** T2, T3. Ends when the root is closed and everything was said. */
export async function runCourier(root: Root): Promise<void> {
  publish(root);
  await CancellationScope.nonCancellable(async () => {
    for (;;) {
      await condition(() => allHandlersFinished() && (root.isClosed || hasNews(root)));
      if (hasNews(root)) carry(root);
      else return;
    }
  });
}

function hasNews(root: Root): boolean {
  const { child, state, published } = root;
  const isPaused = state.paused !== undefined;
  if (state !== published) return true;
  if (child === undefined) return false;
  return isMisinformed(child, isPaused) || unsaidTo(root, child).length > 0;
}

/** How many nodes of each pool of the hop may be in work at once, as things stand. */
export function limitsOf({ state }: Root, hop: Hop): readonly (readonly [PoolName, number])[] {
  return hop.steps.flatMap((step) =>
    step.kind === 'pool' ? [[step.pool, limitOf(step, state.limits)] as const] : [],
  );
}

function unsaidTo(root: Root, child: HopChild): readonly Unsaid[] {
  if (!child.isStarted) return [];
  return [...unsaidLimits(root, child), ...unsaidAcknowledgements(root, child)];
}

function unsaidAcknowledgements({ state }: Root, child: HopChild): readonly Unsaid[] {
  const { acknowledgements } = state;
  if (acknowledgements === child.toldAcknowledgements) return [];
  const markTold = (): void => {
    child.toldAcknowledgements = acknowledgements;
  };
  const control = { kind: 'acknowledgements', acknowledgements: acknowledgements ?? [] } as const;
  return [{ workflowId: child.workflowId, control, markTold }];
}

function unsaidLimits(root: Root, child: HopChild): readonly Unsaid[] {
  const { workflowId, hop, toldLimits } = child;
  const news = limitsOf(root, hop).filter(([pool, limit]) => toldLimits.get(pool) !== limit);
  return news.map(([pool, maxUnavailable]) => ({
    workflowId,
    control: { kind: 'limit', pool, maxUnavailable },
    markTold: () => void toldLimits.set(pool, maxUnavailable),
  }));
}

function carry(root: Root): void {
  const { child, line } = root;
  const isPaused = root.state.paused !== undefined;
  if (child !== undefined && isMisinformed(child, isPaused)) {
    child.toldPaused = isPaused;
    line.send(child.workflowId, controlSignal, { kind: isPaused ? 'pause' : 'resume' });
  }
  if (child !== undefined) sayUnsaid(line, unsaidTo(root, child));
  const deliveries = root.state.outbox;
  if (deliveries.length > 0) root.state = { ...root.state, outbox: [] };
  for (const delivery of deliveries) {
    if (delivery.kind === 'retry-step') {
      line.send(delivery.workflowId, retryStepSignal, delivery.gate);
    } else line.send(delivery.workflowId, nodeDecisionSignal, delivery.decision);
  }
  publish(root);
}

function publish(root: Root): void {
  const { state, published } = root;
  root.published = state;
  setCurrentDetails(detailsOf(state));
  const now = attributesOf(state);
  const before = published === undefined ? undefined : attributesOf(published);
  if (before !== undefined && canonicalJson(before) === canonicalJson(now)) return;
  upsertSearchAttributes([
    { key: searchAttributes.cluster, value: state.spec.cluster },
    { key: searchAttributes.from, value: now.from },
    { key: searchAttributes.to, value: now.to },
    { key: searchAttributes.phase, value: now.phase },
    { key: searchAttributes.waitingFor, value: now.waitingFor },
  ]);
}
