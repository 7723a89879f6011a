import type { Budget } from '../../../../bin/demo/observer/budget-watcher';
import { Judge, requiredHealthy } from '../../../../bin/demo/observer/budget-watcher';
import type { Pod } from '../../../../bin/demo/observer/pod-watch';

const metadata = { namespace: 'web', name: 'web' };

describe('requiredHealthy', () => {
  // The disruption controller rounds percentages up, of both kinds.
  it.each([
    [{ minAvailable: 2 }, 3, 2],
    [{ minAvailable: '50%' }, 5, 3],
    [{ minAvailable: '100%' }, 4, 4],
    [{ maxUnavailable: 1 }, 3, 2],
    [{ maxUnavailable: '10%' }, 12, 10],
    [{ maxUnavailable: '10%' }, 3, 2],
    [{ maxUnavailable: 5 }, 3, 0],
    [{ maxUnavailable: 0 }, 3, 3],
  ])('of %j over %d pods is %d', (spec, pods, required) => {
    expect(requiredHealthy({ metadata, spec }, pods)).toBe(required);
  });
});

describe('the judge of budgets', () => {
  const budget: Budget = {
    metadata,
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
  };
  const pod = (uid: string, ready: 'True' | 'False' = 'True', since = '10:00'): Pod => ({
    metadata: {
      uid,
      namespace: 'web',
      name: uid,
      resourceVersion: '1',
      labels: { app: 'web' },
    },
    status: { conditions: [{ type: 'Ready', status: ready, lastTransitionTime: since }] },
  });
  const leaving = (uid: string): Pod => {
    const { metadata: meta, ...rest } = pod(uid);
    return { ...rest, metadata: { ...meta, deletionTimestamp: '10:05' } };
  };
  const three = (): Judge => new Judge([budget], [pod('a'), pod('b'), pod('c')]);
  const finding = (healthy: number) => ({
    at: expect.any(String),
    budget: 'web/web',
    healthy,
    required: 2,
  });
  const report = { budgets: 1, podEvents: 0, violations: [], gaps: 0, unjudged: [] };

  it('finds nothing in what a budget allows', () => {
    const judge = three();
    judge.changed('MODIFIED', leaving('a'));
    judge.changed('DELETED', leaving('a'));
    judge.changed('ADDED', pod('d', 'False'));

    expect(judge.report()).toEqual({ ...report, podEvents: 3 });
  });

  it('counts a fall below the budget once, and the next fall again', () => {
    const judge = three();
    judge.changed('MODIFIED', leaving('a'));
    judge.changed('MODIFIED', pod('b', 'False'));
    judge.changed('MODIFIED', leaving('c'));
    judge.changed('MODIFIED', pod('b', 'True', '10:06'));
    judge.changed('ADDED', pod('d'));
    judge.changed('MODIFIED', pod('d', 'False'));

    const violations = [finding(1), finding(1)];
    expect(judge.report()).toEqual({ ...report, podEvents: 6, violations });
  });

  it('does not count what was too low from the beginning', () => {
    const judge = new Judge([budget], [pod('a', 'False'), pod('b', 'False'), pod('c')]);
    judge.changed('MODIFIED', leaving('c'));

    expect(judge.report()).toEqual({ ...report, podEvents: 1 });
  });

  it('vouches for a gap in which enough pods stayed Ready', () => {
    const judge = three();
    judge.relisted([pod('a'), pod('b'), pod('d', 'True', '10:07')]);

    expect(judge.report()).toEqual({ ...report, gaps: 1 });
  });

  it.each([
    ['two pods were replaced', [pod('a'), pod('d', 'True', '10:07'), pod('e', 'True', '10:08')]],
    [
      'two pods became Ready again',
      [pod('a'), pod('b', 'True', '10:07'), pod('c', 'True', '10:08')],
    ],
  ])('does not vouch for a gap in which %s', (_, after) => {
    const judge = three();
    judge.relisted(after);

    expect(judge.report()).toEqual({ ...report, gaps: 1, unjudged: [finding(1)] });
  });

  it('finds a fall that still shows after the gap, as a violation only', () => {
    const judge = three();
    judge.relisted([pod('a')]);

    expect(judge.report()).toEqual({ ...report, gaps: 1, violations: [finding(1)] });
  });
});
