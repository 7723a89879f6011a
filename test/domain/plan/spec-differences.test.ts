import type { PoolSpec } from '../../../domain/spec';
import { specDifferences } from '../../../domain/plan/spec-differences';
import { aDrainPolicy, aPool, aSpec, minor, poolName, version } from '../../support/builders';

const workers = aPool();
const web = aPool({ name: poolName('web'), nodeSelector: { 'example.com/kind': 'web' } });

describe('differences of two specs', () => {
  it('are none when both ask for the same, in whatever order of keys', () => {
    const spec = aSpec({ pools: [web, workers] });
    const reversed = Object.fromEntries(Object.entries(spec).toReversed()) as typeof spec;
    expect(specDifferences(spec, reversed)).toEqual([]);
  });

  it('are the names of the fields, sorted', () => {
    const other = aSpec({
      target: minor('1.31'),
      approvals: 'none',
      hopSoakMs: 1,
      controlPlane: { memberTimeoutMs: 1, allowSingleMember: false },
    });
    expect(specDifferences(aSpec(), other)).toEqual([
      'approvals',
      'controlPlane.memberTimeoutMs',
      'hopSoakMs',
      'target',
    ]);
  });

  it('include fields that only one has', () => {
    const { via: _via, ...withoutVia } = aSpec();
    const other = withoutVia as ReturnType<typeof aSpec>;
    expect(specDifferences(aSpec({ via: [version('1.29.15')] }), other)).toEqual(['via']);
    expect(specDifferences(other, aSpec())).toEqual(['via']);
  });

  it.each<{ name: string; a: readonly PoolSpec[]; b: readonly PoolSpec[]; expected: string[] }>([
    {
      name: 'a field of a pool, by the name of the pool',
      a: [web, workers],
      b: [web, aPool({ maxUnavailable: '10%' })],
      expected: ['pools.workers.maxUnavailable'],
    },
    {
      name: 'fields of a drain, also one that only one has',
      a: [workers],
      b: [aPool({ drain: { ...aDrainPolicy, timeoutMs: 1, gracePeriodSeconds: 5 } })],
      expected: ['pools.workers.drain.gracePeriodSeconds', 'pools.workers.drain.timeoutMs'],
    },
    {
      name: 'a selector as a whole, because labels have dots',
      a: [web],
      b: [{ ...web, nodeSelector: { 'example.com/kind': 'api' } }],
      expected: ['pools.web.nodeSelector'],
    },
    {
      name: 'a pool that only the first has',
      a: [web, workers],
      b: [workers],
      expected: ['pools.web'],
    },
    {
      name: 'a pool that only the second has, and what differs in the other',
      a: [workers],
      b: [web, aPool({ lane: 'fewest-drains' })],
      expected: ['pools.web', 'pools.workers.lane'],
    },
    { name: 'the order of pools', a: [web, workers], b: [workers, web], expected: ['pools'] },
    {
      name: 'the order of pools beside a field of one of them',
      a: [web, workers],
      b: [aPool({ nodeSoakMs: 1 }), web],
      expected: ['pools', 'pools.workers.nodeSoakMs'],
    },
    {
      name: 'what two pools of one name hide from each other',
      a: [aPool({ nodeSoakMs: 1 }), workers],
      b: [workers, workers],
      expected: ['pools'],
    },
  ])('are $name', ({ a, b, expected }) => {
    expect(specDifferences(aSpec({ pools: a }), aSpec({ pools: b }))).toEqual(expected);
  });

  it.each<{ name: string; spec: object }>([
    { name: 'a text', spec: { pools: 'workers' } },
    { name: 'null', spec: { pools: null } },
    { name: 'a list of texts', spec: { pools: ['workers'] } },
    { name: 'a list of nulls', spec: { pools: [null] } },
    { name: 'a list of pools without names', spec: { pools: [{}] } },
    { name: 'a list of pools named by numbers', spec: { pools: [{ name: 1 }] } },
  ])('can be told when pools are $name', ({ spec }) => {
    const strange = { ...aSpec(), ...spec } as ReturnType<typeof aSpec>;
    expect(specDifferences(aSpec(), strange)).toEqual(['pools']);
  });
});
