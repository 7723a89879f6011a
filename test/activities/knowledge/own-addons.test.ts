// A user's own files of add-ons: whole where nothing ships under their name, else what they are
// about; and that what is wrong in them is told, all of it.

import { readOwnAddons } from '../../../activities/knowledge/own-addons';
import type { Addon } from '../../../domain/knowledge/addons';
import { shippedAddons } from '../../../domain/knowledge/shipped-addons';

const sources = "sources: { a: { url: 'https://a.io', date: '2026-11-20' } }\n";
const releases = "releases: [{ first: '3.99', last: '3.99', from: '1.31', source: a }]\n";
const statement = 'statement: tests\n';
const file = (addon: string, ...rest: readonly string[]) =>
  ['schema: ascent.addon/v1', `addon: ${addon}`, ...rest].join('\n');
const whole = 'title: Web\nimages: [web]\n';

const read = (...texts: readonly string[]) =>
  readOwnAddons(
    texts.map((text, index) => ({ name: `/etc/ascent/addons/${index + 1}.yaml`, text })),
    shippedAddons,
  );
const problemsOf = (...texts: readonly string[]): readonly string[] => {
  const result = read(...texts);
  return result.kind === 'invalid' ? result.problems : [];
};

it('is laid over what ships, or added', () => {
  const result = read(
    file('calico', sources, releases),
    file('web', whole, sources, statement, releases),
  );
  const addons: readonly Addon[] = result.kind === 'read' ? result.files : [];
  expect(addons.map(({ addon, title, images }) => [addon, title, images])).toEqual([
    ['calico', 'Calico', ['calico/node']],
    ['web', 'Web', ['web']],
  ]);
  const row = { first: '3.99', last: '3.99', from: '1.31' };
  expect(addons.map((one) => ('releases' in one ? one.releases.at(-1) : undefined))).toEqual([
    { ...row, source: '1.yaml: a', file: '1.yaml' },
    { ...row, source: '2.yaml: a', file: '2.yaml' },
  ]);
});

it.each([
  ['only another name of an image', file('calico', 'images: [mirror/calico]')],
  ['only how strongly it is said', file('calico', 'statement: requires')],
  [
    'releases of one of which nothing ships by release',
    file('flannel', sources, statement, releases),
  ],
  ['nothing new', file('calico')],
])('may say %s', (_what, text) => {
  expect(problemsOf(text)).toEqual([]);
});

it.each([
  [
    'half of an add-on that does not ship',
    file('web', sources, releases),
    '1.yaml:1: title: is required',
  ],
  ['no name', 'schema: ascent.addon/v1', '1.yaml:1: addon: is required'],
  [
    'releases of one of which nothing ships, and not how strongly',
    file('flannel', sources, releases),
    '1.yaml:1: statement: goes with `releases` or `follows`, as nothing of it ships',
  ],
  [
    'how strongly, and nothing more, of one of which nothing ships',
    file('flannel', 'statement: tests'),
    '1.yaml:3: statement: goes with `releases` or `follows`, as nothing of it ships',
  ],
  [
    'two things of all releases',
    file('calico', sources, 'unknown: { why: so, source: a }', releases),
    '1.yaml:1: only one of unknown, follows and releases can be said',
  ],
  ['a source that is nowhere', file('calico', releases), 'calico: source a is not in sources'],
  ['a source nobody names', file('calico', sources), 'calico: sources.a: nothing names it'],
])('that says %s is refused', (_what, text, problem) => {
  expect(problemsOf(text)).toContain(problem);
});

it('has the problems of all files told at once', () => {
  expect(problemsOf('a: [', file('calico'), file('calico'), file('web', whole))).toEqual([
    expect.stringMatching(/^1\.yaml:1: not YAML: /),
    expect.stringMatching(/^4\.yaml:/),
    expect.stringMatching(/^4\.yaml:/),
    expect.stringMatching(/^4\.yaml:/),
    'calico is there twice',
  ]);
});
