// `snapshot take` and `snapshot prune`: by the worker of the cluster, where the store and the
// credentials are.

import type { Command } from 'commander';

import type { PruneEnd, SnapshotBusy, SnapshotEnd } from '../../client';
import { count } from '../../domain/counts';
import type { FailureInfo } from '../../domain/failures';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import { formatBytes } from '../render/text';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

interface TakeOptions {
  readonly reason?: string;
}

export function addSnapshotTake(snapshot: Command, run: CommandRun): void {
  const command = snapshot
    .command('take')
    .summary('take a snapshot now, and verify it')
    .description(
      "Has the cluster's worker take a snapshot as a hop does: sealed, stored, restored aside and" +
        ' compared. Waits for it. Ctrl-C leaves it to go on.',
    )
    .argument('<cluster>', 'name of the cluster')
    .option('-r, --reason <text>', 'why, in its record')
    .addHelpText(
      'after',
      examples([
        ["snapshot take prod -r 'before the move'", 'one more way to look back'],
        ['snapshot take prod -o json', 'for a script: .end.snapshot.id'],
      ]),
    );
  run.bind<TakeOptions>(command, async (invocation) => {
    const { options, actor, args } = invocation;
    const cluster = args[0] ?? '';
    const reason = options.reason ?? 'no reason given';
    const end = await invocation.withClient((client) =>
      client.takeSnapshot(cluster, { actor, reason }),
    );
    return answer(invocation, { cluster, end, schema: 'ascent.snapshot-taken/v1' });
  });
}

interface PruneCliOptions {
  readonly dryRun?: boolean;
}

export function addSnapshotPrune(snapshot: Command, run: CommandRun): void {
  const command = snapshot
    .command('prune')
    .summary('remove the snapshots that are more than is to be kept')
    .description(
      "Has the cluster's worker remove what `snapshot list` says goes, without waiting for the" +
        ' next snapshot. The way back stays, and so do snapshots of other clusters.',
    )
    .argument('<cluster>', 'name of the cluster')
    .option('--dry-run', 'tell what would go, and remove nothing')
    .addHelpText(
      'after',
      examples([
        ['snapshot prune prod --dry-run', 'what would go?'],
        ['snapshot prune prod', 'make room now'],
      ]),
    );
  run.bind<PruneCliOptions>(command, async (invocation) => {
    const { options, actor, args } = invocation;
    const cluster = args[0] ?? '';
    const dryRun = options.dryRun === true;
    const end = await invocation.withClient((client) =>
      client.pruneSnapshots(cluster, { actor, dryRun }),
    );
    return answer(invocation, { cluster, end, schema: 'ascent.snapshots-pruned/v1' });
  });
}

type End = SnapshotEnd | PruneEnd | SnapshotBusy;

function answer(
  invocation: Invocation,
  {
    schema,
    cluster,
    end,
  }: { readonly schema: string; readonly cluster: string; readonly end: End },
): ExitCode {
  invocation.print({
    json: withSchema(schema, { cluster, end }),
    lines: (style) =>
      linesOf(cluster, end).map((line, at) => (at === 0 ? line : style.faint(line))),
  });
  if (end.kind === 'busy') return exitCodes.refused;
  return end.kind === 'failed' ? exitCodes.notCompleted : exitCodes.ok;
}

function linesOf(cluster: string, end: End): readonly string[] {
  switch (end.kind) {
    case 'busy':
      return [
        `Snapshots of ${cluster} are being taken or removed at this moment; nothing was begun.`,
        `→ wait for workflow ${end.workflowId}, then try again`,
      ];
    case 'failed':
      return failureLines(end.failure);
    case 'taken':
      return takenLines(end.snapshot);
    case 'pruned':
      return prunedLines(end);
  }
}

function failureLines({ code, message, remedy }: FailureInfo): readonly string[] {
  return [`${code}: ${message}`, `→ ${remedy}`];
}

function takenLines(taken: Extract<SnapshotEnd, { kind: 'taken' }>['snapshot']): readonly string[] {
  const { id, location, kubeVersion, sizeBytes, totalKeys, verified, pruned } = taken;
  return [
    `${id} is taken, and can be relied on`,
    `  Kubernetes ${kubeVersion}, ${formatBytes(sizeBytes)}, ${count(totalKeys, 'key')}`,
    `  ${location}`,
    `  restored and compared in ${verified.seconds.toFixed(1)} s`,
    ...(pruned?.removed ?? []).map((gone) => `  ${gone} gave way to it`),
    ...(pruned?.problem === undefined ? [] : [`  not all could be removed: ${pruned.problem}`]),
  ];
}

function prunedLines(end: Extract<PruneEnd, { kind: 'pruned' }>): readonly string[] {
  const { removed, stay, dryRun, location } = end;
  if (removed.length === 0) return [`Nothing is to be removed from ${location}; ${stay} stay.`];
  const what = count(removed.length, 'snapshot');
  const head = dryRun ? `${what} would go from ${location}` : `${what} removed from ${location}`;
  return [`${head}; ${stay} stay:`, ...removed.map((id) => `  ${id}`)];
}
