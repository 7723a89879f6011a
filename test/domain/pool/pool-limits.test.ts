import type { PoolStep } from '../../../domain/plan/plan';
import {
  isMaxUnavailable,
  isSameLimit,
  limitOf,
  limitSentence,
  maxUnavailableProblem,
  type PoolLimit,
  resolveMaxUnavailable,
  withLimits,
} from '../../../domain/pool/pool-limits';
import type { MaxUnavailable } from '../../../domain/spec';
import { aCluster, aPlan, aPool, aSpec, poolName } from '../../support/builders';

const web = poolName('web');
const limit: PoolLimit = { pool: web, asked: '50%', by: 'ada', reason: 'at night', sinceMs: 1_000 };

const spec = aSpec({
  pools: [aPool({ name: web, nodeSelector: { role: 'web' } }), aPool({ name: poolName('rest') })],
});
const plan = aPlan(
  spec,
  aCluster()
    .withNodes(7, '1.28.15', { prefix: 'web', labels: { role: 'web' } })
    .withNodes(4, '1.28.15')
    .observation(),
);

function poolSteps({ hops }: typeof plan): readonly PoolStep[] {
  return hops.flatMap((hop) => hop.steps.filter((step) => step.kind === 'pool'));
}

it.each<unknown>([1, 500, '1%', '20%', '12.5%', '100%'])('%p is a limit', (value) => {
  expect(isMaxUnavailable(value)).toBe(true);
  expect(maxUnavailableProblem(value)).toBeUndefined();
});

it.each<[unknown, string]>([
  [0, 'got the number 0'],
  [-1, 'got the number -1'],
  [1.5, 'got the number 1.5'],
  ['0%', 'got the string "0%"'],
  ['0.5%', 'got the string "0.5%"'],
  ['101%', 'got the string "101%"'],
  ['-5%', 'got the string "-5%"'],
  ['many', 'got the string "many"'],
  ['9'.repeat(1_000), `got the string "${'9'.repeat(40)}"`],
  [null, 'got nothing'],
])('%p is none, and that is said', (value, got) => {
  expect(isMaxUnavailable(value)).toBe(false);
  expect(maxUnavailableProblem(value)).toBe(
    `expected a number of nodes from 1 or a percentage from "1%" to "100%", ${got}`,
  );
});

it('says that a limit is required where there is none', () => {
  expect(maxUnavailableProblem(undefined)).toBe(
    'is required: expected a number of nodes from 1 or a percentage from "1%" to "100%"',
  );
});

it.each<[MaxUnavailable, number, number]>([
  [2, 9, 2],
  [20, 9, 20],
  ['25%', 9, 2],
  ['5%', 9, 1],
  ['100%', 9, 9],
  ['99.9%', 9, 8],
])('%p of a pool of %d nodes is %d', (asked, size, count) => {
  expect(resolveMaxUnavailable(asked, size)).toBe(count);
});

it.each<[MaxUnavailable, MaxUnavailable, boolean]>([
  [2, 2, true],
  [2, 3, false],
  ['20%', '20.0%', true],
  ['20%', '25%', false],
  [20, '20%', false],
])('%p and %p are the same: %p', (one, other, isSame) => {
  expect(isSameLimit(one, other)).toBe(isSame);
});

it('is of all nodes of the pool, also of those that need no change', () => {
  const [step] = poolSteps(plan);
  if (step === undefined) throw new Error('a pool is needed');
  expect(limitOf(step)).toBe(1);
  expect(limitOf(step, [{ ...limit, pool: poolName('rest') }])).toBe(1);
  expect(limitOf(step, [limit])).toBe(3);
  expect(limitOf({ ...step, poolSize: 20 }, [limit])).toBe(10);
});

it('changes the counts of its pool in every hop, and nothing else of the plan', () => {
  expect(withLimits(plan)).toBe(plan);
  const changed = withLimits(plan, [limit]);
  expect(changed.digest).toBe(plan.digest);
  expect(poolSteps(changed)).toEqual(
    poolSteps(plan).map((step) => (step.pool === web ? { ...step, maxUnavailable: 3 } : step)),
  );
});

describe('a changed limit', () => {
  it('is told beside the planned one', () => {
    expect(limitSentence({ ...limit, maxUnavailable: 3, planned: 1 })).toBe(
      'pool web: at most 3 nodes at once (50%), planned 1; changed by ada (at night)',
    );
    expect(limitSentence({ ...limit, asked: 1, maxUnavailable: 1, planned: 2 })).toBe(
      'pool web: at most 1 node at once, planned 2; changed by ada (at night)',
    );
  });

  it('is told as it was asked for while no hop takes the pool', () => {
    expect(limitSentence(limit)).toBe('pool web: maxUnavailable 50%, changed by ada (at night)');
  });
});
