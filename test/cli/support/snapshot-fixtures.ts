// A store of snapshots that commands look at.

import type { OpenSnapshots } from '../../../activities/adapters/open-cluster';
import { PortError } from '../../../activities/ports';
import type { SnapshotRecord } from '../../../domain/activity-contract';
import type { ClusterName, HopId, SnapshotId } from '../../../domain/names';
import type { KubeVersion } from '../../../domain/versions';
import { FakeCluster } from '../../support/fake-cluster';
import type { FakeEtcd } from '../../support/fake-etcd';

const key = 'sha256:0123456789abcdef';

function record(changes: Partial<SnapshotRecord>): SnapshotRecord {
  return {
    id: 'prod-hop-1.29-from-1.28.15-0a1b2c3d' as SnapshotId,
    hop: 'hop-1.29' as HopId,
    kubeVersion: '1.28.15' as KubeVersion,
    etcdVersion: '3.5.21',
    location: '/snapshots/x',
    sha256: 'abc',
    sizeBytes: 52_428_800,
    revision: 1_000,
    totalKeys: 20_000,
    takenAt: '2026-11-01T10:00:00.000Z',
    cluster: 'prod' as ClusterName,
    sealed: { by: 'age', key },
    verified: { by: 'restore', hashKv: '42', keys: 20_000, seconds: 2 },
    ...changes,
  };
}

/** One of an older release, one that goes, one whose key is lost, one of another cluster. */
export const storedSnapshots: readonly SnapshotRecord[] = (() => {
  const {
    cluster: _unsaid,
    sealed: _clear,
    ...old
  } = record({
    id: 'prod-hop-1.28-from-1.27.16-00000000' as SnapshotId,
    takenAt: '2026-03-01T10:00:00.000Z',
    kubeVersion: '1.27.16' as KubeVersion,
  });
  return [
    old,
    record({}),
    record({
      id: 'prod-hop-1.30-from-1.29.15-0a1b2c3d' as SnapshotId,
      takenAt: '2026-11-08T10:00:00.000Z',
      kubeVersion: '1.29.15' as KubeVersion,
      sealed: { by: 'age', key: 'sha256:fedcba9876543210' },
    }),
    record({
      id: 'staging-hop-1.30-from-1.29.15-99999999' as SnapshotId,
      takenAt: '2026-11-09T10:00:00.000Z',
      kubeVersion: '1.29.15' as KubeVersion,
      cluster: 'staging' as ClusterName,
    }),
  ];
})();

const restoredWhole = { hashKv: '42', keys: 20_000, seconds: 5.34 };

export const servedWhole: FakeEtcd['scratch'] = {
  ...restoredWhole,
  served: {
    by: 'kube-apiserver',
    version: '1.29.15' as KubeVersion,
    objects: { namespaces: 12, nodes: 40, secrets: 310 },
    seconds: 3.21,
  },
};

export const servedNot: FakeEtcd['scratch'] = {
  ...restoredWhole,
  served: { by: 'refused', problem: 'listing secrets: HTTP 500: no matching prefix found' },
};

/** `restored`: what a scratch etcd tells of each, or why none is fetched. */
export function storeToLookAt(
  records: readonly SnapshotRecord[],
  restored: FakeEtcd['scratch'] | PortError = { hashKv: '42', keys: 20_000, seconds: 2.34 },
): OpenSnapshots {
  const { store, etcd } = new FakeCluster();
  for (const one of records) store.records.set(one.id, one);
  store.keep = 1;
  store.keysAtHand = [key];
  if (restored instanceof PortError) store.fetchFailure = restored;
  else etcd.scratch = restored;
  return { snapshots: store, verifier: etcd };
}

/** Of no hop: somebody asked for it. */
export const askedSnapshot: SnapshotRecord = (() => {
  const { hop: _none, ...asked } = record({
    id: 'prod-asked-5b1d6a0e93f4' as SnapshotId,
    location: '/snapshots/prod-asked-5b1d6a0e93f4/snapshot.db.age',
  });
  return asked;
})();
