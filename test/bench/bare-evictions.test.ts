import type { BudgetView, PodView } from '../../activities/ports';
import { BareEvictions } from '../../bench/bare-evictions';

const namespace = 'bench';

function aPod(name: string): PodView {
  return {
    ref: { namespace, name },
    uid: name,
    node: 'worker-1',
    phase: 'Running',
    ready: true,
    labels: {},
    isMirror: false,
    hasEmptyDir: false,
    finalizers: [],
  };
}

/** Of the pods whose names begin with that of the budget. */
function aBudget(name: string, disruptionsAllowed: number): BudgetView {
  return {
    budget: { namespace, name },
    disruptionsAllowed,
    currentHealthy: 10,
    desiredHealthy: 9,
    expectedPods: 10,
    observed: true,
    syncFailed: false,
    selects: ({ ref }) => ref.name.startsWith(name),
  };
}

interface Asked {
  readonly evictions: BareEvictions;
  readonly asked: readonly string[];
}

function evictionsOf(pods: readonly string[], isEvicted = (_name: string) => true): Asked {
  const asked: string[] = [];
  const evictions = new BareEvictions(pods.map(aPod), async ({ ref }) => {
    asked.push(ref.name);
    return isEvicted(ref.name);
  });
  return { evictions, asked };
}

describe('BareEvictions', () => {
  it('takes as many pods of a budget as it allows', async () => {
    const { evictions, asked } = evictionsOf(['web-1', 'web-2', 'web-3', 'api-1']);
    const budget = aBudget('web', 2);
    await evictions.take(() => budget);
    expect(asked).toEqual(['web-1', 'web-2']);
  });

  it('goes by a newer status that comes meanwhile', async () => {
    const statuses = [aBudget('web', 1), aBudget('web', 1), aBudget('web', 0)];
    const { evictions, asked } = evictionsOf(['web-1', 'web-2', 'web-3']);
    await evictions.take(() => statuses[Math.min(asked.length, 2)]);
    expect(asked).toEqual(['web-1', 'web-2']);
  });

  it('asks for nothing twice, and for what was refused again', async () => {
    let isRefused = true;
    const { evictions, asked } = evictionsOf(['web-1'], () => !isRefused);
    const budget = aBudget('web', 1);
    await evictions.take(() => budget);
    expect(asked).toEqual(['web-1']);
    isRefused = false;
    await evictions.take(() => budget);
    await evictions.take(() => budget);
    expect(asked).toEqual(['web-1', 'web-1']);
  });

  it('asks for one eviction of a budget after the other', async () => {
    let answer: (isEvicted: boolean) => void = () => undefined;
    const asked: string[] = [];
    const evictions = new BareEvictions(['web-1', 'web-2'].map(aPod), ({ ref }) => {
      asked.push(ref.name);
      return new Promise((resolve) => (answer = resolve));
    });
    const budget = aBudget('web', 2);
    const taking = evictions.take(() => budget);
    await evictions.take(() => budget);
    expect(asked).toEqual(['web-1']);
    answer(false);
    await taking;
  });
});
