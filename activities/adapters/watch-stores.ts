// Where watches keep what they told: looked up by what drains ask for.

import { isServing, ownerKey } from '../../domain/pool/admission';
import { isUnhealthy } from '../../domain/drain/budget-explanation';
import type { BudgetRef } from '../../domain/names';
import type { BudgetView, NodeView, PodView } from '../ports';
import type { ReflectorStore } from './reflector';

/** Objects by a group and a key within it; a group that is empty takes no room. */
class Grouped<View> {
  readonly #groups = new Map<string, Map<string, View>>();

  of(group: string): readonly View[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  all(): readonly View[] {
    return [...this.#groups.values()].flatMap((group) => [...group.values()]);
  }

  get(group: string, key: string): View | undefined {
    return this.#groups.get(group)?.get(key);
  }

  set(group: string, key: string, view: View): void {
    const found = this.#groups.get(group);
    if (found === undefined) this.#groups.set(group, new Map([[key, view]]));
    else found.set(key, view);
  }

  delete(group: string, key: string): void {
    const found = this.#groups.get(group);
    found?.delete(key);
    if (found?.size === 0) this.#groups.delete(group);
  }

  clear(): void {
    this.#groups.clear();
  }
}

/** What every store does alike: all at once, and telling of each change. */
abstract class Store<View> implements ReflectorStore<View> {
  readonly #onChange: (view: View) => void;

  constructor(onChange: (view: View) => void) {
    this.#onChange = onChange;
  }

  replace(views: readonly View[]): void {
    this.clear();
    for (const view of views) this.put(view);
  }

  put(view: View): void {
    this.keep(view);
    this.#onChange(view);
  }

  remove(view: View): void {
    this.drop(view);
    this.#onChange(view);
  }

  protected abstract clear(): void;
  protected abstract keep(view: View): void;
  protected abstract drop(view: View): void;
}

/** Pods by uid and by node, and those that are unhealthy: few, in most clusters. */
export class PodStore extends Store<PodView> {
  readonly #byUid = new Map<string, PodView>();
  /** A pod gets a node once, and keeps it; those without one are nobody's. */
  readonly #byNode = new Grouped<PodView>();
  /** By namespace: whoever asks about a budget asks about the pods of one. */
  readonly #unhealthy = new Grouped<PodView>();
  /** How many serve, by owner. */
  readonly #serving = new Map<string, number>();

  onNode(node: string): readonly PodView[] {
    return this.#byNode.of(node);
  }

  get(uid: string): PodView | undefined {
    return this.#byUid.get(uid);
  }

  unhealthy(): readonly PodView[] {
    return this.#unhealthy.all();
  }

  unhealthyIn(namespace: string): readonly PodView[] {
    return this.#unhealthy.of(namespace);
  }

  servingOf(owner: string): number {
    return this.#serving.get(owner) ?? 0;
  }

  protected clear(): void {
    this.#byUid.clear();
    this.#unhealthy.clear();
    this.#serving.clear();
    this.#byNode.clear();
  }

  protected keep(pod: PodView): void {
    this.#count(this.#byUid.get(pod.uid), -1);
    this.#count(pod, 1);
    this.#byUid.set(pod.uid, pod);
    const { namespace } = pod.ref;
    if (isUnhealthy(pod)) this.#unhealthy.set(namespace, pod.uid, pod);
    else this.#unhealthy.delete(namespace, pod.uid);
    if (pod.node !== '') this.#byNode.set(pod.node, pod.uid, pod);
  }

  protected drop(pod: PodView): void {
    this.#count(this.#byUid.get(pod.uid), -1);
    this.#byUid.delete(pod.uid);
    this.#unhealthy.delete(pod.ref.namespace, pod.uid);
    this.#byNode.delete(pod.node, pod.uid);
  }

  #count(pod: PodView | undefined, change: 1 | -1): void {
    const owner = pod === undefined || !isServing(pod) ? undefined : ownerKey(pod);
    if (owner === undefined) return;
    const serving = this.servingOf(owner) + change;
    if (serving > 0) this.#serving.set(owner, serving);
    else this.#serving.delete(owner);
  }
}

export class NodeStore extends Store<NodeView> {
  readonly #byName = new Map<string, NodeView>();

  get(name: string): NodeView | undefined {
    return this.#byName.get(name);
  }

  all(): readonly NodeView[] {
    return [...this.#byName.values()];
  }

  protected clear(): void {
    this.#byName.clear();
  }

  protected keep(node: NodeView): void {
    this.#byName.set(node.name, node);
  }

  protected drop({ name }: NodeView): void {
    this.#byName.delete(name);
  }
}

/** Which budgets select a pod, by name, as long as `selectors` counts no change. */
interface Guards {
  readonly selectors: number;
  readonly names: readonly string[];
}

/**
 * By namespace: a budget selects pods of its own only, and a large cluster has thousands. Which of
 * them select a pod is remembered: a status changes with every eviction, a selector hardly ever.
 */
export class BudgetStore extends Store<BudgetView> {
  readonly #byNamespace = new Grouped<BudgetView>();
  readonly #guards = new WeakMap<PodView, Guards>();
  /** Counts budgets that came, went, or select otherwise than before. */
  #selectors = 0;

  get({ namespace, name }: BudgetRef): BudgetView | undefined {
    return this.#byNamespace.get(namespace, name);
  }

  /** Those that select the pod. */
  of(pod: PodView): readonly BudgetView[] {
    const { namespace } = pod.ref;
    const known = this.#guards.get(pod);
    if (known?.selectors === this.#selectors) {
      return known.names.flatMap((name) => this.#byNamespace.get(namespace, name) ?? []);
    }
    const views = this.#byNamespace.of(namespace).filter((budget) => budget.selects(pod));
    const names = views.map(({ budget }) => budget.name);
    this.#guards.set(pod, { selectors: this.#selectors, names });
    return views;
  }

  protected clear(): void {
    this.#selectors += 1;
    this.#byNamespace.clear();
  }

  protected keep(view: BudgetView): void {
    const { selectsAs } = view;
    const isKnown = selectsAs !== undefined && this.get(view.budget)?.selectsAs === selectsAs;
    if (!isKnown) this.#selectors += 1;
    this.#byNamespace.set(view.budget.namespace, view.budget.name, view);
  }

  protected drop({ budget }: BudgetView): void {
    this.#selectors += 1;
    this.#byNamespace.delete(budget.namespace, budget.name);
  }
}
