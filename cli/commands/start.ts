// `start`: begins an upgrade now, at a time, or by a schedule. On a terminal it shows the plan and
// asks; elsewhere --yes or the digest of a reviewed plan stands for the answer.

import type { Command } from 'commander';

import { isDriven } from '../../activities/access';
import { planAndCheck } from '../../activities/plan';
import type { StartResult } from '../../client';
import type { Plan } from '../../domain/plan/plan';
import type { UpgradeSpec } from '../../domain/spec';
import { findAccess, type FoundAccess } from '../access';
import { CliError, usageError } from '../cli-error';
import { observeThrough, readSpec } from '../cluster-view';
import type { UpgradeClient } from '../context';
import { refusalDocument, startRefusedSentence } from '../documents';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import { renderBlockers } from '../render/findings';
import { renderPlan } from '../render/plan';
import type { Style } from '../render/style';
import type { Answer, CommandRun, Invocation } from '../session';
import { styleOf, withSchema } from '../session';
import { examples } from './examples';
import { planAnswer } from './plan';
import type { ScheduleCliOptions } from './schedule';
import { scheduleStart } from './schedule';
import { followUpgrade } from './watch';

interface StartCliOptions extends ScheduleCliOptions {
  readonly spec: string;
  readonly yes?: boolean;
  readonly requestId?: string;
}

export function addStart(program: Command, run: CommandRun): void {
  const command = program
    .command('start')
    .summary('start an upgrade, now or later')
    .description(
      'Starts an upgrade. On a terminal it shows the plan and asks; elsewhere it needs --yes or' +
        ' --expect-digest. A second start of the same spec joins the upgrade that runs.',
    )
    .requiredOption('-s, --spec <file>', 'the upgrade that is wanted (YAML)')
    .option('--expect-digest <digest>', 'the plan that was reviewed; any other is refused')
    .option('-y, --yes', 'do not ask')
    .option('-w, --watch', 'follow the upgrade until it ends')
    .option('--request-id <id>', 'idempotency key: the same key starts once')
    .option('--at <time>', 'start then: 2026-12-01T02:00:00Z, or local with --timezone')
    .option('--schedule <cron>', 'start by this cron line of five fields')
    .option('--timezone <name>', 'for --at and --schedule, IANA name (default: UTC)')
    .addHelpText(
      'after',
      examples([
        ['start --spec upgrade.yaml', 'show the plan, ask, start'],
        ['start --spec upgrade.yaml --expect-digest 3f2a… --watch', 'a plan that was reviewed'],
        ['start --spec upgrade.yaml --yes --at 2026-12-01T02:00 --timezone Europe/Berlin', 'later'],
        ["start --spec upgrade.yaml --yes --schedule '0 2 * * 6'", 'every Saturday at two'],
      ]),
    );
  run.bind<StartCliOptions>(command, start);
}

async function start(invocation: Invocation<StartCliOptions>): Promise<ExitCode> {
  const { context, options } = invocation;
  const spec = await readSpec(context, options.spec);
  const access = await findAccess(options, context);
  assertDriven(access, spec);
  if (options.at !== undefined || options.schedule !== undefined) {
    return scheduleStart(invocation, spec);
  }
  if (options.timezone !== undefined) {
    throw usageError('--timezone belongs to --at or --schedule', 'give one of them, or leave it');
  }
  const agreed = await agreeOn(invocation, spec, access);
  if (agreed.kind === 'end') return agreed.exitCode;
  return invocation.withClient(async (client) => {
    const { expectedDigest } = agreed;
    const result = await client.start(spec, {
      actor: invocation.actor,
      ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
      ...(expectedDigest === undefined ? {} : { expectedDigest }),
    });
    if (result.kind === 'refused' || options.watch !== true) {
      invocation.print(startAnswer(result, agreed.isPlanShown, context.program));
      return result.kind === 'refused' ? exitCodes.refused : exitCodes.ok;
    }
    return followStarted(invocation, client, result);
  });
}

type Agreement =
  | { readonly kind: 'end'; readonly exitCode: ExitCode }
  | {
      readonly kind: 'start';
      readonly expectedDigest?: string;
      readonly isPlanShown: boolean;
    };

/** An access file without a driver says already that no worker can serve this cluster. */
function assertDriven(found: FoundAccess | undefined, spec: UpgradeSpec): void {
  // The file of another cluster says nothing about this one.
  if (found?.access.cluster !== spec.cluster || isDriven(found.access)) return;
  throw new CliError({
    exitCode: exitCodes.refused,
    code: 'driver-missing',
    message: `${spec.cluster} can be looked at, not upgraded: ${found.file} has no driver`,
    remedy: 'name a driver that changes its machines (docs/operate.md), or go on with plan',
  });
}

/**
 * What was looked at is what is started: the digest of the plan that was shown goes along, so that
 * a cluster that has changed since refuses the start.
 */
async function agreeOn(
  invocation: Invocation<StartCliOptions>,
  spec: UpgradeSpec,
  access: FoundAccess | undefined,
): Promise<Agreement> {
  const { context, options } = invocation;
  const { confirm } = context;
  const expected = options.expectDigest;
  if (expected !== undefined) {
    return { kind: 'start', expectedDigest: expected, isPlanShown: false };
  }
  if (options.yes === true) return { kind: 'start', isPlanShown: false };
  if (confirm === undefined || options.output === 'json') {
    throw usageError(
      'nobody can be asked here',
      'give --yes, or --expect-digest with the digest of a plan that was reviewed',
    );
  }
  // Without access to the cluster only its worker can plan.
  const plan =
    access === undefined
      ? undefined
      : planAndCheck({ spec }, await observeThrough(access, context, { expected: spec.cluster }));
  if (plan?.kind === 'blocked') {
    invocation.print(planAnswer(plan));
    return { kind: 'end', exitCode: exitCodes.refused };
  }
  const question =
    plan === undefined
      ? 'The cluster cannot be read from here, so there is no plan to look at. Start anyway?'
      : `Start this upgrade of ${spec.cluster}?`;
  if (plan !== undefined) {
    const lines = renderPlan(plan.plan, styleOf(context));
    context.stdout.write(`${lines.join('\n')}\n\n`);
  }
  if (!(await confirm(question))) {
    context.stderr.write('nothing was started\n');
    return { kind: 'end', exitCode: exitCodes.ok };
  }
  const digest = plan === undefined ? {} : { expectedDigest: plan.plan.digest };
  return { kind: 'start', ...digest, isPlanShown: plan !== undefined };
}

function startAnswer(result: StartResult, isPlanShown: boolean, program: string): Answer {
  const schema = 'ascent.start-result/v1';
  if (result.kind === 'refused') {
    const { refusal } = result;
    const json = withSchema(schema, { kind: result.kind, refusal: refusalDocument(refusal) });
    return {
      json,
      lines: (style, width) =>
        refusal.code === 'blocked'
          ? renderBlockers('The upgrade was not started', refusal.blockers, style, width)
          : [style.bad('The upgrade was not started:'), startRefusedSentence(refusal)],
    };
  }
  return {
    json: withSchema(schema, result),
    lines: (style) => [
      ...(isPlanShown ? [] : [...renderPlan(result.plan, style), '']),
      ...startedLines(result, result.plan, { style, program }),
    ],
  };
}

function startedLines(
  { kind, workflowId }: Exclude<StartResult, { kind: 'refused' }>,
  plan: Plan,
  { style, program }: { readonly style: Style; readonly program: string },
): readonly string[] {
  const what = kind === 'started' ? 'started' : 'runs already, with the same spec';
  return [
    style.good(`The upgrade of ${plan.cluster} ${what} (${workflowId}).`),
    style.faint(`Follow it: ${program} watch ${plan.cluster}`),
  ];
}

async function followStarted(
  invocation: Invocation<StartCliOptions>,
  client: UpgradeClient,
  result: Exclude<StartResult, { kind: 'refused' }>,
): Promise<ExitCode> {
  const { context, options } = invocation;
  if (options.output === 'human') {
    const lines = startedLines(result, result.plan, {
      style: styleOf(context),
      program: context.program,
    });
    context.stdout.write(`${lines.slice(0, 1).join('\n')}\n`);
  }
  return followUpgrade(invocation, client, result.plan.cluster, {});
}
