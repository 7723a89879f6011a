// Judges and applies what people say to an upgrade. Pure: update and signal handlers call it, the
// main loop acts on the state that it returns.
// C1. A request id is handled once, also across continue-as-new: the same id gets the same answer.
// C2. A refusal changes nothing and says why as data.
// (Numbers as in domain/status/control.ts.)

import type {
  Command,
  CommandAccepted,
  CommandName,
  CommandRefusal,
  GateRequest,
  NodeRequest,
  Request,
  RollBackRequest,
} from '../domain/status/control';
import type { GateId, HopId } from '../domain/names';
import { answersOf } from '../domain/status/gates';
import type { Hop } from '../domain/plan/plan';
import { isRestoreNote } from '../domain/rollback/note-guard';
import { refusalSentence } from '../domain/status/sentences';
import type { NodeDecision } from './family-messages';
import { forcePods, forcePodsProblems, forceRefusal } from './force-pods';
import { decided, heldNode, notWaiting } from './held-nodes';
import {
  acknowledgeProblems,
  answerForFinding,
  findingRefusal,
  findingWords,
  isAboutFinding,
} from './acknowledging';
import {
  maxRequestIdLength,
  maxWordsLength,
  requestProblems,
  textProblem,
} from './request-problems';
import { limitAsked, poolRefusal, setPool, setPoolProblems } from './set-pool';
import { noted, replacesMachines, type UpgradeState, withoutGate } from './upgrade-state';
import { cheapestWayBack, keptBy } from './way-back';

/** Answers kept for repeated requests; the oldest go first. */
export const maxHandledRequests = 256;

/** Why the command cannot be carried out now, at `nowMs`; undefined when it can. */
export function refusalOf(
  state: UpgradeState,
  command: Command,
  nowMs = 0,
): CommandRefusal | undefined {
  const problems = problemsOf(state, command, nowMs);
  if (problems.length > 0) return { code: 'request-malformed', problems };
  const before = handledBefore(state, command);
  if (before !== undefined) {
    if (before.name === command.name) return undefined;
    const problem = `requestId ${before.requestId} was used for ${before.name} already`;
    return { code: 'request-malformed', problems: [problem] };
  }
  if (state.result !== undefined) return { code: 'upgrade-ended', outcome: state.result.outcome };
  if (state.plan === undefined) return { code: 'not-planned-yet' };
  return refusalNow(state, command);
}

/** What speaks against a well-formed, new command while the upgrade runs. */
function refusalNow(state: UpgradeState, command: Command): CommandRefusal | undefined {
  if (isAboutFinding(command)) return findingRefusal(state, command);
  switch (command.name) {
    case 'pause':
    case 'resume':
      return pauseRefusal(state, command.name);
    case 'approve':
    case 'reject':
      return gateRefusal(state, command.name, command.request);
    case 'rollBack':
      return rollBackRefusal(state, command.request);
    case 'retryNode':
    case 'skipNode':
    case 'quarantineNode':
      return nodeRefusal(state, command.request);
    case 'forcePods':
      return forceRefusal(state, command.request);
    case 'setPool':
      return poolRefusal(state, command.request);
  }
}

function pauseRefusal(
  { paused }: UpgradeState,
  name: 'pause' | 'resume',
): CommandRefusal | undefined {
  if (name === 'pause') return paused === undefined ? undefined : { code: 'already-paused' };
  return paused === undefined ? { code: 'not-paused' } : undefined;
}

export type DeskAnswer =
  | { readonly kind: 'accepted'; readonly state: UpgradeState; readonly answer: CommandAccepted }
  | { readonly kind: 'refused'; readonly refusal: CommandRefusal };

/** Carries the command out in the state, or says why not (C2). */
export function applyCommand(state: UpgradeState, command: Command, nowMs: number): DeskAnswer {
  const refusal = refusalOf(state, command, nowMs);
  if (refusal !== undefined) return { kind: 'refused', refusal };
  const before = handledBefore(state, command);
  if (before !== undefined) return { kind: 'accepted', state, answer: before.answer };
  const { requestId, actor, reason } = command.request;
  const done = carryOut(state, command, nowMs);
  const answer: CommandAccepted = { requestId, effect: done.effect };
  const handled = [...state.handled, { requestId, name: command.name, answer }];
  const next = { ...done.state, handled: handled.slice(-maxHandledRequests) };
  if (done.isNews === false) return { kind: 'accepted', state: next, answer };
  const text = `${actor} asked to ${wordsOf(state, command)} (${reason}): ${done.effect}`;
  const note = {
    actor,
    event: `command.${command.name}`,
    text,
    requestId,
    ...(done.gate === undefined ? {} : { gate: done.gate }),
    ...('gate' in command.request ? { gate: command.request.gate } : {}),
    ...('node' in command.request ? { node: command.request.node } : {}),
    ...('pool' in command.request ? { pool: command.request.pool } : {}),
    ...('finding' in command.request ? { finding: command.request.finding } : {}),
  };
  return { kind: 'accepted', state: noted(next, note, nowMs), answer };
}

/** The state after a signal: a refusal lands in the trail, where an update would have failed. */
export function applySignal(state: UpgradeState, command: Command, nowMs: number): UpgradeState {
  const answer = applyCommand(state, command, nowMs);
  if (answer.kind === 'accepted') return answer.state;
  const { actor, requestId } = command.request ?? {};
  const sentence = refusalSentence(answer.refusal);
  const note = {
    actor: typeof actor === 'string' ? actor.slice(0, maxWordsLength) : 'unknown',
    event: 'command.refused',
    text: `${command.name} was refused: ${sentence}`,
    ...(typeof requestId === 'string' ? { requestId: requestId.slice(0, maxRequestIdLength) } : {}),
  };
  return noted(state, note, nowMs);
}

function handledBefore(state: UpgradeState, command: Command) {
  return state.handled.find((one) => one.requestId === command.request.requestId);
}

const fieldsOfEach: Readonly<Record<CommandName, readonly string[]>> = {
  pause: [],
  resume: [],
  approve: ['gate', 'planDigest'],
  reject: ['gate', 'planDigest'],
  rollBack: ['hop'],
  retryNode: ['node'],
  skipNode: ['node'],
  quarantineNode: ['node'],
  forcePods: ['node'],
  setPool: ['pool'],
  acknowledge: ['finding', 'digest'],
  revokeAcknowledgement: ['finding'],
};

/** All problems at once. */
function problemsOf(state: UpgradeState, command: Command, nowMs: number): readonly string[] {
  const problems = requestProblems(command.request, fieldsOfEach[command.name]);
  if (typeof command.request !== 'object' || command.request === null) return problems;
  if (command.name === 'rollBack') return rollBackProblems(command.request, problems);
  if (command.name === 'forcePods') return forcePodsProblems(command.request, problems);
  if (command.name === 'acknowledge') {
    return [...problems, ...acknowledgeProblems(command.request, nowMs)];
  }
  if (command.name !== 'setPool') return problems;
  return setPoolProblems(state, command.request, problems);
}

function rollBackProblems(
  { report, note }: RollBackRequest,
  problems: readonly string[],
): readonly string[] {
  const names = { least: 1, most: maxRequestIdLength };
  const isOrphaned = note !== undefined && report === undefined;
  return [
    ...problems,
    ...(report === undefined ? [] : textProblem('report', report, names)),
    ...(isOrphaned ? ['note stands for a report, and none is named'] : []),
    ...(note === undefined || isRestoreNote(note) ? [] : ['note is not what a report has seen']),
  ];
}

function gateRefusal(
  state: UpgradeState,
  name: 'approve' | 'reject',
  request: GateRequest,
): CommandRefusal | undefined {
  const answerable = state.gates.filter((open) => answersOf(open.gate).includes(name));
  if (!answerable.some((open) => open.gate.id === request.gate)) {
    const open = answerable.map((one) => one.gate.id);
    return { code: 'gate-unknown', gate: request.gate, open };
  }
  const current = state.plan?.digest;
  if (current === undefined) return { code: 'not-planned-yet' };
  if (request.planDigest === current) return undefined;
  return { code: 'digest-stale', given: request.planDigest, current };
}

function rollBackRefusal(
  state: UpgradeState,
  { hop }: RollBackRequest,
): CommandRefusal | undefined {
  if (state.decision?.kind === 'roll-back') {
    return { code: 'rollback-unavailable', hop, why: 'already-rolling-back' };
  }
  if (state.decision?.kind === 'stop') return { code: 'upgrade-ended', outcome: 'rejected' };
  if (state.wayBack?.hop.id === hop) return undefined;
  return { code: 'rollback-unavailable', hop, why: whyNoWayBack(state, hop) };
}

function whyNoWayBack(state: UpgradeState, hop: HopId) {
  const isDone = state.hops.some((outcome) => outcome.hop === hop);
  if (!isDone && state.hop?.id !== hop) return 'not-begun';
  if (replacesMachines(state, hop)) return 'machines-replaced';
  return state.hop?.id === hop ? 'no-snapshot-yet' : 'next-hop-begun';
}

function nodeRefusal(state: UpgradeState, { node }: NodeRequest): CommandRefusal | undefined {
  return heldNode(state, node) === undefined ? notWaiting(state, node) : undefined;
}

interface Done {
  readonly state: UpgradeState;
  readonly effect: string;
  /** The gate that it has answered without naming it. */
  readonly gate?: GateId;
  /** False when nothing changes: the trail gets no line. */
  readonly isNews?: boolean;
}

function carryOut(state: UpgradeState, command: Command, nowMs: number): Done {
  if (isAboutFinding(command)) return answerForFinding(state, command, nowMs);
  switch (command.name) {
    case 'pause':
      return pause(state, command.request, nowMs);
    case 'resume': {
      const { paused: _lifted, ...rest } = state;
      return { state: { ...rest, isStill: state.hop === undefined }, effect: goesOn(state) };
    }
    case 'approve':
      return approve(state, command.request);
    case 'reject': {
      const { actor, reason } = command.request;
      const effect = 'the upgrade ends here; the cluster stays as it is';
      const decision = { kind: 'stop', actor, reason } as const;
      return { state: { ...state, gates: [], outbox: [], decision }, effect };
    }
    case 'rollBack':
      return rollBack(state, command.request);
    case 'retryNode':
      return decideNode(state, command.request, 'retry');
    case 'skipNode':
      return decideNode(state, command.request, 'skip');
    case 'quarantineNode':
      return decideNode(state, command.request, 'quarantine');
    case 'forcePods':
      return forcePods(state, command.request);
    case 'setPool':
      return setPool(state, command.request, nowMs);
  }
}

function pause(state: UpgradeState, { actor, reason }: Request, nowMs: number): Done {
  const paused = { by: actor, reason, sinceMs: nowMs };
  const isStill = state.hop === undefined;
  const effect = isStill
    ? 'nothing is under way and nothing begins until it is resumed'
    : 'work under way ends at the next safe point, then nothing begins until it is resumed';
  return { state: { ...state, paused, isStill }, effect };
}

function goesOn(state: UpgradeState): string {
  const [waiting] = state.gates;
  if (waiting !== undefined) return `the upgrade goes on; ${waiting.gate.id} still waits`;
  return state.hop === undefined
    ? 'the upgrade goes on'
    : `${state.hop.id} goes on with ${state.hop.step}`;
}

/** The gate is in `gates`: refusalOf has looked. */
function approve(state: UpgradeState, request: GateRequest): Done {
  const open = state.gates.find((one) => one.gate.id === request.gate);
  const next = withoutGate(state, request.gate);
  const later = state.paused === undefined ? '' : ' once the upgrade is resumed';
  const hop = open?.gate.hop ?? 'the hop';
  if (open?.gate.kind !== 'step') return { state: next, effect: `${hop} begins${later}` };
  const effect = `step ${open.gate.step} of ${hop} is tried again${later}`;
  if (open.workflowId === undefined) return { state: next, effect };
  const delivery = { kind: 'retry-step', workflowId: open.workflowId, gate: request.gate } as const;
  return { state: { ...next, outbox: [...next.outbox, delivery] }, effect };
}

/** The way back is there: refusalOf has looked. A pause is lifted, open gates are void. */
function rollBack(state: UpgradeState, request: RollBackRequest): Done {
  const { paused: _lifted, wayBack: way, ...rest } = state;
  if (way === undefined) return { state, effect: 'nothing to undo' };
  const kept = keptBy(cheapestWayBack(state, way));
  const effect = effectOfRollBack(way.hop, kept.keepsData === true);
  const { actor, reason, note: confirmed } = request;
  const asked = { kind: 'roll-back', way, actor, reason, ...kept } as const;
  const decision = confirmed === undefined ? asked : { ...asked, confirmed };
  return { state: { ...rest, wayBack: way, gates: [], outbox: [], decision }, effect };
}

function effectOfRollBack(hop: Hop, keepsData: boolean): string {
  if (keepsData) {
    return `${hop.id} is rolled back: its members return to ${hop.from}, and all data stays`;
  }
  return `${hop.id} is rolled back: nodes, etcd and control plane return to ${hop.from}`;
}

function decideNode(
  state: UpgradeState,
  request: NodeRequest,
  kind: Exclude<NodeDecision['kind'], 'force'>,
): Done {
  const { node, actor, reason } = request;
  const open = heldNode(state, node);
  const effects = {
    retry: `node ${node} is tried again`,
    skip: `node ${node} is left as it is and the pool goes on`,
    quarantine: `node ${node} stays cordoned and the pool goes on`,
  };
  const effect = effects[kind];
  if (open?.workflowId === undefined) return { state, effect };
  const next = decided(state, open, { kind, actor, reason });
  const isSetAside = kind === 'quarantine' && !state.setAside.includes(node);
  const setAside = isSetAside ? [...next.setAside, node] : next.setAside;
  return { state: { ...next, setAside }, effect };
}

function wordsOf(state: UpgradeState, command: Command): string {
  if (isAboutFinding(command)) return findingWords(command);
  switch (command.name) {
    case 'pause':
    case 'resume':
      return command.name;
    case 'approve':
    case 'reject':
      return `${command.name} ${command.request.gate}`;
    case 'rollBack':
      return rollBackWords(command.request);
    case 'retryNode':
      return `retry node ${command.request.node}`;
    case 'skipNode':
      return `skip node ${command.request.node}`;
    case 'quarantineNode':
      return `quarantine node ${command.request.node}`;
    case 'forcePods':
      return `force pods of node ${command.request.node}`;
    case 'setPool': {
      const { pool, maxUnavailable } = command.request;
      const before = limitAsked(state, pool);
      return `change maxUnavailable of pool ${pool} from ${before} to ${maxUnavailable}`;
    }
  }
}

function rollBackWords({ hop, report }: RollBackRequest): string {
  return `roll back ${hop}${report === undefined ? '' : `, as report ${report} says`}`;
}
