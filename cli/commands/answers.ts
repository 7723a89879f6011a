// Commands that say something to a running upgrade: approve, reject, pause, resume, and the three
// for a held node.

import type { Command } from 'commander';

import type { CommandAccepted } from '../../domain/status/control';
import { clusterOf } from '../access';
import { usageError } from '../cli-error';
import type { UpgradeClient } from '../context';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import type { Example } from './examples';
import { examples } from './examples';

export interface AnswerOptions {
  readonly reason?: string;
  readonly requestId?: string;
}

interface GateOptions extends AnswerOptions {
  readonly digest?: string;
}

/** Digests are long: a beginning of this length tells two plans apart. */
export const shortestDigest = 12;
export const clusterArgument = 'name of the cluster (default: of the access file)';

interface Wording {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly Example[];
}

/** A command with who, why and under which request id. */
export function addAnswer(program: Command, wording: Wording): Command {
  return program
    .command(wording.name)
    .summary(wording.summary)
    .description(wording.description)
    .option('-r, --reason <text>', 'why, for the audit trail')
    .option('--request-id <id>', 'idempotency key: the same key counts once')
    .addHelpText('after', examples(wording.examples));
}

export function addGateCommands(program: Command, run: CommandRun): void {
  const wordings = {
    approve: {
      name: 'approve',
      summary: 'let an upgrade go on',
      description:
        'Approves what waits: a hop, or another try of a step. The digest says which plan was' +
        ' looked at; when the plan has changed since, the approval is refused.',
      examples: [
        ['approve prod approve/hop-1.30 --digest 3f2a9c71d0e4', 'the next hop may begin'],
        ['approve prod hop-1.29/snapshot', 'try a step again; asks about the plan of now'],
      ],
    },
    reject: {
      name: 'reject',
      summary: 'end an upgrade where it is',
      description: 'Rejects what waits: the upgrade ends, the cluster stays as it is now.',
      examples: [
        ["reject prod approve/hop-1.30 --digest 3f2a9c71d0e4 -r 'not this week'", 'stop here'],
      ],
    },
  } as const satisfies Record<string, Wording>;
  for (const name of ['approve', 'reject'] as const) {
    const command = addAnswer(program, wordings[name])
      .usage('[options] [cluster] <gate>')
      .argument('<cluster>', clusterArgument)
      .argument('[gate]', 'what waits, as status names it')
      .option('--digest <digest>', 'digest of the plan that was looked at, or its beginning');
    run.bind<GateOptions>(command, (given) => {
      const { invocation, object: gate } = lastIsObject(given);
      // Gates have a slash in them, clusters never do.
      if (!gate.includes('/')) {
        throw usageError(`${gate} is no gate`, 'name the cluster and the gate, as status shows it');
      }
      return say(invocation, async (client, cluster) => {
        const what = `${capital(name)} ${gate} of ${cluster}`;
        const planDigest = await digestOf(invocation, client, cluster, what);
        if (planDigest === undefined) return undefined;
        return client[name](cluster, { ...requestOf(invocation), gate, planDigest });
      });
    });
  }
}

/**
 * A beginning is completed when it is the current plan's; anything else goes as it is, and the
 * upgrade refuses it with the digest that it has now. Left out, a person is asked about the plan of
 * now; undefined when that person says no.
 */
async function digestOf(
  { context, options }: Invocation<GateOptions>,
  client: UpgradeClient,
  cluster: string,
  what: string,
): Promise<string | undefined> {
  const { digest: given } = options;
  if (given !== undefined && isWholeDigest(given)) return given;
  const { planDigest } = await client.status(cluster);
  if (given !== undefined) return completedDigest(given, planDigest);
  if (planDigest === undefined || context.confirm === undefined) {
    const now = planDigest === undefined ? '' : `; now it is ${planDigest}`;
    throw usageError(
      '--digest is missing: an answer names the plan that was looked at',
      `give the digest that the plan shows${now}`,
    );
  }
  const question = `The plan has the digest ${planDigest}.\n${what}?`;
  if (await context.confirm(question)) return planDigest;
  context.stderr.write('nothing was answered\n');
  return undefined;
}

/** Whether it stands for itself, or is to be completed; throws where it is too short for that. */
export function isWholeDigest(given: string): boolean {
  if (given.length >= 64) return true;
  if (given.length >= shortestDigest) return false;
  throw usageError(
    `--digest ${given} is too short`,
    `give at least its first ${shortestDigest} characters`,
  );
}

/** Another one than that of now goes as it is: the upgrade refuses it. */
export function completedDigest(given: string, now: string | undefined): string {
  return now?.startsWith(given) === true ? now : given;
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

export function addPauseCommands(program: Command, run: CommandRun): void {
  const pause = addAnswer(program, {
    name: 'pause',
    summary: 'let an upgrade stand still',
    description:
      'Pauses an upgrade between two safe points, also in the middle of a drain: pods that have' +
      ' left stay away, the node stays cordoned, nothing else begins.',
    examples: [["pause prod --reason 'release day'", 'until somebody resumes it']],
  }).argument('[cluster]', clusterArgument);
  run.bind<AnswerOptions>(pause, (invocation) =>
    say(invocation, (client, cluster) => client.pause(cluster, requestOf(invocation))),
  );
  const resume = addAnswer(program, {
    name: 'resume',
    summary: 'let a paused upgrade go on',
    description: 'Resumes a paused upgrade where it stands.',
    examples: [['resume prod', 'go on']],
  }).argument('[cluster]', clusterArgument);
  run.bind<AnswerOptions>(resume, (invocation) =>
    say(invocation, (client, cluster) => client.resume(cluster, requestOf(invocation))),
  );
}

export function addNodeCommands(program: Command, run: CommandRun): void {
  const commands = [
    {
      method: 'retryNode',
      name: 'retry-node',
      summary: 'try a held node again',
      description: 'Tries a held node again, from where it stopped.',
      examples: [['retry-node prod worker-3', 'its blocker is gone']],
    },
    {
      method: 'skipNode',
      name: 'skip-node',
      summary: 'go on without a held node',
      description: 'Leaves a held node as it is, uncordons it, and lets the pool go on.',
      examples: [["skip-node prod worker-3 -r 'is being replaced'", 'it keeps its version']],
    },
    {
      method: 'quarantineNode',
      name: 'quarantine-node',
      summary: 'set a held node aside',
      description: 'Keeps a held node cordoned, with the reason on it, and lets the pool go on.',
      examples: [["quarantine-node prod worker-3 -r 'disk is failing'", 'nothing runs there']],
    },
  ] as const satisfies readonly (Wording & { readonly method: keyof UpgradeClient })[];
  for (const { method, ...wording } of commands) {
    const command = addAnswer(program, wording)
      .usage('[options] [cluster] <node>')
      .argument('<cluster>', clusterArgument)
      .argument('[node]', 'name of the node');
    run.bind<AnswerOptions>(command, (given) => {
      const { invocation, object: node } = lastIsObject(given);
      return say(invocation, (client, cluster) =>
        client[method](cluster, { ...requestOf(invocation), node }),
      );
    });
  }
}

/**
 * `CLUSTER OBJECT`, or only `OBJECT`: the parser can leave out the last word alone, while for
 * people the cluster comes first and may go unsaid.
 */
export function lastIsObject<Options>(given: Invocation<Options>): {
  readonly invocation: Invocation<Options>;
  readonly object: string;
} {
  const [first = '', second] = given.args;
  const args = second === undefined ? [] : [first];
  return { invocation: { ...given, args }, object: second ?? first };
}

export function requestOf({ options, actor }: Invocation<AnswerOptions>) {
  return {
    actor,
    reason: options.reason ?? 'no reason given',
    ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
  };
}

/** Sends, and prints what happens now; undefined from `ask` means that a person said no. */
export async function say(
  invocation: Invocation<AnswerOptions>,
  ask: (client: UpgradeClient, cluster: string) => Promise<CommandAccepted | undefined>,
): Promise<ExitCode> {
  return invocation.withClient(async (client) => {
    const cluster = await clusterOf(invocation.args[0], invocation);
    const accepted = await ask(client, cluster);
    if (accepted === undefined) return exitCodes.ok;
    invocation.print({
      json: withSchema('ascent.command-result/v1', { cluster, ...accepted }),
      lines: () => [`${cluster}: ${accepted.effect}`],
    });
    return exitCodes.ok;
  });
}
