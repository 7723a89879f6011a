// `drill`: tries a rollback beside the cluster, and tells what one would take.

import type { Command } from 'commander';

import { drillRefusalText, drillRemedy } from '../../domain/rollback/drill';
import { clusterOf } from '../access';
import { type ExitCode, exitCodes } from '../exit-codes';
import { drillLines } from '../render/drill';
import type { Answer, CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import type { Drill } from '../../client';
import { clusterArgument } from './answers';
import { examples } from './examples';

interface DrillFlags {
  readonly snapshot?: string;
}

export function addDrill(program: Command, run: CommandRun): void {
  const command = program
    .command('drill')
    .summary('try a rollback beside the cluster')
    .description(
      "On the cluster's worker, in a scratch space: fetches a snapshot from its store, opens it," +
        ' restores it for as many members of etcd as the cluster has, with the flags of a' +
        ' rollback, compares them, and starts an API server of its minor on them. Tells how long' +
        ' each phase took. The cluster is neither asked nor touched. Needs etcd, etcdutl and that' +
        ' API server (tools.apiServers) there, and room for the snapshot once a member and once' +
        ' more.',
    )
    .argument('[cluster]', clusterArgument)
    .option('--snapshot <id>', 'which one (default: the newest of the cluster)')
    .addHelpText(
      'after',
      examples([
        ['drill prod', 'would a rollback work, and how long would it take?'],
        ['drill prod --snapshot prod-hop-1.29-from-1.28.15-0a1b2c3d', 'with an older one'],
      ]),
    );
  run.bind<DrillFlags>(command, drill);
}

async function drill(invocation: Invocation<DrillFlags>): Promise<ExitCode> {
  const { args, options } = invocation;
  return invocation.withClient(async (client) => {
    const cluster = await clusterOf(args[0], invocation);
    const { snapshot } = options;
    const result = await client.drill(cluster, snapshot === undefined ? {} : { snapshot });
    invocation.print(answerOf(cluster, result));
    return codes[result.kind];
  });
}

const codes: Readonly<Record<Drill['kind'], ExitCode>> = {
  drilled: exitCodes.ok,
  refused: exitCodes.refused,
  broken: exitCodes.notCompleted,
  failed: exitCodes.unreachable,
};

function answerOf(cluster: string, result: Drill): Answer {
  const document = (fields: object) => withSchema('ascent.drill/v1', { cluster, ...fields });
  switch (result.kind) {
    case 'drilled':
      return {
        json: document({ kind: result.kind, ...result.report }),
        lines: (style) => drillLines(result.report, style),
      };
    case 'refused': {
      const { refusal } = result;
      const text = drillRefusalText(refusal);
      return {
        json: document(result),
        lines: (style) => [`not tried: ${text}`, style.faint(`→ ${drillRemedy(refusal)}`)],
      };
    }
    case 'broken': {
      const { snapshot, phase, problem } = result;
      return {
        json: document(result),
        lines: (style) => [
          `${style.bad('the way back does not work')}: ${phase}: ${problem}`,
          `  snapshot ${snapshot}`,
          style.faint('→ see what is named; another snapshot may do: drill --snapshot ID'),
        ],
      };
    }
    case 'failed': {
      const { failure } = result;
      return {
        json: document(result),
        lines: (style) => [
          `whether the way back works cannot be told: ${failure.message}`,
          style.faint(`→ ${failure.remedy}`),
        ],
      };
    }
  }
}
