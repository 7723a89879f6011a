// `snapshot schedule`: snapshots that are taken again and again, by the worker of the cluster.

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import type { SnapshotSchedule, SnapshotScheduling, SnapshotUnscheduling } from '../../client';
import { durationMs } from '../../client';
import { routineRefusalText, snapshotScheduleLines } from '../../domain/snapshots/schedule';
import { usageError } from '../cli-error';
import type { UpgradeClient } from '../context';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import { scheduledLines } from '../render/schedules';
import type { Style } from '../render/style';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

interface ScheduleFlags {
  readonly every?: number;
  readonly keep?: number;
  readonly off?: boolean;
}

export function addSnapshotSchedule(snapshot: Command, run: CommandRun): void {
  const command = snapshot
    .command('schedule')
    .summary('have snapshots taken again and again, or stop that')
    .description(
      "Has the cluster's worker take a snapshot every so often, as `snapshot take` does, on" +
        ' whole multiples of that time (UTC), or up to ten minutes later. Again with another' +
        ' time, it is changed. Without an option it shows what is scheduled. Those of hops stay' +
        ' the way back.',
    )
    .argument('<cluster>', 'name of the cluster')
    .option('--every <duration>', 'how often: 10m to 31d', everyOf)
    .option('--keep <count>', 'how many of these stay (default: as many as of others)', keepOf)
    .option('--off', 'none is taken by itself any more; those that there are stay')
    .addHelpText(
      'after',
      examples([
        ['snapshot schedule prod --every 6h --keep 8', 'the last two days'],
        ['snapshot schedule prod', 'is there a schedule, and what came of the last time?'],
        ['snapshot schedule prod --off', 'the upgrade is done'],
      ]),
    );
  run.bind<ScheduleFlags>(command, schedule);
}

function everyOf(text: string): number {
  const everyMs = durationMs(text);
  if (everyMs !== undefined) return everyMs;
  throw new InvalidArgumentError('give a duration with a unit, such as 30m, 6h or 1d.');
}

function keepOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('give a whole number.');
}

type Answered =
  | SnapshotScheduling
  | SnapshotUnscheduling
  | { readonly kind: 'scheduled'; readonly schedule: SnapshotSchedule };

async function schedule(invocation: Invocation<ScheduleFlags>): Promise<ExitCode> {
  const { args, options } = invocation;
  const cluster = args[0] ?? '';
  assertOneWish(options);
  const answer = await invocation.withClient((client) => ask(client, cluster, invocation));
  invocation.print({
    json: withSchema('ascent.snapshot-schedule/v1', { cluster, ...answer }),
    lines: (style) => linesOf(cluster, answer, style),
  });
  return codes[answer.kind];
}

const codes: Readonly<Record<Answered['kind'], ExitCode>> = {
  scheduled: exitCodes.ok,
  removed: exitCodes.ok,
  none: exitCodes.notFound,
  refused: exitCodes.invalidInput,
};

function assertOneWish({ every, keep, off }: ScheduleFlags): void {
  if (off === true && (every !== undefined || keep !== undefined)) {
    throw usageError('--off says the contrary of --every and --keep', 'give one of them');
  }
  if (keep !== undefined && every === undefined) {
    throw usageError('--keep belongs to --every', 'say how often snapshots are taken, too');
  }
}

async function ask(
  client: UpgradeClient,
  cluster: string,
  { options, actor }: Invocation<ScheduleFlags>,
): Promise<Answered> {
  const { every: everyMs, keep, off } = options;
  if (off === true) return client.unscheduleSnapshots(cluster);
  if (everyMs !== undefined) {
    const routine = { everyMs, ...(keep === undefined ? {} : { keep }) };
    return client.scheduleSnapshots(cluster, { ...routine, actor });
  }
  const found = await client.snapshotSchedule(cluster);
  return found === undefined ? { kind: 'none' } : { kind: 'scheduled', schedule: found };
}

function linesOf(cluster: string, answer: Answered, style: Style): readonly string[] {
  switch (answer.kind) {
    case 'scheduled': {
      const lines = snapshotScheduleLines(answer.schedule);
      return scheduledLines(cluster, answer, { lines, undone: 'none is taken', style });
    }
    case 'removed':
      return [`No snapshot of ${cluster} is taken by itself any more; those that there are stay.`];
    case 'none':
      return [`No schedule takes snapshots of ${cluster}.`];
    case 'refused':
      return answer.refusals.map((refusal) => `refused: ${routineRefusalText(refusal)}`);
  }
}
