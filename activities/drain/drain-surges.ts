// The rung "surge" of one drain: a Deployment whose budget never lets a pod leave gets one replica
// more, the budget then lets one leave, and when the pods are gone the replica is taken back.
// U1. Only where it helps, and where no pod is missing that others would bring (surge.ts).
//     What is not raised says why.
// U2. One surge serves a budget at a time, and every pod of its Deployment on the node; that of
//     another drain serves as well.
// U3. Whoever undoes a surge decides: it is told, and not done again in this drain.
// U4. Everything is put back at the end of an attempt, however it ends. What a worker left that
//     died is found by its marks: by the next attempt, or by endSurges.

import type { DrainInput } from '../../domain/activity-contract';
import type { DrainBlocker } from '../../domain/blockers';
import { budgetKey } from '../../domain/drain/budget-explanation';
import { surgeAfterMsOf } from '../../domain/drain/drain-ladder';
import {
  keepsAllForGood,
  type LadderStand,
  oneMoreHelps,
  surgedText,
  type SurgeEnd,
  type UndoneSurge,
} from '../../domain/drain/surge';
import type { DrainLedger, KeptPod } from './drain-ledger';
import { type SurgeChoice, SurgeChoices } from './drain-surge-choices';
import { surgedFor } from './end-surges';
import { type Clock, type KubeApi, type NodeFollower, type PodView, PortError } from '../ports';
import { byOther, hasMark, putBack, type Raised } from './surge-marks';

/** Surges of one drain at the same time: each is a pod more in the cluster. */
const surgesAtOnce = 10;
/** How often what is raised is looked at, and what is not raised is considered again. */
const lookMs = 2_000;
const reconsiderMs = 30_000;

interface Active extends Raised {
  /** Of the same namespace. */
  readonly deployment: string;
  /** By budgetKey: those that it serves (U2). */
  readonly budgets: Set<string>;
  lookedAtMs: number;
}

/** U3; travels in heartbeats, so that the next attempt knows. */
interface Undone extends UndoneSurge {
  readonly deployment: string;
  readonly sinceMs: number;
}

export interface SurgeCheckpoint {
  readonly surgesUndone?: readonly Undone[];
}

export interface DrainSurgesOptions {
  readonly kube: KubeApi;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly input: DrainInput;
  readonly ledger: DrainLedger;
  readonly follower: NodeFollower;
  readonly signal: AbortSignal;
}

export class DrainSurges {
  readonly #options: DrainSurgesOptions;
  /** Undefined: the ladder has no such rung, and nothing is done here. */
  readonly #afterMs: number | undefined;
  readonly #choices: SurgeChoices;
  readonly #active = new Map<string, Active>();
  readonly #ended: SurgeEnd[] = [];
  #undone: readonly Undone[] = [];
  /** By budgetKey: since when it keeps all of its pods although they are healthy. */
  readonly #keepsAllSinceMs = new Map<string, number>();
  /** By budgetKey: what was answered, and until when that counts. */
  readonly #answers = new Map<string, { readonly stand: LadderStand; readonly untilMs: number }>();

  constructor(options: DrainSurgesOptions) {
    this.#options = options;
    const { kube, clock, input, signal } = options;
    this.#afterMs = surgeAfterMsOf(input.policy);
    this.#choices = new SurgeChoices({ kube, clock, input, signal });
  }

  /** U4. `resume`: heartbeat details of the attempt before. Throws PortError. */
  async goOn(resume: unknown): Promise<void> {
    if (this.#afterMs === undefined || resume === undefined) return;
    this.#undone = undoneIn(resume);
    for (const { object: raised, mark, deployment = '' } of await this.#left()) {
      this.#keep({ raised, mark, deployment });
    }
  }

  /** Who may not look for what is raised may not raise: that is told when something would be. */
  async #left(): ReturnType<typeof surgedFor> {
    const { kube, input, signal } = this.#options;
    try {
      return await surgedFor(kube, input, signal);
    } catch (error) {
      if (error instanceof PortError && error.code === 'forbidden') return [];
      throw error;
    }
  }

  /** Puts back, looks after and raises what is due now. Throws PortError when the API is away. */
  async advance(): Promise<void> {
    if (this.#afterMs === undefined) return;
    for (const active of this.#active.values()) await this.#lookAfter(active);
    const stands = new Map<string, LadderStand>();
    for (const [key, kept] of this.#longestKept()) {
      const stand = await this.#standOf(key, kept);
      if (stand !== undefined) stands.set(key, stand);
    }
    this.#options.ledger.climb(stands, await this.#undoneBlockers());
  }

  checkpoint(): SurgeCheckpoint {
    return this.#undone.length === 0 ? {} : { surgesUndone: this.#undone };
  }

  /** Puts everything back; what came of all surges of this attempt. Throws PortError. */
  async end(signal: AbortSignal): Promise<readonly SurgeEnd[]> {
    for (const active of this.#active.values()) await this.#putBack(active, signal);
    return this.#ended;
  }

  #keep({ raised, mark, deployment }: Raised & { readonly deployment: string }): Active {
    const lookedAtMs = this.#options.clock.nowMs();
    const active = { raised, mark, deployment, budgets: new Set<string>(), lookedAtMs };
    this.#active.set(surgedText(raised), active);
    return active;
  }

  async #putBack(active: Active, signal: AbortSignal): Promise<void> {
    this.#ended.push(await putBack(this.#options.kube, active, signal));
    this.#active.delete(surgedText(active.raised));
  }

  async #lookAfter(active: Active): Promise<void> {
    const { kube, clock, ledger, signal } = this.#options;
    if ((await this.#podOf(active, ledger.departing)) === undefined) {
      await this.#putBack(active, signal);
      return;
    }
    if (clock.nowMs() - active.lookedAtMs < lookMs) return;
    const view = await kube.getScale(active.raised, signal);
    active.lookedAtMs = clock.nowMs();
    const { from, to } = active.mark;
    if (view !== undefined) {
      if (view.replicas === to && hasMark(view, active.mark)) return;
      const { raised, deployment } = active;
      const undone = { raised, from, to, found: view.replicas, ...byOther(view) };
      this.#undone = [...this.#undone, { ...undone, deployment, sinceMs: active.lookedAtMs }];
    }
    await this.#putBack(active, signal);
  }

  /** The first of these pods that is of the Deployment; others are nobody's concern here. */
  async #podOf(
    { raised, deployment }: Pick<Active, 'raised' | 'deployment'>,
    pods: readonly PodView[],
  ): Promise<PodView | undefined> {
    for (const pod of pods) {
      if (pod.ref.namespace !== raised.namespace) continue;
      if ((await this.#choices.deploymentOf(pod)) === deployment) return pod;
    }
    return undefined;
  }

  /** By budgetKey. */
  #longestKept(): ReadonlyMap<string, KeptPod> {
    const first = new Map<string, KeptPod>();
    for (const kept of this.#options.ledger.kept) {
      const key = budgetKey(kept.budget);
      if (!first.has(key)) first.set(key, kept);
    }
    return first;
  }

  async #standOf(key: string, kept: KeptPod): Promise<LadderStand | undefined> {
    const serving = [...this.#active.values()].find(({ budgets }) => budgets.has(key));
    if (serving !== undefined) return surgeStand(serving);
    const { clock, follower } = this.#options;
    const budget = follower.shortfallOf(kept.budget)?.budget;
    if (budget === undefined) return undefined;
    if (!keepsAllForGood(budget)) {
      this.#keepsAllSinceMs.delete(key);
      this.#answers.delete(key);
      return undefined;
    }
    if (!oneMoreHelps(budget)) return { rung: 'wait', notRaised: { code: 'no-help' } };
    const nowMs = clock.nowMs();
    const sinceMs = this.#keepsAllSinceMs.get(key) ?? nowMs;
    this.#keepsAllSinceMs.set(key, sinceMs);
    const surgeAtMs = sinceMs + (this.#afterMs ?? 0);
    const waiting = { rung: 'wait', surgeAtMs } as const;
    if (nowMs < surgeAtMs) return waiting;
    const answer = this.#answers.get(key);
    if (answer !== undefined && nowMs < answer.untilMs) return answer.stand;
    if (this.#active.size >= surgesAtOnce) return waiting;
    return this.#decide(key, await this.#choices.raise(kept.pod, this.#undoneDeployments()));
  }

  #decide(key: string, choice: SurgeChoice): LadderStand | undefined {
    const nowMs = this.#options.clock.nowMs();
    switch (choice.kind) {
      case 'raised': {
        const known = this.#active.get(surgedText(choice.raised));
        const active = known ?? this.#keep(choice);
        active.budgets.add(key);
        return surgeStand(active);
      }
      case 'other': {
        const stand = surgeStand(choice, choice.mark.node);
        this.#answers.set(key, { stand, untilMs: nowMs + lookMs });
        return stand;
      }
      case 'refused': {
        const stand = { rung: 'wait', notRaised: choice.refusal } as const;
        this.#answers.set(key, { stand, untilMs: nowMs + reconsiderMs });
        return stand;
      }
      case 'later':
        return undefined;
    }
  }

  #undoneDeployments(): ReadonlySet<string> {
    return new Set(this.#undone.map((one) => `${one.raised.namespace}/${one.deployment}`));
  }

  /** U3, as long as a pod is kept for which it was raised. */
  async #undoneBlockers(): Promise<readonly DrainBlocker[]> {
    const blockers: DrainBlocker[] = [];
    const kept = this.#options.ledger.kept.map(({ pod }) => pod);
    for (const { deployment, ...undone } of this.#undone) {
      const pod = await this.#podOf({ raised: undone.raised, deployment }, kept);
      if (pod !== undefined) blockers.push({ ...undone, code: 'surge-undone', pod: pod.ref });
    }
    return blockers;
  }
}

function surgeStand({ raised, mark: { from, to } }: Raised, by?: LadderSurge['by']): LadderStand {
  return { rung: 'surge', raised, from, to, ...(by === undefined ? {} : { by }) };
}

type LadderSurge = Extract<LadderStand, { rung: 'surge' }>;

/** What the attempt before had seen undone; an older release may have sent something else. */
function undoneIn(resume: unknown): readonly Undone[] {
  if (typeof resume !== 'object' || resume === null) return [];
  const { surgesUndone } = resume as { readonly surgesUndone?: unknown };
  if (!Array.isArray(surgesUndone)) return [];
  return (surgesUndone as readonly Partial<Undone>[]).filter(
    (one): one is Undone => typeof one.deployment === 'string' && one.raised !== undefined,
  );
}
