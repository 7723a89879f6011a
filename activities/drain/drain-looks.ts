// What a drain looks at: the pods of its node by verdict, and the node's cordon.
// K1. What ends a drain is as etcd has it: a watch may stand still without knowing it.
// K2. Pods that a watch tells of may be evicted: it never goes back in time. What an API server
//     remembers may, and the eviction of a pod that a StatefulSet has replaced by one of its name
//     takes from the budget for two minutes (disruption controller, DeletionTimeout): where no
//     watch is open, what would be evicted is read from etcd first.
// K3. Without a watch most looks are at what an API server remembers: many nodes are drained at a
//     time, and looked at often.

import {
  type DaemonSetRef,
  daemonSetsToLookUp,
  type DrainVerdicts,
  drainVerdicts,
} from '../../domain/drain/drain-verdicts';
import type { NodeName } from '../../domain/names';
import type { DrainPolicy } from '../../domain/spec';
import type { Clock, KubeApi, NodeFollower, NodeView, PodView } from '../ports';

/** How soon it is noticed without a watch that somebody uncordoned the node. */
const cordonLookMs = 5_000;
/** How old may be what an API server remembers, at the most (K3). */
const freshLookMs = 5_000;

export type NodePods = DrainVerdicts<PodView>;

export interface DrainLooksOptions {
  readonly kube: KubeApi;
  readonly clock: Clock;
  readonly follower: NodeFollower;
  readonly node: NodeName;
  readonly policy: DrainPolicy;
  readonly startedAtMs: number;
  readonly signal: AbortSignal;
  /** Whether the eviction of such a pod would be asked for now. */
  readonly isDue: (pod: PodView) => boolean;
  /** Whether nothing but pods is waited for: an empty node ends the drain. */
  readonly mayEnd: () => boolean;
}

export class DrainLooks {
  readonly #options: DrainLooksOptions;
  /** DaemonSets that were seen; one that goes away meanwhile takes its pods along. */
  readonly #daemonSetsSeen = new Set<string>();
  /** When the node was last seen cordoned, or missing. */
  #cordonSeenAtMs = -Infinity;
  #node: NodeView | undefined;
  /** When its pods were last read from etcd. */
  #readAtMs = -Infinity;

  constructor(options: DrainLooksOptions) {
    this.#options = options;
  }

  /**
   * The pods of the node by verdict; a node that does not exist has none. `isLast`: this look ends
   * the drain, whatever it tells.
   */
  async pods(isLast: boolean): Promise<NodePods> {
    const told = isLast ? undefined : await this.#toldPods();
    if (told !== undefined) return told;
    const { kube, clock, node, signal } = this.#options;
    this.#readAtMs = clock.nowMs();
    return this.#judge(await kube.listPodsOnNode(node, 'now', signal));
  }

  /** Whether somebody uncordoned the node; a node that does not exist is nobody's. */
  async isUncordoned(): Promise<boolean> {
    const { kube, clock, follower, node, signal } = this.#options;
    const told = follower.node();
    if (told !== undefined) this.#node = told === 'missing' ? undefined : told;
    if (told === 'missing' || told?.unschedulable === true) return false;
    // Its own cordon may be newer than what the watch has told: that is no reason to refuse.
    const isOld = clock.nowMs() - this.#cordonSeenAtMs >= cordonLookMs;
    if (told === undefined && !isOld) return false;
    const now = await kube.getNode(node, signal);
    this.#cordonSeenAtMs = clock.nowMs();
    this.#node = now;
    return now?.unschedulable === false;
  }

  /** The node as `isUncordoned` saw it last; undefined when it is missing. */
  get node(): NodeView | undefined {
    return this.#node;
  }

  /** Undefined when etcd must be asked (K1, K2). */
  async #toldPods(): Promise<NodePods | undefined> {
    const { kube, clock, follower, node, signal, isDue } = this.#options;
    const watched = follower.pods();
    if (watched !== undefined) {
      const pods = await this.#judge(watched);
      return this.#isFinal(pods) ? undefined : pods;
    }
    if (clock.nowMs() - this.#readAtMs >= freshLookMs) return undefined;
    const pods = await this.#judge(await kube.listPodsOnNode(node, 'cached', signal));
    return this.#isFinal(pods) || pods.evict.some((pod) => isDue(pod)) ? undefined : pods;
  }

  /** Whether such pods end the drain: none is left, or one may not leave. */
  #isFinal({ refuse, evict, wait }: NodePods): boolean {
    // Pods that leave later leave after something that is here now.
    const isEmpty = evict.length === 0 && wait.length === 0;
    return refuse.length > 0 || (isEmpty && this.#options.mayEnd());
  }

  async #judge(pods: readonly PodView[]): Promise<NodePods> {
    const { kube, clock, policy, startedAtMs, signal } = this.#options;
    const missingDaemonSets = await findMissingDaemonSets(
      { kube, signal, seen: this.#daemonSetsSeen },
      pods,
    );
    return drainVerdicts({ pods, policy, missingDaemonSets, startedAtMs, nowMs: clock.nowMs() });
  }
}

/**
 * DaemonSets that own one of the pods and are not there, by one request each. Those that are there
 * join `seen`, whose members are not asked for again.
 */
export async function findMissingDaemonSets(
  options: {
    readonly kube: Pick<KubeApi, 'daemonSetExists'>;
    readonly signal: AbortSignal;
    readonly seen: Set<string>;
  },
  pods: readonly PodView[],
): Promise<readonly DaemonSetRef[]> {
  const { kube, signal, seen } = options;
  const missing: DaemonSetRef[] = [];
  const unknown = daemonSetsToLookUp(pods).filter(
    ({ namespace, name }) => !seen.has(`${namespace}/${name}`),
  );
  await Promise.all(
    unknown.map(async (owner) => {
      const { namespace, name } = owner;
      const exists = await kube.daemonSetExists(namespace, name, signal);
      if (exists) seen.add(`${namespace}/${name}`);
      else missing.push(owner);
    }),
  );
  return missing;
}
