// The upgrade that the end-to-end tests ask for: the limits of a real one, soaks of seconds.

import type { ClusterName, PoolName } from '../../domain/names';
import type { DrainPolicy, UpgradeSpec } from '../../domain/spec';
import type { KubeMinor, KubeVersion } from '../../domain/versions';

const minuteMs = 60_000;

export interface LabSpecOptions {
  readonly cluster: string;
  readonly target?: string;
  readonly approvals?: UpgradeSpec['approvals'];
  readonly allowSingleMember?: boolean;
  readonly maxUnavailable?: number;
  readonly drainTimeoutMs?: number;
  readonly hopSoakMs?: number;
  /** Default 5 min. */
  readonly memberTimeoutMs?: number;
  readonly etcd?: readonly { readonly hop: string; readonly version: string }[];
  readonly emulation?: readonly { readonly hop: string; readonly soakMs: number }[];
}

/** How nodes are drained by it. */
export function labDrainPolicy(): DrainPolicy {
  const [pool] = labSpec({ cluster: 'any' }).pools;
  if (pool === undefined) throw new Error('the spec has a pool');
  return pool.drain;
}

export function labSpec(options: LabSpecOptions): UpgradeSpec {
  const etcd = options.etcd?.map(({ hop, version }) => ({
    hop: hop as KubeMinor,
    version: version as KubeVersion,
  }));
  const emulation = options.emulation?.map(({ hop, soakMs }) => ({
    hop: hop as KubeMinor,
    soakMs,
  }));
  return {
    apiVersion: 'ascent/v1',
    cluster: options.cluster as ClusterName,
    target: (options.target ?? '1.30.14') as KubeVersion,
    via: [],
    approvals: options.approvals ?? 'none',
    hopSoakMs: options.hopSoakMs ?? 2_000,
    controlPlane: {
      memberTimeoutMs: options.memberTimeoutMs ?? 5 * minuteMs,
      allowSingleMember: options.allowSingleMember ?? false,
      ...(etcd === undefined ? {} : { etcd }),
      ...(emulation === undefined ? {} : { emulation }),
    },
    pools: [
      {
        name: 'workers' as PoolName,
        nodeSelector: {},
        lane: 'every-hop',
        maxUnavailable: options.maxUnavailable ?? 1,
        drain: {
          timeoutMs: options.drainTimeoutMs ?? 20 * minuteMs,
          emptyDirData: 'delete',
          unmanagedPods: 'refuse',
        },
        upgradeTimeoutMs: 5 * minuteMs,
        nodeSoakMs: 0,
        // The tests name their nodes: they go in this order, whatever is on them.
        orderLabel: 'kubernetes.io/hostname',
      },
    ],
  };
}
