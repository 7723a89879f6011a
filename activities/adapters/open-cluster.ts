// Builds the ports of one cluster from its access file: for looking at it, or for a worker that
// serves it. Every cluster that can be reached allows both; only a driver lets it be upgraded.

import { byName } from '../../domain/text-order';
import type { ClusterAccess, KubeadmDriverAccess, MemberPorts } from '../access';
import { isOfControlPlane } from '../drivers/capi-control-plane';
import { memberOf } from '../drivers/capi-machines';
import type { ManagementCluster } from '../drivers/capi-objects';
import { createClusterApiDriver } from '../drivers/cluster-api-driver';
import { createCommandDriver, missingVariables } from '../drivers/command-driver';
import type { MemberName } from '../../domain/names';
import type { EtcdUnits } from '../drivers/etcd-unit-look';
import { createKubeadmDriver } from '../drivers/kubeadm-driver';
import { createLabDriver } from '../drivers/lab-driver';
import { createNoDriver } from '../drivers/no-driver';
import type { Machines } from '../drivers/machine-shell';
import type { MemberReplacer, RolloutDriver } from '../driver-ports';
import { type ClusterPorts, type LookingPorts, PortError } from '../ports';
import type { SnapshotStore, SnapshotVerifier } from '../snapshot-ports';
import { createAddonProbe } from './addon-probe';
import { DirectoryShelf } from './directory-shelf';
import { createEtcdApi, type EtcdReach } from './etcd-api';
import { createSnapshotVerifier, type SnapshotVerifierOptions } from './etcd-snapshot-verifier';
import { createComponentProbe } from './component-probe';
import { createExtensionProbe } from './extension-probe';
import { createHelmProbe } from './helm-probe';
import { createJobMachines } from './job-machines';
import { createKubeApi } from './kube-api';
import { openKubeConnection } from './kube-connection';
import { KubeRequests } from './kube-requests';
import { createManagementCluster } from './management-cluster';
import { foundMembers, namedMembers } from './member-directory';
import { createMemberProbe } from './member-probe';
import { S3Shelf } from './s3-shelf';
import { createSimulationSource } from './simulation-evidence';
import { createSnapshotDriller } from './snapshot-driller';
import { createSnapshotComparer } from './snapshot-comparer';
import { sealingOf } from './snapshot-seal';
import { createSnapshotStore } from './snapshot-store';
import { createStoredObjectProbe } from './stored-object-probe';
import { createSshMachines } from './ssh-machines';
import { systemClock } from './system-clock';
import { createVolumeProbe } from './volume-probe';

interface Closing {
  /** Ends every connection, so that the process can end; no port may be used afterwards. */
  close(): Promise<void>;
}

/** A cluster to look at: enough for observe, plan, preflight and simulate. */
export interface OpenCluster extends LookingPorts, Closing {}

/** A cluster that a worker serves. */
export interface ServedCluster extends ClusterPorts, Closing {}

/**
 * For looking only; the driver is asked for nothing but its releases. Connects nothing yet:
 * addresses are dialled when a port is first used. Throws PortError `rejected` when the kubeconfig
 * cannot be used.
 */
export function openCluster(access: ClusterAccess): OpenCluster {
  const driver = driverOf(access);
  const { ports, close } = reach(access, driver.members);
  const closing = () => closeAll(close, driver);
  return { ...ports, controlPlane: driver.controlPlane, close: closing };
}

/**
 * For a worker. Connects and throws as openCluster does, also when a variable is missing that the
 * commands of its driver are to get.
 */
export function openServedCluster(access: ClusterAccess): ServedCluster {
  refuseMissingVariables(access);
  const driver = driverOf(access);
  const { ports, close } = reach(access, driver.members);
  const { controlPlane, nodes, rollouts, replacer, members } = driver;
  const replacing = {
    ...(rollouts === undefined ? {} : { rollouts }),
    ...(replacer === undefined ? {} : { replacer }),
  };
  const comparer = createSnapshotComparer({ ...scratchOf(access), ...etcdReach(access, members) });
  const etcdMembers = members?.etcd ?? (() => Promise.resolve(access.etcd.members));
  const driller = createSnapshotDriller({
    ...scratchOf(access),
    apiServers: access.tools.apiServers ?? {},
    members: async (signal) => (await etcdMembers(signal)).map(({ name }) => name),
  });
  const closing = () => closeAll(close, driver);
  return { ...ports, comparer, driller, controlPlane, nodes, ...replacing, close: closing };
}

/** The snapshots of a cluster without the cluster: it may be the one that is down. */
export interface OpenSnapshots {
  readonly snapshots: SnapshotStore;
  readonly verifier: SnapshotVerifier;
}

/** Connects nothing, and so there is nothing to close. */
export function openSnapshots(access: ClusterAccess): OpenSnapshots {
  const { directory, s3, keep } = access.snapshots;
  return {
    snapshots: createSnapshotStore({
      shelf:
        s3 === undefined ? new DirectoryShelf(directory) : new S3Shelf({ access: s3, directory }),
      sealing: sealingOf(access.snapshots),
      keep,
      scratchParent: directory,
    }),
    verifier: createSnapshotVerifier({
      ...scratchOf(access),
      apiServers: access.tools.apiServers ?? {},
    }),
  };
}

/** Where a throw-away etcd runs, and with which programs. */
function scratchOf(access: ClusterAccess): SnapshotVerifierOptions {
  return {
    etcd: access.tools.etcd ?? 'etcd',
    etcdutl: etcdutlOf(access),
    dataParent: access.snapshots.directory,
  };
}

/** What needs addresses and files only. */
function reach(access: ClusterAccess, found: FoundMembers | undefined) {
  const connection = openKubeConnection(access.kubeconfig);
  const kube = createKubeApi(connection, { clock: systemClock });
  const { helmReleases, addons } = access;
  const own = helmReleases?.kubeconfig;
  const helm = own === undefined ? connection : openKubeConnection(own);
  return {
    ports: {
      kube,
      members: createMemberProbe(connection, found ?? namedMembers(access.members)),
      extensions: createExtensionProbe(connection),
      addons: createAddonProbe(connection, addons === undefined ? {} : { folder: addons }),
      storedObjects: createStoredObjectProbe(connection),
      volumes: createVolumeProbe(connection),
      components: createComponentProbe(connection),
      simulation: createSimulationSource(new KubeRequests(connection)),
      ...(helmReleases === undefined ? {} : { helm: createHelmProbe(helm) }),
      etcd: createEtcdApi({ ...etcdReach(access, found), etcdutl: etcdutlOf(access) }),
      ...openSnapshots(access),
      clock: systemClock,
    },
    close: async () => {
      await kube.close();
      await connection.close();
      if (helm !== connection) await helm.close();
    },
  };
}

function etcdReach({ etcd: access }: ClusterAccess, found: FoundMembers | undefined): EtcdReach {
  return found === undefined ? { access } : { access, find: found.etcd };
}

function etcdutlOf({ tools }: ClusterAccess): string {
  return tools.etcdutl ?? 'etcdutl';
}

interface OpenDriver extends Closing, Pick<ServedCluster, 'controlPlane' | 'nodes'> {
  readonly rollouts?: RolloutDriver;
  readonly replacer?: MemberReplacer;
  /** Absent: the access file names them. */
  readonly members?: FoundMembers;
}

type FoundMembers = ReturnType<typeof foundMembers>;

function driverOf({ driver, cluster, kubeconfig, members: all, etcd }: ClusterAccess): OpenDriver {
  const close = (): Promise<void> => Promise.resolve();
  switch (driver.kind) {
    case 'lab':
      return createLabDriver(driver.socket);
    case 'command': {
      const options = { access: driver, cluster, environment: process.env };
      return { ...createCommandDriver(options), close };
    }
    case 'kubeadm': {
      const { machines, ...closing } = machinesOf(driver, kubeconfig);
      const members = all.map(({ name }) => name as MemberName);
      const units = etcdUnitsOf(driver, etcd.members);
      const ofEtcd = units === undefined ? {} : { etcd: units };
      const options = { access: driver, machines, members, ...ofEtcd };
      return { ...createKubeadmDriver(options), ...closing };
    }
    case 'cluster-api': {
      const connection = openKubeConnection(driver.kubeconfig);
      const management = createManagementCluster(connection, driver);
      const closing = (): Promise<void> => connection.close();
      const { members: ports } = driver;
      const found = ports === undefined ? {} : { members: membersFound(management, ports) };
      return {
        ...createClusterApiDriver({ access: driver, management }),
        ...found,
        close: closing,
      };
    }
    case 'none':
      return { ...createNoDriver(driver), close };
  }
}

/** In order of their names, as lists of members are. */
function membersFound(management: ManagementCluster, ports: MemberPorts): FoundMembers {
  return foundMembers(async (signal) => {
    const machines = (await management.machines(signal)).filter(isOfControlPlane);
    return machines.flatMap((one) => memberOf(one, ports) ?? []).toSorted(byName);
  });
}

function etcdUnitsOf(
  driver: KubeadmDriverAccess,
  members: ClusterAccess['etcd']['members'],
): EtcdUnits | undefined {
  if ('jobs' in driver || driver.etcd === undefined) return undefined;
  const { unit: name, client } = driver.etcd;
  return {
    unit: client === undefined ? { name } : { name, client },
    members: members.map((member) => member.name as MemberName),
  };
}

function machinesOf(
  driver: KubeadmDriverAccess,
  kubeconfig: string,
): Closing & { readonly machines: Machines } {
  if ('jobs' in driver) {
    const connection = openKubeConnection(driver.jobs.kubeconfig ?? kubeconfig);
    const machines = createJobMachines(connection, driver);
    return { machines, close: () => connection.close() };
  }
  const agentSocket = process.env['SSH_AUTH_SOCK'];
  const machines = createSshMachines({ access: driver, agentSocket });
  return { machines, close: () => Promise.resolve() };
}

/** Only where commands are to be run: who looks at a cluster need not have them. */
function refuseMissingVariables({ driver }: ClusterAccess): void {
  const missing = driver.kind === 'command' ? missingVariables(driver, process.env) : [];
  if (missing.length === 0) return;
  const names = missing.join(', ');
  const message = `driver.environment names what the worker's environment has not: ${names}`;
  throw new PortError('rejected', message);
}

async function closeAll(close: () => Promise<void>, driver: Closing): Promise<void> {
  await Promise.all([close(), driver.close()]);
}
