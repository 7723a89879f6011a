// Removes the snapshots that are more than is to be kept (domain/snapshots/retention.ts).

import type { AscentActivities, SnapshotInput, SnapshotRecord } from '../domain/activity-contract';
import type { ClusterName, SnapshotId } from '../domain/names';
import { retentionOf } from '../domain/snapshots/retention';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { PortError } from './ports';

export function pruneActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'pruneSnapshots'> {
  return {
    /** Key: none; what is gone already is not found again. Heartbeats each removal. */
    pruneSnapshots: ({ cluster, dryRun }) =>
      runActivity(
        { deps, cluster, doing: 'removing snapshots', code: 'snapshot-failed' },
        async (run) => {
          const { snapshots } = deps.ports;
          const removed: SnapshotId[] = [];
          const { surplus, stay } = await judged(deps, cluster);
          for (const id of surplus) {
            run.signal.throwIfAborted();
            run.beat({ phase: `removing ${id}` });
            if (!dryRun) await snapshots.remove(id);
            removed.push(id);
          }
          return { location: snapshots.location, removed, stay };
        },
      ),
  };
}

async function judged(
  { ports: { snapshots } }: ActivityDependencies,
  cluster: ClusterName,
): Promise<{ readonly surplus: readonly SnapshotId[]; readonly stay: number }> {
  const records = await snapshots.list();
  const ours = records.filter((record) => record.cluster === cluster);
  const judgements = retentionOf(records, { cluster, keep: snapshots.keep });
  const surplus = judgements.filter(({ stays }) => !stays).map(({ id }) => id);
  return { surplus, stay: ours.length - surplus.length };
}

/**
 * Makes room only once the new snapshot is verified and kept. What cannot be removed harms nobody:
 * it is told, and tried again after the next one.
 */
export async function pruneAfter(
  deps: ActivityDependencies,
  run: ActivityRun,
  { cluster, asked }: Pick<SnapshotInput, 'cluster' | 'asked'>,
): Promise<Pick<SnapshotRecord, 'pruned'>> {
  // Nobody has said how many are to stay: the store is not even looked at.
  if (deps.ports.snapshots.keep === undefined && asked?.routine === undefined) return {};
  const removed: SnapshotId[] = [];
  let problem: string | undefined;
  try {
    for (const id of (await judged(deps, cluster)).surplus) {
      run.beat({ phase: 'removing what is not needed any more' });
      await deps.ports.snapshots.remove(id);
      removed.push(id);
    }
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    problem = error.message;
  }
  if (removed.length === 0 && problem === undefined) return {};
  return { pruned: { removed, ...(problem === undefined ? {} : { problem }) } };
}
