// What one worker keeps of its cluster while drains run: pods, nodes and budgets, by watches that
// all activities share.
// C1. The first follower starts the watches; they end a while after the last has left, so that a
//     cluster of 150,000 pods is not listed for each node.
// C2. Nothing is told unless all three watches are open: who gets no answer asks the cluster.
// C3. No change is missed between two looks: it is remembered until the follower asks.

import type { BudgetRef } from '../../domain/names';
import type {
  BudgetShortfall,
  BudgetView,
  Clock,
  ClusterFollower,
  ClusterView,
  NodeFollower,
  NodeView,
  PodView,
} from '../ports';
import { reflect, type Reflected, type ReflectorStore } from './reflector';
import { BudgetStore, NodeStore, PodStore } from './watch-stores';

export interface WatchedKinds {
  readonly pods: Reflected<PodView>;
  readonly nodes: Reflected<NodeView>;
  readonly budgets: Reflected<BudgetView>;
}

/** C1: longer than a node takes from the end of its drain to the begin of the next. */
const defaultLingerMs = 10 * 60_000;

export class WatchedCluster {
  readonly #kinds: WatchedKinds;
  readonly #clock: Clock;
  readonly #lingerMs: number;
  readonly #followers = new Set<Follower>();
  #watching: Watching | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(kinds: WatchedKinds, options: { readonly clock: Clock; readonly lingerMs?: number }) {
    this.#kinds = kinds;
    this.#clock = options.clock;
    this.#lingerMs = options.lingerMs ?? defaultLingerMs;
  }

  /** Keeps the watches open until the follower is closed. */
  followAll(): ClusterFollower {
    return this.#follow(new Follower(undefined));
  }

  /** The same for one node. */
  follow(node: string): NodeFollower {
    const follower = new Follower(node);
    return {
      ...this.#follow(follower),
      isOpen: () => this.#now() !== undefined,
      pods: () => this.#now()?.podsOnNode(node),
      node: () => {
        const now = this.#now();
        return now === undefined ? undefined : (now.node(node) ?? 'missing');
      },
      budgetsOf: (pod) => this.#now()?.budgetsOf(pod),
      shortfallOf: (budget) => this.#now()?.shortfallOf(budget),
    };
  }

  #follow(follower: Follower): ClusterFollower {
    clearTimeout(this.#linger);
    this.#watching ??= new Watching(this.#kinds, this.#clock, this.#followers);
    this.#followers.add(follower);
    return {
      cluster: () => this.#now(),
      changed: (ms, signal) => follower.changed(ms, this.#clock, signal),
      close: () => this.#leave(follower),
    };
  }

  /** Budgets of the pod; undefined when no pod has this uid, or no watch is open (C2). */
  budgetsOf(uid: string): readonly BudgetView[] | undefined {
    const now = this.#now();
    const pod = now?.pod(uid);
    return pod === undefined ? undefined : now?.budgetsOf(pod);
  }

  /** Ends the watches and forgets what they told. */
  async close(): Promise<void> {
    clearTimeout(this.#linger);
    const watching = this.#watching;
    this.#watching = undefined;
    await watching?.end();
  }

  #now(): Watching | undefined {
    return this.#watching?.isLive() === true ? this.#watching : undefined;
  }

  #leave(follower: Follower): void {
    if (!this.#followers.delete(follower) || this.#followers.size > 0) return;
    this.#linger = setTimeout(() => void this.close(), this.#lingerMs);
    this.#linger.unref();
  }
}

/** One time that the watches run. */
class Watching implements ClusterView {
  readonly #followers: ReadonlySet<Follower>;
  readonly #live = new Set<keyof WatchedKinds>();
  readonly #end = new AbortController();
  readonly #ended: Promise<unknown>;
  readonly #pods = new PodStore(({ node }) => this.#tell((follower) => follower.node === node));
  readonly #nodes = new NodeStore(({ name }) => this.#tell((follower) => follower.isOf(name)));
  readonly #budgets = new BudgetStore((budget) =>
    this.#tell(
      ({ node }) => node === undefined || this.podsOnNode(node).some((pod) => budget.selects(pod)),
    ),
  );

  constructor(kinds: WatchedKinds, clock: Clock, followers: ReadonlySet<Follower>) {
    this.#followers = followers;
    const start = <View>(
      kind: keyof WatchedKinds,
      source: Reflected<View>,
      store: ReflectorStore<View>,
    ): Promise<void> => {
      const onLive = (isLive: boolean): void => this.#setLive(kind, isLive);
      return reflect({ source, store, clock, onLive }, this.#end.signal);
    };
    this.#ended = Promise.all([
      start('pods', kinds.pods, this.#pods),
      start('nodes', kinds.nodes, this.#nodes),
      start('budgets', kinds.budgets, this.#budgets),
    ]);
  }

  isLive(): boolean {
    return this.#live.size === 3;
  }

  podsOnNode(node: string): readonly PodView[] {
    return this.#pods.onNode(node);
  }

  pod(uid: string): PodView | undefined {
    return this.#pods.get(uid);
  }

  node(name: string): NodeView | undefined {
    return this.#nodes.get(name);
  }

  nodes(): readonly NodeView[] {
    return this.#nodes.all();
  }

  unhealthyPods(): readonly PodView[] {
    return this.#pods.unhealthy();
  }

  servingOf(owner: string): number {
    return this.#pods.servingOf(owner);
  }

  budgetsOf(pod: PodView): readonly BudgetView[] {
    return this.#budgets.of(pod);
  }

  shortfallOf(ref: BudgetRef): BudgetShortfall | undefined {
    const budget = this.#budgets.get(ref);
    if (budget === undefined) return undefined;
    const near = this.#pods.unhealthyIn(ref.namespace);
    return { budget, unhealthy: near.filter((pod) => budget.selects(pod)) };
  }

  async end(): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }

  #setLive(kind: keyof WatchedKinds, isLive: boolean): void {
    if (isLive) this.#live.add(kind);
    else this.#live.delete(kind);
    this.#tell(() => true);
  }

  #tell(isConcerned: (follower: Follower) => boolean): void {
    for (const follower of this.#followers) if (isConcerned(follower)) follower.tell();
  }
}

/** Who waits for changes of one node, or of any. */
class Follower {
  readonly node: string | undefined;
  /** Aborted by a change that nobody has asked for yet (C3). */
  #change = new AbortController();

  constructor(node: string | undefined) {
    this.node = node;
  }

  isOf(node: string): boolean {
    return this.node === undefined || this.node === node;
  }

  tell(): void {
    this.#change.abort();
  }

  async changed(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
    try {
      await clock.sleep(ms, AbortSignal.any([signal, this.#change.signal]));
    } catch {
      signal.throwIfAborted();
    }
    this.#change = new AbortController();
  }
}
