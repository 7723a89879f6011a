// A cluster by lists instead of watches: for who must decide while no watch is open.

import { isServing, ownerKey } from '../../domain/pool/admission';
import { isUnhealthy } from '../../domain/drain/budget-explanation';
import type { BudgetView, ClusterView, KubeApi, NodeView, PodView } from '../ports';

/** The view of one moment; nothing in it changes. */
export function listedCluster(
  nodes: readonly NodeView[],
  pods: readonly PodView[],
  budgets: readonly BudgetView[],
): ClusterView {
  const byName = new Map<string, NodeView>(nodes.map((node) => [node.name, node]));
  const byNode = groupBy(pods, ({ node }) => node);
  const byOwner = groupBy(pods.filter(isServing), (pod) => ownerKey(pod) ?? '');
  return {
    nodes: () => nodes,
    node: (name) => byName.get(name),
    podsOnNode: (node) => byNode.get(node) ?? [],
    budgetsOf: (pod) => budgets.filter((budget) => budget.selects(pod)),
    unhealthyPods: () => pods.filter(isUnhealthy),
    servingOf: (owner) => byOwner.get(owner)?.length ?? 0,
  };
}

/** Reads it now: three lists. */
export async function listCluster(
  kube: Pick<KubeApi, 'listNodes' | 'listPods' | 'listBudgets'>,
  signal: AbortSignal,
): Promise<ClusterView> {
  const [nodes, pods, budgets] = await Promise.all([
    kube.listNodes(signal),
    kube.listPods(signal),
    kube.listBudgets(signal),
  ]);
  return listedCluster(nodes, pods, budgets);
}

function groupBy(
  pods: readonly PodView[],
  keyOf: (pod: PodView) => string,
): ReadonlyMap<string, readonly PodView[]> {
  const groups = new Map<string, PodView[]>();
  for (const pod of pods) {
    const group = groups.get(keyOf(pod));
    if (group === undefined) groups.set(keyOf(pod), [pod]);
    else group.push(pod);
  }
  return groups;
}
