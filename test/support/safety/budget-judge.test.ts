// The judge of the safety test must find what it is there for: here are logs of engines that do
// wrong, and of faults that look alike.

import type { Judgement } from './budget-judge';
import { BudgetJudge } from './budget-judge';
import type { LogEntry, LoggedObject, LogKind } from './cluster-log';

type Change = readonly [kind: LogKind, object: LoggedObject];

const ready = { type: 'Ready', status: 'True' };
const evictedBy = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' };

function object(name: string, more: Partial<LoggedObject> = {}): LoggedObject {
  const { metadata, ...rest } = more;
  return {
    metadata: {
      uid: name,
      namespace: 'shop',
      name,
      resourceVersion: '0',
      labels: { app: 'cart' },
      generation: 1,
      ...metadata,
    },
    ...rest,
  };
}

const owned = (name: string, conditions: readonly object[], deletionTimestamp?: string) =>
  object(name, {
    metadata: {
      ...object(name).metadata,
      ownerReferences: [{ kind: 'ReplicaSet', name: 'cart-1', controller: true }],
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    spec: { nodeName: 'worker-1' },
    status: { phase: 'Running', conditions: conditions as readonly (typeof ready)[] },
  });

const healthy = (name: string): Change => ['pods', owned(name, [ready])];
const sick = (name: string): Change => ['pods', owned(name, [{ ...ready, status: 'Unknown' }])];
const evicted = (name: string): Change => ['pods', owned(name, [ready, evictedBy], '10:00')];
const deleted = (name: string): Change => ['pods', owned(name, [ready], '10:00')];

const owners = (replicas: number): readonly Change[] => [
  ['deployments', object('cart', { spec: { replicas } })],
  [
    'replicaSets',
    object('cart-1', {
      metadata: {
        ...object('cart-1').metadata,
        ownerReferences: [{ kind: 'Deployment', name: 'cart', controller: true }],
      },
      spec: { replicas },
    }),
  ],
];

/** A budget, and what the disruption controller has counted. */
function budget(
  rule: NonNullable<LoggedObject['spec']>,
  told: { readonly expected: number; readonly healthy: number; readonly demanded: number },
): Change {
  return [
    'budgets',
    object('guard', {
      spec: { ...rule, selector: { matchLabels: { app: 'cart' } } },
      status: {
        observedGeneration: 1,
        expectedPods: told.expected,
        currentHealthy: told.healthy,
        desiredHealthy: told.demanded,
      },
    }),
  ];
}

const three = [...owners(3), healthy('a'), healthy('b'), healthy('c')];
const spareOne = (healthyPods: number): Change =>
  budget({ maxUnavailable: 1 }, { expected: 3, healthy: healthyPods, demanded: 2 });

function judged(changes: readonly Change[], explained: readonly string[] = []): Judgement {
  const entries = changes.map(([kind, what], index): LogEntry => ({
    revision: index + 1,
    kind,
    type: 'there',
    object: what,
    seenAtMs: 0,
  }));
  const judge = new BudgetJudge(({ metadata }) =>
    explained.includes(metadata.uid) ? 'sick-pods' : undefined,
  );
  return judge.judge(entries);
}

const findings = ({ violations, excused }: Judgement) => ({ violations, excused });
const none = { violations: [], excused: [] };

describe('the judge of the safety test', () => {
  it('lets evictions pass that leave enough', () => {
    const judgement = judged([...three, spareOne(3), evicted('a')]);
    expect(findings(judgement)).toEqual(none);
    expect(judgement.losses).toEqual([
      { revision: 7, pod: 'shop/a', uid: 'a', node: 'worker-1', cause: 'eviction' },
    ]);
  });

  it('finds an eviction too many', () => {
    const { violations } = judged([...three, spareOne(3), evicted('a'), evicted('b')]);
    expect(violations).toEqual([
      {
        revision: 8,
        budget: 'shop/guard',
        pod: 'shop/b',
        cause: 'eviction',
        healthy: 1,
        demanded: 2,
      },
    ]);
  });

  it('takes a pod that went without an eviction for the work of the engine', () => {
    const { violations } = judged([...three, spareOne(3), deleted('a'), deleted('b')]);
    expect(violations).toMatchObject([{ pod: 'shop/b', cause: 'unexplained' }]);
  });

  it('blames nobody for what a fault does', () => {
    const changes = [...three, spareOne(3), sick('a'), sick('b'), sick('c')];
    expect(findings(judged(changes, ['a', 'b', 'c']))).toEqual(none);
  });

  it('excuses an eviction after a fault that the disruption controller had not counted', () => {
    const { violations, excused } = judged([...three, spareOne(3), sick('a'), evicted('b')], ['a']);
    expect(violations).toEqual([]);
    expect(excused).toMatchObject([{ pod: 'shop/b', healthy: 1, demanded: 2 }]);
  });

  it('does not excuse it when the fault had been counted', () => {
    const changes = [...three, spareOne(3), sick('a'), spareOne(2), evicted('b')];
    expect(judged(changes, ['a'])).toMatchObject({
      violations: [{ pod: 'shop/b', healthy: 1, demanded: 2 }],
      excused: [],
    });
  });

  it('excuses no more evictions than faults explain', () => {
    const changes = [...three, spareOne(3), sick('a'), evicted('b'), evicted('c')];
    expect(judged(changes, ['a'])).toMatchObject({
      violations: [{ pod: 'shop/c', healthy: 0 }],
      excused: [{ pod: 'shop/b', healthy: 1 }],
    });
  });

  it('counts a pod that was healed in the meantime no longer', () => {
    const changes = [...three, spareOne(3), sick('a'), healthy('a'), evicted('b'), evicted('c')];
    expect(judged(changes, ['a'])).toMatchObject({ violations: [{ pod: 'shop/c' }], excused: [] });
  });

  it('excuses what a budget demands only since the controller counted', () => {
    const more = budget({ maxUnavailable: 1 }, { expected: 3, healthy: 3, demanded: 2 });
    const scaledUp = [...three, more, ...owners(5), evicted('a')];
    expect(judged(scaledUp)).toMatchObject({
      violations: [],
      excused: [{ pod: 'shop/a', healthy: 2, demanded: 4 }],
    });
  });

  it('reckons every form of a budget as the disruption controller does', () => {
    const told = { expected: 3, healthy: 3, demanded: 0 };
    const demanded = (
      [
        [{ minAvailable: 2 }, 2],
        [{ minAvailable: '50%' }, 2],
        [{ maxUnavailable: 2 }, 1],
        [{ maxUnavailable: '10%' }, 2],
        [{ maxUnavailable: '100%' }, 0],
      ] as const
    ).map(([rule, wanted]) => {
      const { disagreements } = judged([...three, budget(rule, { ...told, demanded: wanted })]);
      return disagreements;
    });
    expect(demanded).toEqual([[], [], [], [], []]);
  });

  it('says where its figures are not those of the controller', () => {
    const { disagreements } = judged([...three, spareOne(2)]);
    expect(disagreements).toEqual([
      'shop/guard: {"expected":3,"healthy":3,"demanded":2},' +
        ' told {"expected":3,"healthy":2,"demanded":2}',
    ]);
  });
});
