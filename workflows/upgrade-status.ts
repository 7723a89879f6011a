// What upgradeCluster tells about itself: the answer of `status`, the page in the Temporal UI, the
// values of its search attributes. Pure in the state.

import type { Blocker } from '../domain/blockers';
import { limitSentence, withLimits } from '../domain/pool/pool-limits';
import { rungText } from '../domain/rollback/rungs';
import { type TimeLeft, timeLeft } from '../domain/status/progress-estimate';
import { findingSentence, gateSentence } from '../domain/status/sentences';
import { emulationSoakLabel } from '../domain/status/step-labels';
import { statusSentence } from '../domain/status/status-sentences';
import type { UpgradePhase, UpgradeStatus } from '../domain/status/progress';
import {
  dataKeptUntil,
  noWayBack,
  noWayBackText,
  wayBackEnd,
  wayBackEndText,
} from '../domain/status/way-back';
import { formatSeconds } from '../domain/durations';
import { untilText } from './acknowledging';
import { limitsStatus } from './set-pool';
import { cheapestWayBack } from './way-back';
import {
  doneCount,
  hopsLeft,
  replacesMachines,
  type UpgradeState,
  type WayBack,
} from './upgrade-state';

/** The most pressing thing first: an end, a pause, a person who is waited for, then the work. */
export function phaseOf(state: UpgradeState): UpgradePhase {
  if (state.result !== undefined) return 'ended';
  if (state.paused !== undefined) return state.isStill ? 'paused' : 'pausing';
  if (state.gates.some((open) => open.gate.kind !== 'approval')) return 'needs-operator';
  if (state.gates.length > 0) return 'waiting-for-approval';
  if (state.decision?.kind === 'roll-back') return 'rolling-back';
  if (state.plan === undefined) return 'planning';
  const { step } = state.hop ?? {};
  return step === 'soak' || step === emulationSoakLabel ? 'soaking' : 'upgrading';
}

/**
 * Answer of the query `status`. The sentence says no durations that grow: who reads it knows the
 * time. `nowMs` is for the estimate of what is left; without it there is none.
 */
export function statusOf(state: UpgradeState, nowMs?: number): UpgradeStatus {
  const facts = { ...factsOf(state), ...estimate(state, nowMs) };
  return { schema: 'ascent.status/v1', ...facts, sentence: statusSentence(facts) };
}

function estimate(
  { plan, hops, hop, decision, result, limits }: UpgradeState,
  nowMs: number | undefined,
): Partial<TimeLeft> {
  const isOver = result !== undefined || decision !== undefined;
  if (plan === undefined || nowMs === undefined || isOver) return {};
  const current = hop === undefined ? {} : { current: { ...hop, hop: hop.id } };
  return timeLeft({ plan: withLimits(plan, limits), hops, ...current, nowMs }) ?? {};
}

function factsOf(state: UpgradeState): Omit<UpgradeStatus, 'schema' | 'sentence'> {
  const { plan, journey, paused, lastFailure, result, wayBack } = state;
  const canRollBack = wayBack !== undefined && result === undefined;
  const limits = limitsStatus(state);
  return {
    cluster: state.spec.cluster,
    phase: phaseOf(state),
    ...(journey === undefined ? {} : { from: journey.from }),
    ...(plan === undefined ? {} : { to: plan.to, planDigest: plan.digest }),
    ...hopFacts(state),
    gates: state.gates.map((open) => open.gate),
    ...(paused === undefined ? {} : { paused }),
    ...(lastFailure === undefined ? {} : { lastFailure }),
    ...(limits.length === 0 ? {} : { limits }),
    ...findingFacts(state),
    hops: state.hops,
    startedAtMs: state.startedAtMs,
    ...(canRollBack ? { rollBackTo: rollBackFacts(state, wayBack) } : {}),
    ...closedFacts(state),
    ...(result === undefined ? {} : { result }),
  };
}

/** Nothing where nothing was found, and nobody answers for anything. */
function findingFacts({
  preflight,
  acknowledgements = [],
}: UpgradeState): Pick<UpgradeStatus, 'preflight' | 'acknowledgements'> {
  const { findings = [], gone = [] } = preflight ?? {};
  const isTold = preflight !== undefined && findings.length + gone.length > 0;
  return {
    ...(isTold ? { preflight } : {}),
    ...(acknowledgements.length === 0 ? {} : { acknowledgements }),
  };
}

function rollBackFacts(
  state: UpgradeState,
  { hop, snapshot }: WayBack,
): NonNullable<UpgradeStatus['rollBackTo']> {
  const { id, takenAt, revision } = snapshot;
  const later = hopsLeft(state).filter((one) => one.id !== hop.id);
  const current = state.hop === undefined ? {} : { current: state.hop };
  // A rollback that was asked for is not taken back by anything.
  const isDecided = state.decision !== undefined;
  const cheapest = { cheapest: cheapestWayBack(state, { hop, snapshot }) };
  const keptUntilMs = dataKeptUntil(hop, state.hop);
  const kept = keptUntilMs === undefined ? {} : { dataKeptUntilMs: keptUntilMs };
  return {
    hop: hop.id,
    at: hop.from,
    snapshot: { id, takenAt, revision },
    ...(isDecided ? {} : { until: wayBackEnd({ hop, later, ...current }), ...cheapest, ...kept }),
  };
}

function closedFacts(state: UpgradeState): Pick<UpgradeStatus, 'noWayBack'> {
  const { hop, hops, result, wayBack } = state;
  const isOpen = wayBack !== undefined && result === undefined;
  const begunMs = hops.some((done) => done.hop === hop?.id) ? undefined : hop?.startedAtMs;
  const begun = hop === undefined || hops.some((one) => one.hop === hop.id) ? [] : [hop];
  const running = begun.map(({ id, startedAtMs }) => ({ hop: id, startedAtMs }));
  const replacing = [...hops, ...running].filter((one) => replacesMachines(state, one.hop));
  const closed = noWayBack({
    hops,
    replacing,
    hasEnded: result !== undefined,
    ...(isOpen ? { open: wayBack.hop.id } : {}),
    ...(begunMs === undefined ? {} : { begunMs }),
  });
  return closed.length === 0 ? {} : { noWayBack: closed };
}

function hopFacts(state: UpgradeState): Pick<UpgradeStatus, 'hop'> {
  const { hop, journey, plan } = state;
  if (hop === undefined || journey === undefined || plan === undefined) return {};
  const { id, step, stepSinceMs } = hop;
  const left = hopsLeft(state).findIndex((one) => one.id === id);
  // A rolled-back hop may be completed already; it is the last one that is.
  const position = left < 0 ? journey.hopCount - hopsLeft(state).length : doneCount(state) + 1;
  return { hop: { id, position, count: journey.hopCount, step, stepSinceMs } };
}

/** Answer of the query `blockers`. */
export function blockersOf(state: UpgradeState): readonly Blocker[] {
  if (state.refusal?.code === 'blocked') return state.refusal.blockers;
  return state.gates.flatMap(({ gate }) => (gate.kind === 'node' ? gate.blockers : []));
}

/** Markdown for the Temporal UI: the sentence, what waits for a person, and what was done. */
export function detailsOf(state: UpgradeState): string {
  const status = statusOf(state);
  const gates = status.gates.map((gate) => `- ${gateSentence(gate)}`);
  const findings = status.gates.flatMap((gate) =>
    gate.kind === 'step'
      ? gate.findings.map((one) => `- ${one.severity}: ${findingSentence(one)}`)
      : [],
  );
  const limits = (status.limits ?? []).map((limit) => `- ${limitSentence(limit)}`);
  const acknowledged = (status.acknowledgements ?? []).map(
    (one) => `- ${one.finding}: by ${one.by} ${untilText(one)} (${one.reason})`,
  );
  const { cluster, target } = state.spec;
  return [
    // The summary of the workflow is lost when it continues as new, between hops.
    `**Upgrade of ${cluster} to ${target}**`,
    '',
    status.sentence,
    ...section('Waits for an answer', gates),
    ...section('Findings', findings),
    ...section('Changed limits', limits),
    ...section('Acknowledged', acknowledged),
    ...section('Way back', wayBackLines(status)),
    ...section('Hops', hopTable(state)),
    // The frame of the Temporal UI cuts the last line in half.
    '',
    '&nbsp;',
  ].join('\n');
}

function wayBackLines({ rollBackTo, noWayBack: closed = [] }: UpgradeStatus): readonly string[] {
  const open =
    rollBackTo?.until === undefined
      ? []
      : [`- ${rollBackTo.hop} can be rolled back ${wayBackEndText(rollBackTo.until)}`];
  const cheapest = rollBackTo?.cheapest === undefined ? [] : [`- ${rungText(rollBackTo.cheapest)}`];
  return [...open, ...cheapest, ...closed.map((one) => `- ${noWayBackText(one)}`)];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `### ${title}`, '', ...lines];
}

function hopTable(state: UpgradeState): readonly string[] {
  const done = state.hops.map((hop) => {
    const took = formatSeconds(Math.round((hop.endedAtMs - hop.startedAtMs) / 1_000));
    return `| ${hop.hop} | ${hop.from} → ${hop.to} | ${hop.outcome}, ${took} |`;
  });
  const listed = new Set(state.hops.map((hop) => hop.hop));
  const left = hopsLeft(state).filter((hop) => !listed.has(hop.id));
  const open = left.map((hop) => {
    const stand = hop.id === state.hop?.id ? state.hop.step : 'to do';
    return `| ${hop.id} | ${hop.from} → ${hop.to} | ${stand} |`;
  });
  const rows = [...done, ...open];
  return rows.length === 0 ? [] : ['| hop | versions | stand |', '| --- | --- | --- |', ...rows];
}

/** Values of the search attributes; null takes one away. */
export function attributesOf(state: UpgradeState): {
  readonly from: string | null;
  readonly to: string;
  readonly phase: UpgradePhase;
  readonly waitingFor: string | null;
} {
  return {
    from: state.journey?.from ?? null,
    to: state.plan?.to ?? state.spec.target,
    phase: phaseOf(state),
    waitingFor: state.gates[0]?.gate.id ?? null,
  };
}
