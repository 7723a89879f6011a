import type { Budget } from '../../bin/demo/observer/budget-watcher';
import { requiredHealthy } from '../../bin/demo/observer/budget-watcher';
import { defaultPods, demoManifests, fewestPods, podsPerNode } from '../../lab/workload-manifests';

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: { readonly replicas?: number; readonly completions?: number };
}

const sizes = [1, 4, 9, 200].flatMap((nodes) =>
  [0, 1, 2, 3, 7, 20, 63, 400].map((more) => ({ nodes, pods: fewestPods(nodes) + more })),
);

function objectsOf(size: { readonly nodes: number; readonly pods: number }) {
  const objects = demoManifests(size).objects.map(({ object }) => object);
  const isBudget = ({ kind }: { readonly kind?: unknown }) => kind === 'PodDisruptionBudget';
  return {
    budgets: objects.filter(isBudget) as unknown as readonly Budget[],
    workloads: objects.filter((object) => !isBudget(object)) as unknown as readonly Workload[],
  };
}

describe('the demo workloads', () => {
  it.each(sizes)('are $pods pods on $nodes nodes, and every budget lets one go', (size) => {
    const { budgets, workloads } = objectsOf(size);
    const podsOf = ({ kind, spec }: Workload): number =>
      kind === 'DaemonSet' ? size.nodes : (spec.replicas ?? spec.completions ?? 0);
    const replicas = new Map(
      workloads.map((one) => [`${one.metadata.namespace}/${one.metadata.name}`, podsOf(one)]),
    );

    expect([...replicas.values()].reduce((sum, pods) => sum + pods, 0)).toBe(size.pods);
    const stuck = budgets.filter((budget) => {
      const pods = replicas.get(`${budget.metadata.namespace}/${budget.metadata.name}`) ?? 0;
      return pods - requiredHealthy(budget, pods) < 1;
    });
    expect(stuck).toEqual([]);
    expect(budgets).toHaveLength(13);
  });

  it.each([1, 2, 3, 4, 9, 20, 200, 2_000])('by default fit on all but one of %d nodes', (nodes) => {
    const pods = defaultPods(nodes);

    expect(pods).toBeGreaterThanOrEqual(fewestPods(nodes));
    expect(pods).toBeLessThanOrEqual(podsPerNode * Math.max(1, nodes - 1));
  });

  it('keep their shares where there is room', () => {
    const { workloads } = objectsOf({ nodes: 9, pods: 120 });
    const deployments = workloads.filter(({ kind }) => kind === 'Deployment');

    expect(
      Object.fromEntries(deployments.map(({ metadata, spec }) => [metadata.name, spec.replicas])),
    ).toEqual({
      storefront: 19,
      cart: 12,
      checkout: 12,
      search: 10,
      payments: 6,
      ingest: 12,
      reports: 6,
      'thumbnail-cache': 4,
      gateway: 10,
      identity: 6,
      metrics: 4,
      webhooks: 3,
    });
  });
});
