// The state of upgradeCluster: plain JSON that continue-as-new carries whole, and the pure
// functions
// by which it changes. Commands of people change it in command-desk.ts. Nothing here waits or acts.
// U1. A gate is open exactly while it is in `gates`; who answers it takes it out.
// U2. `decision` is set once: what ends the upgrade before its last hop is done.
// U3. `outbox` holds answers that a child still has to be told; it is empty between hops.

import type { SnapshotRecord, StartRefusal } from '../domain/activity-contract';
import type { AuditEntry, CommandAccepted, CommandName, Gate } from '../domain/status/control';
import type { FailureInfo } from '../domain/failures';
import type { Acknowledgement } from '../domain/findings/acknowledgement';
import type { GateId, HopId, NodeName } from '../domain/names';
import { type Hop, type Plan, replacesMachines as replacesThem } from '../domain/plan/plan';
import type { PoolLimit } from '../domain/pool/pool-limits';
import type { HopOutcome, PreflightSeen, UpgradeResult } from '../domain/status/progress';
import type { NotLooked, RestoreNote } from '../domain/rollback/account';
import { isMemberStep } from '../domain/rollback/rungs';
import { seenFindings } from '../domain/preflight/seen';
import type { UpgradeSpec } from '../domain/spec';
import type { KubeVersion } from '../domain/versions';
import { type AuditNote, engineActor, withNote } from './audit-trail';
import type { NodeDecision, Report } from './family-messages';

/** A gate, and the workflow that waits at it; the root itself when there is none. */
export interface OpenGate {
  readonly gate: Gate;
  readonly workflowId?: string;
}

/** The hop that runs, or is rolled back, now. */
interface RunningHop {
  readonly id: HopId;
  readonly step: string;
  readonly stepSinceMs: number;
  readonly startedAtMs: number;
  readonly stepSeconds: Readonly<Record<string, number>>;
  /** Labels of steps whose member failed and was not seen as before since; absent while none is. */
  readonly unsettled?: readonly string[];
  /** It began again after its workflow was lost: it may have done more than it tells. */
  readonly isResumed?: true;
}

/** The hop that can be undone, and its verified snapshot. */
export interface WayBack {
  readonly hop: Hop;
  readonly snapshot: SnapshotRecord;
}

export type Decision =
  | {
      readonly kind: 'roll-back';
      readonly way: WayBack;
      /** The old programs are to suffice (rungs.ts): whoever decided counts on it. */
      readonly keepsData?: true;
      readonly actor: string;
      readonly reason: string;
      /** What the report has seen by which it was confirmed. */
      readonly confirmed?: RestoreNote;
    }
  | { readonly kind: 'stop'; readonly actor: string; readonly reason: string };

/** An answer that somebody below waits for. */
type Delivery =
  | {
      readonly kind: 'node';
      readonly workflowId: string;
      readonly node: NodeName;
      readonly decision: NodeDecision;
    }
  | { readonly kind: 'retry-step'; readonly workflowId: string; readonly gate: GateId };

/** A request that was answered: the same id gets the same answer (control.ts, C1). */
interface HandledRequest {
  readonly requestId: string;
  readonly name: CommandName;
  readonly answer: CommandAccepted;
}

export interface UpgradeState {
  readonly spec: UpgradeSpec;
  readonly startedAtMs: number;
  readonly plan?: Plan;
  /** Of the plan as first made: where the cluster came from, and how many hops it takes. */
  readonly journey?: { readonly from: KubeVersion; readonly hopCount: number };
  readonly refusal?: StartRefusal;
  readonly hops: readonly HopOutcome[];
  readonly hop?: RunningHop;
  readonly wayBack?: WayBack;
  readonly gates: readonly OpenGate[];
  readonly paused?: { readonly by: string; readonly reason: string; readonly sinceMs: number };
  /** Nothing moves below the root; told by the hop that runs. */
  readonly isStill: boolean;
  readonly decision?: Decision;
  /** Nodes that a person set aside; no later hop touches them. */
  readonly setAside: readonly NodeName[];
  /** What a person changed about pools; absent while nobody has. */
  readonly limits?: readonly PoolLimit[];
  /** What people answer for; absent while nobody has. A change makes another list. */
  readonly acknowledgements?: readonly Acknowledgement[];
  /** What the last preflight found, also when that is nothing. */
  readonly preflight?: PreflightSeen;
  readonly lastFailure?: FailureInfo;
  /** Of the rollback, from before its restore; see family-messages.ts. */
  readonly restoreNote?: NotLooked | RestoreNote;
  readonly audit: readonly AuditEntry[];
  readonly handled: readonly HandledRequest[];
  readonly outbox: readonly Delivery[];
  readonly result?: UpgradeResult;
}

/** The state of an upgrade that was just asked for. */
export function openUpgrade(spec: UpgradeSpec, actor: string, nowMs: number): UpgradeState {
  const text = `${actor} asked to upgrade ${spec.cluster} to ${spec.target}`;
  const note = { actor, event: 'upgrade.asked', text };
  return {
    spec,
    startedAtMs: nowMs,
    hops: [],
    gates: [],
    isStill: true,
    setAside: [],
    audit: withNote([], note, nowMs),
    handled: [],
    outbox: [],
  };
}

/** The state with one more line in the trail. */
export function noted(state: UpgradeState, note: AuditNote, nowMs: number): UpgradeState {
  return { ...state, audit: withNote(state.audit, note, nowMs) };
}

/** Takes the first plan, or a changed one; hops that are done keep their outcomes. */
export function withPlan(state: UpgradeState, plan: Plan, nowMs: number): UpgradeState {
  const isFirst = state.plan === undefined;
  const journey = state.journey ?? { from: plan.from, hopCount: plan.hops.length };
  const hops = plan.hops.map((hop) => hop.id).join(', ');
  const text = isFirst
    ? `plan ${plan.digest} goes from ${plan.from} to ${plan.to}: ${hops}`
    : `the cluster is no longer as planned; plan ${plan.digest} takes over: ${hops}`;
  const event = isFirst ? 'plan.made' : 'plan.changed';
  return noted({ ...state, plan, journey }, { actor: engineActor, event, text }, nowMs);
}

/** Hops of the plan that are not completed, in order. */
export function hopsLeft(state: UpgradeState): readonly Hop[] {
  const completed = state.hops.filter((outcome) => outcome.outcome === 'completed');
  const done = new Set(completed.map((outcome) => outcome.hop));
  return (state.plan?.hops ?? []).filter((hop) => !done.has(hop.id));
}

/** How many hops are completed. */
export function doneCount(state: UpgradeState): number {
  return state.hops.filter((outcome) => outcome.outcome === 'completed').length;
}

/** Opens a gate; one of the same id is replaced (U1). */
export function withGate(state: UpgradeState, open: OpenGate, nowMs: number): UpgradeState {
  const { gate } = open;
  const others = state.gates.filter((other) => other.gate.id !== gate.id);
  const failure = gate.kind === 'approval' ? undefined : gate.failure;
  const why = failure === undefined ? 'a person must approve the hop' : failure.message;
  const note: AuditNote = {
    actor: engineActor,
    event: 'gate.opened',
    text: `gate ${gate.id} waits for an answer: ${why}`,
    gate: gate.id,
    ...(gate.kind === 'node' ? { node: gate.node } : {}),
  };
  return {
    ...noted(state, note, nowMs),
    gates: [...others, open],
    ...(failure === undefined ? {} : { lastFailure: failure }),
  };
}

export function isGateOpen(state: UpgradeState, id: GateId): boolean {
  return state.gates.some((open) => open.gate.id === id);
}

/** Takes a gate out without an answer: what it asked for is void. */
export function withoutGate(state: UpgradeState, id: GateId): UpgradeState {
  return { ...state, gates: state.gates.filter((open) => open.gate.id !== id) };
}

/**
 * The hop begins: no earlier hop can be undone any more, and this one not before its snapshot is
 * verified. A hop that begins again, because its workflow was lost, keeps its way back.
 */
export function withHopBegun(state: UpgradeState, hop: Hop, nowMs: number): UpgradeState {
  const { wayBack, ...rest } = state;
  const isResumed = wayBack?.hop.id === hop.id;
  const running = { id: hop.id, step: 'start', stepSinceMs: nowMs, startedAtMs: nowMs };
  const begun: UpgradeState = {
    ...rest,
    ...(isResumed ? { wayBack } : {}),
    isStill: false,
    hop: { ...running, stepSeconds: {}, ...(isResumed ? { isResumed } : {}) },
  };
  const text = `${hop.id} begins: ${hop.from} to ${hop.to}`;
  return noted(begun, { actor: engineActor, event: 'hop.begun', text }, nowMs);
}

/** The rollback begins. A pause is lifted: going back must not wait for a second command. */
export function withRollBackBegun(state: UpgradeState, way: WayBack, nowMs: number): UpgradeState {
  const { id, from } = way.hop;
  const hop = { id, step: 'rollback', stepSinceMs: nowMs, startedAtMs: nowMs, stepSeconds: {} };
  const isKept = state.decision?.kind === 'roll-back' && state.decision.keepsData === true;
  const by = isKept ? 'by its old programs, on the same data' : `from snapshot ${way.snapshot.id}`;
  const text = `${id} is rolled back to ${from} ${by}`;
  const note = { actor: engineActor, event: 'rollback.begun', text };
  return noted({ ...state, hop, isStill: false }, note, nowMs);
}

/** The child of the hop has ended: nothing moves, and nobody below waits for an answer. */
export function withChildEnded(state: UpgradeState): UpgradeState {
  const { hop: _gone, ...rest } = state;
  return { ...rest, isStill: true, gates: [], outbox: [] };
}

/** Keeps what came of a hop; an outcome of the same hop is replaced. */
export function withOutcome(state: UpgradeState, outcome: HopOutcome, nowMs: number): UpgradeState {
  const hops = [...state.hops.filter((other) => other.hop !== outcome.hop), outcome];
  const text = `${outcome.hop} ended: ${outcome.outcome}`;
  const note = { actor: engineActor, event: `hop.${outcome.outcome}`, text };
  return noted({ ...state, hops }, note, nowMs);
}

/** What a child says of itself. */
export function withReport(state: UpgradeState, report: Report, nowMs: number): UpgradeState {
  switch (report.kind) {
    case 'step':
      return withStep(state, report);
    case 'snapshot':
      return withSnapshot(state, report.record, nowMs);
    case 'findings':
      return withFindings(state, report, nowMs);
    case 'paused':
      return withStillness(state, report.paused, nowMs);
    case 'gate':
      return withUnsettled(withGate(state, answerable(state, report), nowMs), report.gate);
    case 'note': {
      const { kind: _kind, restoreNote, ...note } = report;
      const kept = restoreNote === undefined ? state : { ...state, restoreNote };
      return noted(kept, { actor: engineActor, ...note }, nowMs);
    }
  }
}

/** Whether a hop of the plan replaces machines: no restore brings them back. */
export function replacesMachines({ plan }: UpgradeState, hop: HopId): boolean {
  const planned = plan?.hops.find(({ id }) => id === hop);
  return planned?.steps.some(replacesThem) ?? false;
}

function answerable(state: UpgradeState, open: OpenGate): OpenGate {
  const { gate } = open;
  if (gate.kind !== 'step' || !replacesMachines(state, gate.hop)) return open;
  return { ...open, gate: { ...gate, noWayBack: true } };
}

/** Remembers a member that failed, until it is seen as before. */
function withUnsettled(state: UpgradeState, gate: Gate): UpgradeState {
  const { hop } = state;
  if (gate.kind !== 'step' || hop === undefined || !isMemberStep(gate.step)) return state;
  // The look before the member is changed: it says nothing of what was done to it.
  if (gate.failure.code === 'members-unfit') return state;
  const others = (hop.unsettled ?? []).filter((label) => label !== gate.step);
  const unsettled = gate.asBefore === true ? others : [...others, gate.step];
  return { ...state, hop: { ...hop, unsettled } };
}

function withStep(
  state: UpgradeState,
  report: Extract<Report, { readonly kind: 'step' }>,
): UpgradeState {
  if (state.hop === undefined) return state;
  const { label, atMs, stepSeconds } = report;
  return { ...state, hop: { ...state.hop, step: label, stepSinceMs: atMs, stepSeconds } };
}

function withSnapshot(state: UpgradeState, record: SnapshotRecord, nowMs: number): UpgradeState {
  const hop = state.plan?.hops.find((one) => one.id === record.hop);
  if (hop === undefined) return state;
  const isOneWay = replacesMachines(state, hop.id);
  const what = isOneWay ? 'replaces machines and cannot be' : 'can be';
  const text = `snapshot ${record.id} is taken and verified; ${hop.id} ${what} rolled back`;
  const note = { actor: engineActor, event: 'snapshot.verified', text };
  if (isOneWay) return noted(state, note, nowMs);
  return noted({ ...state, wayBack: { hop, snapshot: record } }, note, nowMs);
}

function withFindings(
  state: UpgradeState,
  { hop, findings, more }: Extract<Report, { readonly kind: 'findings' }>,
  nowMs: number,
): UpgradeState {
  const seen = seenFindings(findings, nowMs, state.preflight);
  return { ...state, preflight: { hop, ...seen, more: seen.more + more } };
}

function withStillness(state: UpgradeState, isStill: boolean, nowMs: number): UpgradeState {
  if (state.paused === undefined || !isStill) return { ...state, isStill: false };
  const note = { actor: engineActor, event: 'upgrade.paused', text: 'nothing moves any more' };
  return noted({ ...state, isStill: true }, note, nowMs);
}

/** What the next run gets: everything, and nothing that belongs to children that are gone. */
export function toCarry(state: UpgradeState): UpgradeState {
  return { ...state, outbox: [] };
}
