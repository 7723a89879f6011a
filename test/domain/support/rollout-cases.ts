// What is said of each reason why machines cannot be replaced.

import type { Blocker, ControlPlaneFault, RolloutFault } from '../../../domain/blockers';
import { nodeName, poolName, version } from '../../support/builders';

const deployment = 'web';

const faults: readonly (readonly [RolloutFault, string])[] = [
  [
    { why: 'no-deployment' },
    'no MachineDeployment of the cluster serves it - call one as the pool, or name it in' +
      ' driver.pools of the access file',
  ],
  [
    { why: 'cluster-paused', deployment },
    'its Cluster is paused - find out who paused it, and set spec.paused to false',
  ],
  [
    { why: 'paused', deployment },
    'MachineDeployment web is paused - find out who paused it, and let it go on',
  ],
  [
    { why: 'topology', deployment },
    'MachineDeployment web belongs to a topology, which writes its version over every other' +
      " - change spec.topology.version of the Cluster; Ascent's driver does not",
  ],
  [
    { why: 'on-delete', deployment },
    'MachineDeployment web replaces machines only when somebody deletes them (OnDelete) - let its' +
      ' strategy be RollingUpdate',
  ],
  [
    { why: 'no-version', deployment },
    'MachineDeployment web names no version - write the one that its nodes run to it',
  ],
  [
    { why: 'other-nodes', deployment, nodes: [nodeName('worker-7'), nodeName('worker-8')] },
    '2 nodes of it (worker-7, worker-8) belong to no Machine of MachineDeployment web - let the' +
      ' pool select the nodes of one MachineDeployment',
  ],
  [
    { why: 'under-way', deployment, version: version('1.29.3'), at: version('1.28.15') },
    'MachineDeployment web is of 1.29.3 and has nodes of 1.28.15 - wait until that rollout is' +
      ' done, or take it back',
  ],
  [
    { why: 'over-limit', deployment, maxUnavailable: 3, limit: 1 },
    'MachineDeployment web lets 3 machines be missing at once, the spec 1 - lower its' +
      ' maxUnavailable, or raise that of the pool',
  ],
];

const rolloutCases = faults.map(([fault, says]): [Blocker, string] => [
  { code: 'rollout-unusable', pool: poolName('front'), ...fault },
  `pool front: ${says}`,
]);

const controlPlane = 'KubeadmControlPlane prod-cp';

const controlPlaneFaults: readonly (readonly [ControlPlaneFault, string])[] = [
  [
    { why: 'cluster-paused', controlPlane },
    ': its Cluster is paused - find out who paused it, and set spec.paused to false',
  ],
  [{ why: 'paused', controlPlane }, ' is paused - find out who paused it, and let it go on'],
  [
    { why: 'topology', controlPlane },
    ' belongs to a topology, which writes its version over every other - change' +
      " spec.topology.version of the Cluster; Ascent's driver does not",
  ],
  [
    { why: 'hosted', controlPlane },
    " has no machines of the cluster: its members are somebody else's - change its version there," +
      ' then plan the pools',
  ],
  [
    { why: 'no-version', controlPlane },
    ' names no version - write the one that its members run to it',
  ],
  [
    { why: 'under-way', controlPlane, version: version('1.29.3'), at: version('1.28.15') },
    ' is of 1.29.3, and its members run 1.28.15 - wait until that change is done, or take it back',
  ],
];

const controlPlaneCases = controlPlaneFaults.map(([fault, says]): [Blocker, string] => [
  { code: 'control-plane-unusable', ...fault },
  `${controlPlane}${says}`,
]);

export const machineCases = {
  'control-plane-unusable': controlPlaneCases,
  'rollout-unusable': rolloutCases,
};
