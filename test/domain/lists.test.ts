import { boundedList } from '../../domain/lists';

it.each([
  [[], ''],
  [['a'], 'a'],
  [['c', 'b', 'a'], 'c, b, a'],
  [['a', 'b', 'c', 'd', 'e'], 'a, b, c and 2 more'],
])('the list %j', (names, text) => {
  expect(boundedList(names)).toBe(text);
});
