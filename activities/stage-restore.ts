// The way back of a hop on the machines of the control plane, where nobody reaches them while it is
// restored (docs/adr/0043): staged when its snapshot is verified, removed when the upgrade ends.

import type { AscentActivities, SnapshotInput, SnapshotRecord } from '../domain/activity-contract';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { toActivityFailure } from './failure-mapping';
import { withPlainSnapshot } from './stored-snapshot';

/** A part of takeSnapshot: that of a hop is none before its way back is there. */
export async function stageWayBack(
  { ports }: ActivityDependencies,
  run: ActivityRun,
  input: SnapshotInput,
  record: SnapshotRecord,
): Promise<Pick<SnapshotRecord, 'staged'>> {
  const { controlPlane } = ports;
  if (input.hop === undefined || controlPlane.stageRestore === undefined) return {};
  const { revision: snapshotRevision, kubeVersion: version, etcdVersion } = record;
  run.beat({ phase: 'staging the way back' });
  try {
    await withPlainSnapshot(ports, run, record, async (snapshotFile) => {
      const order = { snapshotFile, snapshotRevision, version, etcdVersion };
      const onPhase = (phase: string): void => run.beat({ phase });
      await controlPlane.stageRestore?.(order, { ...run.driving(), onPhase });
    });
  } catch (error) {
    const doing = `staging the way back to ${version}`;
    const scope = { doing, code: 'way-back-unstaged' } as const;
    throw toActivityFailure({ error, scope, signal: run.signal });
  }
  return { staged: true };
}

export function stageActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'unstageRestore'> {
  return {
    /** Safe to repeat. Bound: what the caller sets. Fails `cluster-unreachable`. */
    unstageRestore: ({ cluster }) =>
      runActivity(
        { deps, cluster, doing: 'removing the staged way back', code: 'cluster-unreachable' },
        async (run) => {
          await deps.ports.controlPlane.unstageRestore?.(run.signal);
        },
      ),
  };
}
