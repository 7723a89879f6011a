import { specDifferences } from '../../domain/spec-differences';
import { aPool, aSpec, minor, poolName } from '../support/builders';

describe('differences of two specs', () => {
  it('are none when both ask for the same, in whatever order of keys', () => {
    const spec = aSpec();
    const reversed = Object.fromEntries(Object.entries(spec).toReversed()) as typeof spec;
    expect(specDifferences(spec, reversed)).toEqual([]);
  });

  it('are the names of the fields, sorted', () => {
    const other = aSpec({ target: minor('1.31'), approvals: 'none', hopSoakMs: 1 });
    expect(specDifferences(aSpec(), other)).toEqual(['approvals', 'hopSoakMs', 'target']);
  });

  it('include the order of pools and fields that only one has', () => {
    const pools = [aPool(), aPool({ name: poolName('web') })];
    const { via: _via, ...withoutVia } = aSpec({ pools: pools.toReversed() });
    expect(specDifferences(aSpec({ pools }), withoutVia as ReturnType<typeof aSpec>)).toEqual([
      'pools',
      'via',
    ]);
  });
});
