// `plan`: what an upgrade would do, from a live cluster or from a file. Nothing is started.

import type { Command } from 'commander';

import { planAndCheck } from '../../activities/plan';
import type { PlanResult } from '../../domain/plan/plan';
import type { PoolOrder } from '../../domain/pool/pool-orders';
import { poolOrders } from '../../domain/pool/pool-orders';
import { readObservation, readSpec } from '../cluster-view';
import { planDocument } from '../documents';
import { exitCodes } from '../exit-codes';
import { renderBlockers } from '../render/findings';
import { renderPlan } from '../render/plan';
import { renderPoolOrders } from '../render/pool-orders';
import type { Answer, CommandRun, Invocation } from '../session';
import { examples } from './examples';

interface PlanOptions {
  readonly spec: string;
  readonly observation?: string;
  readonly explain?: true;
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
    .option('--explain', 'add in which order the nodes of each pool would go now, and why')
    .addHelpText(
      'after',
      examples([
        ['plan --spec upgrade.yaml', 'plan for the cluster of the access file'],
        ['plan --spec upgrade.yaml --observation observation.json', 'in a pull request'],
        ['plan --spec upgrade.yaml --explain', 'which node goes first, and which last'],
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
  const orders =
    options.explain === true && result.kind === 'planned'
      ? poolOrders({ plan: result.plan, spec, observation })
      : undefined;
  invocation.print(planAnswer(result, orders));
  return result.kind === 'planned' ? exitCodes.ok : exitCodes.refused;
}

/** `orders`: of the pools of the plan, where they were asked for. */
export function planAnswer(result: PlanResult, orders?: readonly PoolOrder[]): Answer {
  return {
    json: planDocument(result, orders),
    lines: (style, width) =>
      result.kind === 'planned'
        ? [...renderPlan(result.plan, style), ...renderPoolOrders(orders ?? [], style, width)]
        : renderBlockers('No plan can be made', result.blockers, style, width),
  };
}
