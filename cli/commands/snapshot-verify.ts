// `snapshot verify`: restores what the store holds into a scratch etcd of this machine. It needs
// neither the cluster nor Temporal: it is asked when they may be gone.

import type { Command } from 'commander';

import { PortError } from '../../activities/ports';
import type { ServeOrder, SnapshotStore } from '../../activities/snapshot-ports';
import type { SnapshotRecord } from '../../domain/activity-contract';
import type { ClusterName, SnapshotId } from '../../domain/names';
import { snapshotDifference } from '../../domain/snapshots/comparison';
import { servedText } from '../../domain/snapshots/served';
import { requireAccess } from '../access';
import { CliError } from '../cli-error';
import { exitCodes } from '../exit-codes';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

export function addSnapshotVerify(snapshot: Command, run: CommandRun): void {
  const command = snapshot
    .command('verify')
    .summary('restore a snapshot into a scratch etcd, and compare')
    .description(
      'Fetches a snapshot from its store, opens it with the key at hand, restores it into a' +
        ' scratch etcd on this machine, compares what is in it with its record and has an API' +
        ' server of its minor read it, where the access file names one (tools.apiServers).' +
        ' Nothing is changed and nothing is left behind. Needs etcd and etcdutl, and room for the' +
        ' snapshot twice beside the store.',
    )
    .argument('[snapshot]', 'its id (default: the newest of the cluster)')
    .addHelpText(
      'after',
      examples([
        ['snapshot verify --access access.json', 'is there a way back?'],
        ['snapshot verify prod-hop-1.29-from-1.28.15-0a1b2c3d', 'one of several'],
      ]),
    );
  run.bind(command, verify);
}

async function verify(invocation: Invocation) {
  const { context, options, args } = invocation;
  const { access } = await requireAccess(options, context);
  const cluster = access.cluster as ClusterName;
  const { snapshots, verifier } = await context.openSnapshots(access);
  const record = await find(snapshots, cluster, args[0]);
  const { id, revision, takenAt, kubeVersion } = record;
  const scratch = await relied(id, async () => {
    const plain = await snapshots.fetch(record, context.signal);
    try {
      return await verifier.verify(plain.file, revision, context.signal, {
        version: kubeVersion,
        ...(await knownNeeds(snapshots, record, context.signal)),
      });
    } finally {
      await plain.release();
    }
  });
  const { hashKv, keys } = record.verified;
  const difference = snapshotDifference({ revision, hashKv, keys }, scratch);
  if (difference !== undefined) throw unreliable(`${id} cannot be relied on: ${difference}`);
  const { served } = scratch;
  if (served?.by === 'refused') throw unreliable(`${id} cannot be relied on: ${served.problem}`);
  invocation.print({
    json: withSchema('ascent.snapshot-verification/v1', {
      cluster,
      id,
      takenAt,
      kubeVersion,
      revision,
      ...scratch,
    }),
    lines: () => [
      `${id} can be relied on`,
      `  taken ${takenAt} at Kubernetes ${kubeVersion}`,
      `  opened, restored and compared in ${scratch.seconds.toFixed(1)} s:` +
        ` ${scratch.keys} keys, hash ${scratch.hashKv} at revision ${revision}`,
      ...(served === undefined ? [] : [`  ${servedText(served)}`]),
    ],
  });
  return exitCodes.ok;
}

/** Throws CliError `snapshot-missing`. */
async function find(
  snapshots: SnapshotStore,
  cluster: ClusterName,
  asked: string | undefined,
): Promise<SnapshotRecord> {
  const record =
    asked === undefined
      ? (await snapshots.list()).findLast((one) => (one.cluster ?? cluster) === cluster)
      : await snapshots.find(asked as SnapshotId);
  if (record !== undefined) return record;
  const what = asked === undefined ? `no snapshot of ${cluster}` : `no snapshot ${asked}`;
  throw new CliError({
    exitCode: exitCodes.notFound,
    code: 'snapshot-missing',
    message: `there is ${what} in ${snapshots.location}`,
    remedy: 'see what there is: snapshot list',
  });
}

/** As it lies in the store: the cluster is not asked. */
async function knownNeeds(
  snapshots: SnapshotStore,
  record: SnapshotRecord,
  signal: AbortSignal,
): Promise<Pick<ServeOrder, 'needs' | 'needsAreLost'>> {
  const needs = await snapshots.needs(record, signal);
  if (needs !== undefined) return { needs };
  return { needsAreLost: record.needs?.some(({ kind }) => kind === 'encryption-config') ?? false };
}

/** What the store or the scratch etcd refuses is about the snapshot, not about the cluster. */
async function relied<Result>(id: SnapshotId, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PortError) throw unreliable(`${id} cannot be relied on: ${error.message}`);
    throw error;
  }
}

function unreliable(message: string): CliError {
  return new CliError({
    exitCode: exitCodes.notCompleted,
    code: 'snapshot-unverified',
    message,
    remedy: 'see what is named; if it is the snapshot itself, another one may do: snapshot list',
  });
}
