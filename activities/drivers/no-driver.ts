// The driver of a cluster that has none: it knows the releases that it is told, and changes
// nothing. Upgrades of such a cluster are refused when they are planned (activities/plan.ts); what
// else could ask for a change is told here.

import type { NoDriverAccess } from '../access';
import type { ControlPlaneDriver, NodeDriver } from '../driver-ports';
import { refusedChanges, refusing } from './refusals';

const refuse = refusing('nothing changes the machines of this cluster: it has no driver');

/** Every change is rejected with PortError `rejected`. */
export function createNoDriver({ releases }: NoDriverAccess): {
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
} {
  return {
    controlPlane: {
      availableVersions: () => Promise.resolve(releases),
      ...refusedChanges(refuse),
    },
    nodes: { upgradeNode: refuse },
  };
}
