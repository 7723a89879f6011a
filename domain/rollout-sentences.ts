// Why machines cannot be replaced, in words; for those of a pool, blocker-sentences.ts puts it
// first.

import type { ControlPlaneFault, RolloutFault } from './blockers';
import { count } from './counts';
import { boundedList } from './lists';

const clusterPaused =
  'its Cluster is paused - find out who paused it, and set spec.paused to false';

/** What is wrong with what replaces members, and what to do about it. */
export function controlPlaneFaultText(fault: ControlPlaneFault): string {
  const { controlPlane } = fault;
  switch (fault.why) {
    case 'cluster-paused':
      return `${controlPlane}: ${clusterPaused}`;
    case 'paused':
      return `${controlPlane} is paused - find out who paused it, and let it go on`;
    case 'topology':
      return (
        `${controlPlane} belongs to a topology, which writes its version over every other` +
        " - change spec.topology.version of the Cluster; Ascent's driver does not"
      );
    case 'hosted':
      return (
        `${controlPlane} has no machines of the cluster: its members are somebody else's` +
        ' - change its version there, then plan the pools'
      );
    case 'no-version':
      return `${controlPlane} names no version - write the one that its members run to it`;
    case 'under-way':
      return (
        `${controlPlane} is of ${fault.version}, and its members run ${fault.at}` +
        ' - wait until that change is done, or take it back'
      );
  }
}

/** What is wrong and what to do about it. */
export function rolloutFaultText(fault: RolloutFault): string {
  switch (fault.why) {
    case 'no-deployment':
      return (
        'no MachineDeployment of the cluster serves it' +
        ' - call one as the pool, or name it in driver.pools of the access file'
      );
    case 'cluster-paused':
      return clusterPaused;
    case 'paused':
      return `${about(fault)} is paused - find out who paused it, and let it go on`;
    case 'topology':
      return (
        `${about(fault)} belongs to a topology, which writes its version over every other` +
        " - change spec.topology.version of the Cluster; Ascent's driver does not"
      );
    case 'on-delete':
      return (
        `${about(fault)} replaces machines only when somebody deletes them (OnDelete)` +
        ' - let its strategy be RollingUpdate'
      );
    case 'no-version':
      return `${about(fault)} names no version - write the one that its nodes run to it`;
    case 'other-nodes':
      return (
        `${count(fault.nodes.length, 'node')} of it (${boundedList(fault.nodes)}) belong to no` +
        ` Machine of ${about(fault)} - let the pool select the nodes of one MachineDeployment`
      );
    case 'under-way':
      return (
        `${about(fault)} is of ${fault.version} and has nodes of ${fault.at}` +
        ' - wait until that rollout is done, or take it back'
      );
    case 'over-limit':
      return (
        `${about(fault)} lets ${count(fault.maxUnavailable, 'machine')} be missing at once, the` +
        ` spec ${fault.limit} - lower its maxUnavailable, or raise that of the pool`
      );
  }
}

function about({ deployment }: { readonly deployment: string }): string {
  return `MachineDeployment ${deployment}`;
}
