// Drivers for clusters that kubeadm made, changed in place (docs/kubeadm.md).

import type { DrivenChange } from '../../domain/observation';
import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { lookAtEtcdPlaces } from './etcd-unit-look';
import { kubeadmControlPlane, type KubeadmControlPlaneOptions } from './kubeadm-control-plane';
import { pullImages } from './kubeadm-images';
import { nodeScript } from './kubeadm-node';
import { releasesOnAll } from './kubeadm-releases';
import { repairMember } from './kubeadm-repair';
import { restoreMembers } from './kubeadm-restore';
import { restoreStaged } from './kubeadm-staged-restore';
import { stageRestore, unstageRestore } from './kubeadm-way-back';
import { factsOfAll } from './machine-facts';
import { runStep } from './machine-steps';
import { patientMachines } from './patient-machines';
import { refusedChanges, refusing } from './refusals';

const refuse = refusing(
  'the access file names no machine for some member: add them to driver.machines, or change the' +
    ' control plane by hand (docs/kubeadm.md)',
);

/**
 * Connects nothing yet. Where `machines` leaves members out, only nodes are changed. Methods throw
 * PortError, or the signal's reason.
 */
export function createKubeadmDriver(options: KubeadmControlPlaneOptions): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
} {
  const { machines, access, members } = options;
  const byJobs = machines.needApiServer === true;
  // Steps may take the API server away by which they are followed.
  const following = byJobs ? { ...options, machines: patientMachines(machines) } : options;
  const isWhole = members.every((name) => machines.names.includes(name));
  const whole = byJobs ? wholeByJobs(following) : wholeControlPlane(options);
  const { drives, ...able } = isWhole ? whole : workersOnly(byJobs);
  return {
    controlPlane: {
      driver: 'kubeadm',
      availableVersions: (signal) => releasesOnAll(machines, access.packages, signal),
      machineFacts: (signal) => factsOfAll(machines, access.packages, signal),
      ...able,
      ...withImages(following, drives),
    },
    nodes: {
      upgradeNode: (node, to, context) => {
        const { reboot } = context;
        const doing = `upgrading it to ${to}`;
        const { packages } = access;
        const script = nodeScript({ node, to, packages, reboot: reboot?.when });
        const restart = reboot === undefined ? {} : { restartMs: reboot.timeoutMs };
        return runStep(following, { machine: node, doing, script, ...restart }, context);
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

function workersOnly(byJobs: boolean) {
  const drives: readonly DrivenChange[] = byJobs ? ['node'] : ['node', 'reboot'];
  return { drives, ...refusedChanges(refuse) };
}

/** Nobody reaches machines while they are restored: it is staged there before. */
function wholeByJobs(options: KubeadmControlPlaneOptions) {
  const drives: readonly DrivenChange[] = wholeControlPlane(options).drives.filter(
    (one) => one !== 'reboot',
  );
  const ofStaging: Pick<ControlPlaneDriver, 'stageRestore' | 'unstageRestore' | 'restore'> = {
    stageRestore: (order, context) => stageRestore(options, order, context),
    unstageRestore: (signal) => unstageRestore(options, signal),
    restore: (order, context) => restoreStaged(options, order, context),
  };
  return { ...wholeControlPlane(options), drives, ...ofStaging };
}

function wholeControlPlane(options: KubeadmControlPlaneOptions) {
  const ofKubeadm = {
    changedAs: 'member',
    drives: ['node', 'member', 'putBack', 'etcd', 'restore', 'repairEtcd', 'reboot'],
  } as const;
  const ofUnits = {
    driver: 'kubeadm-etcd-units',
    drives: ['node', 'member', 'putBack', 'restore', 'repairEtcd', 'reboot'],
    etcdIsApart: true,
  } as const;
  const ofRestores: Pick<ControlPlaneDriver, 'restore' | 'repairEtcdMember'> = {
    restore: (order, context) => restoreMembers(options, order, context),
    repairEtcdMember: (member, context) => repairMember(options, member, context),
  };
  return {
    ...ofKubeadm,
    ...(options.etcd === undefined ? {} : ofUnits),
    etcdPlaces: (signal: AbortSignal) => lookAtEtcdPlaces(options, signal),
    ...kubeadmControlPlane(options),
    ...ofRestores,
  };
}
