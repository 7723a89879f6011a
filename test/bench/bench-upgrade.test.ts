import { poolSecondsOf } from '../../bench/bench-upgrade';

it('counts what pools take, over all hops', () => {
  const hops = [
    { stepSeconds: { preflight: 3, 'pool web': 20, 'pool batch': 5, verify: 1 } },
    { stepSeconds: { 'pool web': 10 } },
  ];
  expect(poolSecondsOf(hops)).toBe(35);
  expect(poolSecondsOf([])).toBe(0);
});
