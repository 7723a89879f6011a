// What runs at one moment while a plan is carried out on paper (plan-simulation.ts).

import type { EtcdObservation, NodeObservation, Observation } from '../observation';
import type { KubeMinor, KubeVersion } from '../versions';
import { compareVersions, parseVersion } from '../versions';

export interface Running {
  readonly object: string;
  at: KubeVersion;
  /** Minor that it serves as; undefined: its own. */
  emulates: KubeMinor | undefined;
}

export interface RunningKubelet extends Running {
  readonly node: NodeObservation;
}

/** What runs at one moment of the walk. */
export interface ClusterState {
  readonly apiServers: ReadonlyMap<string, Running>;
  /** Of each member: its controller-manager and its scheduler. */
  readonly controllers: ReadonlyMap<string, readonly Running[]>;
  readonly kubelets: ReadonlyMap<string, RunningKubelet>;
  /** Members that told a version. */
  readonly etcd: ReadonlyMap<string, Running>;
  readonly changedAs: Observation['changedAs'];
  /** Nodes that go with the members that are replaced. */
  readonly replaced: ReadonlySet<string>;
}

/** Undefined when not every version was observed: nothing can be judged then. */
export function startOf(observation: Observation): ClusterState | undefined {
  const { members, nodes, unreportedNodes = [] } = observation;
  if (unreportedNodes.length > 0) return undefined;
  const apiServers = new Map<string, Running>();
  const controllers = new Map<string, readonly Running[]>();
  for (const { name, apiServer, controllerManager, scheduler } of members) {
    if (apiServer.kind === 'unobserved') return undefined;
    if (controllerManager.kind === 'unobserved' || scheduler.kind === 'unobserved') {
      return undefined;
    }
    apiServers.set(name, running(`API server of ${name}`, apiServer.version, apiServer.emulates));
    controllers.set(name, [
      running(`controller-manager of ${name}`, controllerManager.version),
      running(`scheduler of ${name}`, scheduler.version),
    ]);
  }
  if (apiServers.size === 0) return undefined;
  const kubelets = new Map<string, RunningKubelet>(
    nodes.map((node) => [
      node.name,
      { ...running(`node ${node.name}`, node.kubeletVersion), node },
    ]),
  );
  const { etcd, changedAs, controlPlaneObject } = observation;
  const replaced = new Set(controlPlaneObject?.nodes);
  return { apiServers, controllers, kubelets, etcd: startOfEtcd(etcd), changedAs, replaced };
}

function startOfEtcd(etcd: EtcdObservation): ReadonlyMap<string, Running> {
  const members = etcd.kind === 'unobserved' ? [] : etcd.members;
  return new Map(
    members.flatMap(({ name, version }): readonly (readonly [string, Running])[] => {
      const at = parseVersion(version);
      return at === undefined ? [] : [[name, running(`etcd ${name}`, at)]];
    }),
  );
}

function running(object: string, at: KubeVersion, emulates?: KubeMinor): Running {
  return { object, at, emulates };
}

/** The oldest release of the minor that it serves as. */
export function servedBy({ at, emulates }: Running): KubeVersion {
  return emulates === undefined ? at : (`${emulates}.0` as KubeVersion);
}

/** There is at least one API server in a state (startOf). */
export function oldestApiServer({ apiServers }: ClusterState): KubeVersion {
  const versions = [...apiServers.values()].map(({ at }) => at);
  return versions.reduce((a, b) => (compareVersions(a, b) <= 0 ? a : b));
}

/** As which they serve, as the oldest of them does. */
export function oldestServed({ apiServers }: ClusterState): KubeVersion {
  const served = [...apiServers.values()].map(servedBy);
  return served.reduce((a, b) => (compareVersions(a, b) <= 0 ? a : b));
}

export function newestApiServer({ apiServers }: ClusterState): KubeVersion {
  const versions = [...apiServers.values()].map(({ at }) => at);
  return versions.reduce((a, b) => (compareVersions(a, b) >= 0 ? a : b));
}
