// What is in the npm package: all that the program and its messages lead to, and no more. Packed
// from a folder of its own, so that the state of dist/ here does not count.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '..');

/** Of a build, by what becomes of it; sources and the rest of docs/ stay behind, too. */
const built = {
  packed: ['dist/bin/ascent.js', 'dist/bin/ascent.js.map', 'dist/client/index.d.ts'],
  protocols: ['dist/activities/adapters/rpc.proto', 'dist/workflow-bundle.js'],
  left: ['dist/.ascent-stamp', 'dist/bench/main.js', 'dist/client/index.d.ts.map'],
};
const sources = ['test/cli/access.test.ts', 'bench/main.ts', 'cli/access.ts', 'bin/ascent.ts'];
const besides = ['docs/images/a.png', 'tools/verify/main.mjs', '.env'];
const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const schemas = ['docs/addon.schema.json', 'docs/knowledge.schema.json', 'docs/spec.schema.json'];
const always = ['LICENSE', 'README.md', 'bin/ascent.mjs', ...schemas, 'package.json'];
const catalogue = readdirSync(join(root, 'knowledge'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => `knowledge/${name}`);

function packedFiles(): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'ascent-package-'));
  try {
    for (const path of [...always, 'docs', 'knowledge']) {
      cpSync(join(root, path), join(folder, path), { recursive: true });
    }
    for (const path of [...Object.values(built).flat(), ...sources, ...besides]) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), '');
    }
    const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'];
    const answer = execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
    const [packed] = JSON.parse(answer) as [{ readonly files: readonly { path: string }[] }];
    return packed.files.map(({ path }) => path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `docs/…` in what people are told: in texts, not in comments. */
function pagesThatMessagesName(): readonly string[] {
  const folders = ['activities', 'bin', 'cli', 'client', 'domain', 'lab', 'worker', 'workflows'];
  const texts = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  );
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => /['"`]/.test(line));
  const spoken = lines.filter((line) => !/^\s*(\/\/|\/?\*)/.test(line));
  const named = spoken.flatMap((line) => line.match(/docs\/[\w.-]+\.(md|json)/g) ?? []);
  return [...new Set(named)].toSorted();
}

describe('the npm package', () => {
  let files: readonly string[];

  beforeAll(() => {
    files = packedFiles();
  });

  it('holds the program, its build, schemas, catalogue and pages, and nothing else', () => {
    expect(files.toSorted()).toEqual(
      [
        ...always,
        ...built.packed,
        ...built.protocols,
        ...catalogue,
        ...pages.map((page) => `docs/${page}`),
      ].toSorted(),
    );
  });

  it('holds every page that a message points to', () => {
    const named = pagesThatMessagesName();

    expect(named).toContain('docs/spec.schema.json');
    expect(named.filter((page) => !files.includes(page))).toEqual([]);
  });
});
