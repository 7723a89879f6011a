// Finds out, from what watches tell, whether a drain and others wait for each other, and whether it
// is this one that yields (domain/drain/drain-deadlock.ts).

import type { DrainInput } from '../../domain/activity-contract';
import { isServing } from '../../domain/pool/admission';
import { cordonPurpose } from '../../domain/drain/cordon-reasons';
import {
  type Deadlock,
  type DrainedNode,
  findDeadlock,
  isStill,
} from '../../domain/drain/drain-deadlock';
import { daemonSetOf } from '../../domain/drain/drain-verdicts';
import { cordonedAtMs, cordonOf } from '../cordon-mark';
import type { ClusterFollower, ClusterView, NodeView, PodView } from '../ports';

/** For so long nothing may have moved: longer than controllers and scheduler take for a pod. */
const stillForMs = 30_000;

export class DrainYield {
  readonly #input: Pick<DrainInput, 'node' | 'mayYield'>;
  readonly #follower: Pick<ClusterFollower, 'cluster'>;
  #signature = '';
  #sinceMs = 0;

  constructor(
    input: Pick<DrainInput, 'node' | 'mayYield'>,
    follower: Pick<ClusterFollower, 'cluster'>,
  ) {
    this.#input = input;
    this.#follower = follower;
  }

  /** The deadlock, once it has lasted and if this drain is the one that yields and may. */
  dueAt(nowMs: number): Deadlock | undefined {
    if (this.#input.mayYield !== true) return undefined;
    const cluster = this.#follower.cluster();
    const deadlock = cluster === undefined ? undefined : this.#deadlockIn(cluster);
    const signature = deadlock?.signature ?? '';
    if (signature !== this.#signature) this.#sinceMs = nowMs;
    this.#signature = signature;
    const isLasting = nowMs - this.#sinceMs >= stillForMs;
    return isLasting && deadlock?.yields === this.#input.node ? deadlock : undefined;
  }

  /** Every node is looked at for it: not while this one gets on. */
  #deadlockIn(cluster: ClusterView): Deadlock | undefined {
    const own = cluster.node(this.#input.node);
    const isOwnStill = own !== undefined && isStill(drainedNode(cluster, own, []));
    return isOwnStill ? findDeadlock(drainedNodes(cluster)) : undefined;
  }
}

/** None while the scheduler finds a node for every pod: there is no deadlock then (Y2). */
function drainedNodes(cluster: ClusterView): readonly DrainedNode[] {
  const unscheduled = cluster.unhealthyPods().filter((pod) => pod.trouble?.code === 'unscheduled');
  if (unscheduled.length === 0) return [];
  return cluster
    .nodes()
    .filter(isInUpgrade)
    .map((node) => drainedNode(cluster, node, unscheduled));
}

function isInUpgrade(node: NodeView): boolean {
  const cordon = cordonOf(node);
  return cordon.kind === 'ours' && cordonPurpose(cordon.reason) === 'upgrade';
}

function drainedNode(
  cluster: ClusterView,
  node: NodeView,
  unscheduled: readonly PodView[],
): DrainedNode {
  const pods = cluster
    .podsOnNode(node.name)
    .filter((pod) => !pod.isMirror && daemonSetOf(pod) === undefined);
  const kept = pods.filter(isServing).flatMap((pod) => {
    const [budget, second] = cluster.budgetsOf(pod);
    if (budget === undefined || second !== undefined) return [];
    return budget.disruptionsAllowed > 0 ? [] : [{ pod, budget }];
  });
  return {
    name: node.name,
    cordonedAtMs: cordonedAtMs(node) ?? 0,
    leaving: pods.filter(({ deletionTimestampMs }) => deletionTimestampMs !== undefined).length,
    kept: kept.map(({ pod }) => pod.uid),
    lacksUnscheduled: kept.some(({ budget }) => unscheduled.some((pod) => budget.selects(pod))),
  };
}
