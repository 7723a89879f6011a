// Where a pod goes: the first node that the scheduler likes, the pods that it pushes away, or why
// there is no place.
// P1. Of up to 100 nodes all that take the pod are compared, as by the scheduler. Of more it takes
//     a share that nobody can foresee; here 25 are compared, beginning where the last search ended.
// P2. While pods are placed, nodes fill up: one that had no room for a pod has none for the next of
//     its kind, until a pod is pushed away.
// P3. Preemption: of the nodes where pods of lower priority make the difference, the one with the
//     fewest broken budgets, the lowest priorities, the fewest pods. Pods that may stay, stay.

import type { Board, BoardNode, BoardPod } from './board';
import { byRef } from './board';
import type { SimulatedNode, SimulatedPod, SimulationEvidence } from './evidence';
import { Filters, looksAtOthers, type PodRules, roomRefusal } from './filters';
import type { NodeRefusal, PodRefusal } from './refusals';
import { isResolvable, mostFree, schedulerWords } from './refusals';
import { Scores } from './scores';

export type Place =
  | { readonly kind: 'fits'; readonly on: BoardNode }
  | { readonly kind: 'preempts'; readonly on: BoardNode; readonly victims: readonly BoardPod[] }
  | { readonly kind: 'none'; readonly why: PodRefusal | readonly RefusingNodes[] };

/** Nodes that are described alike and refuse in the same words. */
export interface RefusingNodes {
  /** The first of them. */
  readonly like: SimulatedNode;
  readonly nodes: number;
  /** Of resources: the most that is free on any of them. */
  readonly refusal: NodeRefusal;
}

/** P1. Of nodes with victims the scheduler as well compares 100, or a tenth of more than 1,000. */
const comparedAtMost = 100;
const comparedOfMany = 25;
/** P2. Of its candidates; below it, looking at them again costs less than a new list. */
const fullShare = 0.1;

export class Scheduling {
  readonly #board: Board;
  readonly #filters: Filters;
  readonly #scores: Scores;
  readonly #guarded: (pod: SimulatedPod) => boolean;
  /** P2. */
  #left = new Map<PodRules, readonly BoardNode[]>();
  #none = new Map<PodRules, Place>();
  #next = 0;

  /** `guarded`: whether a budget would be broken by the pod's leaving now. */
  constructor(board: Board, evidence: SimulationEvidence, guarded: (pod: SimulatedPod) => boolean) {
    this.#board = board;
    this.#filters = new Filters(board, evidence);
    this.#scores = new Scores(board, this.#filters);
    this.#guarded = guarded;
  }

  /** Where it would go now; nothing is changed. */
  find(pod: SimulatedPod): Place {
    const rules = this.#filters.rulesOf(pod);
    if ('code' in rules) return { kind: 'none', why: rules };
    const [first, ...rest] = this.#takers(rules);
    if (first !== undefined) {
      return { kind: 'fits', on: this.#scores.best(rules.shape, [first, ...rest]) };
    }
    const known = this.#none.get(rules);
    if (known !== undefined) return known;
    const preemption = this.#preemption(rules);
    if (preemption !== undefined) return preemption;
    const none: Place = { kind: 'none', why: this.#refusing(rules) };
    if (!looksAtOthers(rules.shape)) this.#none.set(rules, none);
    return none;
  }

  /** Of what is asked from now on: pods have left, or another window begins. */
  forget(): void {
    this.#left = new Map();
    this.#none = new Map();
    this.#next = 0;
  }

  #takers(rules: PodRules): readonly BoardNode[] {
    const nodes = this.#left.get(rules) ?? rules.admittedBy;
    const wanted = this.#board.nodes.length > comparedAtMost ? comparedOfMany : comparedAtMost;
    const takers: BoardNode[] = [];
    const full = new Set<BoardNode>();
    let looked = 0;
    for (; looked < nodes.length && takers.length < wanted; looked += 1) {
      const on = nodes[(this.#next + looked) % nodes.length] as BoardNode;
      if (on.isCordoned && !rules.shape.toleratesCordon) full.add(on);
      else if (roomRefusal(rules.shape, on) !== undefined) full.add(on);
      else if (this.#filters.placeRefusal(rules.shape, on) === undefined) takers.push(on);
    }
    this.#next += looked;
    if (full.size > nodes.length * fullShare) {
      this.#left.set(
        rules,
        nodes.filter((on) => !full.has(on)),
      );
    }
    return takers;
  }

  #refusing(rules: PodRules): readonly RefusingNodes[] {
    const groups = new Map<string, RefusingNodes>();
    const refused = this.#board.nodes
      .map((on) => ({ on, refusal: this.#filters.refusal(rules, on) }))
      .filter((one): one is Refused => one.refusal !== undefined);
    for (const { on, refusal } of refused) {
      const key = `${schedulerWords(refusal)} ${on.kind}`;
      const known = groups.get(key) ?? { like: on.node, nodes: 0, refusal };
      const merged = mostFree(known.refusal, refusal);
      groups.set(key, { like: known.like, nodes: known.nodes + 1, refusal: merged });
    }
    return [...groups.values()];
  }

  /** P3. */
  #preemption(rules: PodRules): Extract<Place, { readonly kind: 'preempts' }> | undefined {
    const { preempts, priority } = rules.shape.shape;
    if (!preempts || priority <= this.#board.lowestPriority) return undefined;
    const { nodes } = this.#board;
    const found: Candidate[] = [];
    for (const on of nodes) {
      if (found.length >= comparedAtMost) break;
      const refusal = this.#filters.refusal(rules, on);
      if (refusal === undefined || !isResolvable(refusal)) continue;
      const victims = this.#victims(rules, on, priority);
      if (victims !== undefined) found.push(candidateOf(on, victims, this.#guarded));
    }
    const [best] = found.toSorted(byHarm);
    return best === undefined
      ? undefined
      : { kind: 'preempts', on: best.on, victims: best.victims };
  }

  /** Undefined where it does not help; the board is as before. */
  #victims(rules: PodRules, on: BoardNode, priority: number): readonly BoardPod[] | undefined {
    const lower = [...on.pods].filter(({ pod }) => pod.shape.priority < priority);
    if (lower.length === 0) return undefined;
    const without = (left: readonly BoardPod[]): boolean => {
      for (const one of left) this.#board.lift(one);
      const isTaken = this.#filters.refusal(rules, on) === undefined;
      for (const one of left) this.#board.putBack(one);
      return isTaken;
    };
    if (!without(lower)) return undefined;
    let victims: readonly BoardPod[] = lower;
    for (const one of this.#inOrderOfStaying(lower)) {
      const others = victims.filter((victim) => victim !== one);
      if (without(others)) victims = others;
    }
    return victims;
  }

  #inOrderOfStaying(pods: readonly BoardPod[]): readonly BoardPod[] {
    const guarded = new Set(pods.filter(({ pod }) => this.#guarded(pod)));
    return pods.toSorted(
      (a, b) =>
        Number(guarded.has(b)) - Number(guarded.has(a)) ||
        b.pod.shape.priority - a.pod.shape.priority ||
        byRef(a.pod, b.pod),
    );
  }
}

interface Refused {
  readonly on: BoardNode;
  readonly refusal: NodeRefusal;
}

interface Candidate {
  readonly on: BoardNode;
  readonly victims: readonly BoardPod[];
  readonly broken: number;
  readonly highest: number;
  readonly sum: number;
}

function candidateOf(
  on: BoardNode,
  victims: readonly BoardPod[],
  guarded: (pod: SimulatedPod) => boolean,
): Candidate {
  const priorities = victims.map(({ pod }) => pod.shape.priority);
  return {
    on,
    victims,
    broken: victims.filter(({ pod }) => guarded(pod)).length,
    highest: Math.max(...priorities),
    sum: priorities.reduce((a, b) => a + b, 0),
  };
}

function byHarm(a: Candidate, b: Candidate): number {
  return (
    a.broken - b.broken ||
    a.highest - b.highest ||
    a.victims.length - b.victims.length ||
    a.sum - b.sum
  );
}
