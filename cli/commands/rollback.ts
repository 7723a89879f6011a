// `rollback`: says what would be undone, asks, and rolls the hop back. A person confirms a report
// by its digest; `--yes` is for when there is no time or no etcd to make one.

import { type Command, InvalidArgumentError } from 'commander';

import type { FailureInfo } from '../../domain/failures';
import type { CommandAccepted } from '../../domain/status/control';
import { clusterOf } from '../access';
import { usageError } from '../cli-error';
import type { UpgradeClient } from '../context';
import { type ExitCode, exitCodes } from '../exit-codes';
import { reportHint, rollBackReportLines } from '../render/rollback-report';
import { plainStyle } from '../render/style';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import {
  addAnswer,
  type AnswerOptions,
  clusterArgument,
  requestOf,
  say,
  shortestDigest,
} from './answers';

interface RollBackOptions extends AnswerOptions {
  readonly yes?: boolean;
  readonly preview?: boolean;
  readonly confirm?: string;
  readonly limitKeys?: number;
  readonly limitSeconds?: number;
}

interface Asked {
  readonly invocation: Invocation<RollBackOptions>;
  readonly client: UpgradeClient;
  readonly cluster: string;
  readonly hop: string;
}

export function addRollBack(program: Command, run: CommandRun): void {
  const command = addAnswer(program, {
    name: 'rollback',
    summary: 'return to the snapshot from before a hop',
    description:
      'Rolls a hop back: nodes, etcd and control plane return to what they were before it. What' +
      ' was written to the cluster since then is lost; --preview says what that is. Possible' +
      ' until the next hop begins.',
    examples: [
      ['rollback prod --preview', 'what would be undone; nothing is done'],
      ['rollback prod --confirm 3f2a9c71d0e4', 'if it is still what that report says'],
      ["rollback prod hop-1.30 -r 'webhooks broke'", 'says what is lost, asks'],
      ['rollback prod --yes', 'at once, without a look at what is lost'],
    ],
  })
    .argument('[cluster]', clusterArgument)
    .argument('[hop]', 'the hop to undo (default: the one that can be rolled back)')
    .option('--preview', 'only say what would be undone, with the digest of that')
    .option('--limit-keys <count>', 'compare at most so many keys', countOf)
    .option('--limit-seconds <count>', 'compare for at most so long', countOf)
    .option('--confirm <digest>', 'digest of the preview that was looked at, or its beginning')
    .option('-y, --yes', 'do not ask, and do not say what is lost');
  run.bind<RollBackOptions>(command, (given) => {
    const [first, second] = given.args;
    // Names of clusters are DNS labels: without a dot.
    const isHop = second === undefined && first !== undefined && /^hop-\d+\.\d+$/.test(first);
    const invocation = isHop ? { ...given, args: [] } : given;
    const named = isHop ? first : second;
    refuseMixed(given.options);
    if (given.options.preview === true) return preview(invocation, named);
    return say(invocation, async (client, cluster) => {
      const hop = named ?? (await rollBackHopOf(client, cluster));
      return rollBack({ invocation, client, cluster, hop });
    });
  });
}

function countOf(text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function refuseMixed({ preview: isPreview, confirm, yes }: RollBackOptions): void {
  const given = [
    ...(isPreview === true ? ['--preview'] : []),
    ...(confirm === undefined ? [] : ['--confirm']),
    ...(yes === true ? ['--yes'] : []),
  ];
  if (given.length > 1) {
    throw usageError(`${given.join(' and ')} do not go together`, 'give one of them');
  }
  if (confirm !== undefined && confirm.length < shortestDigest) {
    const remedy = `give at least its first ${shortestDigest} characters`;
    throw usageError(`--confirm ${confirm} is too short`, remedy);
  }
}

function limitsOf({ limitKeys, limitSeconds }: RollBackOptions) {
  return {
    limits: {
      ...(limitKeys === undefined ? {} : { keys: limitKeys }),
      ...(limitSeconds === undefined ? {} : { seconds: limitSeconds }),
    },
  };
}

async function preview(
  invocation: Invocation<RollBackOptions>,
  hop: string | undefined,
): Promise<ExitCode> {
  const { context, options } = invocation;
  return invocation.withClient(async (client) => {
    const cluster = await clusterOf(invocation.args[0], invocation);
    const asked = { ...(hop === undefined ? {} : { hop }), ...limitsOf(options) };
    const made = await client.previewRollBack(cluster, asked);
    if (made.kind === 'failed') {
      const { failure } = made;
      invocation.print({
        json: withSchema('ascent.rollback-report/v1', { cluster, failure }),
        lines: () => [unknownText(failure), `→ ${failure.remedy}`],
      });
      return exitCodes.unreachable;
    }
    const { report } = made;
    invocation.print({
      json: report,
      lines: (style, width) => [
        ...rollBackReportLines(report, { style, width }),
        '',
        reportHint(report, context.program),
      ],
    });
    return exitCodes.ok;
  });
}

function unknownText({ message }: FailureInfo): string {
  return `what a rollback would undo cannot be told: ${message}`;
}

async function rollBackHopOf(client: UpgradeClient, cluster: string): Promise<string> {
  const { rollBackTo, hop } = await client.status(cluster);
  if (rollBackTo !== undefined) return rollBackTo.hop;
  // The upgrade knows best why it cannot; it refuses with the reason.
  if (hop !== undefined) return hop.id;
  throw usageError(`no hop of ${cluster} can be rolled back now`, 'see the status of the upgrade');
}

/** Undefined when a person said no. */
async function rollBack(asked: Asked): Promise<CommandAccepted | undefined> {
  const { invocation, client, cluster, hop } = asked;
  const { context, options } = invocation;
  const request = { ...requestOf(invocation), hop };
  if (options.yes === true) return client.rollBack(cluster, request);
  if (options.confirm !== undefined) {
    return client.confirmRollBack(cluster, { ...request, report: options.confirm });
  }
  if (context.confirm === undefined) {
    throw usageError(
      'nobody can be asked here',
      'give --confirm with the digest that --preview shows, or --yes:' +
        ' what was written since is lost',
    );
  }
  const report = await shownReport(asked);
  const question =
    `Roll ${hop} of ${cluster} back?` + ' What was written to the cluster since it began is lost.';
  if (!(await context.confirm(question))) {
    context.stderr.write('nothing was rolled back\n');
    return undefined;
  }
  if (report === undefined) return client.rollBack(cluster, request);
  return client.confirmRollBack(cluster, { ...request, report });
}

/** Digest of what was shown; undefined when it cannot be told, which is shown instead. */
async function shownReport(asked: Asked): Promise<string | undefined> {
  const { invocation, client, cluster, hop } = asked;
  const { stderr } = invocation.context;
  const made = await client.previewRollBack(cluster, { hop, ...limitsOf(invocation.options) });
  if (made.kind === 'failed') {
    stderr.write(`${unknownText(made.failure)}\n`);
    return undefined;
  }
  const lines = rollBackReportLines(made.report, { style: plainStyle, width: stderr.width });
  stderr.write(`${lines.join('\n')}\n`);
  return made.report.digest;
}
