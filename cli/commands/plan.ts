// `plan`: what an upgrade would do, from a live cluster or from a file. Nothing is started.

import type { Command } from 'commander';

import { planAndCheck } from '../../activities/plan';
import type { PlanResult } from '../../domain/plan';
import { readObservation, readSpec } from '../cluster-view';
import { planDocument } from '../documents';
import { exitCodes } from '../exit-codes';
import { renderBlockers } from '../render/findings';
import { renderPlan } from '../render/plan';
import type { Answer, CommandRun, Invocation } from '../session';
import { examples } from './examples';

interface PlanOptions {
  readonly spec: string;
  readonly observation?: string;
}

export function addPlan(program: Command, run: CommandRun): void {
  const command = program
    .command('plan')
    .summary('show what an upgrade would do')
    .description(
      'Shows every step of an upgrade, with the digest that approvals name, or every reason why' +
        ' there is no plan (exit code 3). Nothing is started.',
    )
    .requiredOption('-s, --spec <file>', 'the upgrade that is wanted (YAML)')
    .option('--observation <file>', 'plan from what observe has written, without the cluster')
    .addHelpText(
      'after',
      examples([
        ['plan --spec upgrade.yaml', 'plan for the cluster of the access file'],
        ['plan --spec upgrade.yaml --observation observation.json', 'in a pull request'],
        ['plan --spec upgrade.yaml -o json', 'for a script: kind is planned or blocked'],
      ]),
    );
  run.bind<PlanOptions>(command, plan);
}

async function plan(invocation: Invocation<PlanOptions>) {
  const { context, options } = invocation;
  const spec = await readSpec(context, options.spec);
  const observation = await readObservation({ context, options }, spec.cluster);
  const result = planAndCheck({ spec }, observation);
  invocation.print(planAnswer(result));
  return result.kind === 'planned' ? exitCodes.ok : exitCodes.refused;
}

export function planAnswer(result: PlanResult): Answer {
  return {
    json: planDocument(result),
    lines: (style, width) =>
      result.kind === 'planned'
        ? renderPlan(result.plan, style)
        : renderBlockers('No plan can be made', result.blockers, style, width),
  };
}
