// `preflight schedule`: a look at the hop to come each day, by the worker of the cluster.

import type { Command } from 'commander';

import type { PreflightSchedule, PreflightScheduling, PreflightUnscheduling } from '../../client';
import type { LastLook } from '../../domain/preflight/schedule';
import { lookRefusalText, preflightScheduleLines } from '../../domain/preflight/schedule';
import { usageError } from '../cli-error';
import type { UpgradeClient } from '../context';
import { findingDocument } from '../documents';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import { scheduledLines } from '../render/schedules';
import type { Style } from '../render/style';
import { wrap } from '../render/text';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

interface ScheduleFlags {
  readonly at?: string;
  readonly zone?: string;
  readonly off?: boolean;
}

export function addPreflightSchedule(preflight: Command, run: CommandRun): void {
  const command = preflight
    .command('schedule')
    .summary('have the hop to come looked at each day, or stop that')
    .description(
      "Has the cluster's worker look at the hop to come of the open upgrade each day, and tell" +
        ' how that differs from the day before. Without an open upgrade it ends without a look.' +
        ' Again with another time, it is changed. Without an option it shows what is scheduled,' +
        ' and what the last look found.',
    )
    .argument('<cluster>', 'name of the cluster')
    .option('--at <time>', 'when: 00:00 to 23:59, or up to ten minutes later')
    .option('--zone <name>', 'time zone of --at, such as Europe/Berlin (default: UTC)')
    .option('--off', 'nothing is looked at by itself any more')
    .addHelpText(
      'after',
      examples([
        ['preflight schedule prod --at 02:00 --zone Europe/Berlin', 'each night'],
        ['preflight schedule prod', 'what has changed since the night before?'],
        ['preflight schedule prod --off', 'the upgrade is done'],
      ]),
    );
  run.bind<ScheduleFlags>(command, schedule);
}

type Answered =
  | PreflightScheduling
  | PreflightUnscheduling
  | { readonly kind: 'scheduled'; readonly schedule: PreflightSchedule };

async function schedule(invocation: Invocation<ScheduleFlags>): Promise<ExitCode> {
  const { args, options } = invocation;
  const cluster = args[0] ?? '';
  assertOneWish(options);
  const answer = await invocation.withClient((client) => ask(client, cluster, invocation));
  invocation.print({
    json: withSchema('ascent.preflight-schedule/v1', { cluster, ...answerDocument(answer) }),
    lines: (style, width) => linesOf(cluster, answer, { style, width }),
  });
  return codes[answer.kind];
}

const codes: Readonly<Record<Answered['kind'], ExitCode>> = {
  scheduled: exitCodes.ok,
  removed: exitCodes.ok,
  none: exitCodes.notFound,
  refused: exitCodes.invalidInput,
};

function assertOneWish({ at, zone, off }: ScheduleFlags): void {
  if (off === true && (at !== undefined || zone !== undefined)) {
    throw usageError('--off says the contrary of --at and --zone', 'give one of them');
  }
  if (zone !== undefined && at === undefined) {
    throw usageError('--zone belongs to --at', 'say at what time, too');
  }
}

async function ask(
  client: UpgradeClient,
  cluster: string,
  { options, actor }: Invocation<ScheduleFlags>,
): Promise<Answered> {
  const { at, zone, off } = options;
  if (off === true) return client.unschedulePreflight(cluster);
  if (at !== undefined) {
    const inZone = zone === undefined ? {} : { zone };
    return client.schedulePreflight(cluster, { at, ...inZone, actor });
  }
  const found = await client.preflightSchedule(cluster);
  return found === undefined ? { kind: 'none' } : { kind: 'scheduled', schedule: found };
}

/** Findings as `preflight` has them. */
function answerDocument(answer: Answered): object {
  if (answer.kind !== 'scheduled') return answer;
  const { last, ...found } = answer.schedule;
  const told = last === undefined ? {} : { last: { ...last, end: endDocument(last.end) } };
  return { ...answer, schedule: { ...found, ...told } };
}

function endDocument(end: LastLook): object {
  if (end.kind !== 'looked') return end;
  const { findings, hop } = end;
  return { ...end, findings: findings.map((finding) => findingDocument(finding, hop)) };
}

function linesOf(
  cluster: string,
  answer: Answered,
  { style, width }: { readonly style: Style; readonly width: number },
): readonly string[] {
  switch (answer.kind) {
    case 'scheduled': {
      // The block is indented, and a sentence that is broken goes on a little further in.
      const lines = preflightScheduleLines(answer.schedule).flatMap((line) => broken(line, width));
      return scheduledLines(cluster, answer, { lines, undone: 'nothing is looked at', style });
    }
    case 'removed':
      return [`The hop to come of ${cluster} is not looked at by itself any more.`];
    case 'none':
      return [`No schedule looks at the hop to come of ${cluster}.`];
    case 'refused':
      return answer.refusals.map((refusal) => `refused: ${lookRefusalText(refusal)}`);
  }
}

function broken(line: string, width: number): readonly string[] {
  const [head = '', ...more] = wrap(line, width - 4);
  return [head, ...more.map((part) => `  ${part}`)];
}
