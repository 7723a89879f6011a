// `plan`: what an upgrade would do, from a live cluster or from a file. Nothing is started.

import type { Command } from 'commander';

import { planAndCheck } from '../../activities/plan';
import type { Plan, PlanResult } from '../../domain/plan/plan';
import { poolOrders } from '../../domain/pool/pool-orders';
import type { PreflightObservation } from '../../domain/preflight/drains';
import { evaluatePath, pathOf } from '../../domain/preflight/path-preflight';
import { readObservation, readSpec } from '../cluster-view';
import type { BesidePlan, HopCounts } from '../documents';
import { planDocument } from '../documents';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import { renderBlockers, severityCounts, countsText } from '../render/findings';
import { renderPlan } from '../render/plan';
import { renderPoolOrders } from '../render/pool-orders';
import type { Style } from '../render/style';
import { columns } from '../render/text';
import type { Answer, CommandRun, Invocation } from '../session';
import { examples } from './examples';

interface PlanOptions {
  readonly spec: string;
  readonly observation?: string;
  readonly explain?: true;
  readonly findings?: true;
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
    .option('--findings', 'add how much a preflight of each hop finds in the cluster as it is now')
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

async function plan(invocation: Invocation<PlanOptions>): Promise<ExitCode> {
  const { context, options } = invocation;
  const spec = await readSpec(context, options.spec);
  const withMachines = options.findings === true;
  const observation = await readObservation({ context, options, withMachines }, spec.cluster);
  const result = planAndCheck({ spec }, observation);
  if (result.kind === 'blocked') {
    invocation.print(planAnswer(result));
    return exitCodes.refused;
  }
  const { plan: made } = result;
  invocation.print(
    planAnswer(result, {
      ...(options.explain === true
        ? { orders: poolOrders({ plan: made, spec, observation }) }
        : {}),
      ...(withMachines ? { findings: countsOf(made, observation) } : {}),
    }),
  );
  return exitCodes.ok;
}

function countsOf({ hops }: Plan, observation: PreflightObservation): readonly HopCounts[] {
  const found = evaluatePath({ observation, hops: pathOf(hops) });
  return hops.map(({ id }, index) => ({
    hop: id,
    counts: severityCounts(found[index]?.findings ?? []),
  }));
}

/** `beside`: what was asked for besides. */
export function planAnswer(result: PlanResult, beside: BesidePlan = {}): Answer {
  const { orders = [], findings = [] } = beside;
  return {
    json: planDocument(result, beside),
    lines: (style, width) =>
      result.kind === 'planned'
        ? [
            ...renderPlan(result.plan, style),
            ...renderPoolOrders(orders, style, width),
            ...renderCounts(findings, style),
          ]
        : renderBlockers('No plan can be made', result.blockers, style, width),
  };
}

function renderCounts(findings: readonly HopCounts[], style: Style): readonly string[] {
  if (findings.length === 0) return [];
  return [
    '',
    `${style.strong('Findings')} of a preflight of each hop, as the cluster is now`,
    ...columns(
      findings.map(({ hop, counts }) => [hop, countsText(counts)]),
      '  ',
    ),
  ];
}
