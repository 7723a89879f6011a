// NodeDriver for the workers of a kubeadm cluster, changed in place (docs/kubeadm.md).
// K1. What it cannot change yet is refused when it is planned (`drives`).

import type { KubeadmDriverAccess } from '../access';
import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { nodeScript } from './kubeadm-node';
import { releasesOnAll } from './kubeadm-releases';
import { runStep, type StepOptions } from './machine-steps';
import { refusedChanges, refusing } from './refusals';

export interface KubeadmDriverOptions extends StepOptions {
  readonly access: Pick<KubeadmDriverAccess, 'packages'>;
}

const refuse = refusing(
  'the driver kubeadm changes workers only: do it with kubeadm by hand (docs/kubeadm.md)',
);

/** Connects nothing yet. Methods throw PortError, or the signal's reason. */
export function createKubeadmDriver(options: KubeadmDriverOptions): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
} {
  const { machines, access } = options;
  return {
    controlPlane: {
      driver: 'kubeadm',
      drives: ['node'],
      availableVersions: (signal) => releasesOnAll(machines, access.packages, signal),
      ...refusedChanges(refuse),
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
