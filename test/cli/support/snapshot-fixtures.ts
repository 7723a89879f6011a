// A store of snapshots that commands look at.

import type { OpenSnapshots } from '../../../activities/adapters/open-cluster';
import { PortError } from '../../../activities/ports';
import type { SnapshotRecord } from '../../../domain/activity-contract';
import type { ClusterName, HopId, SnapshotId } from '../../../domain/names';
import { failureInfo } from '../../../domain/failure-remedies';
import type { SnapshotSchedule } from '../../../domain/snapshots/schedule';
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

/** What every schedule of snapshots has. */
export const scheduledSnapshots = {
  scheduleId: 'snapshot-schedule/prod',
  skipped: { overlapping: 0, late: 0 },
};

const lastRun = {
  time: '2026-11-21T00:00:00.410Z',
  workflowId: 'snapshot-schedule/prod/run-2026-11-21T00:00:00Z',
};

/** One that has taken some. */
export const routineSchedule: SnapshotSchedule = {
  ...scheduledSnapshots,
  cluster: 'prod',
  nextTimes: ['2026-11-21T06:00:00.000Z', '2026-11-21T12:00:00.000Z'],
  everyMs: 21_600_000,
  jitterMs: 600_000,
  keep: 8,
  actor: 'ada@workstation',
  last: {
    ...lastRun,
    end: { kind: 'taken', snapshot: 'prod-routine-5b1d6a0e93f4' as SnapshotId },
  },
  skipped: { overlapping: 1, late: 0 },
};

export const failedSchedule: SnapshotSchedule = {
  ...routineSchedule,
  last: {
    ...lastRun,
    end: {
      kind: 'failed',
      failure: failureInfo('space-missing', 'there is no room for a snapshot'),
    },
  },
};

export const pausedSchedule: SnapshotSchedule = {
  ...routineSchedule,
  paused: { note: 'release day' },
  nextTimes: [],
};
