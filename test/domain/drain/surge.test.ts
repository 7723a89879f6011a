import { blockerSentence } from '../../../domain/blocker-sentences';
import type { BudgetObservation } from '../../../domain/observation';
import {
  keepsAllForGood,
  type LadderStand,
  oneMoreHelps,
  parseSurgeMark,
  type SurgeMark,
  surgeMarkText,
} from '../../../domain/drain/surge';
import { ladderStandText, surgeEndText } from '../../../domain/drain/surge-sentences';
import { surgeAfterMsOf } from '../../../domain/drain/drain-ladder';
import { aPool, clusterName, nodeName } from '../../support/builders';

const raised = { kind: 'Deployment', namespace: 'shop', name: 'web' } as const;

/** All of its pods are healthy, and must be. */
function aBudget(pods: number, over: Partial<BudgetObservation>): BudgetObservation {
  return {
    budget: { namespace: 'shop', name: 'web' },
    disruptionsAllowed: 0,
    currentHealthy: pods,
    desiredHealthy: pods,
    expectedPods: pods,
    observed: true,
    syncFailed: false,
    ...over,
  };
}

describe('a further replica', () => {
  it.each([
    [1, { minAvailable: '1' }, true],
    [3, { minAvailable: '3' }, true],
    // Two more would be needed.
    [3, { minAvailable: '4' }, false],
    [1, { minAvailable: '50%' }, true],
    [2, { minAvailable: '67%' }, false],
    [3, { minAvailable: '75%' }, true],
    [3, { minAvailable: '100%' }, false],
    [3, { maxUnavailable: '0' }, false],
    [3, { maxUnavailable: '0%' }, false],
    [3, { maxUnavailable: '1' }, true],
    [3, { maxUnavailable: '1%' }, true],
    [3, {}, false],
  ])('to %i pods of a budget with %j helps: %s', (pods, limit, helps) => {
    expect(oneMoreHelps(aBudget(pods, limit))).toBe(helps);
  });

  it.each<[string, Partial<BudgetObservation>, boolean]>([
    ['all are healthy and none may go', {}, true],
    ['one may go', { disruptionsAllowed: 1 }, false],
    ['one is not healthy', { currentHealthy: 2 }, false],
    ['not all of them must be healthy', { desiredHealthy: 2 }, false],
    ['nobody has looked at the budget', { observed: false }, false],
    ['the controller cannot reckon it', { syncFailed: true }, false],
  ])('is what waiting does not bring when %s: %s', (_what, over, keeps) => {
    expect(keepsAllForGood(aBudget(3, over))).toBe(keeps);
  });

  it('is asked for after a minute if the policy has no other time, with the rung only', () => {
    const { drain } = aPool();
    expect(surgeAfterMsOf(drain)).toBeUndefined();
    expect(surgeAfterMsOf({ ...drain, ladder: ['hold'] })).toBeUndefined();
    expect(surgeAfterMsOf({ ...drain, ladder: ['surge', 'hold'] })).toBe(60_000);
    expect(surgeAfterMsOf({ ...drain, ladder: ['surge', 'hold'], surgeAfterMs: 5 })).toBe(5);
  });
});

describe('the mark of a surge', () => {
  const mark: SurgeMark = {
    from: 1,
    to: 2,
    node: nodeName('worker-1'),
    cluster: clusterName('lab'),
    at: '2026-01-01T00:00:00.000Z',
  };

  it('is read as it was written', () => {
    expect(surgeMarkText(mark)).toBe(
      '{"from":1,"to":2,"node":"worker-1","cluster":"lab","at":"2026-01-01T00:00:00.000Z"}',
    );
    expect(parseSurgeMark(surgeMarkText(mark))).toEqual(mark);
  });

  it.each([
    'yes',
    'null',
    '7',
    '{}',
    JSON.stringify({ ...mark, from: 2 }),
    JSON.stringify({ ...mark, from: -1 }),
    JSON.stringify({ ...mark, to: 2.5 }),
    JSON.stringify({ ...mark, from: '1' }),
    JSON.stringify({ ...mark, node: 1 }),
    JSON.stringify({ ...mark, cluster: null }),
    JSON.stringify({ ...mark, at: undefined }),
  ])('is none when it says %s', (text) => {
    expect(parseSurgeMark(text)).toBeUndefined();
  });
});

describe('where a pod stands on the ladder', () => {
  const notRaised = (stand: LadderStand): LadderStand => stand;

  it.each([
    [{ rung: 'wait', surgeAtMs: 65_000 } as const, 'it gets a temporary replica in 5 s'],
    [{ rung: 'wait', surgeAtMs: 60_000 } as const, 'it gets a temporary replica'],
    [
      { rung: 'surge', raised, from: 1, to: 2, by: nodeName('worker-2') } as const,
      'Deployment shop/web is raised from 1 to 2 replicas for the drain of worker-2',
    ],
    [
      notRaised({ rung: 'wait', notRaised: { code: 'owner' } }),
      'no temporary replica: nothing owns the pod',
    ],
    [
      notRaised({
        rung: 'wait',
        notRaised: { code: 'owner', owner: { kind: 'StatefulSet', name: 'db' } },
      }),
      'no temporary replica: only Deployments are raised, and it belongs to StatefulSet db',
    ],
    [
      notRaised({ rung: 'wait', notRaised: { code: 'no-help' } }),
      'no temporary replica: the budget would let no pod leave with one more either',
    ],
    [
      notRaised({ rung: 'wait', notRaised: { code: 'recreates', deployment: 'web' } }),
      'no temporary replica: Deployment web has the strategy Recreate, so two of its pods at a' +
        ' time may be wrong',
    ],
    [
      notRaised({
        rung: 'wait',
        notRaised: { code: 'autoscaler-at-max', autoscaler: 'web', max: 1 },
      }),
      'no temporary replica: HorizontalPodAutoscaler web allows no more than 1 replica',
    ],
    [
      notRaised({ rung: 'wait', notRaised: { code: 'undone' } }),
      'no temporary replica: it was undone once, and is not tried again in this drain',
    ],
    [
      notRaised({ rung: 'wait', notRaised: { code: 'forbidden', message: 'HTTP 403' } }),
      'no temporary replica: the worker has no right to it (HTTP 403); docs/deploy.md names the' +
        ' rights',
    ],
    [
      notRaised({ rung: 'wait', notRaised: { code: 'failing', message: 'HTTP 422' } }),
      'no temporary replica: it failed (HTTP 422)',
    ],
  ])('%j says: %s', (stand, text) => {
    expect(ladderStandText(stand, 60_000)).toBe(text);
  });

  it('follows what is known of its budget', () => {
    const pod = { namespace: 'shop', name: 'web-0' };
    const ladder = { rung: 'surge', raised, from: 1, to: 2 } as const;
    const refused = { code: 'budget-exhausted', pod, message: 'no', sinceMs: 0, ladder } as const;
    const surge = '; Deployment shop/web is raised from 1 to 2 replicas for it';
    expect(blockerSentence(refused)).toBe(
      'pod shop/web-0 has not left: a disruption budget allows no eviction now (no) - it goes on' +
        ` by itself when more of its pods are Ready; else add replicas or relax it${surge}`,
    );
    const counts = { healthy: 1, wanted: 1, expected: 2, missing: 1 };
    const explanation = { ...counts, pods: [], more: 0, absent: 1 };
    expect(blockerSentence({ ...refused, explanation })).toBe(
      'pod shop/web-0 has not left: a disruption budget allows no eviction now: 1 of 2 pods is' +
        ' healthy, 1 must be; 1 does not exist yet - it goes on by itself when 1 more of its pods' +
        ` is Ready; else mend those that are not, add replicas or relax it${surge}`,
    );
  });

  it('says no time when it is not told the time', () => {
    const text = ladderStandText({ rung: 'wait', surgeAtMs: 65_000 });
    expect(text).toBe('it gets a temporary replica');
  });
});

describe('how a surge ended', () => {
  it.each([
    [
      { raised, from: 1, to: 2, end: 'put-back' } as const,
      'Deployment shop/web is back from 2 to 1 replica',
    ],
    [
      { raised, to: 2, end: 'gone' } as const,
      'Deployment shop/web, which was raised to 2 replicas, is gone',
    ],
    [
      { raised, to: 2, end: 'left', found: 5, by: 'kubectl' } as const,
      'Deployment shop/web was raised to 2 replicas; kubectl set 5 meanwhile, which stays',
    ],
    [
      { raised, to: 2, end: 'left', found: 5 } as const,
      'Deployment shop/web was raised to 2 replicas; somebody set 5 meanwhile, which stays',
    ],
  ])('%j says: %s', (ended, text) => {
    expect(surgeEndText(ended)).toBe(text);
  });
});
