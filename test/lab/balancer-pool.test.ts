import { BalancerPool } from '../../lab/balancer-pool';

const backends = ['a', 'b', 'c'].map((name) => ({ name, host: '127.0.0.1', port: 1 }));
const order = (pool: BalancerPool): readonly string[] =>
  pool
    .candidates()
    .map(({ name }) => name)
    .toSorted();

describe('the members that may get new connections', () => {
  it('go round', () => {
    const pool = new BalancerPool(backends, true);
    const firsts = [1, 2, 3, 4].map(() => pool.candidates()[0]?.name);
    expect(firsts).toEqual(['b', 'c', 'a', 'b']);
  });

  it('are none before a health check has succeeded', () => {
    const pool = new BalancerPool(backends, false);
    expect(order(pool)).toEqual([]);
    pool.report('b', 'unready');
    expect(order(pool)).toEqual([]);
    pool.report('b', 'ready');
    expect(order(pool)).toEqual(['b']);
  });

  it('stay when checks only time out, behind those that answer (L1)', () => {
    const pool = new BalancerPool(backends, true);
    for (const name of ['a', 'b', 'c', 'a', 'b', 'c']) pool.report(name, 'timeout');
    expect(order(pool)).toEqual(['a', 'b', 'c']);
    pool.report('c', 'ready');
    expect(pool.candidates()[0]?.name).toBe('c');
  });

  it('are never drained ones, even when no other is left (L2)', () => {
    const pool = new BalancerPool(backends, true);
    pool.report('a', 'refused');
    pool.report('b', 'refused');
    pool.drain('c');
    expect(order(pool)).toEqual([]);
    expect(pool.isServing('c')).toBe(false);
    pool.admit('c');
    expect(order(pool)).toEqual(['c']);
  });

  it('are unready ones only as the last resort (L3)', () => {
    const pool = new BalancerPool(backends, true);
    pool.report('a', 'unready');
    expect(pool.candidates().at(-1)?.name).toBe('a');
    expect(pool.isServing('a')).toBe(false);
  });

  it('are those that the pool knows: another name is a mistake', () => {
    expect(() => new BalancerPool(backends, true).drain('d')).toThrow(
      'the load balancer knows no member d',
    );
  });
});
