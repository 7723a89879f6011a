// What makes drains of workloads slow, impossible or felt, seen before anything is drained. Each
// check is a function of its own on evidence.
// K1. Pods of DaemonSets, mirror pods and finished ones are nobody's concern here: drains leave
//     the first two, and the last serve nobody.
// K2. Pods of Jobs are made to end: that there is one of them, or none elsewhere, is no finding.

import { count } from '../counts';
import { budgetKey, budgetRule, sparesNone } from '../drain/budget-explanation';
import { compileSelector } from '../label-match';
import { zoneLabel } from '../observation';
import { compareTexts } from '../text-order';
import {
  type CheckedCluster,
  checkedCluster,
  type DrainLimits,
  type Workload,
} from './checked-cluster';
import type { SimulatedBudget, SimulatedPod, SimulationEvidence } from './evidence';
import type { WorkloadFinding } from './findings';

type Check = (cluster: CheckedCluster) => readonly WorkloadFinding[];

/** By check, then by object. With `limits` of what leaves with those nodes only. */
export function checkWorkloads(
  evidence: SimulationEvidence,
  limits?: DrainLimits,
): readonly WorkloadFinding[] {
  const cluster = checkedCluster(evidence, limits);
  return checks.flatMap((check) => check(cluster).toSorted(byObject));
}

function byObject({ object: a }: WorkloadFinding, { object: b }: WorkloadFinding): number {
  return compareTexts(`${a.namespace}/${a.kind}/${a.name}`, `${b.namespace}/${b.kind}/${b.name}`);
}

export const neverSatisfiable: Check = ({ evidence }) =>
  evidence.budgets
    .filter((budget) => budget.observed && !budget.syncFailed && sparesNone(budget))
    .map((budget) => ({
      check: 'budget-never',
      severity: 'blocks',
      object: budgetObject(budget),
      evidence:
        `${budgetRule(budget)}: ${budget.desiredHealthy} of ${count(budget.expectedPods, 'pod')}` +
        ' must be healthy',
      why: 'it lets none of its pods leave, however healthy they are: their nodes never drain',
      remedy: 'add a replica, or let the budget spare at least one pod',
    }));

export const overlapping: Check = ({ pods, budgetsOf }) => {
  const found = new Map<string, { budgets: readonly SimulatedBudget[]; pods: SimulatedPod[] }>();
  for (const pod of [...pods.values()].flat()) {
    const budgets = budgetsOf(pod);
    if (budgets.length < 2) continue;
    const key = budgets.map(({ budget }) => budgetKey(budget)).join(' ');
    const known = found.get(key) ?? { budgets, pods: [] };
    known.pods.push(pod);
    found.set(key, known);
  }
  return [...found.values()].map(({ budgets, pods: selected }) => ({
    check: 'budget-overlap',
    severity: 'blocks',
    object: budgetObject(budgets[0] as SimulatedBudget),
    evidence: `${listed(budgets.map(({ budget }) => budget.name))} select ${podsText(selected)}`,
    why: 'the Eviction API refuses pods that several budgets select, for ever',
    remedy: 'change the selectors so that each pod has one budget at the most',
  }));
};

export const emptyBudget: Check = ({ evidence, pods }) =>
  evidence.budgets
    .filter(({ selector, budget }) => {
      const selects = compileSelector(selector);
      return !pods.get(budget.namespace)?.some(({ labels }) => selects(labels));
    })
    .map((budget) => ({
      check: 'budget-empty',
      severity: 'notes',
      object: budgetObject(budget),
      evidence: `its rule is ${budgetRule(budget)}`,
      why: 'it selects no pod: what it was meant for is not guarded',
      remedy: 'correct its selector, or take it away',
    }));

export const syncFailed: Check = ({ evidence }) =>
  evidence.budgets
    .filter((budget) => budget.syncFailed)
    .map((budget) => ({
      check: 'budget-sync-failed',
      severity: 'blocks',
      object: budgetObject(budget),
      evidence: `its rule is ${budgetRule(budget)}`,
      why: 'its controller cannot tell how many pods there should be, so that none may leave',
      remedy: 'see its events: pods of owners without a scale need an integer minAvailable',
    }));

export const missingBudget: Check = ({ workloads, budgetsOf }) =>
  lasting(workloads)
    .filter(({ pods }) => pods.length > 1 && budgetsOf(pods[0]).length === 0)
    .map(({ object, pods }) => ({
      check: 'budget-missing',
      severity: 'notes',
      object,
      evidence: `it has ${podsText(pods)}`,
      why: 'no budget says how many of its pods must stay: a window may take all of them at once',
      remedy: 'give it a PodDisruptionBudget, such as maxUnavailable: 1',
    }));

export const singleReplica: Check = ({ workloads }) =>
  lasting(workloads)
    .filter(({ pods }) => pods.length === 1)
    .map(({ object, pods: [pod] }) => ({
      check: 'single-replica',
      severity: 'warns',
      object,
      evidence: `its only pod is ${pod.ref.name}`,
      why: 'while its only pod moves it serves nobody',
      remedy: 'run a second replica while nodes are drained, or accept the gap',
    }));

export const oneNode: Check = ({ workloads }) =>
  lasting(workloads).flatMap(({ object, pods }): readonly WorkloadFinding[] => {
    const nodes = new Set(pods.map(({ node }) => node));
    const [node] = nodes;
    if (pods.length < 2 || nodes.size > 1 || node === undefined || node === '') return [];
    return [
      {
        check: 'one-node',
        severity: 'warns',
        object,
        evidence: `${podsText(pods)} on ${node}`,
        why: 'all of its pods are on one node and leave with it',
        remedy: 'spread it over hosts (topologySpreadConstraints), then restart it',
      },
    ];
  });

export const oneZone: Check = ({ evidence, workloads }) => {
  const zones = new Map(
    evidence.nodes.map(({ name, labels }) => [String(name), labels[zoneLabel]]),
  );
  const all = new Set([...zones.values()].filter((zone) => zone !== undefined));
  if (all.size < 2) return [];
  return lasting(workloads).flatMap(({ object, pods }): readonly WorkloadFinding[] => {
    const on = new Set(pods.map(({ node }) => zones.get(node)));
    const nodes = new Set(pods.map(({ node }) => node));
    const [zone] = on;
    if (nodes.size < 2 || on.size > 1 || zone === undefined) return [];
    return [
      {
        check: 'one-zone',
        severity: 'notes',
        object,
        evidence: `${podsText(pods)} in ${zone}`,
        why: 'all of its pods are in one zone of several',
        remedy: 'spread it over zones (topologySpreadConstraints), then restart it',
      },
    ];
  });
};

export const noReadinessProbe: Check = ({ workloads, serviceOf }) =>
  lasting(workloads)
    .filter(({ pods: [{ shape }] }) => !shape.traits.hasReadinessProbe)
    .map(({ object, pods: [pod] }) => {
      const service = serviceOf(pod);
      const none = 'none of its containers has a readinessProbe';
      return {
        check: 'no-readiness-probe',
        severity: service === undefined ? 'notes' : 'warns',
        object,
        evidence: service === undefined ? none : `${none}, and Service ${service.name} selects it`,
        why:
          'its pods count as healthy as soon as they run:' +
          (service === undefined ? '' : ' they get requests, and') +
          ' a budget lets the next one leave early',
        remedy: 'give its containers a readinessProbe',
      };
    });

export const noPreStop: Check = ({ workloads, serviceOf }) =>
  lasting(workloads).flatMap(({ object, pods: [pod] }): readonly WorkloadFinding[] => {
    const service = serviceOf(pod);
    if (service === undefined || pod.shape.traits.hasPreStop) return [];
    return [
      {
        check: 'no-pre-stop',
        severity: 'notes',
        object,
        evidence: `Service ${service.name} selects its pods`,
        why: 'a Service may send requests for some seconds after the pod was asked to end',
        remedy: 'add a preStop hook that waits for some seconds, unless it ends gracefully itself',
      },
    ];
  });

/** What logs, caches and scratch are called; everything else may be data. */
const scratchPaths = /(^|\/)(tmp|temp|cache|log|logs|run|scratch|sockets?)(\/|$)/i;

export const emptyDirData: Check = ({ workloads }) =>
  lasting(workloads).flatMap(({ object, pods: [{ shape }] }): readonly WorkloadFinding[] => {
    const paths = shape.traits.emptyDirs
      .filter(({ isMemory }) => !isMemory)
      .flatMap(({ mountPaths }) => mountPaths)
      .filter((path) => !scratchPaths.test(path));
    if (paths.length === 0) return [];
    return [
      {
        check: 'empty-dir-data',
        severity: object.kind === 'StatefulSet' ? 'warns' : 'notes',
        object,
        evidence: `mounted at ${listed(paths)}`,
        why: 'an emptyDir is lost when its pod leaves, and the path does not look like scratch',
        remedy: 'see whether it is data; if so, keep it on a volume',
      },
    ];
  });

export const barePod: Check = ({ leaving }) =>
  leaving
    .filter(({ controller }) => controller === undefined)
    .map((pod) => ({
      check: 'bare-pod',
      severity: 'warns',
      object: podObject(pod),
      evidence: `it is on ${pod.node === '' ? 'no node' : pod.node}`,
      why: 'nobody makes it again when it has left',
      remedy: 'run it by a Deployment or a Job, or delete it before its node is drained',
    }));

/** Longer than most drains take as a whole. */
const longGraceSeconds = 300;

export const longGrace: Check = ({ workloads, limits }) =>
  workloads.flatMap(({ object, pods }): readonly WorkloadFinding[] => {
    const asked = pods[0].shape.traits.gracePeriodSeconds;
    const drains =
      limits === undefined
        ? [{ takes: asked, timeoutSeconds: Infinity }]
        : pods.flatMap(({ node }) => {
            const limit = limits.get(node);
            if (limit === undefined) return [];
            const { timeoutSeconds, gracePeriodSeconds: takes = asked } = limit;
            return [{ takes, timeoutSeconds }];
          });
    const said = {
      check: 'long-grace',
      object,
      why: 'the drain of a node waits for as long as its pods may take to end',
    } as const;
    const over = drains.find(({ takes, timeoutSeconds }) => takes >= timeoutSeconds);
    if (over !== undefined) {
      const evidence = `it may take ${over.takes} s, its drain ${over.timeoutSeconds} s`;
      const remedy = 'give its pool a longer drain timeout, or shorten the grace period';
      return [{ ...said, severity: 'warns', evidence, remedy }];
    }
    const long = drains.find(({ takes }) => takes > longGraceSeconds);
    if (long === undefined) return [];
    const remedy = 'see that the drain timeout of its pool is longer, or shorten the grace period';
    return [{ ...said, severity: 'notes', evidence: `it may take ${long.takes} s`, remedy }];
  });

/** Its controller counts a pod that has ended, and lets it go. */
const jobTracking = 'batch.kubernetes.io/job-tracking';

export const finalizers: Check = ({ leaving }) =>
  leaving
    .map((pod) => ({ pod, held: pod.finalizers.filter((one) => one !== jobTracking) }))
    .filter(({ held }) => held.length > 0)
    .map(({ pod, held }) => ({
      check: 'finalizer',
      severity: 'warns',
      object: podObject(pod),
      evidence: listed(held),
      why: 'it stays terminating until somebody takes its finalizers away',
      remedy: 'see that the controller of the finalizer runs, also while nodes are drained',
    }));

export const hostPath: Check = ({ workloads }) =>
  lasting(workloads)
    .filter(({ pods: [{ shape }] }) => shape.traits.hostPaths.length > 0)
    .map(({ object, pods: [{ shape }] }) => ({
      check: 'host-path',
      severity: 'notes',
      object,
      evidence: listed(shape.traits.hostPaths),
      why: 'what it keeps in a directory of its node stays there when it moves',
      remedy: 'see whether it is data; if so, keep it on a volume',
    }));

export const localVolume: Check = ({ evidence, workloads }) => {
  const local = new Set(evidence.volumes.filter(({ isLocal }) => isLocal).map(({ name }) => name));
  const claims = new Map(
    evidence.claims.map(({ namespace, name, volume }) => [`${namespace}/${name}`, volume]),
  );
  return workloads.flatMap(({ object, pods }): readonly WorkloadFinding[] => {
    const volumes = pods
      .flatMap((pod) => pod.claims)
      .flatMap((claim) => claims.get(`${object.namespace}/${claim}`) ?? [])
      .filter((volume) => local.has(volume));
    if (volumes.length === 0) return [];
    return [
      {
        check: 'local-volume',
        severity: 'warns',
        object,
        evidence: listed(volumes),
        why: 'such a volume cannot leave its node: the pod on it waits until the node is back',
        remedy: 'see that it can do without that pod while the node is out',
      },
    ];
  });
};

const checks: readonly Check[] = [
  neverSatisfiable,
  overlapping,
  emptyBudget,
  syncFailed,
  missingBudget,
  singleReplica,
  oneNode,
  oneZone,
  noReadinessProbe,
  noPreStop,
  emptyDirData,
  barePod,
  longGrace,
  finalizers,
  hostPath,
  localVolume,
];

/** Of what may be many, those that are named. */
const namedAtMost = 5;

function listed(names: readonly string[]): string {
  const more = names.length - namedAtMost;
  return `${names.slice(0, namedAtMost).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function podsText(pods: readonly SimulatedPod[]): string {
  return count(pods.length, 'pod');
}

/** K2. */
function lasting(workloads: readonly Workload[]): readonly Workload[] {
  return workloads.filter(({ object }) => object.kind !== 'Job');
}

function budgetObject({ budget }: SimulatedBudget): WorkloadFinding['object'] {
  return { kind: 'PodDisruptionBudget', ...budget };
}

function podObject({ ref }: SimulatedPod): WorkloadFinding['object'] {
  return { kind: 'Pod', ...ref };
}
