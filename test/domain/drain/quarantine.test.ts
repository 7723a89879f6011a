import type { DrainBlocker } from '../../../domain/blockers';
import type { BudgetExplanation } from '../../../domain/drain/budget-explanation';
import { mostSetAside, sparesBudgets } from '../../../domain/drain/quarantine';
import { behindBudget } from '../../support/drain-blockers';

const pod = { namespace: 'shop', name: 'web-0' };

/** A pod behind the budget `web`, of which so many pods are healthy and two must be. */
function explained(healthy: number): DrainBlocker {
  const explanation: BudgetExplanation = {
    healthy,
    wanted: 2,
    expected: 2,
    missing: 1,
    pods: [],
    more: 0,
    absent: 0,
  };
  return { ...behindBudget('web-0', 'web', 0), explanation } as DrainBlocker;
}

describe('a pool', () => {
  it.each([
    [undefined, 50, 0],
    [['hold'], 50, 0],
    [['surge', 'hold'], 50, 0],
    [['quarantine'], 1, 1],
    [['quarantine'], 19, 1],
    [['surge', 'quarantine'], 20, 2],
    [['quarantine'], 259, 25],
  ] as const)('with the ladder %j and %i nodes sets aside %i at once', (ladder, nodes, most) => {
    expect(mostSetAside(ladder === undefined ? {} : { ladder }, nodes)).toBe(most);
  });
});

describe('the budgets that keep a node', () => {
  it.each<readonly [string, readonly DrainBlocker[]]>([
    ['there are none', []],
    ['each has the healthy pods that it wants', [explained(2), behindBudget('web-1', 'web', 0)]],
    [
      'no budget keeps its pods',
      [{ code: 'pod-terminating', pod, finalizers: [], gracePeriodSeconds: 30, sinceMs: 0 }],
    ],
  ])('are spared when %s', (_when, blockers) => {
    expect(sparesBudgets(blockers)).toBe(true);
  });

  it.each<readonly [string, readonly DrainBlocker[]]>([
    ['lacks healthy pods', [explained(1)]],
    ['is not explained', [behindBudget('web-0', 'web', 0)]],
    ['is not the one that is explained', [explained(2), behindBudget('db-0', 'db', 0)]],
    ['is not named', [{ code: 'budget-exhausted', pod, message: 'needs 2', sinceMs: 0 }]],
    ['was not looked at', [{ code: 'budget-not-observed', pod, message: '', sinceMs: 0 }]],
    ['overlaps with another', [{ code: 'budgets-overlap', pod, message: '', sinceMs: 0 }]],
    ['may forbid it', [{ code: 'eviction-forbidden', pod, message: '', sinceMs: 0 }]],
  ])('are not spared when one %s', (_when, blockers) => {
    expect(sparesBudgets(blockers)).toBe(false);
  });
});
