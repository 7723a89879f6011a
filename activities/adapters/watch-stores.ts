// Where watches keep what they told: looked up by what drains ask for.

import { isUnhealthy } from '../../domain/budget-explanation';
import type { PodView } from '../ports';
import type { ReflectorStore } from './reflector';

/** Pods by uid and by node, and those that are unhealthy: few, in most clusters. */
export class PodStore implements ReflectorStore<PodView> {
  readonly #byUid = new Map<string, PodView>();
  readonly #byNode = new Map<string, Map<string, PodView>>();
  readonly #unhealthy = new Map<string, PodView>();
  readonly #onChange: (pod: PodView) => void;

  constructor(onChange: (pod: PodView) => void) {
    this.#onChange = onChange;
  }

  onNode(node: string): readonly PodView[] {
    return [...(this.#byNode.get(node)?.values() ?? [])];
  }

  has(uid: string): boolean {
    return this.#byUid.has(uid);
  }

  unhealthy(): readonly PodView[] {
    return [...this.#unhealthy.values()];
  }

  replace(pods: readonly PodView[]): void {
    this.#byUid.clear();
    this.#unhealthy.clear();
    this.#byNode.clear();
    for (const pod of pods) this.put(pod);
  }

  put(pod: PodView): void {
    this.#byUid.set(pod.uid, pod);
    if (isUnhealthy(pod)) this.#unhealthy.set(pod.uid, pod);
    else this.#unhealthy.delete(pod.uid);
    // A pod gets a node once, and keeps it.
    if (pod.node === '') return;
    const ofNode = this.#byNode.get(pod.node);
    if (ofNode === undefined) this.#byNode.set(pod.node, new Map([[pod.uid, pod]]));
    else ofNode.set(pod.uid, pod);
    this.#onChange(pod);
  }

  remove(pod: PodView): void {
    this.#byUid.delete(pod.uid);
    this.#unhealthy.delete(pod.uid);
    const ofNode = this.#byNode.get(pod.node);
    ofNode?.delete(pod.uid);
    if (ofNode?.size === 0) this.#byNode.delete(pod.node);
    this.#onChange(pod);
  }
}

export class NamedStore<View> implements ReflectorStore<View> {
  readonly #byName = new Map<string, View>();
  readonly #nameOf: (view: View) => string;
  readonly #onChange: (view: View) => void;

  constructor(nameOf: (view: View) => string, onChange: (view: View) => void) {
    this.#nameOf = nameOf;
    this.#onChange = onChange;
  }

  get(name: string): View | undefined {
    return this.#byName.get(name);
  }

  all(): readonly View[] {
    return [...this.#byName.values()];
  }

  replace(views: readonly View[]): void {
    this.#byName.clear();
    for (const view of views) this.put(view);
  }

  put(view: View): void {
    this.#byName.set(this.#nameOf(view), view);
    this.#onChange(view);
  }

  remove(view: View): void {
    this.#byName.delete(this.#nameOf(view));
    this.#onChange(view);
  }
}
