// Drivers for clusters that kubeadm made, changed in place (docs/kubeadm.md).

import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { kubeadmControlPlane, type KubeadmControlPlaneOptions } from './kubeadm-control-plane';
import { nodeScript } from './kubeadm-node';
import { releasesOnAll } from './kubeadm-releases';
import { repairMember } from './kubeadm-repair';
import { restoreMembers } from './kubeadm-restore';
import { factsOfAll } from './machine-facts';
import { runStep } from './machine-steps';

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
      drives: ['node', 'member', 'putBack', 'etcd', 'restore', 'repairEtcd'],
      availableVersions: (signal) => releasesOnAll(machines, access.packages, signal),
      machineFacts: (signal) => factsOfAll(machines, access.packages, signal),
      ...kubeadmControlPlane(options),
      restore: (order, context) => restoreMembers(options, order, context),
      repairEtcdMember: (member, context) => repairMember(options, member, context),
    },
    nodes: {
      upgradeNode: (node, to, context) => {
        const doing = `upgrading it to ${to}`;
        const script = nodeScript(node, to, access.packages);
        return runStep(options, { machine: node, doing, script }, context);
      },
    },
  };
}
