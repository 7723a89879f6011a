// What goes wrong in the middle of a random upgrade, as data: what, where, and when, counted from
// the first node that is cordoned. injector.ts does it.

import type { GuardedBudget, Workload } from './situation';
import type { Random } from './random';

export type FaultAction =
  /** Pods that the workload makes from now on never become Ready, nor do some that it has. */
  | {
      readonly kind: 'sick-pods';
      readonly workload: Workload;
      readonly of: number;
      /** Undefined: for the rest of the upgrade. */
      readonly forMs: number | undefined;
    }
  /** `restoreAfterMs` undefined: it stays so. */
  | {
      readonly kind: 'budget-edited';
      readonly budget: GuardedBudget;
      readonly to: 'nothing' | 'one-more' | 'everything';
      readonly restoreAfterMs: number | undefined;
    }
  | { readonly kind: 'budget-deleted'; readonly budget: GuardedBudget }
  /** A second budget of the same pods: no eviction can decide on them. */
  | {
      readonly kind: 'budget-overlapped';
      readonly budget: GuardedBudget;
      readonly restoreAfterMs: number | undefined;
    }
  | { readonly kind: 'scaled'; readonly workload: Workload; readonly to: number }
  | { readonly kind: 'pod-deleted'; readonly workload: Workload }
  | { readonly kind: 'node-deleted'; readonly node: string }
  | { readonly kind: 'node-not-ready'; readonly node: string; readonly seconds: number }
  | { readonly kind: 'api-restarted'; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly kind: 'controllers-killed' }
  | { readonly kind: 'worker-killed' };

export type FaultKind = FaultAction['kind'];

export interface Fault {
  readonly atMs: number;
  readonly action: FaultAction;
}

export interface FaultScene {
  readonly workloads: readonly Workload[];
  readonly budgets: readonly GuardedBudget[];
  readonly nodes: readonly string[];
}

/** How often each is drawn: a worker that dies is only noticed by its missing heartbeat. */
const weights: Readonly<Record<FaultKind, number>> = {
  'sick-pods': 4,
  'budget-edited': 4,
  'budget-deleted': 1,
  'budget-overlapped': 1,
  scaled: 4,
  'pod-deleted': 2,
  'node-deleted': 1,
  'node-not-ready': 1,
  'api-restarted': 1,
  'controllers-killed': 1,
  'worker-killed': 2,
};

export const faultKinds = Object.keys(weights) as readonly FaultKind[];
const drawnFrom = faultKinds.flatMap((kind) => Array.from({ length: weights[kind] }, () => kind));

const latestMs = 7_000;

/** One to three of them, each kind once, by time. */
export function randomFaults(random: Random, scene: FaultScene): readonly Fault[] {
  const drawn = new Set(random.some(drawnFrom, random.int(1, 3)));
  return [...drawn]
    .flatMap((kind): readonly Fault[] => {
      const action = randomAction(random, kind, scene);
      return action === undefined ? [] : [{ atMs: random.int(0, latestMs), action }];
    })
    .toSorted((a, b) => a.atMs - b.atMs);
}

const forAWhile = (random: Random): number | undefined =>
  random.chance(0.75) ? random.int(1_000, 6_000) : undefined;

/** Undefined when the scene has nothing that it could happen to. */
function randomAction(random: Random, kind: FaultKind, scene: FaultScene): FaultAction | undefined {
  switch (kind) {
    case 'sick-pods':
    case 'scaled':
    case 'pod-deleted':
      return workloadFault(random, kind, scene);
    case 'budget-edited':
    case 'budget-deleted':
    case 'budget-overlapped':
      return budgetFault(random, kind, scene);
    case 'node-deleted':
      return { kind, node: random.pick(scene.nodes) };
    case 'node-not-ready':
      return { kind, node: random.pick(scene.nodes), seconds: random.int(1, 3) };
    case 'api-restarted':
      return { kind, signal: random.pick(['SIGTERM', 'SIGKILL']) };
    case 'controllers-killed':
    case 'worker-killed':
      return { kind };
  }
}

function workloadFault(
  random: Random,
  kind: 'sick-pods' | 'scaled' | 'pod-deleted',
  { workloads }: FaultScene,
): FaultAction {
  const scaled = workloads.filter((one) => one.kind === 'Deployment' || one.kind === 'StatefulSet');
  const workload = random.pick(scaled);
  switch (kind) {
    case 'sick-pods':
      return { kind, workload, of: random.int(0, 2), forMs: forAWhile(random) };
    case 'scaled':
      return { kind, workload, to: random.int(0, workload.replicas + 3) };
    case 'pod-deleted':
      return { kind, workload };
  }
}

function budgetFault(
  random: Random,
  kind: 'budget-edited' | 'budget-deleted' | 'budget-overlapped',
  { budgets }: FaultScene,
): FaultAction | undefined {
  const real = budgets.filter(({ app }) => app !== 'nobody');
  const budget = random.pick(real);
  switch (kind) {
    case 'budget-edited': {
      const to = random.pick(['nothing', 'one-more', 'everything'] as const);
      return { kind, budget, to, restoreAfterMs: forAWhile(random) };
    }
    case 'budget-deleted':
      return { kind, budget };
    case 'budget-overlapped':
      return { kind, budget, restoreAfterMs: forAWhile(random) };
  }
}
