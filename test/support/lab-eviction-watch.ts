// Sees every eviction of a cluster by itself: the API server marks a pod that the Eviction API lets
// go with the condition DisruptionTarget, reason EvictionByEvictionAPI, before it is deleted.
// E1. A pod counts once, by its uid, whatever the engine counts.
// E2. Pods that went in a gap of the watch, without anybody seeing why, are `unexplained`.

import { connect } from '../../bin/demo/observer/connection';
import type { Pod, PodListener } from '../../bin/demo/observer/pod-watch';
import { watchPods } from '../../bin/demo/observer/pod-watch';

export interface SeenEviction {
  readonly uid: string;
  /** `shop/cart-1`. */
  readonly pod: string;
  readonly node: string;
  readonly atMs: number;
}

export interface EvictionWatch {
  readonly evictions: readonly SeenEviction[];
  /** Pods that may have been evicted unseen (E2). */
  readonly unexplained: readonly string[];
  stop(): void;
}

function podName({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Whether the Eviction API has let it go. */
export function isEvicted({ status }: Pick<Pod, 'status'>): boolean {
  return (status?.conditions ?? []).some(
    ({ type, reason }) => type === 'DisruptionTarget' && reason === 'EvictionByEvictionAPI',
  );
}

export class EvictionCount implements PodListener {
  readonly evictions: SeenEviction[] = [];
  readonly unexplained: string[] = [];
  /** Pods that are there, by uid. */
  readonly #known = new Map<string, string>();
  readonly #evicted = new Set<string>();

  constructor(pods: readonly Pod[]) {
    for (const pod of pods) this.#note(pod);
  }

  changed(type: string, pod: Pod): void {
    this.#note(pod);
    if (type === 'DELETED') this.#known.delete(pod.metadata.uid);
  }

  relisted(pods: readonly Pod[]): void {
    const before = [...this.#known];
    this.#known.clear();
    for (const pod of pods) this.#note(pod);
    for (const [uid, name] of before) {
      if (!this.#known.has(uid) && !this.#evicted.has(uid)) this.unexplained.push(name);
    }
  }

  #note(pod: Pod): void {
    const { uid } = pod.metadata;
    this.#known.set(uid, podName(pod));
    if (!isEvicted(pod) || this.#evicted.has(uid)) return;
    this.#evicted.add(uid);
    const node = pod.spec?.nodeName ?? '';
    this.evictions.push({ uid, pod: podName(pod), node, atMs: Date.now() });
  }
}

/** Begins to watch; evictions from now on are seen. */
export async function watchEvictions(kubeconfig: string): Promise<EvictionWatch> {
  const connection = connect(kubeconfig, 2);
  let count = new EvictionCount([]);
  const watch = await watchPods(connection, (pods) => (count = new EvictionCount(pods)));
  return {
    evictions: count.evictions,
    unexplained: count.unexplained,
    stop() {
      watch.stop();
      connection.agent.destroy();
    },
  };
}
