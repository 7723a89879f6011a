// The budgets of a pod are remembered between two looks, and never longer than they are true.

import { budgetView, podView } from '../../../activities/adapters/kube-views';
import { BudgetStore } from '../../../activities/adapters/watch-stores';
import type { BudgetView } from '../../../activities/ports';

const labelled = (app: string) =>
  podView({ metadata: { namespace: 'shop', name: 'web-1', uid: 'p-1', labels: { app } } });
const pod = labelled('web');

function budgetOf(
  name: string,
  { app = 'web', generation = 1, uid = name, disruptionsAllowed = 0 } = {},
): BudgetView {
  return budgetView({
    metadata: { namespace: 'shop', name, uid, generation },
    spec: { selector: { matchLabels: { app } } },
    status: {
      disruptionsAllowed,
      currentHealthy: 3,
      desiredHealthy: 2,
      expectedPods: 3,
      observedGeneration: generation,
    },
  });
}

class Counted {
  readonly store = new BudgetStore(() => undefined);
  asked = 0;

  put(view: BudgetView): void {
    const selects: BudgetView['selects'] = (one) => {
      this.asked += 1;
      return view.selects(one);
    };
    this.store.put({ ...view, selects });
  }

  names(of = pod): readonly string[] {
    return this.store.of(of).map(({ budget }) => budget.name);
  }
}

describe('the budgets of a pod', () => {
  it('are told with their latest status, without asking their selectors again', () => {
    const counted = new Counted();
    counted.put(budgetOf('web'));
    expect(counted.store.of(pod)).toMatchObject([{ disruptionsAllowed: 0 }]);
    counted.put(budgetOf('web', { disruptionsAllowed: 2 }));
    expect(counted.store.of(pod)).toMatchObject([{ disruptionsAllowed: 2 }]);
    expect(counted.asked).toBe(1);
  });

  it.each<{ name: string; change: (counted: Counted) => void; names: readonly string[] }>([
    {
      name: 'a budget has come',
      change: (counted) => counted.put(budgetOf('all')),
      names: ['web', 'all'],
    },
    {
      name: 'a budget has gone',
      change: ({ store }) => store.remove(budgetOf('web')),
      names: [],
    },
    {
      name: 'a selector was changed',
      change: (counted) => counted.put(budgetOf('web', { app: 'api', generation: 2 })),
      names: [],
    },
    {
      name: 'a budget was deleted and made anew between two looks',
      change: (counted) => counted.put(budgetOf('web', { app: 'api', uid: 'other' })),
      names: [],
    },
    {
      name: 'all were listed again',
      change: ({ store }) => store.replace([budgetOf('other')]),
      names: ['other'],
    },
  ])('are looked up again when $name', ({ change, names }) => {
    const counted = new Counted();
    counted.put(budgetOf('web'));
    expect(counted.names()).toEqual(['web']);
    change(counted);
    expect(counted.names()).toEqual(names);
  });

  it('are those of its labels as they are now', () => {
    const counted = new Counted();
    counted.put(budgetOf('web'));
    expect(counted.names()).toEqual(['web']);
    expect(counted.names(labelled('api'))).toEqual([]);
  });

  it('are asked each time where nobody says whether a selector has changed', () => {
    const counted = new Counted();
    const { selectsAs: _unknown, ...view } = budgetOf('web');
    counted.put(view);
    expect(counted.names()).toEqual(['web']);
    counted.put({ ...view, selects: () => false });
    expect(counted.names()).toEqual([]);
  });
});
