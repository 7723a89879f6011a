// Builds the ports of one cluster from its access file: for looking at it, or for a worker that
// serves it. Every cluster that can be reached allows both; only a driver lets it be upgraded.

import type { ClusterAccess, KubeadmDriverAccess } from '../access';
import { createClusterApiDriver } from '../drivers/cluster-api-driver';
import { createCommandDriver, missingVariables } from '../drivers/command-driver';
import type { MemberName } from '../../domain/names';
import { createKubeadmDriver } from '../drivers/kubeadm-driver';
import { createLabDriver } from '../drivers/lab-driver';
import { createNoDriver } from '../drivers/no-driver';
import type { Machines } from '../drivers/machine-shell';
import type { RolloutDriver } from '../driver-ports';
import { type ClusterPorts, type LookingPorts, PortError } from '../ports';
import type { SimulationSource } from '../simulate';
import type { SnapshotStore, SnapshotVerifier } from '../snapshot-ports';
import { DirectoryShelf } from './directory-shelf';
import { createEtcdApi } from './etcd-api';
import { createSnapshotVerifier, type SnapshotVerifierOptions } from './etcd-snapshot-verifier';
import { createExtensionProbe } from './extension-probe';
import { createJobMachines } from './job-machines';
import { createKubeApi } from './kube-api';
import { openKubeConnection } from './kube-connection';
import { KubeRequests } from './kube-requests';
import { createManagementCluster } from './management-cluster';
import { createMemberProbe } from './member-probe';
import { S3Shelf } from './s3-shelf';
import { createSimulationSource } from './simulation-evidence';
import { createSnapshotDriller } from './snapshot-driller';
import { createSnapshotComparer } from './snapshot-comparer';
import { sealingOf } from './snapshot-seal';
import { createSnapshotStore } from './snapshot-store';
import { createSshMachines } from './ssh-machines';
import { systemClock } from './system-clock';

interface Closing {
  /** Ends every connection, so that the process can end; no port may be used afterwards. */
  close(): Promise<void>;
}

/** A cluster to look at: enough for observe, plan, preflight and simulate. */
export interface OpenCluster extends LookingPorts, Closing {
  readonly simulation: SimulationSource;
}

/** A cluster that a worker serves. */
export interface ServedCluster extends ClusterPorts, Closing {}

/**
 * For looking only; the driver is asked for nothing but its releases. Connects nothing yet:
 * addresses are dialled when a port is first used. Throws PortError `rejected` when the kubeconfig
 * cannot be used.
 */
export function openCluster(access: ClusterAccess): OpenCluster {
  const { ports, simulation, close } = reach(access);
  const driver = driverOf(access);
  const closing = () => closeAll(close, driver);
  return { ...ports, simulation, controlPlane: driver.controlPlane, close: closing };
}

/**
 * For a worker. Connects and throws as openCluster does, also when a variable is missing that the
 * commands of its driver are to get.
 */
export function openServedCluster(access: ClusterAccess): ServedCluster {
  refuseMissingVariables(access);
  const { ports, close } = reach(access);
  const driver = driverOf(access);
  const { controlPlane, nodes, rollouts: replacing } = driver;
  const rollouts = replacing === undefined ? {} : { rollouts: replacing };
  const comparer = createSnapshotComparer({ ...scratchOf(access), access: access.etcd });
  const driller = createSnapshotDriller({
    ...scratchOf(access),
    apiServers: access.tools.apiServers ?? {},
    members: access.etcd.members.map(({ name }) => name),
  });
  const closing = () => closeAll(close, driver);
  return { ...ports, comparer, driller, controlPlane, nodes, ...rollouts, close: closing };
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
function reach(access: ClusterAccess) {
  const connection = openKubeConnection(access.kubeconfig);
  const kube = createKubeApi(connection, { clock: systemClock });
  return {
    ports: {
      kube,
      members: createMemberProbe(connection, access.members),
      extensions: createExtensionProbe(connection),
      etcd: createEtcdApi({ access: access.etcd, etcdutl: etcdutlOf(access) }),
      ...openSnapshots(access),
      clock: systemClock,
    },
    simulation: createSimulationSource(new KubeRequests(connection)),
    close: async () => {
      await kube.close();
      await connection.close();
    },
  };
}

function etcdutlOf({ tools }: ClusterAccess): string {
  return tools.etcdutl ?? 'etcdutl';
}

interface OpenDriver extends Closing, Pick<ServedCluster, 'controlPlane' | 'nodes'> {
  readonly rollouts?: RolloutDriver;
}

function driverOf({ driver, cluster, kubeconfig, members: all }: ClusterAccess): OpenDriver {
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
      return { ...createKubeadmDriver({ access: driver, machines, members }), ...closing };
    }
    case 'cluster-api': {
      const connection = openKubeConnection(driver.kubeconfig);
      const management = createManagementCluster(connection, driver);
      const closing = (): Promise<void> => connection.close();
      return { ...createClusterApiDriver({ access: driver, management }), close: closing };
    }
    case 'none':
      return { ...createNoDriver(driver), close };
  }
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
