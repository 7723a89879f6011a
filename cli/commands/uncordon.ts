// `uncordon`: undoes what Ascent has cordoned, outside of an upgrade, and nothing else.

import type { Command } from 'commander';

import type { DrainEnd } from '../../client';
import { drainEndSentence } from '../../client';
import type { UpgradeClient } from '../context';
import { drainEndDocument } from '../documents';
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
import { wrap } from '../render/text';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

export function addUncordon(program: Command, run: CommandRun): void {
  const command = addNodes(
    program
      .command('uncordon')
      .summary('undo what Ascent has cordoned')
      .description(
        'Uncordons nodes that Ascent has cordoned; a drain of such a node is stopped first. A' +
          ' cordon of somebody else stays (exit code 3), and so does that of a node that an' +
          ' upgrade has in work.',
      ),
  ).addHelpText(
    'after',
    examples([
      ['uncordon worker-3 --access access.json', 'pods may come back'],
      ["uncordon worker-3 worker-4 --lab demo -r 'memory is in'", 'two of a lab'],
    ]),
  );
  run.bind<NodeOptions>(command, uncordon);
}

async function uncordon(invocation: Invocation<NodeOptions>): Promise<ExitCode> {
  const nodes = nodesOf(invocation);
  assertUsable(nameProblems(nodes), 'uncordon');
  const cluster = await namedCluster(invocation);
  return invocation.withClient(async (client) => {
    const ends: { readonly node: string; readonly end: DrainEnd }[] = [];
    for (const node of nodes) {
      ends.push({ node, end: await uncordonOne(invocation, client, { cluster, node }) });
    }
    const codes = ends.map(({ end }) => exitCodeOfEnd(end));
    invocation.print({
      json: withSchema('ascent.uncordon-result/v1', {
        cluster,
        nodes: ends.map(({ node, end }) => drainEndDocument(node, end)),
      }),
      lines: (style, width) =>
        ends.flatMap(({ node, end }, index) =>
          wrap(drainEndSentence(node, end), width).map(
            codes[index] === exitCodes.ok ? style.good : style.bad,
          ),
        ),
    });
    return codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok;
  });
}

async function uncordonOne(
  invocation: Invocation<NodeOptions>,
  client: UpgradeClient,
  { cluster, node }: { readonly cluster: string; readonly node: string },
): Promise<DrainEnd> {
  const { actor } = invocation;
  const result = await client.uncordon(cluster, node, { actor, reason: reasonOf(invocation) });
  return result.kind === 'ended' ? result.end : { outcome: 'refused', refusal: result.refusal };
}
