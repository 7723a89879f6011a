// takeSnapshot: a snapshot counts only after it was restored into a scratch etcd and compared with
// the member that it was taken from (R6).

import type { AscentActivities, SnapshotInput, SnapshotRecord } from '../domain/activity-contract';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { terminalFailure, toActivityFailure } from './failure-mapping';
import type { EtcdSnapshotFacts } from './ports';

interface Taking {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: SnapshotInput;
}

type Verified = SnapshotRecord['verified'];

export function snapshotActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'takeSnapshot'> {
  return {
    /**
     * Key: snapshotId. A record of that id is returned as it is; a file without a record is taken
     * anew. Bound: the attempt's startToClose (size-based). Heartbeats the bytes.
     * Fails `snapshot-failed`, or `snapshot-unverified` when the copy differs.
     */
    takeSnapshot: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `taking snapshot ${input.snapshotId}`,
          code: 'snapshot-failed',
        },
        async (run) => {
          const existing = await deps.ports.snapshots.find(input.snapshotId);
          if (existing === undefined) return takeSnapshot({ deps, run, input });
          refuseOtherSnapshot(input, existing);
          return existing;
        },
      ),
  };
}

/** An id names one snapshot for ever; going back to another one would be a surprise. */
function refuseOtherSnapshot(input: SnapshotInput, { hop, kubeVersion }: SnapshotRecord): void {
  if (hop === input.hop && kubeVersion === input.kubeVersion) return;
  const message =
    `snapshot ${input.snapshotId} exists, but it is of ${hop} at ${kubeVersion},` +
    ` not of ${input.hop} at ${input.kubeVersion}`;
  throw terminalFailure({ code: 'snapshot-failed', message, details: { hop, kubeVersion } });
}

async function takeSnapshot(taking: Taking): Promise<SnapshotRecord> {
  const { deps, run, input } = taking;
  const { etcd, snapshots, clock } = deps.ports;
  run.beat({ phase: 'saving' });
  const file = await snapshots.stage(input.snapshotId);
  const takenAt = new Date(clock.nowMs()).toISOString();
  const facts = await etcd.snapshot(
    file,
    (bytes) => run.beat({ phase: `saving: ${bytes} bytes` }),
    run.signal,
  );
  run.beat({ phase: 'verifying: restoring into a scratch etcd' });
  const verified = await verify(taking, file, facts);
  return snapshots.commit(
    {
      id: input.snapshotId,
      hop: input.hop,
      kubeVersion: input.kubeVersion,
      etcdVersion: facts.etcdVersion,
      sha256: facts.sha256,
      sizeBytes: facts.sizeBytes,
      revision: facts.revision,
      totalKeys: verified.keys,
      takenAt,
      verified,
    },
    file,
  );
}

async function verify(
  { deps, run, input }: Taking,
  file: string,
  facts: EtcdSnapshotFacts,
): Promise<Verified> {
  const scratch = await restoreIntoScratch(deps, run, input, file, facts.revision);
  const { hashKv, keys, seconds } = scratch;
  const difference = differenceOf(facts, scratch);
  if (difference === undefined) return { by: 'restore', hashKv, keys, seconds };
  throw terminalFailure({
    code: 'snapshot-unverified',
    message: `snapshot ${input.snapshotId} cannot be relied on: ${difference}`,
    details: {
      expected: { hashKv: facts.hashKv, revision: facts.revision },
      actual: { hashKv, keys },
    },
  });
}

async function restoreIntoScratch(
  deps: ActivityDependencies,
  run: ActivityRun,
  input: SnapshotInput,
  file: string,
  revision: number,
): Promise<{ readonly hashKv: string; readonly keys: number; readonly seconds: number }> {
  try {
    return await deps.ports.verifier.verify(file, revision, run.signal);
  } catch (error) {
    const doing = `verifying snapshot ${input.snapshotId}`;
    const scope = { doing, code: 'snapshot-unverified' } as const;
    throw toActivityFailure({ error, scope, signal: run.signal });
  }
}

function differenceOf(
  facts: EtcdSnapshotFacts,
  scratch: { readonly hashKv: string; readonly keys: number },
): string | undefined {
  if (scratch.keys === 0) return 'it holds no key';
  if (scratch.hashKv === facts.hashKv) return undefined;
  return (
    `restored, it has hash ${scratch.hashKv} at revision ${facts.revision},` +
    ` the member it was taken from has ${facts.hashKv}`
  );
}
