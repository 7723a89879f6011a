// `set`: changes a pool of an upgrade while it runs.

import type { Command } from 'commander';

import { isMaxUnavailable, maxUnavailableProblem } from '../../domain/pool/pool-limits';
import type { MaxUnavailable } from '../../domain/spec';
import { assertUsable } from '../node-commands';
import type { CommandRun } from '../session';
import type { AnswerOptions } from './answers';
import { addAnswer, clusterArgument, lastIsObject, requestOf, say } from './answers';

interface SetOptions extends AnswerOptions {
  readonly maxUnavailable?: string;
}

export function addSet(program: Command, run: CommandRun): void {
  const command = addAnswer(program, {
    name: 'set',
    summary: 'change how many nodes of a pool go at once',
    description:
      'Changes how many nodes of a pool may be out of service at once, from now until the upgrade' +
      ' ends. Raised, more nodes begin at once; lowered, nodes in work go on, and none begins' +
      ' until fewer are. The plan stays as it was reviewed; the audit trail has the change.',
    examples: [
      ["set prod pool/web --max-unavailable 20% -r 'quiet at night'", 'more at once'],
      ['set pool/web --max-unavailable 1 --access access.json', 'one after the other'],
    ],
  })
    .usage('[options] [cluster] <pool/name>')
    .argument('<cluster>', clusterArgument)
    .argument('[pool]', 'what is changed: pool/ and the name of the pool')
    .option(
      '--max-unavailable <nodes>',
      'a number, or a share such as 20% (rounded down, at least 1)',
    );
  run.bind<SetOptions>(command, (given) => {
    const { invocation, object } = lastIsObject(given);
    const { pool, maxUnavailable, problems } = readChange(object, invocation.options);
    assertUsable(problems, 'set');
    return say(invocation, (client, cluster) =>
      client.setPool(cluster, { ...requestOf(invocation), pool, maxUnavailable }),
    );
  });
}

/** Every problem at once. */
function readChange(object: string, { maxUnavailable: text }: SetOptions) {
  const pool = /^pool\/(?<name>.+)$/.exec(object)?.groups?.['name'] ?? '';
  const given = text !== undefined && /^\d+$/.test(text) ? Number(text) : text;
  const problem = maxUnavailableProblem(given);
  const problems = [
    ...(pool === '' ? [`expected pool/NAME, got "${object}"`] : []),
    ...(problem === undefined ? [] : [`--max-unavailable: ${problem}`]),
  ];
  const maxUnavailable: MaxUnavailable = isMaxUnavailable(given) ? given : 1;
  return { pool, maxUnavailable, problems };
}
