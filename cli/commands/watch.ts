// `watch`: follows an upgrade until it ends. A live picture on a terminal, a line for everything
// that happens elsewhere, a JSON document a line with `-o json`.

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import type { Plan } from '../../domain/plan/plan';
import type { UpgradeProgress, UpgradeResult } from '../../domain/status/progress';
import { resultSentence } from '../../domain/status/status-sentences';
import { clusterOf } from '../access';
import type { CliContext, UpgradeClient } from '../context';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import type { Follower } from '../follower';
import type { CommandRun, Invocation } from '../session';
import { upgradeFollower, type UpgradeLook } from '../upgrade-follower';
import { examples } from './examples';
import { progressDocument } from './status';

export interface WatchCliOptions {
  /** Milliseconds between two looks. */
  readonly interval?: number;
}

export function addWatch(program: Command, run: CommandRun): void {
  const command = program
    .command('watch')
    .summary('follow an upgrade until it ends')
    .description(
      'Follows an upgrade until it ends: exit code 0 when it completed, 8 when it ended' +
        ' otherwise. Ctrl-C ends only the watching.',
    )
    .argument('[cluster]', 'name of the cluster (default: of the access file, or the only one)')
    .option('--interval <seconds>', 'time between two looks (default: 1)', intervalMs)
    .addHelpText(
      'after',
      examples([
        ['watch prod', 'a live picture'],
        ['watch prod | tee upgrade.log', 'a line for everything that happens'],
        ['watch prod -o json', 'one JSON document a line, the last one is the result'],
      ]),
    );
  run.bind<WatchCliOptions>(command, (invocation) =>
    invocation.withClient(async (client) => {
      const cluster = await clusterOf(invocation.args[0], invocation, client);
      return followUpgrade(invocation, client, cluster, invocation.options);
    }),
  );
}

function intervalMs(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds >= 0.1 && seconds <= 3_600) return seconds * 1_000;
  throw new InvalidArgumentError('give a number of seconds from 0.1 to 3600.');
}

/** Returns when the upgrade has ended or the watching was interrupted. */
export async function followUpgrade(
  invocation: Invocation,
  client: UpgradeClient,
  cluster: string,
  options: WatchCliOptions,
): Promise<ExitCode> {
  const { context } = invocation;
  const follower = followerFor(invocation);
  let last: UpgradeProgress | undefined;
  let plan: Plan | undefined;
  const watch = client.watch(cluster, {
    signal: context.signal,
    ...(options.interval === undefined ? {} : { intervalMs: options.interval }),
    onOutage: (error) => follower.note(`${error.message}; waiting for an answer`),
    onRecovery: () => follower.note('answers again'),
  });
  try {
    for await (const progress of watch) {
      last = progress;
      plan = await planOf(client, cluster, progress, plan);
      follower.show({ progress, plan });
    }
  } finally {
    follower.end();
  }
  const result = last?.status.result;
  if (result === undefined) {
    context.stderr.write(`no longer watching; the upgrade of ${cluster} goes on\n`);
    return exitCodes.interrupted;
  }
  if (invocation.options.output === 'json') {
    context.stdout.write(`${JSON.stringify(resultDocument(cluster, result))}\n`);
  }
  return result.outcome === 'completed' ? exitCodes.ok : exitCodes.notCompleted;
}

/** The plan is asked for again only when its digest has changed. */
async function planOf(
  client: UpgradeClient,
  cluster: string,
  progress: UpgradeProgress,
  known: Plan | undefined,
): Promise<Plan | undefined> {
  const { planDigest, result } = progress.status;
  if (planDigest === undefined || planDigest === known?.digest || result !== undefined) {
    return known;
  }
  return client.plan(cluster).catch(() => known);
}

function resultDocument(cluster: string, result: UpgradeResult) {
  const sentence = resultSentence(cluster, result);
  return { schema: 'ascent.result/v1', cluster, sentence, ...result };
}

function followerFor(invocation: Invocation): Follower<UpgradeLook> {
  const { context, options } = invocation;
  return options.output === 'json' ? jsonFollower(context) : upgradeFollower(context);
}

function jsonFollower(context: CliContext): Follower<UpgradeLook> {
  let before = '';
  return {
    show({ progress }) {
      const text = JSON.stringify(progressDocument(progress));
      // Only what is new: looks that saw the same say nothing.
      if (text !== before) context.stdout.write(`${text}\n`);
      before = text;
    },
    note: (text) => context.stderr.write(`${text}\n`),
    end: () => undefined,
  };
}
