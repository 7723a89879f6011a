// Drivers for clusters that kubeadm made, changed in place (docs/kubeadm.md).
// K1. What it cannot change yet is refused when it is planned (`drives`).

import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { kubeadmControlPlane, type KubeadmControlPlaneOptions } from './kubeadm-control-plane';
import { nodeScript } from './kubeadm-node';
import { releasesOnAll } from './kubeadm-releases';
import { restoreMembers } from './kubeadm-restore';
import { runStep } from './machine-steps';
import { refusedChanges, refusing } from './refusals';

const refuse = refusing('the driver kubeadm does not do that yet (docs/kubeadm.md)');

/** Connects nothing yet. Methods throw PortError, or the signal's reason. */
export function createKubeadmDriver(options: KubeadmControlPlaneOptions): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
} {
  const { machines, access } = options;
  return {
    controlPlane: {
      driver: 'kubeadm',
      changedAs: 'member',
      drives: ['node', 'member', 'putBack', 'etcd', 'restore'],
      availableVersions: (signal) => releasesOnAll(machines, access.packages, signal),
      ...refusedChanges(refuse),
      ...kubeadmControlPlane(options),
      restore: (order, context) => restoreMembers(options, order, context),
    },
    nodes: {
      upgradeNode: (node, to, context) => {
        const doing = `upgrading it to ${to}`;
        const script = nodeScript(to, access.packages);
        return runStep(options, { machine: node, doing, script }, context);
      },
    },
  };
}
