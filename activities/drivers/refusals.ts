// What a driver refuses that cannot change the control plane.

import type { ControlPlaneDriver } from '../driver-ports';
import { PortError } from '../ports';

/** Rejects with PortError `rejected`. */
export function refusing(message: string): () => Promise<never> {
  return () => Promise.reject(new PortError('rejected', message));
}

/** Every change of a control plane, refused so; a restore needs nothing that anybody could tell. */
export function refusedChanges(
  refuse: () => Promise<never>,
): Omit<ControlPlaneDriver, 'availableVersions'> {
  return {
    availableEtcdVersions: () => Promise.resolve(undefined),
    restoreNeeds: () => Promise.resolve(undefined),
    upgrade: refuse,
    putBack: refuse,
    changeEtcd: refuse,
    restore: refuse,
    repairEtcdMember: refuse,
  };
}
