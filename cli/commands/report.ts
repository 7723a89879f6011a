// `report`: the change record of an upgrade, and whether a file of one is as it was made.

import type { Command } from 'commander';

import type { ChangeRecord } from '../../domain/record/record';
import { upgradeOf } from '../../domain/record/record';
import { clusterOf } from '../access';
import { CliError, usageError } from '../cli-error';
import type { CliContext } from '../context';
import { exitCodes } from '../exit-codes';
import type { OutputFormat } from '../globals';
import { renderRecordPage } from '../render/record-page';
import { renderRecordSummary } from '../render/record-summary';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';
import { addReportVerify } from './report-verify';

interface ReportOptions {
  readonly out?: string;
  readonly run?: string;
}

export function addReport(program: Command, run: CommandRun): void {
  const command = program
    .command('report')
    .summary('write the change record of an upgrade, and verify one')
    .description(
      'Makes the change record of an upgrade: plan, requests and decisions, timeline, findings,' +
        ' snapshots, evictions, versions, and what was rolled back. Of one that runs it says so.' +
        ' -o takes human, html and json here; with --out the ending of the file tells as well.',
    )
    .argument('[cluster]', 'name of the cluster (default: of the access file, or the only one)')
    .option('--out <file>', 'write the page (.html) or the data (.json) into this file')
    .option('--run <id>', 'of an earlier upgrade: .upgrades[].runId of list -o json')
    .addHelpText(
      'after',
      examples([
        ['report prod --out prod.html', 'one page, for people'],
        ['report prod --out prod.json', 'the same for programs'],
        ['report verify prod.html', 'was it changed since?'],
      ]),
    );
  run.bind<ReportOptions>(command, report, ['human', 'html', 'json']);
  addReportVerify(command, run);
}

async function report(invocation: Invocation<ReportOptions>) {
  const { options, context } = invocation;
  const { out, run: runId } = options;
  const format = formatOf(options.output, out);
  const record = await invocation.withClient(async (client) => {
    const cluster = await clusterOf(invocation.args[0], invocation, client);
    return client.changeRecord(cluster, runId === undefined ? {} : { runId });
  });
  if (out !== undefined && format !== 'human') {
    await write(context, out, fileText(record, format, context.version));
    printWritten(invocation, record, { file: out, format });
  } else if (format === 'html') {
    context.stdout.write(renderRecordPage(record, context.version));
  } else {
    invocation.print({
      json: record,
      lines: (style, width) => renderRecordSummary(record, style, width),
    });
  }
  return exitCodes.ok;
}

type RecordFormat = 'human' | 'html' | 'json';

/** A file has one of two forms: the one that was asked for, else that of its ending. */
function formatOf(output: OutputFormat, out: string | undefined): RecordFormat {
  if (output === 'html' || output === 'json') return output;
  if (out === undefined) return 'human';
  if (/\.html?$/i.test(out)) return 'html';
  if (/\.json$/i.test(out)) return 'json';
  throw usageError(
    `${out} ends neither in .html nor in .json`,
    'name it so, or say which it is to be: -o html or -o json',
  );
}

function fileText(record: ChangeRecord, format: 'html' | 'json', release: string): string {
  if (format === 'html') return renderRecordPage(record, release);
  return `${JSON.stringify(record, null, 2)}\n`;
}

function printWritten(
  invocation: Invocation,
  record: ChangeRecord,
  written: { readonly file: string; readonly format: 'html' | 'json' },
): void {
  const { state, cluster, upgrade } = upgradeOf(record.entries);
  const { head, entries } = record;
  const told = { cluster, upgrade, state, head, entries: entries.length };
  invocation.print({
    json: withSchema('ascent.report-result/v1', { ...written, ...told }),
    lines: (style, width) => [
      ...renderRecordSummary(record, style, width),
      `wrote ${written.file}`,
      style.faint('→ keep the head hash elsewhere: it shows later that the record is the same'),
    ],
  });
}

async function write(context: CliContext, file: string, text: string): Promise<void> {
  try {
    await context.writeFile(file, text);
  } catch (error) {
    throw new CliError({
      exitCode: exitCodes.invalidInput,
      code: 'file-unwritable',
      message: `${file} cannot be written: ${error instanceof Error ? error.message : ''}`,
      remedy: 'see its folder and its permissions',
      cause: error,
    });
  }
}
