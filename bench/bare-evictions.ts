// The fastest way to move pods that budgets allow: every pod once, of each budget always as many as
// it allows at that moment, by watch; no node is involved. No upgrade of nodes can be faster on the
// same machine, whatever it drains first.
// B1. Of one budget one eviction is asked for after the other: at the same time they would conflict
//     over its status, and the API server tries again only half a second later (EvictionsRetry).

import { KubeRequests } from '../activities/adapters/kube-requests';
import { type KubeConnection, openKubeConnection } from '../activities/adapters/kube-connection';
import { budgetView, podView } from '../activities/adapters/kube-views';
import { reflect, type ReflectorStore } from '../activities/adapters/reflector';
import { systemClock } from '../activities/adapters/system-clock';
import { reflectedKind } from '../activities/adapters/watch-source';
import type { BudgetView, PodView } from '../activities/ports';
import { eventually } from '../lab/waiting';

/** Answers whether the pod was evicted; a budget may have refused. */
type Evict = (pod: PodView) => Promise<boolean>;

const roundMs = 300_000;
/** Where a refusal was not followed by a change that a watch tells. */
const againMs = 1_000;

/** The pods that are still to be evicted, by their budgets. */
export class BareEvictions {
  readonly #evict: Evict;
  readonly #waiting = new Map<string, PodView>();
  /** Names of budgets that are asked just now. */
  readonly #asking = new Set<string>();

  constructor(pods: readonly PodView[], evict: Evict) {
    this.#evict = evict;
    for (const pod of pods) this.#waiting.set(pod.uid, pod);
  }

  get isDone(): boolean {
    return this.#waiting.size === 0;
  }

  /** Asks for as many as the budget allows by what is known of it now (B1). */
  async take(latest: () => BudgetView | undefined): Promise<void> {
    const name = latest()?.budget.name;
    if (name === undefined || this.#asking.has(name)) return;
    this.#asking.add(name);
    try {
      let asked = 0;
      let seen = latest();
      while (seen !== undefined && asked < seen.disruptionsAllowed) {
        const pod = this.#next(seen);
        if (pod === undefined) return;
        asked += 1;
        if (!(await this.#evict(pod))) return;
        this.#waiting.delete(pod.uid);
        const now = latest();
        // A newer status has counted what was evicted before it.
        if (now !== seen) [asked, seen] = [0, now];
      }
    } finally {
      this.#asking.delete(name);
    }
  }

  #next(budget: BudgetView): PodView | undefined {
    for (const pod of this.#waiting.values()) if (budget.selects(pod)) return pod;
    return undefined;
  }
}

/** How pods and budgets of one namespace are read. */
function kindsOf(requests: KubeRequests, connection: KubeConnection, namespace: string) {
  const { core, policy } = requests;
  const reach = { requests, connection };
  const pods = reflectedKind(reach, {
    what: 'pods',
    path: `/api/v1/namespaces/${namespace}/pods`,
    request: (page, call) => core.listNamespacedPod({ ...page, namespace }, call),
    view: podView,
  });
  const budgets = reflectedKind(reach, {
    what: 'disruption budgets',
    path: `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`,
    request: (page, call) => policy.listNamespacedPodDisruptionBudget({ ...page, namespace }, call),
    view: budgetView,
  });
  return { pods, budgets };
}

/** Whoever is not told of any more was removed while no watch was open. */
function podStoreOf(there: Set<string>): ReflectorStore<PodView> {
  return {
    replace(views) {
      const now = new Set(views.map(({ uid }) => uid));
      for (const uid of there) if (!now.has(uid)) there.delete(uid);
    },
    put: () => undefined,
    remove: ({ uid }) => void there.delete(uid),
  };
}

/** Seconds from the first eviction until the last of the pods that were there is gone. */
export async function evictEveryPodOnce(kubeconfig: string, namespace: string): Promise<number> {
  const connection = openKubeConnection(kubeconfig);
  const requests = new KubeRequests(connection);
  const ending = new AbortController();
  const { signal } = ending;
  const { pods, budgets } = kindsOf(requests, connection, namespace);
  const { views } = await pods.list(signal);
  const there = new Set(views.map(({ uid }) => uid));
  const evictions = new BareEvictions(views, ({ ref, uid }) =>
    requests.core
      .createNamespacedPodEviction({
        ...ref,
        body: { metadata: { ...ref }, deleteOptions: { preconditions: { uid } } },
      })
      .then(
        () => true,
        () => false,
      ),
  );
  const latest = new Map<string, BudgetView>();
  const take = (name: string): void => void evictions.take(() => latest.get(name));
  const put = (view: BudgetView): void => {
    latest.set(view.budget.name, view);
    take(view.budget.name);
  };
  const budgetStore = {
    replace: (all: readonly BudgetView[]) => all.forEach(put),
    put,
    remove: () => undefined,
  };
  const told = { clock: systemClock, onLive: () => undefined };
  const startedMs = performance.now();
  const watching = [
    reflect({ ...told, source: pods, store: podStoreOf(there) }, signal),
    reflect({ ...told, source: budgets, store: budgetStore }, signal),
  ];
  const again = setInterval(() => [...latest.keys()].forEach(take), againMs);
  try {
    const isOver = () => Promise.resolve(there.size === 0);
    const isGone = await eventually(isOver, { timeoutMs: roundMs, everyMs: 10 });
    if (!isGone) throw new Error(`${there.size} pods were to be evicted`);
    return (performance.now() - startedMs) / 1_000;
  } finally {
    clearInterval(again);
    ending.abort();
    await Promise.all(watching);
    await connection.close();
  }
}
