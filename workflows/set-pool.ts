// The command that changes how many nodes of a pool may be out of service at once: what speaks
// against it, what becomes of the state, and where it stands. Pure, like the rest of the desk.
// The rule itself is L1 of domain/pool/pool-limits.ts.

import { count } from '../domain/counts';
import type { CommandRefusal, SetPoolRequest } from '../domain/status/control';
import type { PoolName } from '../domain/names';
import type { Hop, PoolStep } from '../domain/plan/plan';
import {
  isSameLimit,
  limitOf,
  maxUnavailableProblem,
  type PoolLimit,
  type PoolLimitStatus,
} from '../domain/pool/pool-limits';
import { refusalSentence } from '../domain/status/sentences';
import type { MaxUnavailable } from '../domain/spec';
import { stepLabel } from '../domain/status/step-labels';
import { hopsLeft, type UpgradeState } from './upgrade-state';

/**
 * What is wrong with the request besides the texts that it has in common with others; `problems`
 * are theirs. A pool that does not exist is told here only when there is something else.
 */
export function setPoolProblems(
  state: UpgradeState,
  request: SetPoolRequest,
  problems: readonly string[],
): readonly string[] {
  const limit = maxUnavailableProblem((request as Partial<SetPoolRequest>).maxUnavailable);
  const all = [...problems, ...(limit === undefined ? [] : [`maxUnavailable: ${limit}`])];
  const isNamed = typeof request.pool === 'string' && !all.some((one) => one.startsWith('pool '));
  const unknown = all.length > 0 && isNamed ? poolRefusal(state, request) : undefined;
  return unknown === undefined ? all : [...all, refusalSentence(unknown)];
}

/** Why the pool cannot be told anything; undefined when it can. */
export function poolRefusal(
  { spec }: UpgradeState,
  { pool }: Pick<SetPoolRequest, 'pool'>,
): CommandRefusal | undefined {
  const pools = spec.pools.map(({ name }) => name);
  return pools.includes(pool) ? undefined : { code: 'pool-unknown', pool, pools };
}

/** What holds for the pool now, as it was asked for. */
export function limitAsked(state: UpgradeState, pool: PoolName): MaxUnavailable | undefined {
  const changed = state.limits?.find((limit) => limit.pool === pool);
  return changed?.asked ?? plannedLimit(state, pool);
}

function plannedLimit({ spec }: UpgradeState, pool: PoolName): MaxUnavailable | undefined {
  return spec.pools.find(({ name }) => name === pool)?.maxUnavailable;
}

/** `isNews`: false when the same holds already. */
export function setPool(
  state: UpgradeState,
  request: SetPoolRequest,
  nowMs: number,
): { readonly state: UpgradeState; readonly effect: string; readonly isNews: boolean } {
  const { pool, maxUnavailable: asked, actor: by, reason } = request;
  const before = limitAsked(state, pool);
  if (before !== undefined && isSameLimit(before, asked)) {
    const effect = `maxUnavailable of pool ${pool} is ${before} already; nothing changes`;
    return { state, effect, isNews: false };
  }
  const others = (state.limits ?? []).filter((limit) => limit.pool !== pool);
  const planned = plannedLimit(state, pool);
  const isAsPlanned = planned !== undefined && isSameLimit(planned, asked);
  const limit: PoolLimit = { pool, asked, by, reason, sinceMs: nowMs };
  const next = { ...state, limits: isAsPlanned ? others : [...others, limit] };
  return { state: next, effect: effectOf(state, next, pool), isNews: true };
}

/** Where the upgrade stands with a pool. */
type Standing =
  | { readonly kind: 'running'; readonly hop: Hop; readonly step: PoolStep }
  /** `doneIn`: the hop that runs, when it is done with the pool. */
  | {
      readonly kind: 'ahead';
      readonly hop: Hop;
      readonly step: PoolStep;
      readonly doneIn: Hop | undefined;
    }
  | { readonly kind: 'behind'; readonly doneIn: Hop | undefined };

/** The hop that takes the pool now or next. */
function standingOf(state: UpgradeState, pool: PoolName): Standing {
  const current = currentHop(state);
  const now = current === undefined ? undefined : standingIn(state, current, pool);
  if (now !== undefined && now.kind !== 'behind') return now;
  const doneIn = now === undefined ? undefined : current;
  for (const hop of laterHops(state)) {
    const step = poolStepOf(hop, pool);
    if (step !== undefined) return { kind: 'ahead', hop, step, doneIn };
  }
  return { kind: 'behind', doneIn };
}

/** The hop that runs or is rolled back, the latter also before that has begun. */
function currentHop({ decision, plan, hop }: UpgradeState): Hop | undefined {
  if (decision?.kind === 'roll-back') return decision.way.hop;
  return plan?.hops.find(({ id }) => id === hop?.id);
}

/** None once it is decided that no further hop begins. */
function laterHops(state: UpgradeState): readonly Hop[] {
  if (state.decision !== undefined) return [];
  return hopsLeft(state).filter(({ id }) => id !== state.hop?.id);
}

/** Undefined when this hop does not take the pool. */
function standingIn(state: UpgradeState, hop: Hop, pool: PoolName): Standing | undefined {
  const step = poolStepOf(hop, pool);
  if (step === undefined) return undefined;
  const labels = [stepLabel(step), `rollback ${stepLabel(step)}`];
  const { step: label = '', stepSeconds = {} } = state.hop ?? {};
  if (labels.includes(label)) return { kind: 'running', hop, step };
  const isDone = labels.some((one) => stepSeconds[one] !== undefined);
  return isDone ? { kind: 'behind', doneIn: hop } : { kind: 'ahead', hop, step, doneIn: undefined };
}

function poolStepOf({ steps }: Hop, pool: PoolName): PoolStep | undefined {
  return steps.find((step): step is PoolStep => step.kind === 'pool' && step.pool === pool);
}

function effectOf(before: UpgradeState, after: UpgradeState, pool: PoolName): string {
  const standing = standingOf(after, pool);
  if (standing.kind === 'behind') {
    const asked = limitAsked(after, pool);
    const rest = `only a rollback or a changed plan would take it again, by ${asked}`;
    const { doneIn } = standing;
    return doneIn === undefined
      ? `no hop that is left takes pool ${pool}; ${rest}`
      : `pool ${pool} is done in ${doneIn.id}, and no later hop takes it; ${rest}`;
  }
  const { hop, step } = standing;
  const [was, now] = [limitOf(step, before.limits), limitOf(step, after.limits)];
  const compared = now === was ? 'as before' : `not ${was}`;
  const atMost = `at most ${count(now, 'node')} at once, ${compared}`;
  if (standing.kind === 'ahead') {
    const { doneIn } = standing;
    const done = doneIn === undefined ? '' : `pool ${pool} is done in ${doneIn.id}; `;
    const what = after.decision === undefined ? hop.id : `the rollback of ${hop.id}`;
    return `${done}${what} takes pool ${pool} with ${atMost}`;
  }
  const slower = now < was ? '; nodes in work go on' : '';
  return `pool ${pool} goes on with ${atMost}${slower}${untilWhen(after, pool)}`;
}

/** What keeps further nodes of a running pool from beginning, whatever its limit (P3). */
function untilWhen({ paused, gates }: UpgradeState, pool: PoolName): string {
  const held = gates.flatMap(({ gate }) =>
    gate.kind === 'node' && gate.pool === pool ? [gate.id] : [],
  );
  const until = [
    ...(paused === undefined ? [] : ['the upgrade is resumed']),
    ...held.map((id) => `${id} is answered`),
  ];
  return until.length === 0 ? '' : `; none begins until ${until.join(' and ')}`;
}

/** Every changed limit with the counts of the hop that takes its pool now or next. */
export function limitsStatus(state: UpgradeState): readonly PoolLimitStatus[] {
  const { limits = [] } = state;
  return limits.map((limit) => {
    const standing = standingOf(state, limit.pool);
    if (standing.kind === 'behind') return limit;
    const { step } = standing;
    return { ...limit, maxUnavailable: limitOf(step, limits), planned: step.maxUnavailable };
  });
}
