import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readKnowledgeFolder } from '../../../activities/adapters/knowledge-folder';
import { readOverlays, readShippedKnowledge } from '../../../activities/knowledge/read-knowledge';

const topics =
  'support, images, etcd, containerd, cgroup, flags, gates, plugins, configuration, volumes';

/** All is unknown in it but APIs and changes. */
function file(minor: string, rest = '', known = 'apis, changes'): string {
  const unknown = topics
    .split(', ')
    .map((topic) => `  - { topic: ${topic}, why: not looked into }\n`);
  return (
    `schema: ascent.knowledge/v1\nminor: '${minor}'\nknown: [${known}]\n` +
    `unknown:\n${unknown.join('')}${rest}`
  );
}

const api = (removed: string, source = 'pkg/a of 1.31.4'): string =>
  `apis:\n  - { group: a.io, version: v1beta1, kind: Thing, removed: '${removed}',` +
  ` source: '${source}' }\n`;

function problemsOf(...texts: readonly string[]): readonly string[] {
  const read = readShippedKnowledge(
    texts.map((text, index) => ({ name: `${index + 1}.yaml`, text })),
  );
  return read.kind === 'invalid' ? read.problems : [];
}

describe('files of the catalogue', () => {
  it('are read, oldest first', () => {
    const read = readShippedKnowledge([
      { name: 'b', text: file('1.31', api('1.31')) },
      { name: 'a', text: file('1.30') },
      { name: 'c', text: 'schema: ascent.knowledge/v1\nminor: earlier\nknown: [apis]\n' },
    ]);
    expect(read.kind === 'read' && read.files.map(({ minor }) => minor)).toEqual([
      'earlier',
      '1.30',
      '1.31',
    ]);
  });

  it.each([
    ['no YAML', ['a: ['], /^1\.yaml:1: not YAML: /],
    ['an alias that leads nowhere', ['a: *b'], /^1\.yaml:1: not YAML: Unresolved alias/],
    ['a number for a minor', [file('1.31').replace("'1.31'", '1.31')], /^1\.yaml:2: minor: exp/],
    ['a key nobody knows', [file('1.31', 'flag: []\n')], /unknown key/],
    [
      'a bare word as a source',
      [file('1.31', api('1.31', 'somewhere'))],
      /source somewhere is not/,
    ],
    ['a key of a source nobody uses', [`${file('1.31')}sources: { a: 'b c' }\n`], /nothing names/],
    ['a topic that is neither', [file('1.31', '', 'apis')], /changes must be either known or unk/],
    ['a topic that is both', [file('1.31', '', 'apis, changes, flags')], /flags must be either/],
    ['entries of what is unknown', [file('1.31', 'flags: []\n')], /flags is unknown, but has/],
    ['the same minor twice', [file('1.31'), file('1.31')], /a file of 1\.31 is there twice/],
    [
      'an API twice',
      [file('1.31', `${api('1.31')}${api('1.31').replace('apis:\n', '')}`)],
      /^apis a\.io\/v1beta1\/Thing is there twice$/,
    ],
    [
      'an API in another file',
      [file('1.31', api('1.30')), file('1.30')],
      /does not belong to 1\.31/,
    ],
    ...[
      ['of a kind nobody knows', '{ when: moon }', /applies\.0\.when/],
      ['of no component', '{ when: flag, component: a, flag: b }', /applies\.0\.component/],
      ['with a star inside', '{ when: flag, component: etcd, flag: a*b }', /expected a flag, or/],
      ['without its version', '{ when: containerd-below }', /applies\.0\.version/],
    ].map(
      ([what, applies, problem]) =>
        [
          `a condition ${String(what)}`,
          [
            file(
              '1.31',
              'changes:\n  - { id: a, severity: notes, appliesTo: b, what: c, remedy: d,' +
                ` source: 'e f', applies: [${String(applies)}] }\n`,
            ),
          ],
          problem as RegExp,
        ] as [string, string[], RegExp],
    ),
    ['a planned one in a file too old', [file('1.30', api('1.40')), file('1.31')], /not belong/],
  ])('are refused with %s', (_, texts, problem) => {
    expect(problemsOf(...texts)).toEqual([expect.stringMatching(problem)]);
  });

  it('are refused when what is known is not said', () => {
    const text = file('1.31', '', 'apis, changes, etcd').replace(/ {2}- \{ topic: etcd.*\n/, '');
    expect(problemsOf(text)).toEqual(['1.31: etcd is known, but not said']);
  });

  it('are bounded where aliases multiply', () => {
    const levels = Array.from({ length: 9 }, (_, level) => {
      const inner = level === 0 ? '[x, x]' : `[${`*a${level - 1}, `.repeat(8)}*a${level - 1}]`;
      return `a${level}: &a${level} ${inner}\n`;
    });
    expect(problemsOf(levels.join(''))).toEqual([
      '1.yaml:1: not YAML: Excessive alias count indicates a resource exhaustion attack',
    ]);
  });
});

describe('files of users', () => {
  it('need say only what they add, replace or withdraw', () => {
    const text =
      "schema: ascent.knowledge/v1\nminor: '1.38'\n" +
      'flags:\n  - { component: kubelet, flag: a, change: removed, source: https://a.io/b,' +
      ' replace: true }\n' +
      'withdraw:\n  - { topic: gates, key: A, why: ours has it }\n';
    expect(readOverlays([{ name: 'x.yaml', text }])).toEqual({
      kind: 'read',
      files: [
        {
          name: 'x.yaml',
          content: {
            schema: 'ascent.knowledge/v1',
            minor: '1.38',
            sources: {},
            known: [],
            flags: [
              {
                component: 'kubelet',
                flag: 'a',
                change: 'removed',
                source: 'https://a.io/b',
                replace: true,
              },
            ],
            withdraw: [{ topic: 'gates', key: 'A', why: 'ours has it' }],
          },
        },
      ],
    });
  });

  it('are refused all at once, each with its file', () => {
    const read = readOverlays([
      { name: 'x.yaml', text: '{}' },
      { name: 'y.yaml', text: 'a: [' },
    ]);
    expect(read.kind === 'invalid' && read.problems.map((one) => one.slice(0, 8))).toEqual([
      'x.yaml:1',
      'x.yaml:1',
      'y.yaml:1',
    ]);
  });
});

describe('a folder of knowledge', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ascent-knowledge-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is read by name, with only what is YAML', async () => {
    await writeFile(path.join(folder, 'b.yaml'), 'b');
    await writeFile(path.join(folder, 'a.yml'), 'a');
    await writeFile(path.join(folder, 'README.md'), 'c');
    expect(await readKnowledgeFolder(folder)).toEqual([
      { name: path.join(folder, 'a.yml'), text: 'a' },
      { name: path.join(folder, 'b.yaml'), text: 'b' },
    ]);
  });

  it('is refused when it is not there, too large, or too full', async () => {
    await expect(readKnowledgeFolder(path.join(folder, 'no'))).rejects.toThrow('cannot be read');
    const large = path.join(folder, 'a.yaml');
    await writeFile(large, ' '.repeat(1024 * 1024 + 1));
    await expect(readKnowledgeFolder(folder)).rejects.toThrow('is larger than 1048576 bytes');
    const names = Array.from({ length: 101 }, (_, index) => path.join(folder, `${index}.yaml`));
    await Promise.all(names.map((name) => writeFile(name, '')));
    await expect(readKnowledgeFolder(folder)).rejects.toThrow(
      '102 files of knowledge; at most 100',
    );
  });
});
