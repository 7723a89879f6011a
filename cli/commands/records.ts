// `audit` and `list`: who did what, and which upgrades there are.

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import { clusterOf } from '../access';
import { exitCodes } from '../exit-codes';
import { renderAudit, renderList } from '../render/records';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

interface AuditCliOptions {
  readonly node?: string;
}

interface ListCliOptions {
  readonly running?: boolean;
  readonly limit?: number;
}

export function addAudit(program: Command, run: CommandRun): void {
  const command = program
    .command('audit')
    .summary('show who did what, and why')
    .description('Shows the audit trail of an upgrade, or of the last drain of a node by itself.')
    .argument('[cluster]', 'name of the cluster (default: of the access file, or the only one)')
    .option('--node <node>', 'of the last drain or uncordon of this node, outside of upgrades')
    .addHelpText(
      'after',
      examples([
        ['audit prod', 'from the start to now'],
        ['audit prod --node worker-3', 'who drained the node, and why'],
      ]),
    );
  run.bind<AuditCliOptions>(command, audit);
}

async function audit(invocation: Invocation<AuditCliOptions>) {
  const { node } = invocation.options;
  return invocation.withClient(async (client) => {
    const cluster = await clusterOf(invocation.args[0], invocation, client);
    const entries = await client.audit(cluster, node);
    const about = { cluster, ...(node === undefined ? {} : { node }) };
    invocation.print({
      json: withSchema('ascent.audit/v1', { ...about, entries }),
      lines: (style) => renderAudit(entries, style),
    });
    return exitCodes.ok;
  });
}

export function addList(program: Command, run: CommandRun): void {
  const command = program
    .command('list')
    .summary('show upgrades and schedules')
    .description('Shows the upgrades that Temporal knows, newest first, and all schedules.')
    .argument('[cluster]', 'only upgrades of this cluster')
    .option('--running', 'only those that run now')
    .option('--limit <number>', 'at most so many (default: 50)', limitOf)
    .addHelpText(
      'after',
      examples([
        ['list', 'everything'],
        ['list prod', 'how the upgrades of one cluster ended'],
        ['list --running -o json', 'for a script: .upgrades[].cluster, .phase, .waitingFor'],
      ]),
    );
  run.bind<ListCliOptions>(command, list);
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return limit;
  throw new InvalidArgumentError('give a whole number from 1 to 1000.');
}

async function list(invocation: Invocation<ListCliOptions>) {
  const { options } = invocation;
  const cluster = invocation.args[0];
  return invocation.withClient(async (client) => {
    const [upgrades, schedules] = await Promise.all([
      client.list({
        running: options.running === true,
        ...(cluster === undefined ? {} : { cluster }),
        ...(options.limit === undefined ? {} : { limit: options.limit }),
      }),
      client.schedules(),
    ]);
    const wanted = schedules.filter((one) => cluster === undefined || one.cluster === cluster);
    invocation.print({
      json: withSchema('ascent.upgrades/v1', { upgrades, schedules: wanted }),
      lines: (style) => renderList(upgrades, wanted, style),
    });
    return exitCodes.ok;
  });
}
