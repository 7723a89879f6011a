// Which nodes of a pool may begin now beside those that are in work: every limit but the count.
// It decides by what is seen at one moment; the Eviction API stays the authority over each pod.
// A1. Nodes are asked for in the order given. One that may not begin is passed over: there are no
//     batches, and whoever can go on does.
// A2. While nodes of one zone are in work, none of another begins, unless the pool says `any`.
// A3. A control-plane node is in work strictly alone.
// A4. A node draws on each budget with the pods that it still has to give away. It begins when its
//     own fit in what the budget allows, beside what others have still to give away. What was
//     evicted counts until its replacement is Ready, because the budget counts so; but while it is
//     on its way (`soon`) the next node gets ready, or the tightest budget would be idle meanwhile.
// A5. A node that holds more pods of a budget than that ever allows begins when nobody else draws
//     on it: it takes several rounds, and the next must not wait for the same budget. While no node
//     is in work, one that is allowed at all is enough: a pod may be unhealthy for ever.
// A6. Of an owner with several pods not all are in the window at once, budget or no budget, unless
//     one node holds them all.
// A7. Its pods must have room outside the window, as far as can be told (`roomFor`).

import { budgetKey } from '../drain/budget-explanation';
import type { BudgetRef, NodeName, PodRef } from '../names';

/** What a node holds that has to leave it, and what counts as gone while it is in work. */
export interface NodeLoad {
  readonly name: NodeName;
  readonly zone: string;
  readonly isControlPlane: boolean;
  /** Pods that a drain would evict, or wait for. */
  readonly pods: number;
  /** Of these, pods of StatefulSets and pods with volume claims. */
  readonly statefulPods: number;
  /** By budgetKey: pods that one budget alone guards, and that have not left. */
  readonly draws: ReadonlyMap<string, number>;
  /** By owner (`shop/ReplicaSet/web-5d4f`): pods that serve. */
  readonly serving: ReadonlyMap<string, number>;
}

/** What a budget allows. */
export interface BudgetAllowance {
  readonly budget: BudgetRef;
  /** `status.disruptionsAllowed`. */
  readonly now: number;
  /** Its pods that are being replaced, so that it will allow as many more in a moment. */
  readonly soon: number;
  /** When all of its pods are healthy. */
  readonly most: number;
}

/** Why a node does not begin now. */
export type AdmissionHold =
  | { readonly code: 'zone-in-work'; readonly zone: string; readonly inWork: string }
  | { readonly code: 'control-plane-alone'; readonly inWork: NodeName }
  | {
      readonly code: 'budget-drawn';
      readonly budget: BudgetRef;
      readonly allowed: number;
      /** Pods of nodes in work that are still to be evicted. */
      readonly drawn: number;
      /** Pods of this node. */
      readonly wanted: number;
    }
  | { readonly code: 'owner-in-window'; readonly owner: string; readonly pods: number }
  | {
      readonly code: 'no-room';
      readonly pod: PodRef;
      /** Pods that fit nowhere, with the one that is named. */
      readonly pods: number;
      /** What there is too little of, or what no node has. */
      readonly lack: string;
    }
  | {
      /** The scheduler finds no node for a pod of an owner that has pods here. */
      readonly code: 'alike-unscheduled';
      readonly owner: string;
      readonly pod: PodRef;
      readonly message?: string;
    };

export interface AdmissionQuestion {
  /** In the order in which they are to be tried (A1). */
  readonly candidates: readonly NodeLoad[];
  /** Nodes of the pool in work. */
  readonly inWork: readonly NodeLoad[];
  /** Other nodes that are drained now; they draw on the same budgets (A4 to A7). */
  readonly drained: readonly NodeLoad[];
  readonly zones: 'one-at-a-time' | 'any';
  /** How many more may begin. */
  readonly free: number;
  /** Budgets that can be reckoned with, by budgetKey. */
  readonly budgets: ReadonlyMap<string, BudgetAllowance>;
  /** Pods of an owner that serve, on any node. */
  readonly servingOf: (owner: string) => number;
  /** A7: what is in the way when `node` leaves together with `window`. */
  readonly roomFor: (node: NodeLoad, window: readonly NodeLoad[]) => readonly AdmissionHold[];
}

export interface HeldNode {
  readonly node: NodeName;
  readonly holds: readonly [AdmissionHold, ...AdmissionHold[]];
}

export interface Admission {
  readonly admitted: readonly NodeName[];
  /** Of those that were tried and may not begin, in their order. */
  readonly held: readonly HeldNode[];
}

/** Admits as many of the candidates as may begin together. */
export function admitNodes(question: AdmissionQuestion): Admission {
  const inWork = [...question.inWork];
  const admitted: NodeName[] = [];
  const held: HeldNode[] = [];
  for (const node of question.candidates) {
    if (admitted.length >= question.free) break;
    const [first, ...rest] = holdsOf(node, inWork, question);
    if (first === undefined) {
      admitted.push(node.name);
      inWork.push(node);
    } else held.push({ node: node.name, holds: [first, ...rest] });
  }
  return { admitted, held };
}

function holdsOf(
  node: NodeLoad,
  inWork: readonly NodeLoad[],
  question: AdmissionQuestion,
): readonly AdmissionHold[] {
  const window = [...inWork, ...question.drained];
  const isIdle = inWork.length === 0;
  const cheap = [
    ...placeHolds(node, inWork, question.zones),
    ...budgetHolds(node, { window, isIdle, budgets: question.budgets }),
    ...ownerHolds(node, window, question.servingOf),
  ];
  // Room takes the longest to reckon: not for a node that does not begin anyhow.
  return cheap.length > 0 ? cheap : question.roomFor(node, window);
}

/** A2, A3. */
function placeHolds(
  node: NodeLoad,
  inWork: readonly NodeLoad[],
  zones: AdmissionQuestion['zones'],
): readonly AdmissionHold[] {
  const holds: AdmissionHold[] = [];
  const elsewhere = inWork.find(({ zone }) => zone !== node.zone);
  if (zones === 'one-at-a-time' && elsewhere !== undefined) {
    holds.push({ code: 'zone-in-work', zone: node.zone, inWork: elsewhere.zone });
  }
  const beside = inWork.find((one) => node.isControlPlane || one.isControlPlane);
  if (beside !== undefined) holds.push({ code: 'control-plane-alone', inWork: beside.name });
  return holds;
}

/** A4, A5. */
function budgetHolds(
  node: NodeLoad,
  beside: {
    readonly window: readonly NodeLoad[];
    readonly isIdle: boolean;
    readonly budgets: AdmissionQuestion['budgets'];
  },
): readonly AdmissionHold[] {
  const holds: AdmissionHold[] = [];
  for (const [key, wanted] of node.draws) {
    const allowance = beside.budgets.get(key);
    if (allowance === undefined) continue;
    const { budget, now, soon, most } = allowance;
    const allowed = Math.max(now, Math.min(most, now + soon));
    const drawn = beside.window.reduce((sum, one) => sum + (one.draws.get(key) ?? 0), 0);
    // A budget that never allows any is for the drain to tell a person, not to be waited for.
    const isEnough = allowed >= Math.min(most, 1);
    const isAlone = drawn === 0 && isEnough && (beside.isIdle || wanted > most);
    if (!isAlone && drawn + wanted > allowed) {
      holds.push({ code: 'budget-drawn', budget, allowed, drawn, wanted });
    }
  }
  return holds;
}

/** A6. */
function ownerHolds(
  node: NodeLoad,
  window: readonly NodeLoad[],
  servingOf: AdmissionQuestion['servingOf'],
): readonly AdmissionHold[] {
  const holds: AdmissionHold[] = [];
  for (const [owner, here] of node.serving) {
    const away = window.reduce((sum, one) => sum + (one.serving.get(owner) ?? 0), 0);
    if (away > 0 && away + here >= servingOf(owner)) {
      holds.push({ code: 'owner-in-window', owner, pods: away + here });
    }
  }
  return holds;
}

/** The pods that count for a budget, as far as a load needs them. */
interface GuardedPod {
  readonly ref: PodRef;
  readonly phase: string;
  readonly ready: boolean;
  readonly controller?: { readonly kind: string; readonly name: string };
  readonly claims?: readonly string[];
  readonly deletionTimestampMs?: number;
}

/** `shop/ReplicaSet/web-5d4f`; undefined for a pod that nobody owns. */
export function ownerKey({ ref, controller }: GuardedPod): string | undefined {
  if (controller === undefined) return undefined;
  return `${ref.namespace}/${controller.kind}/${controller.name}`;
}

/** Whether somebody may be served by it: a budget counts it as healthy. */
export function isServing({ phase, ready, deletionTimestampMs }: GuardedPod): boolean {
  return phase === 'Running' && ready && deletionTimestampMs === undefined;
}

/**
 * The load of a node: `leaving` are the pods that its drain would evict or wait for and that have
 * not left; `budgetsOf` tells the budgets that select a pod. A pod that several budgets select, or
 * that is not Ready, is left to the Eviction API.
 */
export function nodeLoad<Pod extends GuardedPod>(
  node: Pick<NodeLoad, 'name' | 'zone' | 'isControlPlane'>,
  leaving: readonly Pod[],
  budgetsOf: (pod: Pod) => readonly BudgetRef[],
): NodeLoad {
  const draws = new Map<string, number>();
  const serving = new Map<string, number>();
  for (const pod of leaving.filter(isServing)) {
    const [budget, second] = budgetsOf(pod);
    if (budget !== undefined && second === undefined) count(draws, budgetKey(budget));
    const owner = ownerKey(pod);
    if (owner !== undefined) count(serving, owner);
  }
  const statefulPods = leaving.filter(isStateful).length;
  return { ...node, pods: leaving.length, statefulPods, draws, serving };
}

/** What it has is not to be had elsewhere at once. */
export function isStateful({ controller, claims = [] }: GuardedPod): boolean {
  return controller?.kind === 'StatefulSet' || claims.length > 0;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
