// `start --at`, `start --schedule` and `unschedule`: upgrades that begin later.

import type { Command } from 'commander';

import type { ScheduleTime, UpgradeSchedule } from '../../client';
import type { UpgradeSpec } from '../../domain/spec';
import { usageError } from '../cli-error';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

/** Options of `start` that say when, and what goes with them. */
export interface ScheduleCliOptions {
  readonly expectDigest?: string;
  readonly watch?: boolean;
  readonly at?: string;
  readonly schedule?: string;
  readonly timezone?: string;
}

/** Asks no question: what is scheduled is not what is planned now, and can be taken back. */
export async function scheduleStart(
  invocation: Invocation<ScheduleCliOptions>,
  spec: UpgradeSpec,
): Promise<ExitCode> {
  const { options } = invocation;
  const when = timeOf(options);
  const schedule = await invocation.withClient((client) =>
    client.schedule(spec, {
      actor: invocation.actor,
      when,
      ...(options.expectDigest === undefined ? {} : { expectedDigest: options.expectDigest }),
    }),
  );
  invocation.print({
    json: withSchema('ascent.schedule/v1', schedule),
    lines: () => scheduleLines(schedule, invocation.context.program),
  });
  return exitCodes.ok;
}

function timeOf(options: ScheduleCliOptions): ScheduleTime {
  const { at, schedule, timezone } = options;
  if (options.watch === true) {
    throw usageError('--watch cannot follow what has not begun', 'watch it when it has begun');
  }
  if (at !== undefined && schedule !== undefined) {
    throw usageError('--at and --schedule name two times', 'give one of them');
  }
  const zone = timezone === undefined ? {} : { timezone };
  return at === undefined
    ? { kind: 'cron', expression: schedule ?? '', ...zone }
    : { kind: 'at', time: at, ...zone };
}

function scheduleLines(schedule: UpgradeSchedule, program: string): readonly string[] {
  const { cluster, nextTimes, timezone } = schedule;
  return nextTimes.length === 0
    ? [`The upgrade of ${cluster} is scheduled, but no time for it comes any more.`]
    : [
        `The upgrade of ${cluster} starts by schedule (time zone ${timezone}):`,
        ...nextTimes.map((time) => `  ${time}`),
        `Take it back: ${program} unschedule ${cluster}`,
      ];
}

export function addUnschedule(program: Command, run: CommandRun): void {
  const command = program
    .command('unschedule')
    .summary('take a schedule back')
    .description('Removes the schedule of a cluster. An upgrade that it has started goes on.')
    .argument('<cluster>', 'name of the cluster')
    .addHelpText('after', examples([['unschedule prod', 'nothing starts by itself any more']]));
  run.bind(command, async (invocation) => {
    const cluster = invocation.args[0] ?? '';
    await invocation.withClient((client) => client.unschedule(cluster));
    invocation.print({
      json: withSchema('ascent.unschedule-result/v1', { cluster }),
      lines: () => [`The schedule of ${cluster} is removed.`],
    });
    return exitCodes.ok;
  });
}
