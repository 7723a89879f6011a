// `acknowledge`: a person answers for what a preflight has found, or takes that back.

import type { Command } from 'commander';

import { durationMs } from '../../client';
import { evidenceDigest } from '../../domain/preflight/identity';
import { findingNow } from '../../domain/status/gates';
import { findingSentence } from '../../domain/status/sentences';
import { CliError, usageError } from '../cli-error';
import type { UpgradeClient } from '../context';
import { exitCodes } from '../exit-codes';
import type { CommandRun, Invocation } from '../session';
import type { AnswerOptions } from './answers';
import {
  addAnswer,
  clusterArgument,
  completedDigest,
  isWholeDigest,
  lastIsObject,
  requestOf,
  say,
  shortestDigest,
} from './answers';

interface AcknowledgeOptions extends AnswerOptions {
  readonly until?: string;
  readonly digest?: string;
  readonly revoke?: boolean;
}

export function addAcknowledge(program: Command, run: CommandRun): void {
  const command = addAnswer(program, {
    name: 'acknowledge',
    summary: 'answer for a finding of a preflight',
    description:
      'Answers for a finding of a preflight, for a time: it blocks no hop while what was seen is' +
      ' the same. When nothing else blocks, a step that waits is tried again at once. What would' +
      ' stop the hop anyway, or take its way back, cannot be acknowledged.',
    examples: [
      [
        "acknowledge prod webhook-deadlock:webhook/policy --until 14d -r 'moved by hand, OPS-7'",
        'as status names it; asks about what was seen',
      ],
      [
        'acknowledge prod node-not-ready:node/w-9 --digest 3f2a9c71d0e4' +
          " --until 2026-12-24T08:00:00Z -r 'in repair'",
        'for a script',
      ],
      ["acknowledge prod webhook-deadlock:webhook/policy --revoke -r 'not so'", 'take it back'],
    ],
  })
    .usage('[options] [cluster] <finding>')
    .argument('<cluster>', clusterArgument)
    .argument('[finding]', 'key of the finding, as preflight and status name it')
    .option('--until <time>', 'how long: 14d, 12h, or a time as 2026-12-24T08:00:00Z')
    .option('--digest <digest>', 'of what was seen, or its beginning')
    .option('--revoke', 'take the acknowledgement back');
  run.bind<AcknowledgeOptions>(command, (given) => {
    const { invocation, object: finding } = lastIsObject(given);
    // Keys have a colon in them, clusters never do.
    if (!finding.includes(':')) {
      throw usageError(`${finding} is no finding`, 'name the cluster and the key of the finding');
    }
    return invocation.options.revoke === true
      ? revoke(invocation, finding)
      : acknowledge(invocation, finding);
  });
}

function revoke(invocation: Invocation<AcknowledgeOptions>, finding: string) {
  const { until, digest } = invocation.options;
  if (until !== undefined || digest !== undefined) {
    throw usageError('--revoke needs neither --until nor --digest', 'leave them out');
  }
  return say(invocation, (client, cluster) =>
    client.revokeAcknowledgement(cluster, { ...requestOf(invocation), finding }),
  );
}

function acknowledge(invocation: Invocation<AcknowledgeOptions>, finding: string) {
  const { context, options } = invocation;
  if (options.reason === undefined || options.reason.trim() === '') {
    throw usageError('--reason is missing: others will read why', 'say why this may be so');
  }
  const untilMs = untilOf(options.until, context.nowMs());
  return say(invocation, async (client, cluster) => {
    const digest = await digestOf(invocation, client, cluster, finding);
    if (digest === undefined) return undefined;
    return client.acknowledge(cluster, { ...requestOf(invocation), finding, digest, untilMs });
  });
}

/** RFC 3339 with a zone: nobody guesses whose midnight is meant. */
const timePattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})$/i;

function untilOf(text: string | undefined, nowMs: number): number {
  if (text === undefined) {
    throw usageError(
      '--until is missing: an acknowledgement ends by itself',
      'give 14d, or a time',
    );
  }
  const forMs = durationMs(text);
  const untilMs = forMs === undefined ? timeOf(text) : nowMs + forMs;
  if (untilMs === undefined || untilMs <= nowMs) {
    throw usageError(
      `--until is "${text}", expected a time to come`,
      'write it as 14d, 12h, or 2026-12-24T08:00:00Z',
    );
  }
  return untilMs;
}

function timeOf(text: string): number | undefined {
  const ms = timePattern.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/**
 * A beginning is completed by what the upgrade has seen; left out, a person is asked about that.
 * Undefined when the person says no.
 */
async function digestOf(
  { context, options }: Invocation<AcknowledgeOptions>,
  client: UpgradeClient,
  cluster: string,
  finding: string,
): Promise<string | undefined> {
  const { digest: given } = options;
  if (given !== undefined && isWholeDigest(given)) return given;
  const { gates, preflight } = await client.status(cluster);
  const found = findingNow({ gates, seen: preflight?.findings ?? [] }, finding);
  if (found === undefined) {
    throw new CliError({
      exitCode: exitCodes.notFound,
      code: 'finding-not-seen',
      message: `no preflight of this upgrade has found ${finding} so far`,
      remedy: 'name a finding of the status, or give its whole digest, as preflight -o json has it',
    });
  }
  const digest = evidenceDigest(found);
  if (given !== undefined) return completedDigest(given, digest);
  if (context.confirm === undefined) {
    throw usageError(
      '--digest is missing: an acknowledgement names what was seen',
      `give the digest that the finding shows; now it is ${digest.slice(0, shortestDigest)}`,
    );
  }
  const question = `${findingSentence(found)}\nAnswer for it, as it is now?`;
  if (await context.confirm(question)) return digest;
  context.stderr.write('nothing was acknowledged\n');
  return undefined;
}
