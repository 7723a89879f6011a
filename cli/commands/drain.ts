// `drain`: empties nodes outside of an upgrade, one after the other, as an upgrade would. With
// --dry-run it only says what would happen to each pod, and needs nobody but the cluster.

import type { Command } from 'commander';

import { type NodePreview, previewDrain } from '../../activities/drain/drain-preview';
import type { DrainEnd, DrainPolicy, DrainStart } from '../../client';
import { AscentError, defaultDrainPolicy } from '../../client';
import type { NodeName } from '../../domain/names';
import { findAccess, type FoundAccess, requireAccess } from '../access';
import { CliError, usageError } from '../cli-error';
import type { UpgradeClient } from '../context';
import { drainEndDocument } from '../documents';
import type { DrainFlags } from '../drain-flags';
import { addDrainFlags, readDrainFlags } from '../drain-flags';
import { drainFollower } from '../drain-follower';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import type { NodeOptions } from '../node-commands';
import {
  addNodes,
  assertUsable,
  exitCodeOfEnd,
  nameProblems,
  namedCluster,
  nodesOf,
  reasonOf,
} from '../node-commands';
import { renderEnd, renderPreview } from '../render/node-drain';
import type { CommandRun, Invocation } from '../session';
import { styleOf, withSchema } from '../session';
import { examples } from './examples';

interface DrainCliOptions extends NodeOptions, DrainFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly follow?: boolean;
  /** False with --no-wait. */
  readonly wait: boolean;
}

export function addDrain(program: Command, run: CommandRun): void {
  const command = addDrainFlags(
    addNodes(
      program
        .command('drain')
        .summary('empty nodes, outside of an upgrade')
        .description(
          'Cordons nodes and evicts their pods as an upgrade does, one node after the other.' +
            ' Budgets are waited for; nothing is forced. The nodes stay cordoned: uncordon undoes' +
            ' it. Ctrl-C ends only the watching; --follow takes it up again.',
        ),
    ),
  )
    .option('--dry-run', 'say what would happen to each pod; exit code 3 when one forbids it')
    .option('-y, --yes', 'do not ask')
    .option('--follow', 'follow the drain that runs, or tell how the last one ended; start none')
    .option('--no-wait', 'return when the node is cordoned and its drain has begun')
    .addHelpText(
      'after',
      examples([
        ['drain worker-3 --dry-run -o json', 'for a script: .nodes[].pods[].verdict'],
        ["drain worker-3 -r 'new memory'", 'show what would happen, ask, drain'],
        ['drain worker-3 worker-4 --yes --timeout 2h', 'one after the other'],
        ['drain worker-3 --yes --namespace-policy batch=wait', 'let batch end by itself'],
      ]),
    );
  run.bind<DrainCliOptions>(command, drain);
}

async function drain(invocation: Invocation<DrainCliOptions>): Promise<ExitCode> {
  const { options } = invocation;
  const nodes = nodesOf(invocation);
  const { policy, problems } = readDrainFlags(options);
  const isAlone = options.wait || nodes.length === 1;
  assertUsable(
    [
      ...nameProblems(nodes),
      ...problems,
      ...(isAlone ? [] : ['--no-wait: takes one node; several are drained one after the other']),
      ...followProblems(options, policy),
    ],
    'drain',
  );
  if (options.dryRun === true) return dryRun(invocation, nodes, policy);
  const cluster = await namedCluster(invocation);
  const isFollowing = options.follow === true;
  const agreed = isFollowing ? undefined : await agree(invocation, { cluster, nodes, policy });
  if (agreed !== undefined) return agreed;
  return invocation.withClient(async (client) => {
    const ends: NodeEnd[] = [];
    for (const node of nodes) {
      const target = { cluster, node, policy };
      const end = isFollowing
        ? await followOne(invocation, client, target)
        : await drainOne(invocation, client, target);
      if (end === 'interrupted') return exitCodes.interrupted;
      ends.push({ node, ...end });
    }
    if (options.output === 'json') {
      const documents = ends.map(({ document }) => document);
      invocation.print({
        json: withSchema('ascent.drain-result/v1', { cluster, nodes: documents }),
        lines: () => [],
      });
    }
    return ends.find(({ exitCode }) => exitCode !== exitCodes.ok)?.exitCode ?? exitCodes.ok;
  });
}

/** What says something of a drain that is to begin says nothing of one that is only followed. */
function followProblems(
  { follow, wait, dryRun }: DrainCliOptions,
  policy: DrainPolicy | undefined,
): readonly string[] {
  if (follow !== true) return [];
  return [
    ...(dryRun === true ? ['--follow: says the contrary of --dry-run'] : []),
    ...(wait ? [] : ['--follow: says the contrary of --no-wait']),
    ...(policy === undefined ? [] : ['--follow: starts no drain, so it takes no policy']),
  ];
}

interface NodeEnd {
  readonly node: string;
  readonly exitCode: ExitCode;
  readonly document: object;
}

interface Target {
  readonly cluster: string;
  readonly node: string;
  readonly policy: DrainPolicy | undefined;
}

async function dryRun(
  invocation: Invocation<DrainCliOptions>,
  nodes: readonly string[],
  policy: DrainPolicy | undefined,
): Promise<ExitCode> {
  const { context, options } = invocation;
  const found = await requireAccess(options, context);
  const { cluster } = found.access;
  if (options.cluster !== undefined && options.cluster !== cluster) {
    throw new CliError({
      exitCode: exitCodes.invalidInput,
      code: 'wrong-cluster',
      message: `${found.file} is about cluster ${cluster}, not ${options.cluster}`,
      remedy: 'give the access file or the lab of the cluster that is meant',
    });
  }
  const previews = await previewAll(invocation, found, nodes, policy);
  invocation.print({
    json: withSchema('ascent.drain-preview/v1', { cluster, nodes: previews }),
    lines: (style) =>
      previews.flatMap((preview, index) => [
        ...(index === 0 ? [] : ['']),
        ...renderPreview(preview, style),
      ]),
  });
  return previews.some(isForbidden) ? exitCodes.refused : exitCodes.ok;
}

function isForbidden({ pods }: NodePreview): boolean {
  return pods.some(({ verdict }) => verdict === 'refuse');
}

/** Throws CliError `node-missing` with every node that does not exist. */
async function previewAll(
  { context }: Invocation,
  { access }: FoundAccess,
  nodes: readonly string[],
  policy: DrainPolicy | undefined,
): Promise<readonly NodePreview[]> {
  const ports = await context.openCluster(access);
  try {
    const previews: NodePreview[] = [];
    const missing: string[] = [];
    for (const name of nodes) {
      const preview = await previewDrain({
        ports,
        node: name as NodeName,
        policy: policy ?? defaultDrainPolicy(),
        signal: context.signal,
      });
      if (preview === undefined) missing.push(name);
      else previews.push(preview);
    }
    if (missing.length > 0) throw nodeMissing(access.cluster, missing);
    return previews;
  } finally {
    await ports.close();
  }
}

function nodeMissing(cluster: string, nodes: readonly string[]): CliError {
  const [only] = nodes;
  const message =
    nodes.length === 1
      ? `${cluster} has no node ${only}`
      : `${cluster} lacks nodes that were named`;
  return new CliError({
    exitCode: exitCodes.notFound,
    code: 'node-missing',
    message,
    remedy: 'see their names: observe lists the nodes',
    ...(nodes.length === 1 ? {} : { problems: nodes.map((node) => `no node ${node}`) }),
  });
}

/** Undefined: go on. On a terminal the pods are shown and a person is asked. */
async function agree(
  invocation: Invocation<DrainCliOptions>,
  asked: Omit<Target, 'node'> & { readonly nodes: readonly string[] },
): Promise<ExitCode | undefined> {
  const { context, options } = invocation;
  const { cluster, nodes, policy } = asked;
  if (options.yes === true) return undefined;
  const { confirm } = context;
  if (confirm === undefined || options.output === 'json') {
    throw usageError('nobody can be asked here', 'give --yes, or look first with --dry-run');
  }
  const found = await findAccess(options, context);
  const isReadable = found?.access.cluster === cluster;
  const previews = isReadable ? await previewAll(invocation, found, nodes, policy) : [];
  const style = styleOf(context);
  for (const preview of previews) {
    context.stdout.write(`${renderPreview(preview, style).join('\n')}\n\n`);
  }
  if (previews.some(isForbidden)) {
    const remedy = 'let these pods leave by a flag, or remove them yourself';
    context.stderr.write(`nothing was drained - ${remedy}\n`);
    return exitCodes.refused;
  }
  const what = `Drain ${nodes.length === 1 ? 'node' : 'nodes'} ${nodes.join(', ')} of ${cluster}`;
  const unseen = 'The cluster cannot be read from here, so its pods are not shown.';
  if (await confirm(isReadable ? `${what}?` : `${unseen} ${what} anyway?`)) return undefined;
  context.stderr.write('nothing was drained\n');
  return exitCodes.ok;
}

async function drainOne(
  invocation: Invocation<DrainCliOptions>,
  client: UpgradeClient,
  target: Target,
): Promise<Omit<NodeEnd, 'node'> | 'interrupted'> {
  const { actor, options } = invocation;
  const { cluster, node, policy } = target;
  const started = await client.drain(cluster, node, {
    actor,
    reason: reasonOf(invocation),
    ...(policy === undefined ? {} : { policy }),
  });
  if (started.kind === 'refused') {
    return told(invocation, node, { outcome: 'refused', refusal: started.refusal });
  }
  if (!options.wait) return begun(invocation, target, started);
  if (started.kind === 'already-running' && options.output === 'human') {
    invocation.context.stdout.write(`node ${node} is being drained already; this follows it\n`);
  }
  return followOne(invocation, client, target);
}

/** Until it ends; one that has ended is told as it ended. */
async function followOne(
  invocation: Invocation<DrainCliOptions>,
  client: UpgradeClient,
  target: Target,
): Promise<Omit<NodeEnd, 'node'> | 'interrupted'> {
  const { node } = target;
  try {
    const end = await followDrain(invocation, client, target);
    return end === undefined ? 'interrupted' : told(invocation, node, end);
  } catch (error) {
    // Somebody closed this workflow; the other nodes have their own.
    if (!(error instanceof AscentError) || error.code !== 'drain-failed') throw error;
    const { message, remedy } = error;
    invocation.context.stderr.write(`${message}\n→ ${remedy}\n`);
    const document = { node, outcome: 'failed', sentence: `${message} - ${remedy}` };
    return { exitCode: exitCodes.notCompleted, document };
  }
}

/** Prints for people how it ended. */
function told(
  { context, options }: Invocation,
  node: string,
  end: DrainEnd,
): Omit<NodeEnd, 'node'> {
  if (options.output === 'human') {
    const { width } = context.stdout;
    const lines = renderEnd(node, end, { nowMs: context.nowMs(), style: styleOf(context), width });
    context.stdout.write(`${lines.join('\n')}\n`);
  }
  // Whoever had it uncordoned meanwhile got what they wanted; the drain did not.
  const isUndone = end.outcome === 'undone';
  const exitCode = isUndone ? exitCodes.notCompleted : exitCodeOfEnd(end);
  return { exitCode, document: drainEndDocument(node, end) };
}

function begun(
  { context, options }: Invocation,
  { cluster, node }: Target,
  started: Exclude<DrainStart, { kind: 'refused' }>,
): Omit<NodeEnd, 'node'> {
  const { kind, workflowId } = started;
  const isJoined = kind === 'already-running';
  const sentence = isJoined
    ? `node ${node} is being drained already`
    : `node ${node} is cordoned and is being drained`;
  if (options.output === 'human') {
    context.stdout.write(`${sentence}\n${waysOn(context.program, cluster, node)}\n`);
  }
  return { exitCode: exitCodes.ok, document: { node, outcome: kind, workflowId, sentence } };
}

/** To be copied at any time, so neither may begin another drain when this one has ended. */
function waysOn(program: string, cluster: string, node: string): string {
  return (
    `follow it: ${program} drain ${node} --cluster ${cluster} --follow\n` +
    `undo it: ${program} uncordon ${node} --cluster ${cluster}`
  );
}

/** Undefined when the watching was interrupted; the drain goes on. */
async function followDrain(
  { context, options }: Invocation,
  client: UpgradeClient,
  { cluster, node }: Target,
): Promise<DrainEnd | undefined> {
  const follower = drainFollower(context, options.output);
  let end: DrainEnd | undefined;
  const looks = client.watchDrain(cluster, node, {
    signal: context.signal,
    onOutage: (error) => follower.note(`${error.message}; waiting for an answer`),
    onRecovery: () => follower.note('answers again'),
  });
  try {
    for await (const look of looks) {
      end = look.status.end;
      follower.show(look);
    }
  } finally {
    follower.end();
  }
  if (end === undefined) {
    const ways = waysOn(context.program, cluster, node);
    context.stderr.write(`no longer watching; the drain of node ${node} goes on\n${ways}\n`);
  }
  return end;
}
