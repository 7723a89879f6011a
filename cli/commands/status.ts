// `status`: where an upgrade stands, once.

import type { Command } from 'commander';

import type { SnapshotSchedule } from '../../client';
import { snapshotScheduleLines } from '../../domain/snapshots/schedule';
import type { UpgradeProgress } from '../../domain/status/progress';
import { clusterOf } from '../access';
import { exitCodes } from '../exit-codes';
import { renderProgress } from '../render/progress';
import { scheduleBlock } from '../render/schedules';
import type { Style } from '../render/style';
import type { CommandRun, Invocation, SchemaDocument } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

export function addStatus(program: Command, run: CommandRun): void {
  const command = program
    .command('status')
    .summary('say where an upgrade stands')
    .description('Says where an upgrade stands, what it waits for and how to answer.')
    .argument('[cluster]', 'name of the cluster (default: of the access file, or the only one)')
    .addHelpText(
      'after',
      examples([
        ['status prod', 'one picture'],
        ['status prod -o json', 'for a script: .status.phase, .status.gates'],
      ]),
    );
  run.bind(command, status);
}

async function status(invocation: Invocation) {
  const { context } = invocation;
  return invocation.withClient(async (client) => {
    const cluster = await clusterOf(invocation.args[0], invocation, client);
    const progress = await client.progress(cluster);
    // The picture is worth showing without the plan and the schedule, too.
    const [plan, schedule] = await Promise.all([
      client.plan(cluster).catch(() => undefined),
      client.snapshotSchedule(cluster).catch(() => undefined),
    ]);
    invocation.print({
      json: progressDocument({
        ...progress,
        ...(schedule === undefined ? {} : { snapshotSchedule: schedule }),
      }),
      lines: (style, width) => [
        ...renderProgress(progress, {
          nowMs: context.nowMs(),
          style,
          width,
          program: context.program,
          ...(plan === undefined ? {} : { plan }),
        }),
        ...scheduleLines(schedule, style),
      ],
    });
    return exitCodes.ok;
  });
}

function scheduleLines(schedule: SnapshotSchedule | undefined, style: Style): readonly string[] {
  if (schedule === undefined) return [];
  return ['', ...scheduleBlock(snapshotScheduleLines(schedule), style)];
}

export function progressDocument(
  progress: UpgradeProgress & { readonly snapshotSchedule?: SnapshotSchedule },
): SchemaDocument {
  return withSchema('ascent.progress/v1', progress);
}
