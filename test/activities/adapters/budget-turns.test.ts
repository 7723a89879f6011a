import { BudgetTurns } from '../../../activities/adapters/budget-turns';
import { until } from '../../support/lab-until';

/** Work that ends when the test says so. */
function stepwise(patienceMs = 60_000) {
  const turns = new BudgetTurns(patienceMs);
  const begun: string[] = [];
  const ends = new Map<string, { resolve(): void; reject(error: Error): void }>();
  const take = (name: string, ...budgets: readonly string[]): Promise<void> =>
    turns.take(budgets, () => {
      begun.push(name);
      return new Promise((resolve, reject) => ends.set(name, { resolve, reject }));
    });
  return { begun, ends, take };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('evictions of budgets', () => {
  it('go one after the other of one budget, at once of different ones and of none', async () => {
    const { begun, ends, take } = stepwise();
    const taken = [
      take('web-1', 'web'),
      take('web-2', 'web'),
      take('web-3', 'web'),
      take('api-1', 'api'),
      take('bare-1'),
      take('bare-2'),
    ];
    await turn();
    expect(begun.toSorted()).toEqual(['api-1', 'bare-1', 'bare-2', 'web-1']);
    for (const name of ['web-1', 'web-2', 'web-3', 'api-1', 'bare-1', 'bare-2']) {
      ends.get(name)?.resolve();
      await turn();
    }
    await Promise.all(taken);
    expect(begun.slice(4)).toEqual(['web-2', 'web-3']);
  });

  it('go on after one that failed', async () => {
    const { begun, ends, take } = stepwise();
    const taken = [take('web-1', 'web'), take('web-2', 'web')];
    await turn();
    ends.get('web-1')?.reject(new Error('cut off'));
    await expect(taken[0]).rejects.toThrow('cut off');
    await turn();
    expect(begun).toEqual(['web-1', 'web-2']);
    ends.get('web-2')?.resolve();
    await taken[1];
  });

  it('wait for every budget of a pod that has several', async () => {
    const { begun, ends, take } = stepwise();
    const taken = [take('web-1', 'web'), take('api-1', 'api'), take('both-1', 'web', 'api')];
    await turn();
    ends.get('web-1')?.resolve();
    await turn();
    expect(begun).toEqual(['web-1', 'api-1']);
    ends.get('api-1')?.resolve();
    await turn();
    expect(begun).toEqual(['web-1', 'api-1', 'both-1']);
    ends.get('both-1')?.resolve();
    await Promise.all(taken);
  });

  it('do not wait long for one that gets no answer', async () => {
    const { begun, ends, take } = stepwise(1);
    const taken = [take('web-1', 'web'), take('web-2', 'web')];
    await until('the second has begun', async () => begun[1]);
    for (const end of ends.values()) end.resolve();
    await Promise.all(taken);
    expect(begun).toEqual(['web-1', 'web-2']);
  });
});
