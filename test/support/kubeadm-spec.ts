// The upgrade that tests of kubeadm clusters ask for: limits of members and nodes that take
// minutes, and the kubelets of control planes as a pool of their own, which goes first.

import type { PoolName } from '../../domain/names';
import type { PoolSpec, UpgradeSpec } from '../../domain/spec';
import { labSpec, type LabSpecOptions } from './lab-spec';

const minuteMs = 60_000;

/** Workers are told by a label, which their test gives them. */
export const workerPool = { 'ascent.test/pool': 'workers' } as const;

export function kubeadmSpec(options: LabSpecOptions): UpgradeSpec {
  const wanted = labSpec({ memberTimeoutMs: 15 * minuteMs, ...options });
  const [pool] = wanted.pools as [PoolSpec];
  const named = (name: string, nodeSelector: PoolSpec['nodeSelector']): PoolSpec => ({
    ...pool,
    name: name as PoolName,
    nodeSelector,
    upgradeTimeoutMs: 10 * minuteMs,
  });
  return {
    ...wanted,
    pools: [
      named('control-planes', { 'node-role.kubernetes.io/control-plane': '' }),
      named('workers', workerPool),
    ],
  };
}
