// The two commands by which a person answers for a finding, and takes that back: what speaks
// against them, and what becomes of the state. Pure, like the rest of the desk.
// What an acknowledgement counts for is in domain/preflight/judgement.ts.

import {
  type Acknowledgement,
  longestAcknowledgementMs,
  withAcknowledgement,
  withoutAcknowledgement,
} from '../domain/findings/acknowledgement';
import { formatDuration } from '../domain/durations';
import type { FindingKey, GateId } from '../domain/names';
import { whyNeverAcknowledged } from '../domain/preflight/acknowledgeable';
import type { Finding } from '../domain/preflight/findings';
import { codeOfKey, evidenceDigest, findingKey } from '../domain/preflight/identity';
import { isBlocking, judged } from '../domain/preflight/judgement';
import { findingNow } from '../domain/status/gates';
import type {
  AcknowledgeRequest,
  Command,
  CommandRefusal,
  RevokeRequest,
} from '../domain/status/control';
import { type OpenGate, type UpgradeState, withoutGate } from './upgrade-state';

/** What is wrong with it besides the texts that requests have in common. */
export function acknowledgeProblems(
  { untilMs, reason }: Partial<AcknowledgeRequest>,
  nowMs: number,
): readonly string[] {
  const why = reason === '' ? ['reason must not be empty'] : [];
  if (typeof untilMs !== 'number' || !Number.isFinite(untilMs)) {
    return [...why, 'untilMs must be a time'];
  }
  if (untilMs <= nowMs) return [...why, 'untilMs must be in the future'];
  if (untilMs <= nowMs + longestAcknowledgementMs) return why;
  return [...why, `untilMs is more than ${formatDuration(longestAcknowledgementMs)} ahead`];
}

export type FindingCommand = Extract<
  Command,
  { readonly name: 'acknowledge' | 'revokeAcknowledgement' }
>;

export function isAboutFinding(command: Command): command is FindingCommand {
  return command.name === 'acknowledge' || command.name === 'revokeAcknowledgement';
}

export function findingRefusal(
  state: UpgradeState,
  { name, request }: FindingCommand,
): CommandRefusal | undefined {
  return name === 'acknowledge'
    ? acknowledgeRefusal(state, request)
    : revokeRefusal(state, request);
}

function acknowledgeRefusal(
  state: UpgradeState,
  { finding, digest: given }: AcknowledgeRequest,
): CommandRefusal | undefined {
  const code = codeOfKey(finding);
  if (code === undefined) return { code: 'finding-unknown', finding };
  const found = foundNow(state, finding);
  // What does not block now stops nothing; should it block later, the answer is void.
  const stops = found === undefined || found.severity === 'blocks';
  const why = stops ? whyNeverAcknowledged(code) : undefined;
  if (why !== undefined) return { code: 'finding-not-acknowledgeable', finding, why };
  const current = found === undefined ? undefined : evidenceDigest(found);
  if (current === undefined || current === given) return undefined;
  return { code: 'finding-changed', finding, given, current };
}

/** As the last preflight, or the gate that waits, has it. */
function foundNow({ gates, preflight }: UpgradeState, key: FindingKey): Finding | undefined {
  const open = gates.map(({ gate }) => gate);
  return findingNow({ gates: open, seen: preflight?.findings ?? [] }, key);
}

function revokeRefusal(
  { acknowledgements = [] }: UpgradeState,
  { finding }: RevokeRequest,
): CommandRefusal | undefined {
  const known = acknowledgements.map((one) => one.finding);
  return known.includes(finding) ? undefined : { code: 'acknowledgement-unknown', finding, known };
}

interface Done {
  readonly state: UpgradeState;
  readonly effect: string;
  /** The gate that it has answered. */
  readonly gate?: GateId;
}

/** `until 2026-12-01T00:00:00.000Z`. */
export function untilText({ untilMs }: Pick<AcknowledgeRequest, 'untilMs'>): string {
  return `until ${new Date(untilMs).toISOString()}`;
}

/** The end of the sentence `grace asked to …`. */
export function findingWords({ name, request }: FindingCommand): string {
  return name === 'acknowledge'
    ? `acknowledge ${request.finding} ${untilText(request)}`
    : `revoke the acknowledgement of ${request.finding}`;
}

export function answerForFinding(
  state: UpgradeState,
  { name, request }: FindingCommand,
  nowMs: number,
): Done {
  return name === 'acknowledge'
    ? acknowledge(state, request, nowMs)
    : revoke(state, request, nowMs);
}

function acknowledge(
  state: UpgradeState,
  { finding, digest, untilMs, actor: by, reason }: AcknowledgeRequest,
  nowMs: number,
): Done {
  const one: Acknowledgement = { finding, digest, by, reason, sinceMs: nowMs, untilMs };
  const acknowledgements = withAcknowledgement(state.acknowledgements ?? [], one);
  const next = withAnswers(state, acknowledgements, nowMs);
  const settled = state.gates.find((open) => isSettled(open, finding, acknowledgements, nowMs));
  if (settled !== undefined) return retried(next, settled);
  const waits = state.gates.find((open) => blocksAt(open, finding));
  if (waits !== undefined) {
    return {
      state: next,
      effect: `${finding} blocks no more; other findings of the step still do`,
    };
  }
  const isFound = foundNow(state, finding) !== undefined;
  const seen = isFound ? '' : ', which no preflight of this upgrade has found so far';
  return { state: next, effect: `${finding} blocks no hop ${untilText({ untilMs })}${seen}` };
}

function blocksAt({ gate }: OpenGate, finding: FindingKey): boolean {
  if (gate.kind !== 'step') return false;
  return gate.findings.some((one) => one.severity === 'blocks' && findingKey(one) === finding);
}

/** Nothing of what stopped the step blocks it any more, and this finding was among it. */
function isSettled(
  open: OpenGate,
  finding: FindingKey,
  acknowledgements: readonly Acknowledgement[],
  nowMs: number,
): boolean {
  const { gate } = open;
  if (gate.kind !== 'step' || !blocksAt(open, finding)) return false;
  return !judged(gate.findings, acknowledgements, nowMs).some(isBlocking);
}

/** As an approval of the gate would have it: the step looks again, at what is there then. */
function retried(state: UpgradeState, { gate, workflowId }: OpenGate): Done {
  const next = withoutGate(state, gate.id);
  const later = state.paused === undefined ? '' : ' once the upgrade is resumed';
  const step = gate.kind === 'step' ? gate.step : gate.id;
  const effect = `nothing blocks any more: step ${step} of ${gate.hop} is tried again${later}`;
  if (workflowId === undefined) return { state: next, effect, gate: gate.id };
  const delivery = { kind: 'retry-step', workflowId, gate: gate.id } as const;
  return { state: { ...next, outbox: [...next.outbox, delivery] }, effect, gate: gate.id };
}

/** What has begun goes on: it counts again when a preflight, or a gate of members, looks next. */
function revoke(state: UpgradeState, { finding }: RevokeRequest, nowMs: number): Done {
  const acknowledgements = withoutAcknowledgement(state.acknowledgements ?? [], finding);
  const effect = `${finding} counts again from the next look at it on`;
  return { state: withAnswers(state, acknowledgements, nowMs), effect };
}

/** Gates that are open tell their findings with where each stands. */
function withAnswers(
  state: UpgradeState,
  acknowledgements: readonly Acknowledgement[],
  nowMs: number,
): UpgradeState {
  const gates = state.gates.map((open): OpenGate => {
    const { gate } = open;
    if (gate.kind !== 'step') return open;
    return { ...open, gate: { ...gate, findings: judged(gate.findings, acknowledgements, nowMs) } };
  });
  return { ...state, acknowledgements, gates };
}
