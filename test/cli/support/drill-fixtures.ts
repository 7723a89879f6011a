// Rollbacks that were tried beside a cluster, and what came of them.

import type { Drill } from '../../../client';
import type { ClusterName, SnapshotId } from '../../../domain/names';
import { version } from '../../support/builders';

const id = 'prod-hop-1.29-from-1.28.15-0a1b2c3d' as SnapshotId;

export const drilled: Drill = {
  kind: 'drilled',
  report: {
    schema: 'ascent.drill/v1',
    cluster: 'prod' as ClusterName,
    snapshot: {
      id,
      takenAt: '2026-11-21T02:00:00.000Z',
      kubeVersion: version('1.28.15'),
      revision: 81_234,
    },
    members: 3,
    keys: 20_000,
    hashKv: '1234567890',
    apiServer: {
      version: version('1.28.15'),
      objects: { namespaces: 12, nodes: 40, secrets: 310 },
    },
    phases: [
      { phase: 'fetch', seconds: 0.41 },
      { phase: 'restore', seconds: 1.2 },
      { phase: 'start-etcd', seconds: 1.05 },
      { phase: 'compare', seconds: 0.1 },
      { phase: 'start-api-server', seconds: 4.5 },
    ],
    rollbackSeconds: 7.26,
  },
};

export const drillRefused: Drill = {
  kind: 'refused',
  refusal: { code: 'no-key', snapshot: id, key: 'sha256:fedcba9876543210' },
};

export const drillBroken: Drill = {
  kind: 'broken',
  snapshot: id,
  phase: 'start-api-server',
  problem: 'listing secrets: HTTP 500: no matching prefix found',
};

export const drillFailed: Drill = {
  kind: 'failed',
  failure: {
    code: 'worker-missing',
    message: 'no worker took it within 20 s',
    remedy: "start a worker that serves the cluster's task queue, then start again",
  },
};
