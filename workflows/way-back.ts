// The way back as the state of the upgrade knows it: how much it takes now, and what the policy of
// the spec makes of a step that failed. Pure in the state.

import { mayGoBack } from '../domain/rollback/automatic';
import { leavableEmulation } from '../domain/plan/emulation';
import type { RollBackTarget } from '../domain/rollback/report';
import { cheapestRung, type RungChoice, type RungFacts } from '../domain/rollback/rungs';
import { engineActor } from './audit-trail';
import type { Report } from './family-messages';
import {
  type Decision,
  noted,
  type OpenGate,
  type UpgradeState,
  type WayBack,
} from './upgrade-state';

/** The cheapest way back from the hop that can be undone. */
export function cheapestWayBack(state: UpgradeState, way: WayBack): RungChoice {
  const running = state.hop?.id === way.hop.id ? state.hop : undefined;
  const isTwoStep = leavableEmulation(way.hop) !== undefined;
  if (running === undefined) return cheapestRung({ ...factsOfEnded(state, way), isTwoStep });
  const { step: current, stepSeconds, unsettled = [], isResumed: isLost = false } = running;
  const gate = state.gates.map((open) => open.gate).find(({ kind }) => kind === 'step');
  const failure = gate?.kind === 'step' ? { failure: gate.failure.code } : {};
  const done = Object.keys(stepSeconds);
  return cheapestRung({ done, current, ...failure, unsettled, isLost, isTwoStep });
}

/** What a decision to roll back says of the data, as things stand. */
export function keptBy({ keepsData }: RungChoice): Pick<RungChoice, 'keepsData'> {
  return keepsData === undefined ? {} : { keepsData };
}

/** What a rollback now would return to; undefined while none can begin. */
export function rollBackTarget(state: UpgradeState): RollBackTarget | undefined {
  const { wayBack, result, decision, setAside } = state;
  if (wayBack === undefined || result !== undefined || decision !== undefined) return undefined;
  const { hop, snapshot } = wayBack;
  const taken = hop.steps.flatMap((step) => (step.kind === 'pool' ? step.nodes : []));
  const takes = taken.filter(({ name }) => !setAside.includes(name));
  return {
    hop: hop.id,
    at: hop.from,
    snapshotId: snapshot.id,
    takes: takes.map(({ name, from }) => ({ name, from })),
    cheapest: cheapestWayBack(state, wayBack),
  };
}

/** A hop that is not completed and does not run has lost its workflow. */
function factsOfEnded({ hops }: UpgradeState, { hop }: WayBack): RungFacts {
  const ended = hops.find((one) => one.hop === hop.id);
  const isLost = ended?.outcome !== 'completed';
  return { done: Object.keys(ended?.stepSeconds ?? {}), unsettled: [], isLost };
}

/**
 * What the spec's policy makes of a gate: nothing, a proposal, or a decision as a person would make
 * it. While somebody has paused the upgrade, it is theirs.
 */
export function withPolicy(state: UpgradeState, report: Report, nowMs: number): UpgradeState {
  if (report.kind !== 'gate') return state;
  const { kind: _kind, ...open } = report;
  const { gate } = open;
  const { decision, spec, wayBack } = state;
  const policy = spec.rollBack ?? 'never';
  if (policy === 'never' || gate.kind !== 'step') return state;
  if (decision !== undefined || wayBack?.hop.id !== gate.hop) return state;
  const cheapest = cheapestWayBack(state, wayBack);
  if (!mayGoBack(gate.failure.code, cheapest)) return state;
  if (policy === 'ask' || state.paused !== undefined) {
    const proposing: OpenGate = { ...open, gate: { ...gate, proposes: 'rollBack' } };
    const others = state.gates.filter((other) => other.gate.id !== gate.id);
    return { ...state, gates: [...others, proposing] };
  }
  const reason = `the policy of the spec: ${gate.failure.message}`;
  const text = `${gate.hop} is rolled back by ${reason}`;
  const note = { actor: engineActor, event: 'rollback.automatic', text };
  const by = { actor: engineActor, reason, ...keptBy(cheapest) };
  const next: Decision = { kind: 'roll-back', way: wayBack, ...by };
  return { ...noted(state, note, nowMs), gates: [], outbox: [], decision: next };
}
