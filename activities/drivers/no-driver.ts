// The driver of a cluster that has none: it knows the releases that it is told, and changes
// nothing. Upgrades of such a cluster are refused when they are planned (activities/plan.ts); what
// else could ask for a change is told here.

import type { NoDriverAccess } from '../access';
import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { PortError } from '../ports';

function refuse(): Promise<never> {
  const message = 'nothing changes the machines of this cluster: it has no driver';
  return Promise.reject(new PortError('rejected', message));
}

/** Every change is rejected with PortError `rejected`. */
export function createNoDriver({ releases }: NoDriverAccess): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
} {
  return {
    controlPlane: {
      availableVersions: () => Promise.resolve(releases),
      availableEtcdVersions: () => Promise.resolve(undefined),
      restoreNeeds: () => Promise.resolve(undefined),
      upgrade: refuse,
      putBack: refuse,
      changeEtcd: refuse,
      restore: refuse,
      repairEtcdMember: refuse,
    },
    nodes: { upgradeNode: refuse },
  };
}
