// A node to be drained on a cluster in memory, and the drain.

import type { DrainInput } from '../../domain/activity-contract';
import type { DrainPolicy } from '../../domain/spec';
import { cluster, FakeCluster, nodeName } from './fake-cluster';

/** `worker-1` is cordoned and to be drained; `worker-2` takes what leaves. */
export function aClusterToDrain(): FakeCluster {
  const fake = new FakeCluster();
  fake.kube.addNode('worker-1', { unschedulable: true }).addNode('worker-2');
  return fake;
}

/** Of `worker-1`, within ten minutes, by a policy that refuses what it may. */
export function aDrain(policy: Partial<DrainPolicy> = {}): DrainInput {
  return {
    cluster,
    node: nodeName('worker-1'),
    policy: {
      timeoutMs: 600_000,
      emptyDirData: 'refuse',
      unmanagedPods: 'refuse',
      ...policy,
    },
  };
}
