// What a drain remembers: what it evicted, what was refused since when, and when to ask again.
// Pure bookkeeping; drain.ts asks the cluster and tells the ledger what it saw.
// L1. A pod is counted once. Pods that the last heartbeat of a dead worker named as still to be
//     evicted, and that are leaving or gone when its successor looks, were evicted by it.
// L2. A refusal keeps the time of its first occurrence as long as the pod stays, also across
//     attempts.
// L3. A pod that its budget keeps, as a watch tells, is not asked for but now and then: what the
//     Eviction API says is what counts.
// L4. A budget is explained once, however many pods it keeps: heartbeats are small.

import type { DrainProgress } from '../../domain/activity-contract';
import type { DrainBlocker } from '../../domain/blockers';
import { type BudgetExplanation, budgetKey } from '../../domain/drain/budget-explanation';
import type { DrainVerdicts } from '../../domain/drain/drain-verdicts';
import type { ForcedPod } from '../../domain/drain/force';
import type { BudgetRef, PodRef } from '../../domain/names';
import type { LadderStand } from '../../domain/drain/surge';
import { type LeftNode, terminatingBlocker } from '../../domain/drain/stuck-terminating';
import { keptDelayMs, type Refused, retryDelayMs } from './drain-retries';
import type { BudgetView, EvictionAnswer, PodView } from '../ports';

/** A pod that may leave, and the budget that keeps it. */
export interface KeptPod {
  readonly pod: PodView;
  readonly budget: BudgetRef;
}

/** Heartbeat details of drainNode: the progress, and what L1 needs. */
export interface DrainCheckpoint extends DrainProgress {
  /** UIDs of the pods that were to be evicted and had not been. */
  readonly toEvict: readonly string[];
}

interface Refusal {
  readonly blocker: DrainBlocker;
  readonly tries: number;
  /** Not asked for before; as long as `keptUntilMs` says so, only when its budget allows. */
  readonly notBeforeMs: number;
  readonly keptUntilMs?: number;
}

/** A pod that was evicted says so itself by then, or is asked for again. */
const evictedSettleMs = 2_000;

function podKey(pod: PodRef): string {
  return `${pod.namespace}/${pod.name}`;
}

function isStringArray(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** The checkpoint in heartbeat details; undefined when there is none that can be trusted. */
export function readDrainCheckpoint(details: unknown): DrainCheckpoint | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const given = details as Partial<DrainCheckpoint>;
  const numbers = [given.evicted, given.refusals, given.remaining, given.startedAtMs];
  if (!numbers.every((value) => Number.isFinite(value))) return undefined;
  if (!Array.isArray(given.blockers)) return undefined;
  return {
    ...(given as DrainCheckpoint),
    toEvict: isStringArray(given.toEvict) ? given.toEvict : [],
    forced: Array.isArray(given.forced) ? given.forced : [],
  };
}

export class DrainLedger {
  readonly startedAtMs: number;
  private evicted: number;
  private refusals: number;
  private readonly evictedAtMs = new Map<string, number>();
  /** Of the attempt before; settled at the first look. */
  private inherited: readonly string[];
  private readonly inheritedSinceMs: ReadonlyMap<string, number>;
  private readonly refused = new Map<string, Refusal>();
  private toEvict: readonly PodView[] = [];
  private later: readonly PodView[] = [];
  private leaving: readonly PodView[] = [];
  private readonly awaited = new Map<string, DrainBlocker>();
  /** By budgetKey. */
  private explanations: ReadonlyMap<string, BudgetExplanation> = new Map();
  private forced: readonly ForcedPod[] = [];
  private failingForce: readonly DrainBlocker[] = [];
  /** Of what keeps the drain besides pods. */
  private others: readonly DrainBlocker[] = [];
  /** By budgetKey, and what became of surges. */
  private stands: ReadonlyMap<string, LadderStand> = new Map();
  private undone: readonly DrainBlocker[] = [];
  private lastLookMs: number;
  private node: LeftNode | undefined;
  private toldAs = '';
  private tellsAllLeaving = false;

  /** Goes on from `checkpoint`, or begins at `nowMs`. */
  constructor(checkpoint: DrainCheckpoint | undefined, nowMs: number) {
    this.startedAtMs = checkpoint?.startedAtMs ?? nowMs;
    this.evicted = checkpoint?.evicted ?? 0;
    this.refusals = checkpoint?.refusals ?? 0;
    this.inherited = checkpoint?.toEvict ?? [];
    const blockers = checkpoint?.blockers ?? [];
    this.inheritedSinceMs = new Map(blockers.map((one) => [podKey(one.pod), one.sinceMs]));
    this.lastLookMs = nowMs;
  }

  /** Takes over what a person's force has come to. */
  tellForce(forced: readonly ForcedPod[], failing: readonly DrainBlocker[]): void {
    this.forced = forced;
    this.failingForce = failing;
  }

  /** Takes over what is on the node now; `node`: undefined when nobody has told. */
  look(seen: DrainVerdicts<PodView>, nowMs: number, node: LeftNode | undefined): void {
    const { evict, later, wait, skip } = seen;
    this.toEvict = evict;
    this.later = later;
    this.lastLookMs = nowMs;
    this.node = node;
    this.awaitThose(wait, nowMs);
    const toLeave = new Set([...evict, ...later].map((pod) => pod.uid));
    const staying = new Set([...toLeave, ...this.awaited.keys(), ...skip.map((pod) => pod.uid)]);
    this.evicted += this.inherited.filter((uid) => !staying.has(uid)).length;
    this.inherited = [];
    for (const uid of this.refused.keys()) {
      if (!toLeave.has(uid)) this.refused.delete(uid);
    }
  }

  private awaitThose(wait: DrainVerdicts<PodView>['wait'], nowMs: number): void {
    const before = new Map(this.awaited);
    this.awaited.clear();
    this.leaving = wait.flatMap(({ pod, waiting }) => {
      if (waiting.code === 'terminating') return [pod];
      const sinceMs =
        waiting.code === 'job-running'
          ? this.startedAtMs
          : (before.get(pod.uid)?.sinceMs ?? this.sinceMsOf(pod, nowMs));
      this.awaited.set(pod.uid, { ...waiting, pod: pod.ref, sinceMs });
      return [];
    });
  }

  /** L2, for a pod that this attempt has not told of yet. */
  private sinceMsOf(pod: PodView, nowMs: number): number {
    return this.inheritedSinceMs.get(podKey(pod.ref)) ?? nowMs;
  }

  /** From here on a pod that is leaving is told of also within a short grace period. */
  tellAllLeaving(): void {
    this.tellsAllLeaving = true;
  }

  get remaining(): number {
    return this.toEvict.length + this.later.length + this.leaving.length + this.awaited.size;
  }

  get hasLeavingPods(): boolean {
    return this.leaving.length > 0 || this.toEvict.some((pod) => this.evictedAtMs.has(pod.uid));
  }

  /** Those that are to leave, or are leaving. */
  get departing(): readonly PodView[] {
    return [...this.toEvict, ...this.later, ...this.leaving];
  }

  /** Those that a budget keeps, where it is known which, the longest first. */
  get kept(): readonly KeptPod[] {
    return this.toEvict
      .flatMap((pod) => {
        const blocker = this.refused.get(pod.uid)?.blocker;
        const budget = keepingBudget(blocker);
        if (blocker === undefined || budget === undefined) return [];
        return [{ pod, budget, sinceMs: blocker.sinceMs }];
      })
      .toSorted((a, b) => a.sinceMs - b.sinceMs);
  }

  /** What the ladder does from here on: by budgetKey, and surges that somebody undid. */
  climb(stands: ReadonlyMap<string, LadderStand>, undone: readonly DrainBlocker[]): void {
    this.stands = stands;
    this.undone = undone;
  }

  /** Pods whose eviction is to be asked for now. */
  due(nowMs: number): readonly PodView[] {
    return this.toEvict.filter((pod) => this.isDue(pod, nowMs));
  }

  /** Whether this pod's eviction would be asked for now; a pod that was never seen is due. */
  isDue({ uid }: PodView, nowMs: number): boolean {
    const evictedAtMs = this.evictedAtMs.get(uid);
    if (evictedAtMs !== undefined && nowMs < evictedAtMs + evictedSettleMs) return false;
    const refusal = this.refused.get(uid);
    return refusal === undefined || refusal.notBeforeMs <= nowMs;
  }

  /**
   * Milliseconds until a refused pod is due, or asked for anyhow; undefined without refusals.
   * Those that are held back for another reason do not count.
   */
  msUntilDue(nowMs: number, isHeldBack: (pod: PodView) => boolean): number | undefined {
    const times = this.toEvict.flatMap((pod) => {
      const refusal = this.refused.get(pod.uid);
      if (refusal === undefined || isHeldBack(pod)) return [];
      return [Math.max(refusal.notBeforeMs, refusal.keptUntilMs ?? 0) - nowMs];
    });
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times));
  }

  /** Notes that a watched budget keeps the pod; whether it is to be asked for all the same (L3). */
  keep(
    pod: PodView,
    { budget, desiredHealthy, currentHealthy }: BudgetView,
    nowMs: number,
  ): boolean {
    const before = this.refused.get(pod.uid);
    if (before?.keptUntilMs !== undefined && before.keptUntilMs <= nowMs) return true;
    const sinceMs = before?.blocker.sinceMs ?? this.sinceMsOf(pod, nowMs);
    // In the words of the API server, so that a person reads the same from either.
    const message =
      `The disruption budget ${budget.name} needs ${desiredHealthy} healthy pods` +
      ` and has ${currentHealthy} currently`;
    const tries = before?.tries ?? 0;
    this.refused.set(pod.uid, {
      blocker: blockerOf(pod.ref, { kind: 'budget', budget, message }, sinceMs),
      tries,
      notBeforeMs: nowMs,
      keptUntilMs: before?.keptUntilMs ?? nowMs + keptDelayMs(pod.uid, tries),
    });
    return false;
  }

  /** Notes what the Eviction API answered for a pod; `isWatched`: its budgets are. */
  note(pod: PodView, answer: EvictionAnswer, nowMs: number, isWatched: boolean): void {
    if (answer.kind === 'evicted') {
      if (!this.evictedAtMs.has(pod.uid)) this.evicted += 1;
      this.evictedAtMs.set(pod.uid, nowMs);
      this.refused.delete(pod.uid);
      return;
    }
    // Gone, or replaced by a pod of the same name: the next look says which.
    if (answer.kind === 'gone' || answer.kind === 'replaced') {
      this.refused.delete(pod.uid);
      return;
    }
    if (answer.kind === 'budget' || answer.kind === 'budget-not-observed') this.refusals += 1;
    const before = this.refused.get(pod.uid);
    const tries = (before?.tries ?? 0) + 1;
    const sinceMs = before?.blocker.sinceMs ?? this.sinceMsOf(pod, nowMs);
    this.refused.set(pod.uid, {
      blocker: blockerOf(pod.ref, answer, sinceMs),
      tries,
      notBeforeMs: nowMs + retryDelayMs(answer, { uid: pod.uid, tries, isWatched }),
    });
  }

  /** Asks about each budget that keeps a pod now, and tells what is answered from here on. */
  explain(about: (budget: BudgetRef) => BudgetExplanation | undefined): void {
    const budgets = new Map<string, BudgetRef>();
    for (const { blocker } of this.refused.values()) {
      const budget = keepingBudget(blocker);
      if (budget !== undefined) budgets.set(budgetKey(budget), budget);
    }
    this.explanations = new Map(
      [...budgets].flatMap(([key, budget]) => {
        const explanation = about(budget);
        return explanation === undefined ? [] : [[key, explanation]];
      }),
    );
  }

  /** Tells these blockers, too, from here on. */
  takeOver(others: readonly DrainBlocker[]): void {
    this.others = others;
  }

  /** Whether there is more to tell than at the last call of this method. */
  hasChanged(): boolean {
    const codes = this.blockers().map((one) => ('cause' in one ? one.cause : one.code));
    const whys = [...this.explanations.values(), ...this.stands.values()].map((why) =>
      JSON.stringify(why),
    );
    const { evicted, refusals, remaining, later, forced } = this;
    const counts = [evicted, refusals, remaining, later.length, forced.length];
    const tellsAs = [...counts, ...codes, ...whys].join(' ');
    const isNews = tellsAs !== this.toldAs;
    this.toldAs = tellsAs;
    return isNews;
  }

  /** What the heartbeat says and the next attempt goes on from. */
  checkpoint(): DrainCheckpoint {
    const gone = this.toEvict.filter((pod) => !this.evictedAtMs.has(pod.uid));
    return {
      evicted: this.evicted,
      refusals: this.refusals,
      remaining: this.remaining,
      blockers: this.blockers(),
      startedAtMs: this.startedAtMs,
      ...(this.forced.length === 0 ? {} : { forced: this.forced }),
      toEvict: [...this.inherited, ...gone.map((pod) => pod.uid)],
    };
  }

  /** The same without what only the next attempt needs. */
  progress(): DrainProgress {
    const { toEvict: _internal, ...progress } = this.checkpoint();
    return progress;
  }

  private blockers(): readonly DrainBlocker[] {
    const refused = [...this.refused.values()]
      .map((refusal) => refusal.blocker)
      .toSorted((a, b) => a.sinceMs - b.sinceMs);
    const explained = this.explained(refused);
    const { awaited, undone, failingForce } = this;
    const others = [...awaited.values(), ...this.others, ...this.leavingBlockers()];
    return [...explained, ...undone, ...others, ...failingForce];
  }

  /** L4: at the first pod of each budget. */
  private explained(refused: readonly DrainBlocker[]): readonly DrainBlocker[] {
    const told = new Set<string>();
    return refused.map((blocker) => {
      const budget = keepingBudget(blocker);
      if (budget === undefined) return blocker;
      const key = budgetKey(budget);
      if (told.has(key)) return blocker;
      told.add(key);
      const explanation = this.explanations.get(key);
      const ladder = this.stands.get(key);
      return {
        ...blocker,
        ...(explanation === undefined ? {} : { explanation }),
        ...(ladder === undefined ? {} : { ladder }),
      };
    });
  }

  private leavingBlockers(): readonly DrainBlocker[] {
    const { lastLookMs: nowMs, node, tellsAllLeaving: tellsAll } = this;
    const told = { nowMs, node, tellsAll };
    return this.leaving.flatMap((pod) => terminatingBlocker(pod, told) ?? []);
  }
}

/** The budget that keeps a pod, where that is what does and it is known which. */
function keepingBudget(blocker: DrainBlocker | undefined): BudgetRef | undefined {
  return blocker?.code === 'budget-exhausted' ? blocker.budget : undefined;
}

function blockerOf(pod: PodRef, answer: Refused, sinceMs: number): DrainBlocker {
  switch (answer.kind) {
    case 'budget': {
      const { budget, message } = answer;
      const named = budget === undefined ? {} : { budget };
      return { code: 'budget-exhausted', pod, ...named, message, sinceMs };
    }
    case 'budget-not-observed':
    case 'budgets-overlap':
      return { code: answer.kind, pod, message: answer.message, sinceMs };
    case 'throttled':
      return {
        code: 'api-throttled',
        pod,
        retryAfterSeconds: answer.retryAfterSeconds,
        sinceMs,
      };
    case 'namespace-terminating':
      return { code: 'namespace-terminating', pod, sinceMs };
    case 'forbidden':
      return { code: 'eviction-forbidden', pod, message: answer.message, sinceMs };
    case 'failed':
      return { code: 'eviction-failing', pod, message: answer.message, sinceMs };
  }
}
