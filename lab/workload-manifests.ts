// What runs in the demo lab: a shop with its data and its platform, in three namespaces. Every
// kind of owner and budget that a drain must get right is there, and nothing that never ends well.
// W1. Every budget lets at least one of its pods go while all of them are healthy.

export interface Manifest {
  /** Path of the object for server-side apply. */
  readonly path: string;
  readonly object: Readonly<Record<string, unknown>>;
}

type Budget =
  | { readonly maxUnavailable: number | `${number}%` }
  | { readonly minAvailable: `${number}%` };

interface DeploymentPlan {
  readonly namespace: string;
  readonly name: string;
  /** Part of the pods that are left after the fixed ones. */
  readonly share: number;
  readonly budget: Budget;
  readonly emptyDir?: boolean;
}

export const labLabel = { key: 'app.kubernetes.io/managed-by', value: 'ascent-lab' } as const;
const namespaces = ['shop', 'data', 'platform'] as const;

const deployments: readonly DeploymentPlan[] = [
  { namespace: 'shop', name: 'storefront', share: 18, budget: { maxUnavailable: '10%' } },
  { namespace: 'shop', name: 'cart', share: 12, budget: { maxUnavailable: '10%' } },
  { namespace: 'shop', name: 'checkout', share: 12, budget: { minAvailable: '80%' } },
  { namespace: 'shop', name: 'search', share: 10, budget: { maxUnavailable: '10%' } },
  { namespace: 'shop', name: 'payments', share: 6, budget: { maxUnavailable: 1 } },
  { namespace: 'data', name: 'ingest', share: 12, budget: { maxUnavailable: '10%' } },
  { namespace: 'data', name: 'reports', share: 6, budget: { maxUnavailable: 1 } },
  {
    namespace: 'data',
    name: 'thumbnail-cache',
    share: 4,
    budget: { maxUnavailable: 1 },
    emptyDir: true,
  },
  { namespace: 'platform', name: 'gateway', share: 10, budget: { minAvailable: '75%' } },
  { namespace: 'platform', name: 'identity', share: 6, budget: { maxUnavailable: 1 } },
  { namespace: 'platform', name: 'metrics', share: 4, budget: { maxUnavailable: 1 } },
  { namespace: 'platform', name: 'webhooks', share: 3, budget: { maxUnavailable: 1 } },
];

const statefulReplicas = 5;
const jobCompletions = 2;

function labels(name: string): Readonly<Record<string, string>> {
  return { app: name, [labLabel.key]: labLabel.value };
}

function podTemplate(
  name: string,
  extra: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    metadata: { labels: labels(name) },
    spec: {
      terminationGracePeriodSeconds: 10,
      containers: [
        {
          name: 'main',
          image: `${name}:1.0`,
          resources: { requests: { cpu: '50m', memory: '64Mi' } },
          ...('volumes' in extra ? { volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }] } : {}),
        },
      ],
      ...extra,
    },
  };
}

const selectorOf = (name: string): object => ({ matchLabels: { app: name } });

function metadata(namespace: string, name: string): Readonly<Record<string, unknown>> {
  return { namespace, name, labels: labels(name) };
}

function budget(namespace: string, name: string, allowed: Budget): Manifest {
  return {
    path: `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/${name}`,
    object: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: metadata(namespace, name),
      spec: { ...allowed, selector: selectorOf(name) },
    },
  };
}

function workload(
  kind: 'Deployment' | 'StatefulSet' | 'DaemonSet',
  namespace: string,
  name: string,
  spec: Readonly<Record<string, unknown>>,
): Manifest {
  return {
    path: `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`,
    object: {
      apiVersion: 'apps/v1',
      kind,
      metadata: metadata(namespace, name),
      spec: { selector: selectorOf(name), ...spec },
    },
  };
}

function fixedWorkloads(): readonly Manifest[] {
  return [
    workload('StatefulSet', 'data', 'ledger', {
      replicas: statefulReplicas,
      serviceName: 'ledger',
      podManagementPolicy: 'Parallel',
      template: podTemplate('ledger'),
    }),
    budget('data', 'ledger', { maxUnavailable: 1 }),
    workload('DaemonSet', 'platform', 'node-agent', { template: podTemplate('node-agent') }),
    {
      path: '/apis/batch/v1/namespaces/data/jobs/nightly-export',
      object: {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: metadata('data', 'nightly-export'),
        spec: {
          completions: jobCompletions,
          parallelism: jobCompletions,
          template: podTemplate('nightly-export', { restartPolicy: 'Never' }),
        },
      },
    },
  ];
}

/** W1, at two replicas or more: the disruption controller rounds a percentage up. */
function fewestReplicas({ budget: allowed }: DeploymentPlan): number {
  if ('maxUnavailable' in allowed) return 2;
  const percent = Number.parseInt(allowed.minAvailable, 10);
  return Math.max(2, Math.ceil(100 / (100 - percent)));
}

function fixedPods(nodes: number): number {
  return nodes + statefulReplicas + jobCompletions;
}

/** What a real kubelet takes by default (`--max-pods`); all workloads ask for less CPU. */
export const podsPerNode = 110;

/** As many as make a good picture, and as one node fewer can hold. */
export function defaultPods(nodes: number): number {
  return Math.max(6 * nodes, Math.min(120, 50 * nodes));
}

/** The fewest pods with which every workload is there and W1 holds. */
export function fewestPods(nodes: number): number {
  return deployments.reduce((sum, plan) => sum + fewestReplicas(plan), fixedPods(nodes));
}

/**
 * Replicas of each deployment so that the lab has `pods` pods in all, but never fewer than
 * `fewestPods`: one pod after the other goes to the deployment that is furthest below its share.
 */
function replicasOf(options: { readonly pods: number; readonly nodes: number }): readonly number[] {
  const counts = deployments.map((plan) => ({ share: plan.share, replicas: fewestReplicas(plan) }));
  for (let left = options.pods - fewestPods(options.nodes); left > 0; left -= 1) {
    const next = counts.reduce((a, b) => (b.replicas / b.share < a.replicas / a.share ? b : a));
    next.replicas += 1;
  }
  return counts.map(({ replicas }) => replicas);
}

/** Namespaces first, then budgets before the pods that they protect. */
export function demoManifests(options: { readonly pods: number; readonly nodes: number }): {
  readonly namespaces: readonly Manifest[];
  readonly objects: readonly Manifest[];
} {
  const replicas = replicasOf(options);
  return {
    namespaces: namespaces.map((name) => ({
      path: `/api/v1/namespaces/${name}`,
      object: {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { [labLabel.key]: labLabel.value } },
      },
    })),
    objects: [
      ...deployments.map((plan) => budget(plan.namespace, plan.name, plan.budget)),
      ...deployments.map((plan, index) =>
        workload('Deployment', plan.namespace, plan.name, {
          replicas: replicas[index],
          template: podTemplate(
            plan.name,
            plan.emptyDir === true ? { volumes: [{ name: 'scratch', emptyDir: {} }] } : {},
          ),
        }),
      ),
      ...fixedWorkloads(),
    ],
  };
}
