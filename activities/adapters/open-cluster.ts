// Builds the ports of one cluster from its access file.

import type { ClusterAccess } from '../access';
import { createLabDriver } from '../drivers/lab-driver';
import type { ClusterPorts } from '../ports';
import { createDirectorySnapshotStore } from './directory-snapshot-store';
import { createEtcdApi } from './etcd-api';
import { createSnapshotVerifier } from './etcd-snapshot-verifier';
import { createKubeApi } from './kube-api';
import { openKubeConnection } from './kube-connection';
import { createMemberProbe } from './member-probe';
import { systemClock } from './system-clock';

export interface OpenCluster extends ClusterPorts {
  /** Ends every connection, so that the process can end; no port may be used afterwards. */
  close(): Promise<void>;
}

/**
 * Connects nothing yet: addresses are dialled when a port is first used. Throws PortError
 * `rejected` when the kubeconfig cannot be used.
 */
export function openCluster(access: ClusterAccess): OpenCluster {
  const connection = openKubeConnection(access.kubeconfig);
  const driver = createLabDriver(access.driver.socket);
  const etcdutl = access.tools.etcdutl ?? 'etcdutl';
  return {
    kube: createKubeApi(connection, { nowMs: () => systemClock.nowMs() }),
    members: createMemberProbe(connection, access.members),
    etcd: createEtcdApi({ access: access.etcd, etcdutl }),
    snapshots: createDirectorySnapshotStore(access.snapshots.directory),
    verifier: createSnapshotVerifier({
      etcd: access.tools.etcd ?? 'etcd',
      etcdutl,
      dataParent: access.snapshots.directory,
    }),
    controlPlane: driver.controlPlane,
    nodes: driver.nodes,
    clock: systemClock,
    async close() {
      await Promise.all([connection.close(), driver.close()]);
    },
  };
}
