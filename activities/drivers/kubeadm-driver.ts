// Drivers for clusters that kubeadm made, changed in place (docs/kubeadm.md).

import type { DrivenChange } from '../../domain/observation';
import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { kubeadmControlPlane, type KubeadmControlPlaneOptions } from './kubeadm-control-plane';
import { pullImages } from './kubeadm-images';
import { nodeScript } from './kubeadm-node';
import { releasesOnAll } from './kubeadm-releases';
import { repairMember } from './kubeadm-repair';
import { restoreMembers } from './kubeadm-restore';
import { factsOfAll } from './machine-facts';
import { runStep } from './machine-steps';
import { refusedChanges, refusing } from './refusals';

const refuse = refusing(
  'the access file names no machine for some member: add them to driver.machines, or change the' +
    ' control plane by hand (docs/kubeadm.md)',
);

const refuseByJobs = refusing(
  'machines that are reached by jobs cannot be restored: that stops the API server - name' +
    ' driver.ssh instead of driver.jobs (docs/kubeadm.md)',
);

/**
 * Connects nothing yet. Where `machines` leaves members out, or needs the API server, only nodes
 * are changed. Methods throw PortError, or the signal's reason.
 */
export function createKubeadmDriver(options: KubeadmControlPlaneOptions): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
} {
  const { machines, access, members } = options;
  const nodesOnly = members.every((name) => machines.names.includes(name))
    ? undefined
    : workersOnly;
  const limits = machines.needApiServer === true ? reachedByJobs : nodesOnly;
  const { drives, ...able } = limits ?? wholeControlPlane(options);
  return {
    controlPlane: {
      driver: 'kubeadm',
      availableVersions: (signal) => releasesOnAll(machines, access.packages, signal),
      machineFacts: (signal) => factsOfAll(machines, access.packages, signal),
      ...able,
      ...withImages(options, drives),
    },
    nodes: {
      upgradeNode: (node, to, context) => {
        const { reboot } = context;
        const doing = `upgrading it to ${to}`;
        const { packages } = access;
        const script = nodeScript({ node, to, packages, reboot: reboot?.when });
        const restart = reboot === undefined ? {} : { restartMs: reboot.timeoutMs };
        return runStep(options, { machine: node, doing, script, ...restart }, context);
      },
    },
  };
}

/** Unless the access file says that images are somebody else's. */
function withImages(
  options: KubeadmControlPlaneOptions,
  drives: readonly DrivenChange[],
): Pick<ControlPlaneDriver, 'drives' | 'pullImages'> {
  const { packages, pullImages: pulls = true } = options.access;
  if (!pulls) return { drives };
  return {
    drives: [...drives, 'images'],
    pullImages: (order, context) => pullImages({ ...options, packages }, order, context),
  };
}

const workersOnly = { drives: ['node', 'reboot'] as const, ...refusedChanges(refuse) };

/** No way forward without a way back. */
const reachedByJobs = {
  driver: 'kubeadm-jobs',
  changedAs: 'member',
  drives: ['node'] as const,
  ...refusedChanges(refuseByJobs),
} as const;

function wholeControlPlane(options: KubeadmControlPlaneOptions) {
  const ofKubeadm = {
    changedAs: 'member',
    drives: ['node', 'member', 'putBack', 'etcd', 'restore', 'repairEtcd', 'reboot'],
  } as const;
  const ofRestores: Pick<ControlPlaneDriver, 'restore' | 'repairEtcdMember'> = {
    restore: (order, context) => restoreMembers(options, order, context),
    repairEtcdMember: (member, context) => repairMember(options, member, context),
  };
  return { ...ofKubeadm, ...kubeadmControlPlane(options), ...ofRestores };
}
