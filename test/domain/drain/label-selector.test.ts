import fc from 'fast-check';

import { parseLabelSelector } from '../../../domain/drain/label-selector';

type Labels = Readonly<Record<string, string>>;

function matches(text: string, labels: Labels): boolean {
  const result = parseLabelSelector(text);
  if (result.kind === 'mistaken') throw new Error(result.mistakes.join('; '));
  return result.matches(labels);
}

const web = { app: 'web', env: 'a', level: '7', 'example.com/tier': 'front', empty: '' };

describe('a label selector', () => {
  it.each([
    ['', true],
    ['  ', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web', true],
    ['app=db', false],
    ['app!=web', false],
    ['app!=db', true],
    ['none!=db', true],
    ['none=db', false],
    ['app', true],
    ['none', false],
    ['!app', false],
    ['! none', true],
    ['env in (a,b)', true],
    ['env in (b, c)', false],
    ['env notin (a)', false],
    ['env notin (b)', true],
    ['none in (a)', false],
    ['none notin (a)', true],
    ['example.com/tier=front', true],
    ['empty=', true],
    ['empty=,app=web', true],
    ['none=', false],
    ['empty in (a,)', true],
    ['empty in (,a)', true],
    ['empty in (,)', true],
    ['empty in (a,,b)', true],
    ['empty in (a,b)', false],
    ['level>6', true],
    ['level>7', false],
    ['level<8', true],
    ['level < 7', false],
    ['app>6', false],
    ['none>6', false],
    ['level>6,level<8,app in (web,db),!none', true],
    ['level>6,level<8,app in (web,db),none', false],
    ['level>9223372036854775807', false],
    // Words that are operators elsewhere.
    ['in in (in)', false],
    ['notin=in', false],
    // What every object inherits is no label.
    ['constructor', false],
    ['constructor!=x', true],
    ['toString=x', false],
  ])('%j is for %j of the pod', (text, expected) => {
    expect(matches(text, web)).toBe(expected);
  });

  it.each<[string, readonly string[]]>([
    [',', ['column 1: expected a label key', 'column 2: expected a label key']],
    ['app=web,', ['column 9: expected a label key']],
    ['=web', ['column 1: expected a label key, got "="']],
    ['!', ['column 2: expected a label key']],
    ['!app=web', ['column 5: expected a comma or the end, got "="']],
    ['app web', ['column 5: expected =, ==, in, !=, notin, > or <, got "web"']],
    ['app toString x', ['column 5: expected =, ==, in, !=, notin, > or <, got "toString"']],
    ['app=(web)', ['column 5: expected a value, got "("']],
    ['app=web db', ['column 9: expected a comma or the end, got "db"']],
    ['app in', ['column 7: expected (']],
    ['app in web', ['column 8: expected (, got "web"']],
    ['app in (', ['column 9: expected a comma, a value or )']],
    ['app in (a', ['column 10: expected a comma, a value or )']],
    ['app in ()', ['column 9: expected at least one value, got ")"']],
    ['app in (a b)', ['column 11: expected a comma, a value or ), got "b"']],
    ['app in (a=b)', ['column 10: expected a comma, a value or ), got "="']],
    ['app in (a) b', ['column 12: expected a comma or the end, got "b"']],
    ['level>', ['column 7: expected a whole number']],
    ['level>x', ['column 7: expected a whole number, got "x"']],
    ['level<9223372036854775808', ['column 7: expected a whole number, got "9223372036854775808"']],
  ])('%j is refused', (text, mistakes) => {
    expect(parseLabelSelector(text)).toEqual({ kind: 'mistaken', mistakes });
  });

  const labelText =
    'at most 63 letters, digits, -, _ and ., the first and last a letter or a digit';
  const keyText = `a label key (${labelText}; before it a DNS name and /, or nothing)`;

  it.each([
    '-app',
    'app.',
    'a/b/c',
    '/app',
    'Example.com/app',
    `${'a'.repeat(64)}`,
    `${'a.'.repeat(127)}a/app`,
    'ä',
  ])('the key %j is refused', (key) => {
    const mistakes = [`column 1: expected ${keyText}, got ${JSON.stringify(key)}`];
    expect(parseLabelSelector(key)).toEqual({ kind: 'mistaken', mistakes });
  });

  it('tells every mistake, each with its place', () => {
    expect(parseLabelSelector('-a=b-,c in (d,-e,f-),g,!h i,-j k l')).toEqual({
      kind: 'mistaken',
      mistakes: [
        `column 1: expected ${keyText}, got "-a"`,
        `column 4: expected a label value (${labelText}), got "b-"`,
        `column 15: expected a label value (${labelText}), got "-e"`,
        `column 18: expected a label value (${labelText}), got "f-"`,
        'column 27: expected a comma or the end, got "i"',
        `column 29: expected ${keyText}, got "-j"`,
        'column 32: expected =, ==, in, !=, notin, > or <, got "k"',
      ],
    });
    expect(parseLabelSelector('!-a b')).toEqual({
      kind: 'mistaken',
      mistakes: [
        `column 2: expected ${keyText}, got "-a"`,
        'column 5: expected a comma or the end, got "b"',
      ],
    });
  });

  const key = fc.constantFrom('app', 'env', 'example.com/tier');
  const value = fc.constantFrom('', 'a', 'b', 'c');
  const labelsOf = fc.dictionary(key, value);

  it('and its opposite part all pods between them', () => {
    fc.assert(
      fc.property(key, value, labelsOf, (name, text, labels) => {
        expect(matches(`${name}!=${text}`, labels)).toBe(!matches(`${name}=${text}`, labels));
        expect(matches(`${name}==${text}`, labels)).toBe(matches(`${name}=${text}`, labels));
        expect(matches(`!${name}`, labels)).toBe(!matches(name, labels));
      }),
    );
  });

  it('selects what all of its requirements select, in any order', () => {
    const requirement = fc.oneof(
      key,
      key.map((name) => `!${name}`),
      fc.tuple(key, value).map(([name, text]) => `${name}=${text}`),
      fc
        .tuple(key, fc.array(value, { minLength: 1 }))
        .map(([name, texts]) => `${name} notin (${texts.join(',')},)`),
    );
    fc.assert(
      fc.property(fc.array(requirement, { minLength: 1 }), labelsOf, (parts, labels) => {
        const each = parts.every((part) => matches(part, labels));
        expect(matches(parts.join(','), labels)).toBe(each);
        expect(matches(parts.toReversed().join(' , '), labels)).toBe(each);
      }),
    );
  });

  it('is read or refused with a place, whatever it is', () => {
    const places = (text: string): readonly string[] => {
      const result = parseLabelSelector(text);
      return result.kind === 'parsed' ? [] : result.mistakes;
    };
    const piece = fc.constantFrom('a', '1', 'in', 'notin', '=', '!', '(', ')', ',', '<', '>', ' ');
    const texts = fc.oneof(
      fc.string(),
      fc.array(piece).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        for (const place of places(text)) expect(place).toMatch(/^column \d+: expected /);
      }),
      { numRuns: 1_000 },
    );
  });
});
