import { requiredHealthy } from '../../../bin/demo/observer/budget-watcher';

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
