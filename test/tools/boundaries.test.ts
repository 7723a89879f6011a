// Plants one violation of every arrow in a copy of nothing but the rules, and sees the linter
// refuse
// exactly those. (dependency-cruiser judges the same arrows again, exactly, in `npm run arch`.)

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');

const folders = [
  'domain',
  'workflows',
  'activities',
  'worker',
  'client',
  'cli',
  'lab',
  'bin',
  'bench',
  'test',
] as const;

type Folder = (typeof folders)[number];

/** docs/concepts.md: who may import whom. */
const arrows: Readonly<Record<Folder, readonly Folder[]>> = {
  domain: [],
  workflows: ['domain'],
  activities: ['domain'],
  worker: ['activities', 'domain'],
  client: ['domain'],
  cli: ['client', 'domain', 'activities'],
  lab: ['activities', 'worker', 'domain'],
  bin: ['domain', 'activities', 'worker', 'client', 'cli', 'lab'],
  bench: folders,
  test: folders,
};

interface Import {
  /** Folder of the importing file. */
  readonly from: string;
  readonly what: string;
}

const betweenFolders = folders.flatMap((from) =>
  folders
    .filter((to) => to !== from)
    .map((to) => ({ from, to, allowed: arrows[from].includes(to) })),
);

function importsBetweenFolders(allowed: boolean): readonly Import[] {
  return betweenFolders
    .filter((arrow) => arrow.allowed === allowed)
    .flatMap(({ from, to }) => [
      { from, what: `../${to}/thing` },
      { from: `${from}/deeper`, what: `../../${to}/deeper/thing` },
    ]);
}

const speakers = ['@kubernetes/client-node', '@grpc/grpc-js'];
const outsideSandbox = ['node:fs', 'fs', 'zod', 'yaml', 'ms'];
const temporalOutside = ['activity', 'client', 'worker', 'testing', 'envconfig', 'proto'];

const allowed: readonly Import[] = [
  ...importsBetweenFolders(true),
  { from: 'client', what: '../workflows/messages' },
  { from: 'activities/adapters', what: '@kubernetes/client-node' },
  { from: 'activities/adapters', what: '@grpc/grpc-js' },
  { from: 'domain', what: '@noble/hashes/sha2' },
  { from: 'workflows', what: '@temporalio/workflow' },
  { from: 'workflows', what: '@temporalio/common' },
];

const refused: readonly Import[] = [
  ...importsBetweenFolders(false),
  ...folders
    .filter((from) => from !== 'test' && from !== 'bench')
    .flatMap((from) => speakers.map((what) => ({ from, what }))),
  { from: 'activities/drivers', what: '@kubernetes/client-node' },
  ...outsideSandbox.map((what) => ({ from: 'domain', what })),
  { from: 'domain', what: '@temporalio/common' },
  ...outsideSandbox.map((what) => ({ from: 'workflows', what })),
  ...temporalOutside.map((name) => ({ from: 'workflows', what: `@temporalio/${name}` })),
];

/** Expressions that make a run depend on its machine, with the folder that must not have them. */
const refusedGlobals = [
  ['domain', 'Date.now()'],
  ['domain', 'Math.random()'],
  ['domain', 'process.env'],
  ['domain', 'setTimeout'],
  ['domain', 'fetch'],
  ['domain', 'crypto'],
  ['workflows', 'process.env'],
  ['workflows', 'fetch'],
  ['workflows', 'crypto'],
] as const;

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
}

describe('the linter', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ascent-boundaries-'));
    for (const name of ['.oxlintrc.json', 'tsconfig.json'])
      cpSync(join(root, name), join(folder, name));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function plant(path: string, text: string): string {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    return path;
  }

  /** The planted files about which one of the restriction rules complained. */
  function refusedFiles(): ReadonlySet<string> {
    const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
    const { stdout } = spawnSync(process.execPath, [oxlint, '--format', 'json'], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const report = JSON.parse(stdout) as Report;
    const restrictions = report.diagnostics.filter(({ code }) => code.includes('no-restricted'));
    return new Set(restrictions.map(({ filename }) => filename));
  }

  it('refuses every import that the design does not draw, and no other', () => {
    const planted = (imports: readonly Import[], kind: string): ReadonlyMap<string, string> =>
      new Map(
        imports.map(({ from, what }, index) => [
          plant(`${from}/${kind}-${String(index)}.ts`, `export * from '${what}';\n`),
          `${from} -> ${what}`,
        ]),
      );
    const good = planted(allowed, 'allowed');
    const bad = planted(refused, 'refused');
    const globals = new Map(
      refusedGlobals.map(([from, expression], index) => [
        plant(`${from}/global-${String(index)}.ts`, `export const used = ${expression};\n`),
        `${from}: ${expression}`,
      ]),
    );
    const found = refusedFiles();
    const judged = [...good, ...bad, ...globals].filter(([path]) => found.has(path));
    const names = (pairs: Iterable<readonly [string, string]>): readonly string[] =>
      [...pairs].map(([, name]) => name).sort();
    expect(names(judged)).toEqual(names([...bad, ...globals]));
  });
});
