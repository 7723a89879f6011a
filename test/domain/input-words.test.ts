import { distance } from 'fastest-levenshtein';

import {
  alternativesText,
  expectedText,
  kindText,
  meantWord,
  unknownKeyText,
  withSuggestion,
} from '../../domain/input-words';

it.each([
  [undefined, 'is required: expected a list'],
  [null, 'expected a list, got nothing'],
  [5, 'expected a list, got the number 5'],
  ['a', 'expected a list, got the string "a"'],
  [{}, 'expected a list, got a mapping'],
])('a list is expected where %j stands', (input, text) => {
  expect(expectedText('a list', input)).toBe(text);
});

it.each([
  [null, 'nothing'],
  [[], 'a list'],
  [{}, 'a mapping'],
  ['s3cret', 'text'],
  [5, 'a number'],
  [true, 'true or false'],
])('%j is told by its kind alone', (input, text) => {
  expect(kindText(input)).toBe(text);
});

it.each([
  [[], 'nothing'],
  [['v1'], 'v1'],
  [['lab', 'none'], 'lab or none'],
  [['a', 'b', 'c'], 'a, b or c'],
])('the alternatives %j', (values, text) => {
  expect(alternativesText(values)).toBe(text);
});

it.each([
  ['membrs', 'members'],
  ['Members', 'members'],
  ['contrllrmangr', 'controllerManager'],
  ['colour', undefined],
])('%s was probably meant to be %s', (given, meant) => {
  expect(meantWord(given, ['members', 'etcd', 'controllerManager'], distance)).toBe(meant);
});

it('nothing is meant where nothing is known', () => {
  expect(meantWord('membrs', [], distance)).toBeUndefined();
});

it('an unknown key is told with what is known and what was meant', () => {
  expect(withSuggestion(unknownKeyText(['a', 'b']), 'a')).toBe(
    'unknown key; known are a, b - did you mean a?',
  );
  expect(withSuggestion('unknown', undefined)).toBe('unknown');
});
