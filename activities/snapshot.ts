// takeSnapshot: a snapshot counts only after what the store holds was restored into a scratch etcd
// and compared with the member that it was taken from, and an API server has read it (R6).

import type { ApplicationFailure } from '@temporalio/activity';

import type { AscentActivities, SnapshotInput, SnapshotRecord } from '../domain/activity-contract';
import { snapshotDifference } from '../domain/snapshots/comparison';
import { roomsFor } from '../domain/snapshots/room';
import { type KubeVersion, oldest } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { terminalFailure, toActivityFailure } from './failure-mapping';
import { type ClusterPorts, PortError } from './ports';
import { pruneAfter } from './snapshot-prune';
import { stageWayBack } from './stage-restore';
import type { RestoreNeed, SnapshotDraft, SnapshotVerifier, TakenSnapshot } from './snapshot-ports';

interface Taking {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: SnapshotInput;
  /** What its API server is to be. */
  readonly kubeVersion: KubeVersion;
}

type Verified = SnapshotRecord['verified'];

export function snapshotActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'takeSnapshot'> {
  return {
    /**
     * Key: snapshotId. A record of that id is returned as it is; content without a record is taken
     * anew. Bound: the attempt's startToClose (size-based). Heartbeats the bytes.
     * Fails `snapshot-failed`, `snapshot-unverified` when the copy differs, `snapshot-unserved`
     * when an API server cannot read it, or `way-back-unstaged`: the snapshot is there then.
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
          const record = await findOrTake(deps, run, input);
          return { ...record, ...(await stageWayBack(deps, run, input, record)) };
        },
      ),
  };
}

async function findOrTake(
  deps: ActivityDependencies,
  run: ActivityRun,
  input: SnapshotInput,
): Promise<SnapshotRecord> {
  const existing = await deps.ports.snapshots.find(input.snapshotId);
  if (existing === undefined) {
    const kubeVersion = input.kubeVersion ?? (await servedVersion(deps.ports, run.signal));
    return takeSnapshot({ deps, run, input, kubeVersion });
  }
  refuseOtherSnapshot(input, existing);
  return withoutNeeds(existing);
}

/**
 * Of the oldest API server. PortError `unreachable` when none answers, as while a restore moves
 * data: it stops them first and starts them last, and nothing is to be taken in between.
 */
async function servedVersion({ members }: ClusterPorts, signal: AbortSignal): Promise<KubeVersion> {
  const seen = await Promise.all(
    (await members.members(signal)).map(({ name }) => members.apiServer(name, signal)),
  );
  const [first, ...others] = seen.flatMap((one) => (one.kind === 'observed' ? [one.version] : []));
  if (first !== undefined) return oldest([first, ...others]);
  const message = 'no API server answers: the cluster is down, or a restore moves its data';
  throw new PortError('unreachable', message);
}

/** Of no hop: what was changed or restored meanwhile is not what was taken. */
async function requireSameVersion({ deps, run, input, kubeVersion }: Taking): Promise<void> {
  if (input.kubeVersion !== undefined) return;
  const now = await servedVersion(deps.ports, run.signal);
  if (now === kubeVersion) return;
  const message = `the API servers were at ${kubeVersion} and are at ${now} now`;
  throw new PortError('conflict', message);
}

/** An id names one snapshot for ever; going back to another one would be a surprise. */
function refuseOtherSnapshot(input: SnapshotInput, { hop, kubeVersion }: SnapshotRecord): void {
  const wanted = input.kubeVersion ?? kubeVersion;
  if (hop === input.hop && kubeVersion === wanted) return;
  const message =
    `snapshot ${input.snapshotId} exists, but it is of ${hop ?? 'no hop'} at ${kubeVersion},` +
    ` not of ${input.hop ?? 'no hop'} at ${wanted}`;
  throw terminalFailure({ code: 'snapshot-failed', message, details: { hop, kubeVersion } });
}

async function takeSnapshot(taking: Taking): Promise<SnapshotRecord> {
  const { deps, run, input, kubeVersion } = taking;
  const { snapshots } = deps.ports;
  const { taken: facts, draft, needs } = await save(taking);
  try {
    const verified = await verify(taking, { taken: facts, draft, needs });
    run.signal.throwIfAborted();
    await requireSameVersion(taking);
    const { hop, planDigest, actor, asked } = input;
    const { ascentVersion } = deps;
    const committed = await snapshots.commit(draft, {
      id: input.snapshotId,
      cluster: input.cluster,
      etcdClusterId: facts.clusterId,
      etcdMember: facts.member,
      ...(planDigest === undefined ? {} : { planDigest }),
      ...(actor === undefined ? {} : { actor }),
      ...(ascentVersion === undefined ? {} : { ascentVersion }),
      ...(hop === undefined ? {} : { hop }),
      ...(asked === undefined ? {} : { asked }),
      kubeVersion,
      etcdVersion: facts.etcdVersion,
      sha256: facts.sha256,
      sizeBytes: facts.sizeBytes,
      revision: facts.revision,
      totalKeys: verified.keys,
      takenAt: facts.takenAt,
      verified,
    });
    // That of another worker, where it was faster.
    refuseOtherSnapshot(input, committed);
    return { ...withoutNeeds(committed), ...(await pruneAfter(deps, run, input)) };
  } catch (error) {
    // Why it is not kept is what counts; the next attempt removes what this one could not.
    await snapshots.discard(draft).catch(() => undefined);
    throw error;
  }
}

interface Saved {
  readonly taken: TakenSnapshot;
  readonly draft: SnapshotDraft;
  /** What the driver has told just now. */
  readonly needs: readonly RestoreNeed[] | undefined;
}

/** Before anything is written. Fails `space-missing` with the figures of each place. */
async function requireRoom(
  { etcd, snapshots }: ActivityDependencies['ports'],
  signal: AbortSignal,
): Promise<void> {
  const [databaseBytes, { freeBytes, scratch }] = await Promise.all([
    etcd.databaseBytes(signal),
    snapshots.probe(signal),
  ]);
  const { location } = snapshots;
  const rooms = roomsFor(databaseBytes, { location, freeBytes, scratch });
  const short = rooms.filter((room) => room.freeBytes < room.neededBytes);
  if (short.length === 0) return;
  const figures = short.map(
    (room) => `${room.location} has ${room.freeBytes} bytes free, ${room.neededBytes} are needed`,
  );
  const subject = `a snapshot of ${databaseBytes} bytes`;
  const message = `there is no room for ${subject}: ${figures.join('; ')}`;
  throw terminalFailure({ code: 'space-missing', message, details: { databaseBytes, short } });
}

/** In the clear only until the store has it. What an earlier attempt has uploaded is used. */
async function save({ deps, run, input }: Taking): Promise<Saved> {
  const { clock, etcd, snapshots, controlPlane } = deps.ports;
  const id = input.snapshotId;
  run.beat({ phase: 'saving' });
  const found = await controlPlane.restoreNeeds(run.signal);
  const needs = found === undefined ? {} : { needs: found };
  const resumed = await snapshots.resume({ id, ...needs }, run.signal);
  if (resumed !== undefined) return { ...resumed, needs: found };
  await requireRoom(deps.ports, run.signal);
  const takenAt = new Date(clock.nowMs()).toISOString();
  const staged = await snapshots.stage(id);
  try {
    const onBytes = (bytes: number): void => run.beat({ phase: `saving: ${bytes} bytes` });
    const facts = await etcd.snapshot(staged.file, onBytes, run.signal);
    run.beat({ phase: 'storing' });
    const taken = { ...facts, takenAt };
    const draft = await snapshots.put({ id, file: staged.file, taken, ...needs }, run.signal);
    return { taken, draft, needs: found };
  } finally {
    await staged.release();
  }
}

/** Workflows carry records; the store keeps the whole. */
function withoutNeeds({ needs: _long, ...record }: SnapshotRecord): SnapshotRecord {
  return record;
}

async function verify(taking: Taking, saved: Saved): Promise<Verified> {
  const { taken } = saved;
  const { hashKv, keys, seconds, served } = await restoreIntoScratch(taking, saved);
  const difference = snapshotDifference(taken, { hashKv, keys });
  const expected = { hashKv: taken.hashKv, revision: taken.revision };
  const actual = { hashKv, keys };
  if (difference !== undefined) throw unreliable(taking, difference, { expected, actual });
  const proven = { by: 'restore', hashKv, keys, seconds } as const;
  if (served?.by !== 'refused') return { ...proven, ...(served === undefined ? {} : { served }) };
  throw unreliable(taking, served.problem, { problem: served.problem }, 'snapshot-unserved');
}

function unreliable(
  { input }: Taking,
  why: string,
  details: object,
  code: 'snapshot-unverified' | 'snapshot-unserved' = 'snapshot-unverified',
): ApplicationFailure {
  const message = `snapshot ${input.snapshotId} cannot be relied on: ${why}`;
  return terminalFailure({ code, message, details });
}

/** What the store gives back is restored: a lost key or a damaged copy is found here. */
async function restoreIntoScratch(
  { deps, run, input, kubeVersion }: Taking,
  { taken: facts, draft, needs }: Saved,
): ReturnType<SnapshotVerifier['verify']> {
  const { snapshots, verifier } = deps.ports;
  try {
    run.beat({ phase: 'verifying: reading it back from the store' });
    const plain = await snapshots.open(draft, facts, run.signal);
    try {
      const known = (await snapshots.needs(draft, run.signal)) ?? needs;
      run.beat({ phase: 'verifying: restoring into a scratch etcd' });
      return await verifier.verify(plain.file, facts.revision, run.signal, {
        version: kubeVersion,
        ...(known === undefined ? {} : { needs: known }),
      });
    } finally {
      await plain.release();
    }
  } catch (error) {
    const doing = `verifying snapshot ${input.snapshotId}`;
    const scope = { doing, code: 'snapshot-unverified' } as const;
    throw toActivityFailure({ error, scope, signal: run.signal });
  }
}
