// Builds the ports of one cluster from its access file: for looking at it, which every cluster that
// can be reached allows, or for upgrading it, which takes a driver.

import type { ClusterAccess, DrivenAccess, NoDriverAccess } from '../access';
import { createLabDriver } from '../drivers/lab-driver';
import type { ClusterPorts, LookingPorts, ReleaseSource } from '../ports';
import { createDirectorySnapshotStore } from './directory-snapshot-store';
import { createEtcdApi } from './etcd-api';
import { createSnapshotVerifier } from './etcd-snapshot-verifier';
import { createKubeApi } from './kube-api';
import { openKubeConnection } from './kube-connection';
import { createMemberProbe } from './member-probe';
import { systemClock } from './system-clock';

interface Closing {
  /** Ends every connection, so that the process can end; no port may be used afterwards. */
  close(): Promise<void>;
}

/** A cluster to look at: enough for observe, plan and preflight. */
export interface OpenCluster extends LookingPorts, Closing {}

/** A cluster to upgrade. */
export interface DrivenCluster extends ClusterPorts, Closing {}

/**
 * For looking only; the driver is asked for nothing but its releases. Connects nothing yet:
 * addresses are dialled when a port is first used. Throws PortError `rejected` when the kubeconfig
 * cannot be used.
 */
export function openCluster(access: ClusterAccess): OpenCluster {
  const { driver } = access;
  const { ports, close } = reach(access);
  if (driver.kind === 'none') return { ...ports, controlPlane: listedReleases(driver), close };
  const lab = createLabDriver(driver.socket);
  return { ...ports, controlPlane: lab.controlPlane, close: () => closeAll(close, lab) };
}

/** For upgrading. Connects and throws as openCluster does. */
export function openDrivenCluster(access: DrivenAccess): DrivenCluster {
  const { ports, close } = reach(access);
  const lab = createLabDriver(access.driver.socket);
  const { controlPlane, nodes } = lab;
  const verifier = createSnapshotVerifier({
    etcd: access.tools.etcd ?? 'etcd',
    etcdutl: etcdutlOf(access),
    dataParent: access.snapshots.directory,
  });
  return { ...ports, verifier, controlPlane, nodes, close: () => closeAll(close, lab) };
}

/** What needs addresses and files only. */
function reach(access: ClusterAccess) {
  const connection = openKubeConnection(access.kubeconfig);
  const kube = createKubeApi(connection, { clock: systemClock });
  return {
    ports: {
      kube,
      members: createMemberProbe(connection, access.members),
      etcd: createEtcdApi({ access: access.etcd, etcdutl: etcdutlOf(access) }),
      snapshots: createDirectorySnapshotStore(access.snapshots.directory),
      clock: systemClock,
    },
    close: async () => {
      await kube.close();
      await connection.close();
    },
  };
}

function etcdutlOf({ tools }: ClusterAccess): string {
  return tools.etcdutl ?? 'etcdutl';
}

function listedReleases({ releases }: NoDriverAccess): ReleaseSource {
  return { availableVersions: () => Promise.resolve(releases) };
}

async function closeAll(close: () => Promise<void>, driver: Closing): Promise<void> {
  await Promise.all([close(), driver.close()]);
}
