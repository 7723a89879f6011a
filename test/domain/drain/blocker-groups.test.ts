import { blockerGroups, groupSentence, untoldGroups } from '../../../domain/drain/blocker-groups';
import type { DrainBlocker } from '../../../domain/blockers';
import { gateSentence } from '../../../domain/status/sentences';
import { held } from '../support/waiting-gates';
import { behindBudget } from '../../support/drain-blockers';

const nowMs = 60_000;

const unmanaged = (pod: string): DrainBlocker => ({
  code: 'pod-unmanaged',
  pod: { namespace: 'shop', name: pod },
  sinceMs: nowMs - 1_000,
});

describe('blockerGroups', () => {
  it('puts the pods behind one budget together, under the one that waits longest', () => {
    const groups = blockerGroups([
      behindBudget('cart-1', 'cart', nowMs - 5_000),
      unmanaged('a'),
      behindBudget('cart-2', 'cart', nowMs - 9_000),
      unmanaged('b'),
    ]);

    expect(groups.map(({ key, pods }) => [key, pods])).toEqual([
      ['budget-exhausted shop/cart', 2],
      ['pod-unmanaged shop/a', 1],
      ['pod-unmanaged shop/b', 1],
    ]);
    expect(groups.map((group) => groupSentence(group, nowMs))[0]).toMatch(
      /^pod shop\/cart-2 has not left for 9 s: .* \(and 1 more pod\)$/,
    );
  });

  it('explains a budget once, at whichever of its pods it is explained', () => {
    const explanation = {
      healthy: 2,
      wanted: 2,
      expected: 3,
      missing: 1,
      pods: [],
      more: 0,
      absent: 1,
    };
    const old = behindBudget('cart-1', 'cart', nowMs - 9_000);
    const explained = { ...behindBudget('cart-2', 'cart', nowMs - 5_000), explanation };
    const last = behindBudget('cart-3', 'cart', nowMs - 1_000);
    const groups = blockerGroups([last, explained, old]);
    expect(groups).toEqual([
      { key: 'budget-exhausted shop/cart', first: { ...old, explanation }, pods: 3 },
    ]);
    expect(groups.map((group) => groupSentence(group))[0]).toMatch(
      /: 2 of 3 pods are healthy, 2 must be; 1 does not exist yet - .* \(and 2 more pods\)$/,
    );
  });

  it('tells each volume of a pod that has left', () => {
    const attached = (volume: string): DrainBlocker => ({
      code: 'volume-attached',
      pod: { namespace: 'shop', name: 'db-0' },
      volume,
      claim: 'data',
      attachment: `csi-${volume}`,
      sinceMs: nowMs - 90_000,
    });
    const groups = blockerGroups([attached('pv-1'), attached('pv-2')]);
    expect(groups.map(({ pods }) => pods)).toEqual([1, 1]);
    expect(groups.map((group) => groupSentence(group, nowMs))[1]).toMatch(
      /^a volume of pod shop\/db-0, which has left, is still attached for 1 min 30 s: pv-2 of/,
    );
  });

  it('puts the pods together that wait for the volumes of one', () => {
    const waiting = (name: string): DrainBlocker => ({
      code: 'volume-awaited',
      pod: { namespace: 'shop', name },
      before: { namespace: 'shop', name: 'db-0' },
      sinceMs: nowMs,
    });
    expect(blockerGroups([waiting('db-1'), waiting('db-2')]).map(({ pods }) => pods)).toEqual([2]);
  });

  it('says what the ladder does about a budget once, and who undid it by what was raised', () => {
    const raised = { kind: 'Deployment', namespace: 'shop', name: 'cart' } as const;
    const ladder = { rung: 'surge', raised, from: 2, to: 3 } as const;
    const old = behindBudget('cart-1', 'cart', nowMs - 9_000);
    const climbed = { ...behindBudget('cart-2', 'cart', nowMs - 5_000), ladder };
    const { pod, sinceMs } = { ...old, sinceMs: nowMs };
    const undone = {
      code: 'surge-undone',
      pod,
      raised,
      from: 2,
      to: 3,
      found: 2,
      sinceMs,
    } as const;
    expect(blockerGroups([climbed, old, undone])).toEqual([
      { key: 'budget-exhausted shop/cart', first: { ...old, ladder }, pods: 2 },
      { key: 'surge-undone shop/cart', first: undone, pods: 1 },
    ]);
  });

  it('puts the pods of one Job together', () => {
    const running = (name: string, job: string): DrainBlocker => ({
      code: 'job-running',
      pod: { namespace: 'shop', name },
      job,
      untilMs: nowMs,
      sinceMs: nowMs - 1_000,
    });
    const groups = blockerGroups([running('a-1', 'a'), running('b-1', 'b'), running('a-2', 'a')]);
    expect(groups.map(({ key, pods }) => [key, pods])).toEqual([
      ['job-running shop/a', 2],
      ['job-running shop/b', 1],
    ]);
  });

  it('keeps a budget that the server did not name to its pod', () => {
    const { budget: _unnamed, ...blocker } = behindBudget('cart-1', 'cart', 0) as DrainBlocker & {
      budget: unknown;
    };
    expect(blockerGroups([blocker]).map(({ key }) => key)).toEqual([
      'budget-exhausted shop/cart-1',
    ]);
  });
});

it('groups that a message tells itself are not told again', () => {
  const blockers = [
    behindBudget('cart-1', 'cart', 1_000),
    behindBudget('cart-2', 'cart', 2_000),
    unmanaged('a'),
  ];
  const [cart, alone] = blockerGroups(blockers).map((group) => groupSentence(group));
  const keys = (message: string): readonly string[] =>
    untoldGroups(blockers, message).map(({ key }) => key);
  expect(keys(`not empty after 1 min; ${cart}; and 1 more`)).toEqual(['pod-unmanaged shop/a']);
  expect(keys(`not empty; ${cart}; ${alone}`)).toEqual([]);
  expect(keys('not empty')).toEqual(['budget-exhausted shop/cart', 'pod-unmanaged shop/a']);
});

it('a held node says each reason once, and not what its failure has said', () => {
  const blockers = [behindBudget('cart-1', 'cart', 1_000), behindBudget('cart-2', 'cart', 2_000)];
  const [cart = ''] = blockerGroups(blockers).map((group) => groupSentence(group));
  const said = (message: string): string[] =>
    gateSentence({ ...held, blockers, failure: { ...held.failure, message } }).split(cart);
  expect(said('not empty after 1 min')).toHaveLength(2);
  expect(said(`not empty after 1 min; ${cart}`)).toHaveLength(2);
});
