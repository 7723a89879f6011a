// restoreSnapshot: every etcd member returns to the snapshot, the control plane to the version of
// that time. It is finished even when the workflow is cancelled; only a worker's shutdown ends an
// attempt, and the next one goes on with the same restoreId.

import type { AscentActivities, SnapshotRecord } from '../domain/activity-contract';
import type { LostEtcdMember, RestoreInput, RestoreResult } from '../domain/rollback-contract';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { readChangeCheckpoint } from './change-checkpoint';
import { terminalFailure } from './failure-mapping';
import { controlPlaneMismatches, etcdMismatches, membersIn } from './member-looks';
import { mismatchFailure, watchUntilMatched } from './mismatch-watch';
import { mismatchesText } from './mismatches';
import { secondsBetween } from './passes';
import type { ClusterPorts } from './ports';
import { findSnapshot, withPlainSnapshot } from './stored-snapshot';

/** How long the control plane may need until it is good in the old version. */
const readyPatienceMs = 600_000;

export function restoreActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'restoreSnapshot'> {
  return {
    /**
     * Key: restoreId (the driver's journal). Not cancellable. Bound: the attempt's startToClose;
     * at most 10 min of it for becoming ready. Heartbeats member and phase.
     * Fails `snapshot-missing`, `snapshot-unverified` (the stored file differs from its record) or
     * `restore-failed`.
     */
    restoreSnapshot: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `restoring snapshot ${input.snapshotId}`,
          code: 'restore-failed',
          cancellable: false,
        },
        (run) => restore(deps, run, input),
      ),
  };
}

async function restore(
  deps: ActivityDependencies,
  run: ActivityRun,
  input: RestoreInput,
): Promise<RestoreResult> {
  const { ports } = deps;
  const resumed = readChangeCheckpoint(run.resume);
  const startedAtMs = resumed?.startedAtMs ?? ports.clock.nowMs();
  const beat = (phase: string): void =>
    run.beat({ phase, before: input.kubeVersion, startedAtMs, driven: true });
  const record = await findRecord(ports, input);
  beat('fetching the snapshot');
  const { lost } = await restoreFrom(record, { ports, run, input, beat });
  const without = lost.map(({ member }) => member);
  // The API server of a member that is changed as a whole has no etcd but the one beside it.
  const { changedAs, etcdIsApart } = ports.controlPlane;
  const unserved = changedAs === 'member' && etcdIsApart !== true ? without : [];
  await verifyRestored({ ports, run, input, without, unserved, beat });
  const members = await membersIn(ports.members, input.kubeVersion, run.signal);
  return {
    seconds: secondsBetween(startedAtMs, ports.clock.nowMs()),
    revision: record.revision,
    members: members.filter(({ name }) => !unserved.includes(name)),
    ...(lost.length === 0 ? {} : { lost }),
  };
}

interface Restoring {
  readonly ports: ClusterPorts;
  readonly run: ActivityRun;
  readonly input: RestoreInput;
  readonly beat: (phase: string) => void;
}

async function restoreFrom(
  record: SnapshotRecord,
  { ports, run, input, beat }: Restoring,
): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
  return withPlainSnapshot(ports, run, record, (snapshotFile) => {
    beat('restoring');
    return ports.controlPlane.restore(
      {
        restoreId: input.restoreId,
        snapshotFile,
        snapshotRevision: record.revision,
        version: input.kubeVersion,
        etcdVersion: record.etcdVersion,
      },
      { ...run.driving(), onPhase: beat },
    );
  });
}

async function findRecord(ports: ClusterPorts, input: RestoreInput): Promise<SnapshotRecord> {
  const record = await findSnapshot(ports, input.snapshotId);
  if (record.kubeVersion === input.kubeVersion) return record;
  throw terminalFailure({
    code: 'restore-failed',
    message:
      `snapshot ${input.snapshotId} is of Kubernetes ${record.kubeVersion},` +
      ` so the control plane cannot be restored to ${input.kubeVersion} with it`,
    details: { snapshot: record.kubeVersion, asked: input.kubeVersion },
  });
}

async function verifyRestored({
  ports,
  run,
  input,
  without,
  unserved,
  beat,
}: Restoring & {
  /** Etcd members that the restore went on without: they are not expected to answer. */
  readonly without: readonly string[];
  /** Members whose API server cannot serve without theirs. */
  readonly unserved: readonly string[];
}): Promise<void> {
  const result = await watchUntilMatched({
    clock: ports.clock,
    run,
    patienceMs: readyPatienceMs,
    ...(input.isVerifiedNext === true ? { passes: 1 } : {}),
    look: async () => {
      const looks = await Promise.all([
        etcdMismatches(ports.etcd, without, run.signal),
        controlPlaneMismatches(ports.members, { version: input.kubeVersion }, run.signal, unserved),
      ]);
      return looks.flat();
    },
    beat,
  });
  if (result.kind === 'good') return;
  const message =
    `snapshot ${input.snapshotId} was restored, but ${result.seconds} s later` +
    ` ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('restore-failed', message, result.wrong);
}
