// `observe`: what is seen of a cluster now, as one JSON file for plans and reviews.

import type { Command } from 'commander';

import type { Observation } from '../../domain/observation';
import { readObservation } from '../cluster-view';
import { exitCodes } from '../exit-codes';
import { renderObservation } from '../render/observation';
import type { CommandRun, Invocation } from '../session';
import { examples } from './examples';

interface ObserveOptions {
  readonly file?: string;
}

export function addObserve(program: Command, run: CommandRun): void {
  const command = program
    .command('observe')
    .summary('look at a cluster')
    .description('Looks at a cluster and shows what planner and preflight would see. Reads only.')
    .option('-f, --file <file>', 'also write the observation there, for plan --observation')
    .addHelpText(
      'after',
      examples([
        ['observe --access access.json', 'what a cluster looks like now'],
        ['observe --lab demo --file observation.json', 'keep it, to plan without the cluster'],
      ]),
    );
  run.bind<ObserveOptions>(command, observe);
}

async function observe(invocation: Invocation<ObserveOptions>) {
  const { context, options } = invocation;
  const observation: Observation = await readObservation({
    context,
    options,
    withMachines: true,
    isKept: true,
  });
  const { file } = options;
  if (file !== undefined) {
    await context.writeFile(file, `${JSON.stringify(observation, null, 2)}\n`);
  }
  invocation.print({
    json: observation,
    lines: (style) => [
      ...renderObservation(observation, style),
      ...(file === undefined ? [] : ['', `written to ${file}`]),
    ],
  });
  return exitCodes.ok;
}
