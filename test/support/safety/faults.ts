// What goes wrong in the middle of a random upgrade, as data: what, where, and when, counted from
// the first node that is cordoned. injector.ts does it.

import type { BudgetForm, GuardedBudget, Workload } from './situation';
import type { Random } from '../../../bench/random';

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
      readonly to: BudgetForm;
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
  | { readonly kind: 'worker-killed' }
  /** A person pauses the upgrade, and resumes it. */
  | { readonly kind: 'paused'; readonly forMs: number };

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
  'budget-deleted': 2,
  'budget-overlapped': 2,
  scaled: 4,
  'pod-deleted': 2,
  'node-deleted': 2,
  'node-not-ready': 2,
  'api-restarted': 1,
  'controllers-killed': 2,
  'worker-killed': 2,
  paused: 2,
};

export const faultKinds = Object.keys(weights) as readonly FaultKind[];
const drawnFrom = faultKinds.flatMap((kind) => Array.from({ length: weights[kind] }, () => kind));

const latestMs = 6_000;

/** One to three of them, each kind once, by time. */
export function randomFaults(random: Random, scene: FaultScene): readonly Fault[] {
  const drawn = new Set(random.some(drawnFrom, random.int(1, 3)));
  return [...drawn]
    .map((kind): Fault => ({ atMs: random.int(0, latestMs), action: actions[kind](random, scene) }))
    .toSorted((a, b) => a.atMs - b.atMs);
}

type ActionOf<Kind extends FaultKind> = Extract<FaultAction, { readonly kind: Kind }>;

const actions: {
  readonly [Kind in FaultKind]: (random: Random, scene: FaultScene) => ActionOf<Kind>;
} = {
  'sick-pods': (random, scene) => ({
    kind: 'sick-pods',
    workload: aWorkload(random, scene),
    of: random.int(0, 2),
    forMs: forAWhile(random),
  }),
  scaled: (random, scene) => {
    const workload = aWorkload(random, scene);
    return { kind: 'scaled', workload, to: random.int(0, workload.replicas + 3) };
  },
  'pod-deleted': (random, scene) => ({ kind: 'pod-deleted', workload: aWorkload(random, scene) }),
  'budget-edited': (random, scene) => ({
    kind: 'budget-edited',
    ...anEdit(random, scene),
    restoreAfterMs: forAWhile(random),
  }),
  'budget-deleted': (random, scene) => ({
    kind: 'budget-deleted',
    budget: aBudget(random, scene),
  }),
  'budget-overlapped': (random, scene) => ({
    kind: 'budget-overlapped',
    budget: aBudget(random, scene),
    restoreAfterMs: forAWhile(random),
  }),
  'node-deleted': (random, { nodes }) => ({ kind: 'node-deleted', node: random.pick(nodes) }),
  'node-not-ready': (random, { nodes }) => ({
    kind: 'node-not-ready',
    node: random.pick(nodes),
    seconds: random.int(1, 3),
  }),
  'api-restarted': (random) => ({
    kind: 'api-restarted',
    signal: random.pick(['SIGTERM', 'SIGKILL']),
  }),
  'controllers-killed': () => ({ kind: 'controllers-killed' }),
  'worker-killed': () => ({ kind: 'worker-killed' }),
  paused: (random) => ({ kind: 'paused', forMs: random.int(200, 3_000) }),
};

function forAWhile(random: Random): number | undefined {
  return random.chance(0.75) ? random.int(1_000, 6_000) : undefined;
}

/** One that has a scale. */
function aWorkload(random: Random, { workloads }: FaultScene): Workload {
  return random.pick(
    workloads.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet'),
  );
}

/** To nothing, to all, to another number, or to as many as there are: a surge helps with that. */
function anEdit(random: Random, scene: FaultScene) {
  const budget = aBudget(random, scene);
  const guarded = scene.workloads.find(
    ({ namespace, name }) => namespace === budget.namespace && name === (budget.app ?? name),
  );
  const all = { minAvailable: guarded?.replicas ?? 1 };
  const others: readonly BudgetForm[] = [{ maxUnavailable: 0 }, { maxUnavailable: 2 }];
  const to = random.pick([...others, { maxUnavailable: '100%' }, all, all]);
  return { budget, to };
}

/** One that guards somebody. */
function aBudget(random: Random, { budgets }: FaultScene): GuardedBudget {
  return random.pick(budgets.filter(({ app }) => app !== 'nobody'));
}
