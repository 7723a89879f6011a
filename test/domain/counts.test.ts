import { count } from '../../domain/counts';

it('counts things in words', () => {
  expect([0, 1, 2].map((number) => count(number, 'node'))).toEqual([
    '0 nodes',
    '1 node',
    '2 nodes',
  ]);
});
