// observeCluster: everything that planner and preflight need, read at one moment. Parts that can
// fail alone (a member, etcd, the snapshot store) are told as Problems; without the Kubernetes API
// there is no observation.

import type { AscentActivities } from '../domain/activity-contract';
import type { StaticPodOptions } from '../domain/component-options';
import { isStateful } from '../domain/pool/admission';
import { daemonSetOf } from '../domain/drain/drain-verdicts';
import type { ClusterName, NodeName } from '../domain/names';
import {
  type BudgetObservation,
  type BudgetOverlap,
  type MachineObservation,
  type MemberObservation,
  type NodeObservation,
  type Observation,
  type Problem,
  type UnreportedNode,
} from '../domain/observation';
import { releasesOfAll } from '../domain/plan/releases';
import type { PreflightObservation } from '../domain/preflight/drains';
import { isFinished } from '../domain/pod-phase';
import { parseVersion } from '../domain/versions';
import { type ActivityDependencies, runActivity } from './activity-run';
import { cordonOf } from './cordon-mark';
import type { ReleaseSource } from './driver-ports';
import { isControlPlane, zoneOf } from './node-marks';
import { observeDeprecatedUse } from './observe-deprecated-use';
import { observeDrains } from './observe-drains';
import {
  type BudgetView,
  type LookingPorts,
  type NodeView,
  PortError,
  type PodView,
} from './ports';
import { problemOf } from './problems';

export function observeActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'observeCluster'> {
  return {
    /** Reads only. Bound: one request of each port; every adapter bounds its own. */
    observeCluster: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `observing cluster ${input.cluster}`,
          code: 'unexpected',
        },
        ({ signal, beat }) => {
          const observe = input.of === 'nodes' ? observeOnlyNodes : observeCluster;
          return observe({ ...deps, signal, onPhase: (phase) => beat({ phase }) });
        },
      ),
  };
}

interface Looking {
  readonly cluster: ClusterName;
  readonly ports: LookingPorts;
  readonly signal: AbortSignal;
  onPhase?(phase: string): void;
}

const notAsked: Problem = { code: 'unexpected', message: 'only nodes were asked for' };

/** For somebody who waits and needs no more. Throws PortError when the API does not answer. */
async function observeOnlyNodes({ cluster, ports, signal }: Looking): Promise<Observation> {
  const { clock, kube, snapshots } = ports;
  const observedAt = new Date(clock.nowMs()).toISOString();
  const [nodes, pods] = await Promise.all([kube.listNodes(signal), kube.listPods(signal)]);
  return {
    schema: 'ascent.observation/v1',
    cluster,
    observedAt,
    members: [],
    etcd: { kind: 'unobserved', problem: notAsked },
    leases: [],
    ...observeNodes(nodes, pods),
    budgets: [],
    budgetOverlaps: [],
    snapshotStore: { kind: 'unusable', location: snapshots.location, problem: notAsked },
  };
}

/**
 * Reads the cluster now. Also used outside Temporal, by the CLI.
 * Throws PortError when the Kubernetes API or the driver does not answer; everything else that
 * cannot be read is said in the result.
 */
export async function observeCluster(options: Looking): Promise<Observation> {
  return (await observe(options, availableTo(options))).observation;
}

type Available = () => ReturnType<ReleaseSource['availableVersions']>;

function availableTo({ ports, signal }: Looking): Available {
  return () => ports.controlPlane.availableVersions(signal);
}

async function observe(
  options: Looking,
  availableVersions: Available,
): Promise<{ readonly observation: Observation; readonly pods: readonly PodView[] }> {
  const { cluster, ports, signal } = options;
  const { kube } = ports;
  const observedAt = new Date(ports.clock.nowMs()).toISOString();
  options.onPhase?.('reading the cluster');
  const [members, etcd, leases, nodes, pods, namespaces, budgets, available, snapshotEtcd, store] =
    await Promise.all([
      observeMembers(ports, signal),
      ports.etcd.observe(signal),
      kube.listLeaderLeases(signal),
      kube.listNodes(signal),
      kube.listPods(signal),
      kube.listNamespaces(signal),
      kube.listBudgets(signal),
      observeChanges(ports, availableVersions, signal),
      ports.verifier.etcdVersion(signal),
      observeSnapshotStore(ports, signal),
    ]);
  options.onPhase?.(`read ${nodes.length} nodes, ${pods.length} pods, ${budgets.length} budgets`);
  const observation: Observation = {
    schema: 'ascent.observation/v1',
    cluster,
    observedAt,
    members,
    etcd,
    leases,
    ...observeNodes(nodes, pods),
    namespaces,
    budgets: budgets.map(withoutSelector),
    budgetOverlaps: findOverlaps(pods, budgets),
    ...available,
    servedMinors: ports.verifier.minors,
    ...(snapshotEtcd === undefined ? {} : { snapshotEtcd }),
    snapshotStore: store,
  };
  return { observation, pods };
}

/**
 * With what clients ask API servers for and these call while they serve, and with what machines
 * tell of themselves and of etcd, where a driver reaches them. What machines can be given is among
 * that, and not asked again.
 */
export async function observeForPreflight(
  options: Looking & {
    /** What drains would meet need not be looked at. */
    readonly drainsNothing?: boolean;
  },
): Promise<PreflightObservation> {
  const { controlPlane, extensions } = options.ports;
  const asked = controlPlane.machineFacts?.(options.signal);
  const available = availableTo(options);
  const [{ observation, pods }, machines, called, deprecatedUse, etcdPlaces, running, drains] =
    await Promise.all([
      observe(options, async () => {
        const told = asked === undefined ? undefined : releasesOfAll(releasesIn(await asked));
        return told ?? (await available());
      }),
      asked,
      extensions.observe(options.signal),
      observeDeprecatedUse(options),
      controlPlane.etcdPlaces?.(options.signal),
      observeRunning(options),
      options.drainsNothing === true ? undefined : observeDrains(options),
    ]);
  return {
    ...observation,
    deprecatedUse,
    extensions: called,
    staticPods: pods.flatMap(staticPodOf),
    ...running,
    ...(machines === undefined ? {} : { machines }),
    ...(etcdPlaces === undefined ? {} : { etcdPlaces }),
    ...(drains === undefined ? {} : { drains }),
  };
}

function staticPodOf({ options, ref, node }: PodView): readonly StaticPodOptions[] {
  return options === undefined ? [] : [{ ...options, pod: ref.name, node: node as NodeName }];
}

/** What people run in the cluster, and tell its components, as far as minors matter to it. */
async function observeRunning({
  ports,
  signal,
}: Looking): Promise<
  Pick<Observation, 'addons' | 'storedObjects' | 'volumes' | 'configMaps' | 'helmReleases'>
> {
  const [addons, storedObjects, volumes, configMaps, helmReleases] = await Promise.all([
    ports.addons.observe(signal),
    ports.storedObjects.observe(signal),
    ports.volumes.observe(signal),
    ports.components.observe(signal),
    ports.helm?.observe(signal),
  ]);
  return {
    addons,
    storedObjects,
    volumes,
    configMaps,
    ...(helmReleases === undefined ? {} : { helmReleases }),
  };
}

/** A machine that does not tell them is told of as such. */
function releasesIn(machines: readonly MachineObservation[]) {
  return machines.flatMap((machine) => {
    const releases = machine.kind === 'observed' ? machine.facts.releases : undefined;
    return releases === undefined ? [] : [releases];
  });
}

async function observeChanges(
  { controlPlane }: Pick<LookingPorts, 'controlPlane'>,
  available: () => ReturnType<ReleaseSource['availableVersions']>,
  signal: AbortSignal,
): Promise<
  Pick<
    Observation,
    | 'availableVersions'
    | 'availableEtcdVersions'
    | 'changedAs'
    | 'drives'
    | 'driver'
    | 'controlPlaneObject'
    | 'machineDeployments'
  >
> {
  const { changedAs, drives, driver } = controlPlane;
  const [availableVersions, availableEtcdVersions, object, deployments] = await Promise.all([
    available(),
    controlPlane.availableEtcdVersions(signal),
    controlPlane.controlPlaneObject?.(signal),
    controlPlane.machineDeployments?.(signal),
  ]);
  return {
    ...(availableVersions === undefined ? {} : { availableVersions }),
    ...(availableEtcdVersions === undefined ? {} : { availableEtcdVersions }),
    ...(changedAs === undefined ? {} : { changedAs }),
    ...(drives === undefined ? {} : { drives }),
    ...(driver === undefined ? {} : { driver }),
    ...(object === undefined ? {} : { controlPlaneObject: object }),
    ...(deployments === undefined ? {} : { machineDeployments: deployments }),
  };
}

/** Each of them asked directly. */
export async function observeMembers(
  { members: probe }: Pick<LookingPorts, 'members'>,
  signal: AbortSignal,
): Promise<readonly MemberObservation[]> {
  return Promise.all(
    (await probe.members(signal)).map(async ({ name, endpoint }) => {
      const [apiServer, controllerManager, scheduler, certificates] = await Promise.all([
        probe.apiServer(name, signal),
        probe.controllerManager(name, signal),
        probe.scheduler(name, signal),
        probe.certificates(name, signal),
      ]);
      return { name, endpoint, apiServer, controllerManager, scheduler, certificates };
    }),
  );
}

async function observeSnapshotStore(
  ports: LookingPorts,
  signal: AbortSignal,
): Promise<Observation['snapshotStore']> {
  const { snapshots } = ports;
  const { location } = snapshots;
  try {
    const room = await snapshots.probe(signal);
    return { kind: 'writable', location, ...room, ...(await observeSeals(ports, signal)) };
  } catch (error) {
    return { kind: 'unusable', location, problem: storeProblem(error, signal) };
  }
}

type Seals = Pick<
  Extract<Observation['snapshotStore'], { readonly kind: 'writable' }>,
  'keyProblem' | 'recordsProblem' | 'unopened'
>;

/** Whether snapshots can be sealed, and whether those in the store can be opened. */
async function observeSeals({ snapshots }: LookingPorts, signal: AbortSignal): Promise<Seals> {
  let keys: readonly string[] = [];
  let keyProblem: Problem | undefined;
  try {
    keys = await snapshots.keys();
  } catch (error) {
    keyProblem = storeProblem(error, signal);
  }
  const unopened = new Map<string, number>();
  let recordsProblem: Problem | undefined;
  try {
    for (const { sealed } of await snapshots.list()) {
      if (sealed === undefined || keys.includes(sealed.key)) continue;
      unopened.set(sealed.key, (unopened.get(sealed.key) ?? 0) + 1);
    }
  } catch (error) {
    recordsProblem = storeProblem(error, signal);
  }
  const counted = [...unopened].map(([key, count]) => ({ key, snapshots: count }));
  return {
    ...(keyProblem === undefined ? {} : { keyProblem }),
    ...(recordsProblem === undefined ? {} : { recordsProblem }),
    ...(counted.length === 0 ? {} : { unopened: counted }),
  };
}

/** Throws what is no answer of the store. */
function storeProblem(error: unknown, signal: AbortSignal): Problem {
  if (!(error instanceof PortError) || signal.aborted) throw error;
  return problemOf(error);
}

function observeNodes(
  nodes: readonly NodeView[],
  pods: readonly PodView[],
): Pick<Observation, 'nodes' | 'unreportedNodes'> {
  const evictable = new Map<string, number>();
  const stateful = new Map<string, number>();
  for (const pod of pods) {
    if (!isEvictable(pod)) continue;
    evictable.set(pod.node, (evictable.get(pod.node) ?? 0) + 1);
    if (isStateful(pod)) stateful.set(pod.node, (stateful.get(pod.node) ?? 0) + 1);
  }
  const unreportedNodes: UnreportedNode[] = [];
  const observed = nodes.flatMap((node): readonly NodeObservation[] => {
    const { name, labels, ready } = node;
    const kubeletVersion = parseVersion(node.kubeletVersion);
    if (kubeletVersion === undefined) {
      unreportedNodes.push({ name, reported: node.kubeletVersion });
      return [];
    }
    return [
      {
        name,
        labels,
        zone: zoneOf(node),
        isControlPlane: isControlPlane(node),
        kubeletVersion,
        ready,
        cordon: cordonOf(node),
        evictablePods: evictable.get(name) ?? 0,
        statefulPods: stateful.get(name) ?? 0,
      },
    ];
  });
  return { nodes: observed, ...(unreportedNodes.length === 0 ? {} : { unreportedNodes }) };
}

function isEvictable(pod: PodView): boolean {
  return pod.node !== '' && !isFinished(pod) && !pod.isMirror && daemonSetOf(pod) === undefined;
}

/** The fields by name: a view may be an object with more than it says. */
export function withoutSelector(view: BudgetView): BudgetObservation {
  const { minAvailable, maxUnavailable } = view;
  return {
    budget: view.budget,
    disruptionsAllowed: view.disruptionsAllowed,
    currentHealthy: view.currentHealthy,
    desiredHealthy: view.desiredHealthy,
    expectedPods: view.expectedPods,
    observed: view.observed,
    syncFailed: view.syncFailed,
    ...(minAvailable === undefined ? {} : { minAvailable }),
    ...(maxUnavailable === undefined ? {} : { maxUnavailable }),
  };
}

/** Finished pods pass budgets by, so they overlap nothing. */
function findOverlaps(
  pods: readonly PodView[],
  budgets: readonly BudgetView[],
): readonly BudgetOverlap[] {
  const byNamespace = new Map<string, BudgetView[]>();
  for (const budget of budgets) {
    const { namespace } = budget.budget;
    byNamespace.set(namespace, [...(byNamespace.get(namespace) ?? []), budget]);
  }
  return pods.filter(isEvictable).flatMap((pod) => {
    const here = byNamespace.get(pod.ref.namespace) ?? [];
    const selecting = here.length < 2 ? [] : here.filter((budget) => budget.selects(pod));
    if (selecting.length < 2) return [];
    return [{ pod: pod.ref, budgets: selecting.map(({ budget }) => budget) }];
  });
}
