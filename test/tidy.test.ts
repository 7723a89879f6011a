// Rules about the repository itself that no other tool checks. A rule's failure names every
// offender as "file:line", so that one run is enough to mend them all.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { blockerCodes } from '../domain/blockers';
import { failureCodes } from '../domain/failures';
import { findingCodes } from '../domain/preflight/findings';

const root = resolve(__dirname, '..');

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
}

interface SourceFile {
  readonly path: string;
  readonly lines: readonly string[];
}

/** What is or will be committed; without git (a release archive) there is nothing to judge. */
function listFiles(): readonly string[] {
  if (!existsSync(join(root, '.git'))) return [];
  const listed = git('ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0');
  return listed.filter((path) => path !== '' && existsSync(join(root, path)));
}

const paths = listFiles();
const generated = /(^|\/)package-lock\.json$|(^|\/)go\.sum$|^test\/replay\/histories\//;
const textual =
  /\.(ts|mjs|cjs|js|json|md|ya?ml|sh|proto|go|mod|sql|service)$|^[^.]*$|^\.[^/]*$|^\.ci\//;

function read(path: string): SourceFile {
  return { path, lines: readFileSync(join(root, path), 'utf8').split('\n') };
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

const lockOf = (manifest: string): string => join(dirname(manifest), 'package-lock.json');

const texts = paths.filter((path) => textual.test(path)).map(read);
const handwritten = texts.filter(({ path }) => !generated.test(path));
const code = handwritten.filter(({ path }) => /\.(ts|mjs|cjs|js|sh|proto)$|^\.ci\//.test(path));

/** "file:line" of every line that the rule is about. */
function offenders(
  files: readonly SourceFile[],
  isOffence: (line: string) => boolean,
): readonly string[] {
  return files.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) => (isOffence(line) ? [`${path}:${String(index + 1)}`] : [])),
  );
}

describe('the tree', () => {
  it('has no code line over 100 columns', () => {
    expect(offenders(code, (line) => line.length > 100)).toEqual([]);
  });

  it('has no file over 400 lines, 800 for a test', () => {
    const limit = (path: string): number => (path.startsWith('test/') ? 800 : 400);
    const long = code.filter(({ path, lines }) => lines.length - 1 > limit(path));
    expect(long.map(({ path, lines }) => `${path}: ${String(lines.length - 1)} lines`)).toEqual([]);
  });

  it('leaves nothing to do without naming the issue', () => {
    const unnamed = /\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))/;
    const judged = handwritten.filter(({ path }) => path !== 'test/tidy.test.ts');
    expect(offenders(judged, (line) => unnamed.test(line))).toEqual([]);
  });

  it('gives a reason wherever a check is switched off', () => {
    const off =
      /(?:\/\/|\/\*).*?((?:oxlint|eslint)-disable|@ts-expect-error|(?:istanbul|c8|v8) ignore)/;
    const reason = / -- \S.{9,}/;
    const never = /(?:\/\/|\/\*)\s*@ts-(?:ignore|nocheck)/;
    const judged = code.filter(({ path }) => path !== 'test/tidy.test.ts');
    const isOffence = (line: string): boolean =>
      never.test(line) || (off.test(line) && !reason.test(line));
    expect(offenders(judged, isOffence)).toEqual([]);
  });

  it('skips no test', () => {
    const tests = code.filter(({ path }) => /^test\/.*\.test\.ts$/.test(path));
    const skipped =
      /\b(?:describe|it|test)\.(?:only|skip|todo)\b|\b(?:xit|xdescribe|fit|fdescribe)\(/;
    const judged = tests.filter(({ path }) => path !== 'test/tidy.test.ts');
    expect(offenders(judged, (line) => skipped.test(line))).toEqual([]);
  });

  it('names no directory of one machine and no host of a package registry', () => {
    const machine = /(?<![\w.}/-])\/(?:work|root|Users\/\w+|home\/(?!node\b|ascent\b)\w+)\//;
    const registry = new RegExp(
      [
        String.raw`registry\.(?:npmjs|yarnpkg)\.`,
        String.raw`(?:proxy|sum)\.golang\.org`,
        String.raw`repo1?\.maven\.`,
        String.raw`maven\.org`,
        String.raw`deb\.debian\.org`,
        String.raw`pypi\.org`,
        String.raw`crates\.io`,
      ].join('|'),
    );
    expect(offenders(texts, (line) => machine.test(line) || registry.test(line))).toEqual([]);
  });

  it('cites no document from outside of it', () => {
    const inside = new Set(paths.flatMap((path) => [path, basename(path)]));
    const isOutside = (line: string): boolean =>
      (line.match(/[\w./-]+\.md\b/g) ?? []).some((name) => !inside.has(name));
    expect(offenders(code, isOutside)).toEqual([]);
  });

  it('locks the packages of every system (mend: node tools/lockfile/complete.mjs)', () => {
    const args = [join(root, 'tools/lockfile/complete.mjs'), '--check'];
    expect(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout).toBe('');
  });

  it('locks what package.json asks for, so that npm ci accepts it', () => {
    const manifests = paths.filter((path) => basename(path) === 'package.json');
    const groupsOf = (record: unknown): unknown => {
      const { dependencies = {}, devDependencies = {} } = record as Record<string, unknown>;
      return { dependencies, devDependencies };
    };
    const locked = manifests.filter((path) => paths.includes(lockOf(path)));
    const wanted = locked.map((path) => [path, groupsOf(readJson(path))]);
    const found = locked.map((path) => {
      const lock = readJson(lockOf(path)) as { packages: Record<string, unknown> };
      return [path, groupsOf(lock.packages[''])];
    });
    expect(found).toEqual(wanted);
  });

  it('pins every dependency to one version', () => {
    const manifests = paths.filter((path) => basename(path) === 'package.json');
    const loose = manifests.flatMap((path) => {
      const groups = readJson(path) as Record<string, Record<string, string> | undefined>;
      const all = { ...groups['dependencies'], ...groups['devDependencies'] };
      const exact = /^(?:npm:(?:@[\w-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$|^file:/;
      return Object.entries(all).flatMap(([name, version]) =>
        exact.test(version) ? [] : [`${path}: ${name} ${version}`],
      );
    });
    expect(loose).toEqual([]);
  });
});

describe('the codes that people alert on', () => {
  const codes = [...new Set<string>([...blockerCodes, ...failureCodes, ...findingCodes])].sort();

  it('are each named by a test', () => {
    const tests = paths.filter((path) => /^test\/.*\.ts$/.test(path)).map(read);
    const words = tests.flatMap(({ lines }) => lines).join('\n');
    expect(codes.filter((name) => !words.includes(`'${name}'`))).toEqual([]);
  });

  it('are each explained in docs/operate.md', () => {
    const path = 'docs/operate.md';
    const text = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '';
    expect(codes.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('the records', () => {
  it('number the decisions without gap or repetition', () => {
    const names = paths
      .filter((path) => /^docs\/adr\/[^/]+\.md$/.test(path))
      .map((path) => basename(path))
      .filter((name) => name !== 'README.md')
      .sort();
    expect(names.filter((name) => !/^\d{4}-[a-z0-9-]+\.md$/.test(name))).toEqual([]);
    const numbers = names.map((name) => Number(name.slice(0, 4)));
    expect(numbers).toEqual(names.map((_, index) => index + 1));
  });

  it('hold a history of every exported workflow', () => {
    const index = 'workflows/index.ts';
    const source = existsSync(join(root, index)) ? readFileSync(join(root, index), 'utf8') : '';
    const lists = [...source.matchAll(/export \{([^}]*)\}/g)].flatMap((match) =>
      (match[1] ?? '').split(','),
    );
    const workflows = lists.map((name) => name.trim()).filter((name) => name !== '');
    const histories = paths.filter((path) => /^test\/replay\/.*\.json(\.gz)?$/.test(path));
    const recorded = histories.map((path) => {
      const bytes = readFileSync(join(root, path));
      return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    });
    const isRecorded = (name: string): boolean =>
      recorded.some((text) =>
        new RegExp(`"workflowType":\\s*\\{\\s*"name":\\s*"${name}"`).test(text),
      );
    expect(workflows.filter((name) => !isRecorded(name))).toEqual([]);
  });
});

describe('the commit messages', () => {
  interface Commit {
    readonly id: string;
    readonly subject: string;
    readonly body: string;
  }

  function readCommits(): readonly Commit[] {
    if (!existsSync(join(root, '.git'))) return [];
    const format = '--format=%h%x00%s%x00%b%x01';
    const records = git('log', '--no-merges', format).split('\x01');
    return records.flatMap((record) => {
      const [id, subject, body] = record.trim().split('\0');
      if (id === undefined || subject === undefined || body === undefined) return [];
      return [{ id, subject, body }];
    });
  }

  // Endings of a narrating verb ("added", "adds", "adding"); the exceptions are imperatives.
  const narrates = /^(?!embed|feed|need|seed|shed|bring|string|ring)\w+(?:ed|ing|[^su]s)$/;

  function problemsOf({ subject, body }: Commit): readonly string[] {
    const [, verb] =
      /^[a-z][a-z0-9./-]*(?:, [a-z][a-z0-9./-]*)*: ([a-z][\w-]*)/.exec(subject) ?? [];
    return [
      ...(verb === undefined ? ['subject is not "<folder>: <imperative>"'] : []),
      ...(verb !== undefined && narrates.test(verb) ? [`"${verb}" is not an imperative`] : []),
      ...(subject.length > 72 ? [`subject has ${String(subject.length)} characters, not 72`] : []),
      ...(subject.endsWith('.') ? ['subject ends with a full stop'] : []),
      ...(body.trim() === '' ? ['body is missing'] : []),
    ];
  }

  it('say what changes in which folder, and why', () => {
    const problems = readCommits().flatMap((commit) =>
      problemsOf(commit).map((problem) => `${commit.id} ${commit.subject}: ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  it('are judged by rules that refuse narration, length and silence', () => {
    const judge = (subject: string, body = 'Why.'): readonly string[] =>
      problemsOf({ id: '0', subject, body });
    expect(judge('drain: wait out a 429 from the eviction API')).toEqual([]);
    expect(judge('lab: process signals once')).toEqual([]);
    expect(judge('drain: waited for a 429')).toEqual(['"waited" is not an imperative']);
    expect(judge('Drain waits')).toEqual(['subject is not "<folder>: <imperative>"']);
    expect(judge('cli: exit with 3 when blocked.', '')).toEqual([
      'subject ends with a full stop',
      'body is missing',
    ]);
    expect(judge(`cli: ${'x'.repeat(70)}`)).toEqual(['subject has 75 characters, not 72']);
  });
});
