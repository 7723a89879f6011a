// Drivers for a cluster that Cluster API made: MachineDeployments, and the control plane where its
// members are found, are asked for another version, and their controllers replace the machines
// (docs/cluster-api.md).
// C1. Nothing of a machine is touched here: controllers of others create, drain and delete.
// C2. Every change carries the resourceVersion that was seen: what somebody else changed meanwhile
//     is looked at again first.
// C3. Who pauses a MachineDeployment says so on it. Only our own pause is taken back.

import type { PoolName } from '../../domain/names';
import type { MachineDeploymentObservation, RolloutHold } from '../../domain/observation';
import { type KubeVersion, parseVersion } from '../../domain/versions';
import type { ClusterApiDriverAccess } from '../access';
import type {
  ControlPlaneDriver,
  MemberReplacer,
  NodeDriver,
  RolloutDriver,
  RolloutView,
} from '../driver-ports';
import { PortError } from '../ports';
import { controlPlanePatch, controlPlaneView } from './capi-control-plane';
import { machineView } from './capi-machines';
import {
  type CapiCluster,
  deploymentNameLabel,
  heldAnnotation,
  type Machine,
  type MachineDeployment,
  type ManagementCluster,
  pausedAnnotation,
  topologyOwnedLabel,
} from './capi-objects';
import { refusedChanges, refusing } from './refusals';

export interface ClusterApiDriverOptions {
  readonly access: Pick<ClusterApiDriverAccess, 'members' | 'pools' | 'releases'>;
  readonly management: ManagementCluster;
}

const refuse = refusing(
  'the driver cluster-api replaces machines, and changes nothing on them (docs/cluster-api.md)',
);

/** Connects nothing yet. Methods throw PortError, or the signal's reason. */
export function createClusterApiDriver({ access, management }: ClusterApiDriverOptions): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
  readonly rollouts: RolloutDriver;
  readonly replacer?: MemberReplacer;
} {
  const { members, pools, releases } = access;
  const releaseOf = (to: KubeVersion): (typeof releases)[number] => {
    const release = releases.find(({ version }) => version === to);
    if (release !== undefined) return release;
    const message = `${to} is no release of the access file, so no machines of it can be had`;
    throw new PortError('rejected', message);
  };
  const replacer = members === undefined ? {} : { replacer: replacerOf(management, releaseOf) };
  const lookAtAll = async (signal: AbortSignal): Promise<readonly RolloutView[]> => {
    const [cluster, deployments, machines] = await Promise.all([
      management.cluster(signal),
      management.machineDeployments(signal),
      management.machines(signal),
    ]);
    return deployments.map((one) => viewOf(one, { cluster, machines, pools }));
  };
  return {
    controlPlane: {
      driver: 'cluster-api',
      drives: [],
      availableVersions: () => Promise.resolve(releases.map(({ version }) => version)),
      ...controlPlaneOf(replacer.replacer),
      machineDeployments: async (signal) => (await lookAtAll(signal)).map(observationOf),
      ...refusedChanges(refuse),
    },
    nodes: { upgradeNode: refuse },
    rollouts: {
      look: async (pool, signal) => (await lookAtAll(signal)).find((one) => one.pool === pool),
      begin: async ({ name, revision, pool }, to, signal) => {
        const template = releaseOf(to).machineTemplates[pool];
        const image = template === undefined ? {} : { infrastructureRef: { name: template } };
        const annotations = { [heldAnnotation]: null };
        const spec = { paused: false, template: { spec: { version: `v${to}`, ...image } } };
        const metadata = { resourceVersion: revision, annotations };
        await management.changeDeployment(name, { metadata, spec }, signal);
      },
      hold: ({ name, revision }, reason, signal) => {
        const metadata = { resourceVersion: revision, annotations: { [heldAnnotation]: reason } };
        return management.changeDeployment(name, { metadata, spec: { paused: true } }, signal);
      },
    },
    ...replacer,
  };
}

/** kubeadm's controllers talk to the API server beside them, as members changed as wholes do. */
function controlPlaneOf(
  replacer: MemberReplacer | undefined,
): Pick<ControlPlaneDriver, 'changedAs' | 'controlPlaneObject'> {
  if (replacer === undefined) return {};
  return {
    changedAs: 'member',
    controlPlaneObject: async (signal) => {
      const { object, version, replicas, nodes, holds } = await replacer.look(signal);
      const told = version === undefined ? {} : { version };
      return { object, ...told, replicas, nodes, holds };
    },
  };
}

function replacerOf(
  management: ManagementCluster,
  releaseOf: (to: KubeVersion) => { readonly controlPlaneTemplate?: string },
): MemberReplacer {
  const find = async (signal: AbortSignal) => {
    const cluster = await management.cluster(signal);
    return { cluster, object: await management.controlPlane(cluster, signal) };
  };
  return {
    async look(signal) {
      const [{ cluster, object }, machines] = await Promise.all([
        find(signal),
        management.machines(signal),
      ]);
      return controlPlaneView(object, cluster, machines);
    },
    async begin({ revision }, to, signal) {
      const template = releaseOf(to).controlPlaneTemplate;
      const { object } = await find(signal);
      // C2: what was looked at counts, not what it is now.
      const seen = { ...object, metadata: { ...object.metadata, resourceVersion: revision } };
      await management.changeControlPlane(seen, controlPlanePatch(seen, to, template), signal);
    },
  };
}

interface Surroundings {
  readonly cluster: CapiCluster;
  readonly machines: readonly Machine[];
  readonly pools: Readonly<Record<string, string>>;
}

function viewOf(deployment: MachineDeployment, around: Surroundings): RolloutView {
  const { metadata, spec, status } = deployment;
  const { name } = metadata;
  const machines = around.machines
    .filter((one) => one.metadata.labels[deploymentNameLabel] === name)
    .map(machineView);
  const version = parseVersion(spec.template.spec.version ?? '');
  const timeout = spec.template.spec.nodeDrainTimeout;
  const held = metadata.annotations[heldAnnotation];
  const [pool = name] = Object.entries(around.pools).find(([, one]) => one === name) ?? [];
  return {
    name,
    pool: pool as PoolName,
    ...(version === undefined ? {} : { version }),
    replicas: spec.replicas,
    maxUnavailable: maxUnavailableOf(spec),
    nodes: machines.flatMap(({ node }) => node ?? []),
    holds: holdsOf(deployment, around.cluster),
    ...(timeout === undefined || isNoTime(timeout) ? {} : { drainTimeout: timeout }),
    revision: metadata.resourceVersion,
    isObserved: status.observedGeneration >= metadata.generation,
    found: status.replicas,
    updated: status.updatedReplicas,
    available: status.availableReplicas,
    machines,
    ...(spec.paused && held !== undefined ? { held } : {}),
  };
}

/** The fields by name: a view has more. */
function observationOf(view: RolloutView): MachineDeploymentObservation {
  const { name, pool, version, replicas, maxUnavailable, nodes, holds, drainTimeout } = view;
  return {
    name,
    pool,
    ...(version === undefined ? {} : { version }),
    replicas,
    maxUnavailable,
    nodes,
    holds,
    ...(drainTimeout === undefined ? {} : { drainTimeout }),
  };
}

/** C3. */
function holdsOf({ metadata, spec }: MachineDeployment, cluster: CapiCluster): RolloutHold[] {
  const isOurs = metadata.annotations[heldAnnotation] !== undefined;
  const isPaused = spec.paused && !isOurs;
  const holds: readonly (readonly [RolloutHold, boolean])[] = [
    ['cluster-paused', cluster.spec.paused],
    ['paused', isPaused || metadata.annotations[pausedAnnotation] !== undefined],
    ['topology', metadata.labels[topologyOwnedLabel] !== undefined],
    ['on-delete', spec.strategy?.type === 'OnDelete'],
  ];
  return holds.flatMap(([hold, holdsIt]) => (holdsIt ? [hold] : []));
}

function isNoTime(duration: string): boolean {
  return /^0(h|m|s)?(0(m|s))*$/.test(duration);
}

/** As its controllers resolve it: without room for one more, one may be missing. */
function maxUnavailableOf({ replicas, strategy }: MachineDeployment['spec']): number {
  const { maxUnavailable = 0, maxSurge = 1 } = strategy?.rollingUpdate ?? {};
  const missing = Math.floor(resolved(maxUnavailable, replicas));
  const more = Math.ceil(resolved(maxSurge, replicas));
  return missing === 0 && more === 0 ? 1 : missing;
}

function resolved(share: number | string, replicas: number): number {
  if (typeof share === 'number') return share;
  const number = Number.parseFloat(share);
  return share.endsWith('%') ? (number * replicas) / 100 : number;
}
