// `preflight`: what would stop the hops of a path, before anything is started.

import type { Command } from 'commander';
import { Option } from 'commander';

import { severities, type Severity } from '../../domain/findings/finding';
import { blockerSentence } from '../../domain/blocker-sentences';
import type { FindingCode } from '../../domain/preflight/findings';
import { evaluatePath } from '../../domain/preflight/path-preflight';
import { CliError, usageError } from '../cli-error';
import { readObservation, readSpec } from '../cluster-view';
import { preflightDocument } from '../documents';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import { findingCodesIn } from '../finding-codes';
import type { OutputFormat } from '../globals';
import { minorPath } from '../minor-path';
import type { Hops } from '../preflight-hops';
import { hopsOf } from '../preflight-hops';
import { junitText } from '../render/junit';
import type { PreflightReport } from '../render/preflight';
import { allFindings, renderPreflight, renderPreflightTable } from '../render/preflight';
import { preflightSuites } from '../render/preflight-junit';
import { renderPreflightPage } from '../render/preflight-page';
import { preflightSarif } from '../render/preflight-sarif';
import type { CommandRun, Invocation } from '../session';
import { examples } from './examples';
import { planAnswer } from './plan';
import { addPreflightSchedule } from './preflight-schedule';

interface PreflightOptions {
  readonly spec?: string;
  readonly path?: string;
  readonly only?: string;
  readonly failOn: Severity;
  readonly observation?: string;
}

const formats: readonly OutputFormat[] = ['human', 'table', 'json', 'html', 'sarif', 'junit'];

export function addPreflight(program: Command, run: CommandRun): void {
  const command = program
    .command('preflight')
    .summary('look for what would stop an upgrade')
    .description(
      'Looks for what would stop the hops of the spec, of --path, or without either an upgrade to' +
        ' the next minor: now for all of them, with the cluster as it is. Reads only. -o takes' +
        ' human, table, json, html, sarif and junit here. Exit code 4 when something blocks, at' +
        ' whichever hop.',
    )
    .option('-s, --spec <file>', 'the upgrade that is wanted (YAML)')
    .option('--path <from..to>', 'the minors to go through, without a spec: 1.28..1.31')
    .option('--only <codes>', 'tell of these checks only: flag-removed,gate-removed')
    .addOption(
      new Option('--fail-on <severity>', 'from which severity on the exit code is not 0')
        .choices(severities)
        .default('blocks'),
    )
    .option('--observation <file>', 'look at what observe has written, without the cluster')
    .addHelpText(
      'after',
      examples([
        ['preflight --access access.json', 'could this cluster go to the next minor now?'],
        ['preflight --path 1.28..1.31', 'and through the next three?'],
        ['preflight --spec upgrade.yaml -o json', 'for a script: kind is clear or blocked'],
        ['preflight --spec upgrade.yaml -o html > preflight.html', 'one page, for people'],
      ]),
    );
  run.bind<PreflightOptions>(command, preflight, formats);
  addPreflightSchedule(command, run);
}

async function preflight(invocation: Invocation<PreflightOptions>): Promise<ExitCode> {
  const { context, options } = invocation;
  if (options.spec !== undefined && options.path !== undefined) {
    throw usageError('--spec and --path say the same twice', 'give one of them');
  }
  const only = options.only === undefined ? undefined : findingCodesIn(options.only);
  const path = options.path === undefined ? undefined : minorPath(options.path);
  const spec = options.spec === undefined ? undefined : await readSpec(context, options.spec);
  const observation = await readObservation(
    { context, options, withMachines: true },
    spec?.cluster,
  );
  const found = hopsOf({ spec, path }, observation);
  if (found.kind === 'blocked') return refuse(invocation, found);
  const { cluster, observedAt } = observation;
  const hops = evaluatePath({ observation, hops: found.hops });
  const report = chosen({ cluster, observedAt, hops }, only);
  print(invocation, report);
  return exitCodeOf(report, options.failOn);
}

function chosen(
  report: PreflightReport,
  only: readonly FindingCode[] | undefined,
): PreflightReport {
  if (only === undefined) return report;
  const hops = report.hops.map(({ findings, ...hop }) => {
    return { ...hop, findings: findings.filter(({ code }) => only.includes(code)) };
  });
  return { ...report, only, hops };
}

/** Without a plan there is no hop to look at. Forms for other programs have no place for that. */
function refuse(
  invocation: Invocation<PreflightOptions>,
  blocked: Extract<Hops, { kind: 'blocked' }>,
): ExitCode {
  const { output } = invocation.options;
  if (output === 'human' || output === 'table' || output === 'json') {
    invocation.print(planAnswer(blocked));
    return exitCodes.refused;
  }
  throw new CliError({
    exitCode: exitCodes.refused,
    code: 'no-plan',
    message: 'no plan can be made',
    problems: blocked.blockers.map((one) => `${one.code}: ${blockerSentence(one)}`),
    remedy: 'correct what is named, then look again',
  });
}

function print(invocation: Invocation<PreflightOptions>, report: PreflightReport): void {
  const { context, options } = invocation;
  const { output, failOn } = options;
  switch (output) {
    case 'html':
      context.stdout.write(renderPreflightPage(report, context.version));
      return;
    case 'sarif':
      context.stdout.write(`${JSON.stringify(preflightSarif(report, context.version), null, 2)}\n`);
      return;
    case 'junit':
      context.stdout.write(junitText(preflightSuites(report, failOn)));
      return;
    case 'human':
    case 'table':
    case 'json':
      invocation.print({
        json: preflightDocument(report),
        lines: (style, width) =>
          output === 'table' ? renderPreflightTable(report) : renderPreflight(report, style, width),
      });
  }
}

function exitCodeOf(report: PreflightReport, failOn: Severity): ExitCode {
  const found = new Set(allFindings(report).map(({ severity }) => severity));
  if (found.has('blocks')) return exitCodes.findings;
  const counted = severities.slice(0, severities.indexOf(failOn) + 1);
  return counted.some((severity) => found.has(severity)) ? exitCodes.warnings : exitCodes.ok;
}
