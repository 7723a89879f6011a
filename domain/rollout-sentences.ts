// Why a MachineDeployment cannot be rolled out, in words; blocker-sentences.ts puts the pool first.

import type { RolloutFault } from './blockers';
import { count } from './counts';
import { boundedList } from './lists';

/** What is wrong and what to do about it. */
export function rolloutFaultText(fault: RolloutFault): string {
  switch (fault.why) {
    case 'no-deployment':
      return (
        'no MachineDeployment of the cluster serves it' +
        ' - call one as the pool, or name it in driver.pools of the access file'
      );
    case 'cluster-paused':
      return `its Cluster is paused - find out who paused it, and set spec.paused to false`;
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
