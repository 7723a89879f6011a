// Change records as commands: written, and verified after somebody had them in hand.

import { runCli } from '../../cli/program';
import { renderRecordPage } from '../../cli/render/record-page';
import { buildRecord } from '../../domain/record/build-record';
import { sealRecord } from '../../domain/record/chain';
import type { ChangeRecord, RecordBody } from '../../domain/record/record';
import { recordEvidence, runningEvidence } from '../support/record-evidence';
import { FakeTerminal } from './support/fake-terminal';
import { FakeUpgrade } from './support/fake-upgrade';
import { plan } from './support/fixtures';

const record = buildRecord(recordEvidence);
const running = buildRecord(runningEvidence);
const json = JSON.stringify(record);
const page = renderRecordPage(record, '0.0.0');

interface Run {
  readonly terminal: FakeTerminal;
  readonly upgrade: FakeUpgrade;
  readonly exitCode: number;
  /** Printed with `-o json`. */
  json(): unknown;
}

async function ascent(
  line: string,
  files: Readonly<Record<string, string>> = {},
  told: ChangeRecord | 'none' = record,
): Promise<Run> {
  const known = told === 'none' ? {} : { record: told };
  const upgrade = new FakeUpgrade({ cluster: 'prod', plan, ...known });
  const terminal = new FakeTerminal({ files, client: () => upgrade });
  const exitCode = await runCli(line.split(' '), terminal.context);
  return { terminal, upgrade, exitCode, json: () => JSON.parse(terminal.stdout) as unknown };
}

describe('ascent report', () => {
  it('says in a few lines what a record has', async () => {
    const { terminal, exitCode } = await ascent('report prod');
    expect(exitCode).toBe(0);
    expect(terminal.stdout).toBe(
      [
        'the upgrade of prod from 1.28.15 to 1.30.14 was rolled back',
        '  2026-11-18 08:00:00 to 2026-11-20 08:35:00 UTC, 2 d',
        '  2 hops, 7 requests and decisions, 3 findings, 59 pods evicted, 1 hop rolled back',
        `  49 entries, head ${record.head}`,
        '',
      ].join('\n'),
    );
  });

  it('says that an upgrade is not finished, and what is missing', async () => {
    const unread = [{ code: 'history-gone', workflowId: 'upgrade/prod', runId: 'r-1' }] as const;
    const told = buildRecord({ ...runningEvidence, unread });
    const { terminal } = await ascent('report prod', {}, told);
    expect(terminal.stdout.split('\n').slice(0, 6)).toEqual([
      'the upgrade of prod from 1.28.15 to 1.30.14 is not finished',
      '  not finished: prod needs an operator: node worker-2 waits',
      '  2026-11-18 08:00:00 to 2026-11-20 08:20:00 UTC, 2 d',
      '  1 hop, 5 requests and decisions, 3 findings, 42 pods evicted',
      '  not in the record: the history of upgrade/prod (run r-1): Temporal does not have it any' +
        ' more; with',
      '  it requests as they arrived, when steps began, and findings',
    ]);
  });

  it('prints the record, or the page', async () => {
    expect((await ascent('report prod -o json')).json()).toEqual(record);
    expect((await ascent('report prod -o html')).terminal.stdout).toBe(page);
  });

  it('writes what the ending of the file says', async () => {
    const html = await ascent('report prod --out prod.html');
    expect(html.terminal.files.get('prod.html')).toBe(page);
    expect(html.terminal.stdout.split('\n').slice(-3)).toEqual([
      'wrote prod.html',
      '→ keep the head hash elsewhere: it shows later that the record is the same',
      '',
    ]);
    const data = await ascent('report prod --out prod.json --run r-7');
    expect(JSON.parse(data.terminal.files.get('prod.json') ?? '')).toEqual(record);
    expect(data.upgrade.calls).toEqual([['changeRecord', 'prod', { runId: 'r-7' }]]);
  });

  it('tells programs what it wrote', async () => {
    const run = await ascent('report prod -o json --out record.txt');
    expect(run.json()).toEqual({
      schema: 'ascent.report-result/v1',
      file: 'record.txt',
      format: 'json',
      cluster: 'prod',
      upgrade: '480b6208-2149-4a96-8417-1b554fcdae5f',
      state: 'rolled-back',
      head: record.head,
      entries: 49,
    });
    expect(JSON.parse(run.terminal.files.get('record.txt') ?? '')).toEqual(record);
  });

  it('refuses a file whose form nobody said, before it asks anybody', async () => {
    const { terminal, upgrade, exitCode } = await ascent('report prod --out record.txt');
    expect(exitCode).toBe(2);
    expect(terminal.stderr).toContain('record.txt ends neither in .html nor in .json');
    expect(upgrade.calls).toEqual([]);
  });

  it('knows no such upgrade', async () => {
    const { exitCode, terminal } = await ascent('report prod', {}, 'none');
    expect([exitCode, terminal.stderr]).toEqual([
      6,
      expect.stringContaining('no upgrade of cluster prod is known'),
    ]);
  });

  it('does not answer as a table', async () => {
    const { exitCode, terminal } = await ascent('report prod -o table');
    expect(exitCode).toBe(2);
    expect(terminal.stderr).toContain('give one of human, html, json');
  });
});

describe('ascent report verify', () => {
  it('finds a record as it was made, data and page', async () => {
    const files = { 'a.json': json, 'a.html': page };
    const data = await ascent('report verify a.json', files);
    expect([data.exitCode, data.terminal.stdout]).toEqual([
      0,
      [
        'a.json is as it was made',
        '  the upgrade of prod from 1.28.15 to 1.30.14 was rolled back',
        `  49 entries, head ${record.head}`,
        '→ a whole new chain fits, too: compare the head hash, or use --against',
        '',
      ].join('\n'),
    ]);
    const html = await ascent('report verify a.html -o json', files);
    expect([html.exitCode, html.json()]).toEqual([
      0,
      {
        schema: 'ascent.record-verification/v1',
        file: 'a.html',
        isIntact: true,
        head: record.head,
        entries: 49,
        cluster: 'prod',
        upgrade: '480b6208-2149-4a96-8417-1b554fcdae5f',
        state: 'rolled-back',
        missing: 0,
        page: 'same',
      },
    ]);
    expect(html.upgrade.calls).toEqual([]);
  });

  it('finds what was changed in the data of a page', async () => {
    const changed = page.replace(/("reason":")errors rise/, '$1a whim');
    const { exitCode, terminal } = await ascent('report verify a.html', { 'a.html': changed });
    expect(exitCode).toBe(8);
    expect(terminal.stdout).toMatch(
      /^a\.html is not as it was made\n {2}entry \d+ \(request\) was changed: /,
    );
  });

  it('finds what was changed on the page around the data', async () => {
    const changed = page.replace('<td>errors rise</td>', '<td>a whim</td>');
    expect(changed).not.toBe(page);
    const run = await ascent('report verify a.html', { 'a.html': changed });
    expect(run.exitCode).toBe(8);
    expect(run.terminal.stdout).toContain('a.html cannot be relied on');
    expect(run.terminal.stdout).toContain('the page does not show what its record says');
  });

  it('finds a page whose data no page can be made of', async () => {
    const odd = sealRecord(
      [
        { kind: 'upgrade', data: {} as never },
        { kind: 'hop', data: {} as never },
      ],
      true,
    );
    const forged = page.replace(json.replaceAll('<', '\\u003c'), JSON.stringify(odd));
    const run = await ascent('report verify a.html -o json', { 'a.html': forged });
    expect(run.json()).toMatchObject({ isIntact: false, page: 'differs' });
  });

  it('says that it cannot compare the page of another release', async () => {
    const other = { 'a.html': renderRecordPage(record, '0.9.9') };
    const run = await ascent('report verify a.html', other);
    expect(run.exitCode).toBe(0);
    expect(run.terminal.stdout).toContain('made by another release and cannot be compared');
  });

  it('tells each kind of change apart', async () => {
    const { entries, head } = record;
    const saved = (changed: readonly unknown[], as = head) =>
      JSON.stringify({ schema: record.schema, head: as, entries: changed });
    const swapped = [...entries.slice(0, 4), entries[5], entries[4], ...entries.slice(6)];
    const files = {
      'removed.json': saved(entries.toSpliced(4, 2)),
      'reordered.json': saved(swapped),
      'truncated.json': saved(entries.slice(0, 20)),
      'appended.json': saved([...entries, entries[3]]),
      'inserted.json': saved(entries.toSpliced(4, 0, entries[7] as never)),
      'head.json': saved(entries, 'a'.repeat(64)),
    };
    const codes = await Promise.all(
      Object.keys(files).map(async (file) => {
        const run = await ascent(`report verify ${file} -o json`, files);
        const { problem } = run.json() as { readonly problem: { readonly code: string } };
        return [run.exitCode, problem.code];
      }),
    );
    expect(codes).toEqual([
      [8, 'entries-removed'],
      [8, 'entries-reordered'],
      [8, 'record-truncated'],
      [8, 'entry-appended'],
      [8, 'entry-inserted'],
      [8, 'head-differs'],
    ]);
  });

  it('finds a chain that was made anew only against the upgrade itself', async () => {
    const bodies = record.entries.slice(0, -1).filter(({ seq }) => seq !== 9) as RecordBody[];
    const forged = sealRecord(
      bodies.map(({ kind, data }) => ({ kind, data }) as RecordBody),
      true,
    );
    const files = { 'a.json': JSON.stringify(forged) };
    expect((await ascent('report verify a.json', files)).exitCode).toBe(0);
    const run = await ascent('report verify a.json --against prod --run r-7', files);
    expect(run.exitCode).toBe(8);
    expect(run.terminal.stdout).toContain('entry 9 (event) is not what the upgrade tells');
    expect(run.upgrade.calls).toEqual([['changeRecord', 'prod', { runId: 'r-7' }]]);
  });

  it('says that the upgrade tells the same, or went on since', async () => {
    const files = { 'a.json': json, 'running.json': JSON.stringify(running) };
    const same = await ascent('report verify a.json --against prod', files);
    expect([same.exitCode, same.terminal.stdout]).toEqual([
      0,
      expect.stringContaining('\n  the upgrade tells the same\n'),
    ]);
    const later = await ascent('report verify running.json --against prod', files);
    expect([later.exitCode, later.terminal.stdout]).toEqual([
      0,
      expect.stringContaining('the same, and 5 lines of its trail that came later'),
    ]);
    const unread = [{ code: 'history-gone', workflowId: 'upgrade/prod', runId: 'r' }] as const;
    const gone = await ascent('report verify a.json --against prod', files, {
      ...buildRecord({ ...recordEvidence, unread }),
    });
    expect(gone.terminal.stdout).toContain('any more: request, step, look');
  });

  const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;

  it.each<[string, string, string, string]>([
    ['no JSON', 'hello', 'record-invalid', 'it is no JSON'],
    ['a list', '[]', 'record-invalid', 'its schema is not ascent.change-record/v1'],
    ['a number', '7', 'record-invalid', 'it is no JSON object'],
    ['another document', '{"schema":"ascent.audit/v1"}', 'record-invalid', 'its schema is not'],
    [
      'a later version',
      '{"schema":"ascent.change-record/v2"}',
      'record-version',
      'ascent.change-record/v2',
    ],
    ['no entries', `{"schema":"${record.schema}"}`, 'record-invalid', 'entries'],
    [
      'a field that no hash covers',
      json.replace('"head"', '"note":"x","head"'),
      'record-invalid',
      'note',
    ],
    [
      'a field in an entry that no hash covers',
      json.replace('{"kind":"event"', '{"note":"x","kind":"event"'),
      'record-invalid',
      'note',
    ],
    ['a page of something else', '<!doctype html><p>hi</p>', 'record-invalid', 'no change record'],
    ['a page with two records', `${page}${page}`, 'record-invalid', 'several change records'],
    ['half a page', page.slice(0, -200), 'record-invalid', 'does not end'],
    [
      'one that goes down without an end',
      `{"schema":"${record.schema}","entries":[${deep}]}`,
      'record-invalid',
      'levels down',
    ],
  ])('refuses %s', async (_what, text, code, words) => {
    const run = await ascent('report verify a.json -o json', { 'a.json': text });
    expect(run.exitCode).toBe(2);
    const { code: told } = run.json() as { readonly code: string };
    expect([told, run.terminal.stderr]).toEqual([code, expect.stringContaining(words)]);
  });

  it('refuses a file that is not there, and one that is too large', async () => {
    const missing = await ascent('report verify a.json');
    expect([missing.exitCode, missing.terminal.stderr]).toEqual([
      2,
      expect.stringContaining('the change record a.json cannot be read: it does not exist'),
    ]);
    const large = await ascent('report verify a.json', { 'a.json': ' '.repeat(2 ** 26 + 1) });
    expect([large.exitCode, large.terminal.stderr]).toEqual([
      2,
      expect.stringContaining('a.json cannot be read: it is too large'),
    ]);
  });
});
