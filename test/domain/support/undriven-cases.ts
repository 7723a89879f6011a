// What is said of each change that a driver has no command for.

import type { Blocker } from '../../../domain/blockers';
import { hopId } from '../../support/builders';

const texts = [
  ['node', 'changes the kubelets of nodes'],
  ['apiServer', 'changes API servers'],
  ['controllers', 'changes controller-managers and schedulers'],
  ['putBack', 'is done in two steps, which the old programs must lead back from'],
  ['etcd', 'changes etcd'],
  ['restore', 'changes the control plane, which takes a restore as the way back'],
] as const;

const blocked = { code: 'change-undriven', hop: hopId('hop-1.29') } as const;

export const undrivenCases: readonly [Blocker, string][] = [
  ...texts.map(([change, says]): [Blocker, string] => [
    { ...blocked, change },
    `hop-1.29 ${says}, and the driver of the cluster has no command for that - add` +
      ` driver.${change} to the access file of the worker`,
  ]),
  [
    { ...blocked, change: 'reboot' },
    'hop-1.29 starts machines again, and the driver of the cluster cannot do that - let reboot of' +
      ' the pools be never',
  ],
  [
    { ...blocked, change: 'apiServer', driver: 'kubeadm' },
    'hop-1.29 changes API servers, and the driver kubeadm changes nodes only - do that by hand' +
      ' and plan the nodes afterwards, or use a driver of commands',
  ],
  [
    { ...blocked, change: 'etcd', driver: 'kubeadm-etcd-units' },
    'hop-1.29 changes etcd, and the driver kubeadm leaves etcd alone where it runs outside of its' +
      ' static pods - bring its units to that version by hand, one at a time and the leader last,' +
      ' and plan again',
  ],
  [
    { ...blocked, change: 'apiServer', driver: 'cluster-api' },
    'hop-1.29 changes API servers, and the driver cluster-api replaces machines only, those of' +
      ' members where driver.members has them found - write that to the access file, or do it by' +
      ' hand and plan the pools afterwards',
  ],
];
