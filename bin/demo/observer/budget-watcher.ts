// Watches every pod and judges every disruption budget by itself: it counts ready pods from the
// stream of events and computes what each budget demands from its spec, so neither the engine nor
// the disruption controller is taken at its word.
// B1. A pod is healthy when it is Ready and not being deleted (disruption controller, the same
//     rule).
// B2. A violation is a fall from enough healthy pods to too few; staying below counts once.

import type { Connection } from './connection';
import { open, send } from './connection';

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
}

export interface BudgetWatcher {
  stop(): BudgetReport;
}

interface Pod {
  readonly metadata: {
    readonly uid: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly resourceVersion: string;
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface Budget {
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

interface List<Item> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Item[];
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

class Judge {
  readonly pods = new Map<string, Pod>();
  readonly violations: BudgetViolation[] = [];
  readonly #judged: Judged[];
  podEvents = 0;

  constructor(budgets: readonly Budget[], pods: readonly Pod[]) {
    for (const pod of pods) this.pods.set(pod.metadata.uid, pod);
    this.#judged = budgets.map((budget) => ({
      key: `${budget.metadata.namespace}/${budget.metadata.name}`,
      budget,
      required: requiredHealthy(budget, pods.filter((pod) => selects(budget, pod)).length),
      low: false,
    }));
    for (const judged of this.#judged) this.#judge(judged);
    // What was too low before anything began is not the upgrade's doing (B2).
    this.violations.length = 0;
  }

  get budgets(): number {
    return this.#judged.length;
  }

  apply(type: string, pod: Pod): void {
    this.podEvents += 1;
    if (type === 'DELETED') this.pods.delete(pod.metadata.uid);
    else this.pods.set(pod.metadata.uid, pod);
    for (const judged of this.#judged) if (selects(judged.budget, pod)) this.#judge(judged);
  }

  replaceAll(pods: readonly Pod[]): void {
    this.pods.clear();
    for (const pod of pods) this.pods.set(pod.metadata.uid, pod);
    for (const judged of this.#judged) this.#judge(judged);
  }

  #judge(judged: Judged): void {
    let healthy = 0;
    for (const pod of this.pods.values()) {
      if (selects(judged.budget, pod) && isHealthy(pod)) healthy += 1;
    }
    const low = healthy < judged.required;
    if (low && !judged.low) {
      const { key: budget, required } = judged;
      this.violations.push({ at: new Date().toISOString(), budget, healthy, required });
    }
    judged.low = low;
  }
}

async function list<Item>(connection: Connection, path: string): Promise<List<Item>> {
  const reply = await send(connection, { method: 'GET', path, timeoutMs: 30_000 });
  if (reply.status !== 200) throw new Error(`GET ${path}: ${reply.status}`);
  return JSON.parse(reply.body) as List<Item>;
}

const podsPath = '/api/v1/pods';

/** Reads one watch until it ends; returns the version to go on from, or undefined to list again. */
async function follow(
  connection: Connection,
  from: string,
  judge: Judge,
  stopped: AbortSignal,
): Promise<string | undefined> {
  let version = from;
  const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${from}`;
  const response = await open(connection, { method: 'GET', path: `${podsPath}?${query}` });
  const end = (): void => void response.destroy();
  stopped.addEventListener('abort', end, { once: true });
  let rest = '';
  try {
    response.setEncoding('utf8');
    for await (const chunk of response) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = JSON.parse(line) as { readonly type: string; readonly object: Pod };
        if (event.type === 'ERROR') return undefined;
        version = event.object.metadata.resourceVersion;
        if (event.type !== 'BOOKMARK') judge.apply(event.type, event.object);
      }
    }
  } finally {
    stopped.removeEventListener('abort', end);
  }
  return version;
}

async function watchPods(
  connection: Connection,
  from: string,
  judge: Judge,
  stopped: AbortSignal,
): Promise<void> {
  let version: string | undefined = from;
  while (!stopped.aborted) {
    try {
      if (version === undefined) {
        const pods: List<Pod> = await list<Pod>(connection, podsPath);
        judge.replaceAll(pods.items);
        version = pods.metadata.resourceVersion;
      }
      version = await follow(connection, version, judge, stopped);
    } catch {
      // A member that stops closes its watches; the next connection goes to another one.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Begins to watch; what each budget demands is taken from the pods that exist now. */
export async function startBudgetWatcher(connection: Connection): Promise<BudgetWatcher> {
  const budgets = await list<Budget>(connection, '/apis/policy/v1/poddisruptionbudgets');
  const pods = await list<Pod>(connection, podsPath);
  const judge = new Judge(budgets.items, pods.items);
  const stopped = new AbortController();
  void watchPods(connection, pods.metadata.resourceVersion, judge, stopped.signal);
  return {
    stop() {
      stopped.abort();
      const { budgets: count, podEvents, violations } = judge;
      return { budgets: count, podEvents, violations };
    },
  };
}
