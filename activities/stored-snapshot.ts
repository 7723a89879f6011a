// A snapshot as it is used by a restore and by a comparison: found by its id, in the clear for as
// long as it takes.

import type { SnapshotRecord } from '../domain/activity-contract';
import type { SnapshotId } from '../domain/names';
import type { ReportLimits } from '../domain/rollback/report-limits';
import type { ActivityRun } from './activity-run';
import { terminalFailure, toActivityFailure } from './failure-mapping';
import type { ClusterPorts } from './ports';
import type { KeyComparison, PlainSnapshot } from './snapshot-ports';

/** Fails `snapshot-missing`. */
export async function findSnapshot(
  { snapshots }: ClusterPorts,
  id: SnapshotId,
): Promise<SnapshotRecord> {
  const record = await snapshots.find(id);
  if (record !== undefined) return record;
  const message = `snapshot ${id} is not in ${snapshots.location}`;
  throw terminalFailure({ code: 'snapshot-missing', message });
}

/**
 * Hands the file over and releases it afterwards. Fails `snapshot-missing`, or
 * `snapshot-unverified` when what is stored differs from its record.
 */
export async function withPlainSnapshot<Result>(
  { snapshots }: ClusterPorts,
  run: ActivityRun,
  record: SnapshotRecord,
  use: (file: string) => Promise<Result>,
): Promise<Result> {
  let snapshot: PlainSnapshot;
  try {
    snapshot = await snapshots.fetch(record, run.signal);
  } catch (error) {
    const scope = {
      doing: `fetching snapshot ${record.id}`,
      code: 'snapshot-unverified',
      notFoundCode: 'snapshot-missing',
    } as const;
    throw toActivityFailure({ error, scope, signal: run.signal });
  }
  try {
    return await use(snapshot.file);
  } finally {
    await snapshot.release();
  }
}

/**
 * Its keys beside those of the cluster, in a scratch etcd. Heartbeats what it does and the keys.
 * Fails as withPlainSnapshot.
 */
export function compareWithSnapshot(
  ports: ClusterPorts,
  run: ActivityRun,
  { record, limits }: { readonly record: SnapshotRecord; readonly limits: ReportLimits },
): Promise<KeyComparison> {
  const beat = (phase: string): void => run.beat({ phase });
  beat('fetching the snapshot');
  return withPlainSnapshot(ports, run, record, (file) => {
    beat('restoring it into a scratch etcd');
    const onKeys = (keys: number): void => beat(`comparing: ${keys} keys`);
    return ports.comparer.compare(file, limits, onKeys, run.signal);
  });
}
