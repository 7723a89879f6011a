// `report verify`: whether the file of a change record is as it was made, and whether the upgrade
// still tells the same.

import type { Command } from 'commander';

import type { RecordProblem } from '../../domain/record/chain';
import { recordProblem, recordProblemSentence } from '../../domain/record/chain';
import type { RecordComparison } from '../../domain/record/compare-records';
import { compareRecords, recordDifferenceSentence } from '../../domain/record/compare-records';
import type { ChangeRecord } from '../../domain/record/record';
import { dataOf, upgradeOf } from '../../domain/record/record';
import { recordSentence } from '../../domain/record/record-sentences';
import { exitCodes } from '../exit-codes';
import type { RecordFile } from '../record-file';
import { readRecordFile } from '../record-file';
import { renderRecordPage } from '../render/record-page';
import type { Style } from '../render/style';
import { wrap } from '../render/text';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

interface VerifyOptions {
  readonly against?: string;
  readonly run?: string;
}

/**
 * `same`: made again of the record in it, the page is the same. `none`: the file is the data alone.
 * `other-release`: another release made it, and would have to compare it.
 */
type PageCheck = 'same' | 'differs' | 'other-release' | 'none';

interface Verification {
  readonly problem?: RecordProblem;
  readonly page: PageCheck;
  readonly comparison?: RecordComparison;
}

export function addReportVerify(report: Command, run: CommandRun): void {
  const command = report
    .command('verify')
    .summary('see whether a change record is as it was made')
    .description(
      'Checks the hashes of a change record, JSON or HTML, the digest of its plan, and that' +
        ' nothing is missing; of a page also that it shows what its record says. Needs no' +
        ' connection, but for --against. Exit code 8 when something does not fit.',
    )
    .argument('<file>', 'a file that report has written')
    .option('--against <cluster>', 'compare with what the upgrade in Temporal tells now')
    .option('--run <id>', 'with --against: of an earlier upgrade')
    .addHelpText(
      'after',
      examples([
        ['report verify prod.html', 'was it changed since it was made?'],
        ['report verify prod.json --against prod', 'and does the upgrade tell the same?'],
      ]),
    );
  run.bind<VerifyOptions>(command, verify);
}

async function verify(invocation: Invocation<VerifyOptions>) {
  const { context, args } = invocation;
  const file = args[0] ?? '';
  const found = await readRecordFile(context, file);
  const verification = await check(invocation, found);
  const isFine = isIntact(verification);
  const { record } = found;
  invocation.print({
    json: withSchema('ascent.record-verification/v1', {
      file,
      isIntact: isFine,
      head: record.head,
      entries: record.entries.length,
      ...(isFine ? aboutOf(record) : {}),
      ...told(verification),
    }),
    lines: (style, width) => renderVerification({ file, record, verification, style, width }),
  });
  return isFine ? exitCodes.ok : exitCodes.notCompleted;
}

function isIntact({ problem, page, comparison }: Verification): boolean {
  return problem === undefined && page !== 'differs' && comparison?.kind !== 'differs';
}

/** What the record says of itself is told only where it can be believed. */
function aboutOf(record: ChangeRecord) {
  const { cluster, upgrade, state } = upgradeOf(record.entries);
  return { cluster, upgrade, state, missing: dataOf(record.entries, 'missing').length };
}

function told({ problem, page, comparison }: Verification) {
  return {
    page,
    ...(problem === undefined
      ? {}
      : { problem: { ...problem, sentence: recordProblemSentence(problem) } }),
    ...(comparison === undefined ? {} : { comparison }),
  };
}

async function check(
  invocation: Invocation<VerifyOptions>,
  { record, page }: RecordFile,
): Promise<Verification> {
  const { options, context } = invocation;
  const problem = recordProblem(record);
  if (problem !== undefined) return { problem, page: 'none' };
  const checked = { page: pageCheck(record, page, context.version) };
  const { against, run: runId } = options;
  if (against === undefined) return checked;
  const now = await invocation.withClient((client) =>
    client.changeRecord(against, runId === undefined ? {} : { runId }),
  );
  return { ...checked, comparison: compareRecords(record, now) };
}

function pageCheck(record: ChangeRecord, page: string | undefined, release: string): PageCheck {
  if (page === undefined) return 'none';
  const made = /<meta name="generator" content="ascent ([^"]*)">/.exec(page)?.[1];
  if (made !== undefined && made !== release) return 'other-release';
  try {
    return renderRecordPage(record, release) === page ? 'same' : 'differs';
  } catch {
    // Data of another shape: whoever made this chain was not Ascent, and nor was the page.
    return 'differs';
  }
}

const pageWords = {
  same: 'the page shows what its record says',
  differs: 'the page does not show what its record says: it was changed around the record in it',
  'other-release':
    'the page was made by another release and cannot be compared by this one: only the record in' +
    ' it was checked',
  none: undefined,
} as const satisfies Record<PageCheck, string | undefined>;

interface Shown {
  readonly file: string;
  readonly record: ChangeRecord;
  readonly verification: Verification;
  readonly style: Style;
  readonly width: number;
}

function renderVerification(shown: Shown): readonly string[] {
  const { file, record, verification, style, width } = shown;
  const { problem, page, comparison } = verification;
  if (problem !== undefined) {
    return [
      style.bad(`${file} is not as it was made`),
      ...wrap(recordProblemSentence(problem), width, '  '),
    ];
  }
  const pageText = pageWords[page];
  return [
    isIntact(verification)
      ? style.good(`${file} is as it was made`)
      : style.bad(`${file} cannot be relied on`),
    ...wrap(recordSentence(upgradeOf(record.entries)), width, '  '),
    `  ${record.entries.length} entries, head ${record.head}`,
    ...(pageText === undefined ? [] : wrap(pageText, width, '  ')),
    ...(comparison === undefined
      ? []
      : comparisonTexts(comparison).flatMap((text) => wrap(text, width, '  '))),
    ...(comparison === undefined
      ? [style.faint('→ a whole new chain fits, too: compare the head hash, or use --against')]
      : []),
  ];
}

function comparisonTexts(comparison: RecordComparison): readonly string[] {
  if (comparison.kind === 'differs') return [recordDifferenceSentence(comparison.difference)];
  const { later, notCompared } = comparison;
  return [
    later === 0
      ? 'the upgrade tells the same'
      : `the upgrade tells the same, and ${later} lines of its trail that came later`,
    ...(notCompared.length === 0
      ? []
      : [`not compared, as Temporal has no history of it any more: ${notCompared.join(', ')}`]),
  ];
}
