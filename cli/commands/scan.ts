// `scan`: which objects in files a later minor does not serve any more. Needs no cluster.

import type { Command } from 'commander';

import { readOverlays } from '../../activities/knowledge/read-knowledge';
import { PortError } from '../../activities/ports';
import { readManifests } from '../../activities/scan/read-manifests';
import type { Knowledge } from '../../domain/knowledge/knowledge';
import { overlayConflictSentence, overlayKnowledge } from '../../domain/knowledge/overlay';
import { shippedKnowledge } from '../../domain/knowledge/shipped';
import { evaluateScan } from '../../domain/scan/evaluate-scan';
import type {
  ManifestObject,
  ScanFinding,
  ScanRange,
  Skipped,
} from '../../domain/scan/scan-findings';
import { CliError, usageError } from '../cli-error';
import type { CliContext } from '../context';
import type { ExitCode } from '../exit-codes';
import { exitCodes } from '../exit-codes';
import { minorIn, minorPath } from '../minor-path';
import { junitText, scanSuite } from '../render/junit';
import type { ScanReport } from '../render/scan';
import { renderScan } from '../render/scan';
import { scanSarif } from '../render/sarif';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

interface ScanOptions {
  readonly target?: string;
  readonly path?: string;
  readonly knowledge?: string;
}

/** All texts together; at this point a folder is something else than manifests. */
const documentsMax = 200_000;

export function addScan(program: Command, run: CommandRun): void {
  const command = program
    .command('scan')
    .summary('look through files for APIs that go')
    .description(
      'Looks through a file, a folder or the standard input (-) for objects that API servers of a' +
        ' later minor do not serve: manifests, rendered charts, the output of Kustomize, YAML or' +
        ' JSON. Needs no cluster. -o takes human, table (the same), json, sarif and junit here.' +
        ' Exit code 4 when something blocks, 9 when something warns.',
    )
    .argument('<file>', 'a file, a folder, or - for the standard input')
    .option('--target <minor>', 'the minor that the cluster goes to: 1.31')
    .option('--path <from..to>', 'the minors it goes through: 1.28..1.31')
    .option('--knowledge <dir>', 'files of your own, laid over what is known (docs/knowledge.md)')
    .addHelpText(
      'after',
      examples([
        ['scan deploy/ --path 1.28..1.31', 'what in deploy/ would stop working on the way?'],
        ['scan - --target 1.32 < rendered.yaml', 'what a chart renders to, or Kustomize'],
        ['scan . --target 1.32 -o sarif > scan.sarif', 'for a review of code'],
      ]),
    );
  run.bind<ScanOptions>(command, scan, ['human', 'table', 'json', 'sarif', 'junit']);
}

async function scan(invocation: Invocation<ScanOptions>): Promise<ExitCode> {
  const { context, options, args } = invocation;
  const target = args[0] ?? '-';
  const range = rangeOf(options);
  const { knowledge, conflicts } = await knowledgeOf(context, options.knowledge);
  const { objects, skipped, ...counted } = await orUnreadable(collect(context, target));
  const findings = evaluateScan({ objects, skipped, knowledge, range });
  const report: ScanReport = {
    target,
    range,
    ...counted,
    objects: objects.length,
    conflicts,
    findings,
  };
  print(invocation, report);
  return exitCodeOf(findings);
}

function exitCodeOf(findings: readonly ScanFinding[]): ExitCode {
  if (findings.some(({ severity }) => severity === 'blocks')) return exitCodes.findings;
  if (findings.some(({ severity }) => severity === 'warns')) return exitCodes.warnings;
  return exitCodes.ok;
}

function print(invocation: Invocation<ScanOptions>, report: ScanReport): void {
  const { context, options } = invocation;
  for (const conflict of report.conflicts) context.stderr.write(`${conflict}\n`);
  switch (options.output) {
    case 'sarif':
      context.stdout.write(`${JSON.stringify(scanSarif(report, context.version), null, 2)}\n`);
      return;
    case 'junit':
      context.stdout.write(junitText([scanSuite(report)]));
      return;
    // It is not one of those that scan answers with.
    case 'html':
    case 'human':
    case 'table':
    case 'json':
      invocation.print({
        json: withSchema('ascent.scan/v1', report),
        lines: (style, width) => renderScan(report, style, width),
      });
  }
}

function rangeOf({ target, path }: ScanOptions): ScanRange {
  if (target !== undefined && path !== undefined) {
    throw usageError('--target and --path say the same twice', 'give one of them');
  }
  if (path !== undefined) return minorPath(path);
  if (target !== undefined) return { to: minorIn(target, '--target') };
  throw usageError(
    'scan needs to know where the cluster goes',
    'give --target 1.31, or --path 1.28..1.31',
  );
}

async function knowledgeOf(
  context: CliContext,
  folder: string | undefined,
): Promise<{ readonly knowledge: Knowledge; readonly conflicts: readonly string[] }> {
  if (folder === undefined) return { knowledge: shippedKnowledge, conflicts: [] };
  const read = readOverlays(await orUnreadable(context.readKnowledge(folder)));
  if (read.kind === 'invalid') {
    throw new CliError({
      exitCode: exitCodes.invalidInput,
      code: 'knowledge-invalid',
      message: `the knowledge in ${folder} is not valid`,
      problems: read.problems,
      remedy: 'correct what is named; docs/knowledge.schema.json completes it in an editor',
    });
  }
  const { knowledge, conflicts } = overlayKnowledge(shippedKnowledge, read.files);
  return { knowledge, conflicts: conflicts.map(overlayConflictSentence) };
}

/** What was named and is not there is a mistake of the command line. */
async function orUnreadable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    throw new CliError({
      exitCode: exitCodes.invalidInput,
      code: 'file-unreadable',
      message: error.message,
      remedy: 'see its name and its permissions',
      cause: error,
    });
  }
}

interface Collected {
  readonly files: number;
  readonly documents: number;
  readonly objects: readonly ManifestObject[];
  readonly skipped: readonly Skipped[];
}

async function collect(context: CliContext, target: string): Promise<Collected> {
  const objects: ManifestObject[] = [];
  const skipped: Skipped[] = [];
  let files = 0;
  let documents = 0;
  for await (const source of context.manifestSources(target)) {
    if (source.kind === 'skipped') {
      skipped.push(source.skipped);
      continue;
    }
    if (documents > documentsMax) {
      const place = { file: source.file, line: 1 };
      skipped.push({ place, isDocument: false, reason: 'too-many-files' });
      break;
    }
    const read = readManifests(source);
    files += 1;
    documents += read.documents;
    objects.push(...read.objects);
    skipped.push(...read.skipped);
  }
  return { files, documents, objects, skipped };
}
