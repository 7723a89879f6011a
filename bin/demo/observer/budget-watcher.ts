// Judges every disruption budget by itself: it counts ready pods from the stream of events and
// computes what each budget demands from its spec, so neither the engine nor the disruption
// controller is taken at its word.
// B1. A pod is healthy when it is Ready and not being deleted (disruption controller, the same
//     rule).
// B2. A violation is a fall from enough healthy pods to too few; staying below counts once.
// B3. Through a gap in the watch only those pods count that were healthy before and after it with
//     the same Ready transition. Where they are too few, the budget is `unjudged`, not satisfied.

import type { Connection } from './connection';
import type { Pod, PodListener } from './pod-watch';
import { listAll, watchPods } from './pod-watch';

export interface BudgetViolation {
  readonly at: string;
  readonly budget: string;
  readonly healthy: number;
  readonly required: number;
}

export interface BudgetReport {
  readonly budgets: number;
  readonly podEvents: number;
  readonly violations: readonly BudgetViolation[];
  /** How often the pods had to be listed again because changes were missed. */
  readonly gaps: number;
  /** B3; `healthy` counts the pods that surely were so all through the gap. */
  readonly unjudged: readonly BudgetViolation[];
}

export interface BudgetWatcher {
  stop(): BudgetReport;
}

export interface Budget {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: {
    readonly minAvailable?: number | string;
    readonly maxUnavailable?: number | string;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
}

interface Judged {
  readonly key: string;
  readonly budget: Budget;
  readonly required: number;
  low: boolean;
}

function selects(budget: Budget, pod: Pod): boolean {
  if (budget.metadata.namespace !== pod.metadata.namespace) return false;
  const wanted = Object.entries(budget.spec.selector?.matchLabels ?? {});
  return wanted.every(([key, value]) => pod.metadata.labels?.[key] === value);
}

function isHealthy(pod: Pod): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  return (pod.status?.conditions ?? []).some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
}

/** Percentages round up, both of them (disruption controller, GetScaledIntOrPercentIfValid). */
function scaled(value: number | string, of: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) / 100) * of);
}

/** How many healthy pods the budget demands of `expected` pods. */
export function requiredHealthy(budget: Budget, expected: number): number {
  const { minAvailable, maxUnavailable } = budget.spec;
  if (minAvailable !== undefined) return scaled(minAvailable, expected);
  return Math.max(0, expected - scaled(maxUnavailable ?? 0, expected));
}

/** Equal in two looks: the pod was Ready all the time between them. */
function readySince({ status }: Pod): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
}

export class Judge implements PodListener {
  readonly #pods = new Map<string, Pod>();
  readonly #judged: readonly Judged[];
  readonly #violations: BudgetViolation[] = [];
  readonly #unjudged: BudgetViolation[] = [];
  #podEvents = 0;
  #gaps = 0;

  /** What each budget demands is taken from the pods that exist now. */
  constructor(budgets: readonly Budget[], pods: readonly Pod[]) {
    this.#judged = budgets.map((budget) => ({
      key: `${budget.metadata.namespace}/${budget.metadata.name}`,
      budget,
      required: requiredHealthy(budget, pods.filter((pod) => selects(budget, pod)).length),
      low: false,
    }));
    this.#replace(pods);
    // What was too low before anything began is not the upgrade's doing (B2).
    this.#violations.length = 0;
  }

  report(): BudgetReport {
    return {
      budgets: this.#judged.length,
      podEvents: this.#podEvents,
      violations: [...this.#violations],
      gaps: this.#gaps,
      unjudged: [...this.#unjudged],
    };
  }

  changed(type: string, pod: Pod): void {
    this.#podEvents += 1;
    if (type === 'DELETED') this.#pods.delete(pod.metadata.uid);
    else this.#pods.set(pod.metadata.uid, pod);
    for (const judged of this.#judged) if (selects(judged.budget, pod)) this.#judge(judged);
  }

  relisted(pods: readonly Pod[]): void {
    this.#gaps += 1;
    const steady = pods.filter((pod) => {
      const before = this.#pods.get(pod.metadata.uid);
      if (before === undefined || !isHealthy(before) || !isHealthy(pod)) return false;
      return readySince(before) === readySince(pod);
    });
    const wereEnough = this.#judged.filter(({ low }) => !low);
    this.#replace(pods);
    for (const judged of wereEnough) {
      const finding = this.#finding(judged, steady);
      // A budget that is too low now is a violation already.
      if (finding !== undefined && !judged.low) this.#unjudged.push(finding);
    }
  }

  #replace(pods: readonly Pod[]): void {
    this.#pods.clear();
    for (const pod of pods) this.#pods.set(pod.metadata.uid, pod);
    for (const judged of this.#judged) this.#judge(judged);
  }

  #judge(judged: Judged): void {
    const finding = this.#finding(judged, this.#pods.values());
    if (finding !== undefined && !judged.low) this.#violations.push(finding);
    judged.low = finding !== undefined;
  }

  /** Undefined when enough of these pods are healthy. */
  #finding({ budget, key, required }: Judged, pods: Iterable<Pod>): BudgetViolation | undefined {
    let healthy = 0;
    for (const pod of pods) if (selects(budget, pod) && isHealthy(pod)) healthy += 1;
    if (healthy >= required) return undefined;
    return { at: new Date().toISOString(), budget: key, healthy, required };
  }
}

/** Begins to watch; what each budget demands is taken from the pods that exist now. */
export async function startBudgetWatcher(connection: Connection): Promise<BudgetWatcher> {
  const { items } = await listAll<Budget>(connection, '/apis/policy/v1/poddisruptionbudgets');
  let judge = new Judge(items, []);
  const watch = await watchPods(connection, (pods) => (judge = new Judge(items, pods)));
  return {
    stop() {
      watch.stop();
      return judge.report();
    },
  };
}
