// What `drain` and `uncordon` have in common: which nodes of which cluster, and what an outcome
// says to a script.

import type { Command } from 'commander';

import type { DrainEnd, DrainRefusal } from '../client';
import { findAccess } from './access';
import { CliError, usageError } from './cli-error';
import type { ExitCode } from './exit-codes';
import { exitCodes } from './exit-codes';
import type { Invocation } from './session';

export interface NodeOptions {
  readonly cluster?: string;
  readonly reason?: string;
}

export function addNodes(command: Command): Command {
  return command
    .argument('<nodes...>', 'names of the nodes')
    .option('--cluster <name>', 'name of the cluster (default: of the access file)')
    .option('-r, --reason <text>', 'why, on the node and in the audit trail');
}

/** The nodes, each once. */
export function nodesOf({ args }: Invocation): readonly string[] {
  return [...new Set(args.filter((arg) => arg !== undefined))];
}

/** What is wrong with names: they are those of DNS (apimachinery, IsDNS1123Subdomain). */
export function nameProblems(nodes: readonly string[]): readonly string[] {
  const isName = (name: string): boolean =>
    name.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(name);
  return nodes.filter((node) => !isName(node)).map((node) => `"${node}": no node has such a name`);
}

/** Throws CliError `usage` with every problem. */
export function assertUsable(problems: readonly string[], command: string): void {
  if (problems.length === 0) return;
  throw new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'usage',
    message: 'this cannot be done as it was asked for',
    remedy: `correct what is named - see ${command} --help`,
    problems,
  });
}

/** Commands that change something never guess; throws CliError `usage`. */
export async function namedCluster({ context, options }: Invocation<NodeOptions>): Promise<string> {
  if (options.cluster !== undefined) return options.cluster;
  const found = await findAccess(options, context);
  if (found !== undefined) return found.access.cluster;
  throw usageError('no cluster is named', 'give --cluster NAME, --access FILE or --lab NAME');
}

export function reasonOf({ options }: Invocation<NodeOptions>): string {
  return options.reason ?? 'no reason given';
}

/** What the end of one node says to a script. */
export function exitCodeOfEnd(end: DrainEnd): ExitCode {
  switch (end.outcome) {
    case 'drained':
      return exitCodes.ok;
    case 'not-drained':
      return end.failure.code === 'drain-refused' ? exitCodes.refused : exitCodes.notCompleted;
    case 'refused':
      return exitCodeOfRefusal(end.refusal);
    case 'undone':
      return exitCodeOfUndo[end.uncordon];
    case 'not-undone':
      return exitCodes.notCompleted;
  }
}

const exitCodeOfUndo = {
  removed: exitCodes.ok,
  'not-cordoned': exitCodes.ok,
  'left-foreign': exitCodes.refused,
  'left-ours': exitCodes.refused,
  'node-missing': exitCodes.notFound,
} as const;

function exitCodeOfRefusal({ code }: DrainRefusal): ExitCode {
  if (code === 'node-missing') return exitCodes.notFound;
  return code === 'cordon-failed' ? exitCodes.unreachable : exitCodes.refused;
}
