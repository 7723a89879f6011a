// Asks the Eviction API for the pods of a drain, and tells the ledger what it said.
// V1. The Eviction API decides. A watched budget only says when it is of use to ask.
// V2. Budgets do not guard every pod alike (pods that are not Ready, unhealthyPodEvictionPolicy; a
//     budget that nobody has looked at; two of them): then the Eviction API is asked at once.

import type { DrainInput } from '../../domain/activity-contract';
import { budgetKey } from '../../domain/drain/budget-explanation';
import type { ActivityDependencies, ActivityRun } from '../activity-run';
import { forEachAtOnce } from '../at-once';
import type { DrainExplanations } from './drain-explanations';
import type { DrainForce } from './drain-force';
import type { DrainLedger } from './drain-ledger';
import type { DrainSurges } from './drain-surges';
import type { DepartureOrder, DrainVolumes } from './drain-volumes';
import { terminalFailure } from '../failure-mapping';
import {
  type BudgetView,
  type EvictionAnswer,
  type NodeFollower,
  type PodView,
  PortError,
} from '../ports';

/** Evictions of one node asked for at the same time. */
const evictionsAtOnce = 10;

/** A drain that is under way. */
export interface Drain {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: DrainInput;
  readonly ledger: DrainLedger;
  readonly follower: NodeFollower;
  readonly explanations: DrainExplanations;
  readonly force: DrainForce;
  readonly volumes: DrainVolumes;
  readonly surges: DrainSurges;
  readonly deadlineMs: number;
}

/**
 * Asks for the evictions of pods that are due, a few at a time, until the deadline or a final
 * answer.
 * Throws `credentials-refused`, and what concerns every pod.
 */
export async function evict(drain: Drain, { free, inTurn }: DepartureOrder): Promise<void> {
  const { deps, run, deadlineMs } = drain;
  const { clock } = deps.ports;
  const asked = new Set(withinBudgets(drain, [...free, ...inTurn]));
  const alone = free.filter((pod) => asked.has(pod)).map((pod) => [pod]);
  const one = inTurn.filter((pod) => asked.has(pod));
  // Evictions under way are let finish and counted before the first failure is told.
  await forEachAtOnce([one, ...alone], evictionsAtOnce, async (pods) => {
    for (const pod of pods) {
      if (run.signal.aborted || clock.nowMs() >= deadlineMs) return;
      if (mayHaveLeft(await evictOne(drain, pod))) return;
    }
  });
}

/** Of each budget only as many of its pods as it allows, where that is known (V1). */
function withinBudgets(
  { deps, ledger, follower }: Drain,
  due: readonly PodView[],
): readonly PodView[] {
  const nowMs = deps.ports.clock.nowMs();
  const taken = new Map<string, number>();
  return due.filter((pod) => {
    const budget = guardOf(pod, follower.budgetsOf(pod));
    if (budget === undefined) return true;
    const key = budgetKey(budget.budget);
    const before = taken.get(key) ?? 0;
    const isAsked = before < budget.disruptionsAllowed || ledger.keep(pod, budget, nowMs);
    if (isAsked) taken.set(key, before + 1);
    return isAsked;
  });
}

/** The budget that decides about the pod, if it is known which; V2. */
function guardOf(pod: PodView, budgets: readonly BudgetView[] = []): BudgetView | undefined {
  const [budget, second] = budgets;
  const isGuarded = pod.phase === 'Running' && pod.ready;
  if (budget === undefined || second !== undefined || !isGuarded) return undefined;
  return budget.observed && !budget.syncFailed ? budget : undefined;
}

/** Also when the answer was lost, or somebody else was quicker: the next look tells. */
function mayHaveLeft({ kind }: EvictionAnswer): boolean {
  return kind === 'evicted' || kind === 'gone' || kind === 'replaced' || kind === 'failed';
}

async function evictOne(drain: Drain, pod: PodView): Promise<EvictionAnswer> {
  const { deps, ledger, follower, volumes } = drain;
  const answer = await askForEviction(drain, pod);
  ledger.note(pod, answer, deps.ports.clock.nowMs(), follower.isOpen());
  if (isRefusedForGood(answer)) throw evictionForbidden(drain, pod, answer.message);
  if (answer.kind === 'evicted') volumes.noteEvicted(pod);
  return answer;
}

/**
 * One eviction. What fails for one pod only (a webhook, a connection) is an answer to wait on; when
 * the API is away altogether, the next look at the node fails. Credentials concern every pod.
 */
async function askForEviction({ deps, run, input }: Drain, pod: PodView): Promise<EvictionAnswer> {
  try {
    return await deps.ports.kube.evict(pod, input.policy.gracePeriodSeconds, run.signal);
  } catch (error) {
    if (!(error instanceof PortError) || run.signal.aborted) throw error;
    const kind = evictionAnswers[error.code];
    if (kind === 'thrown') throw error;
    return kind === 'failed' ? { kind, message: error.message } : { kind };
  }
}

const evictionAnswers: Readonly<
  Record<PortError['code'], 'thrown' | 'gone' | 'replaced' | 'failed'>
> = {
  unauthorized: 'thrown',
  forbidden: 'thrown',
  'not-found': 'gone',
  conflict: 'replaced',
  unreachable: 'failed',
  timeout: 'failed',
  rejected: 'failed',
  full: 'failed',
  unexpected: 'failed',
};

/** A budget that cannot be reckoned with may be mended; rights of the worker are another matter. */
function isRefusedForGood(
  answer: EvictionAnswer,
): answer is Extract<EvictionAnswer, { kind: 'forbidden' }> {
  return answer.kind === 'forbidden' && answer.by !== 'budget';
}

function evictionForbidden({ input, ledger }: Drain, pod: PodView, message: string): Error {
  const { namespace, name } = pod.ref;
  return terminalFailure({
    code: 'credentials-refused',
    message: `draining node ${input.node}: may not evict pod ${namespace}/${name}: ${message}`,
    details: { progress: ledger.progress() },
  });
}
