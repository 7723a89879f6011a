import { type DrainedNode, findDeadlock } from '../../../domain/drain/drain-deadlock';
import { nodeName } from '../../support/builders';

function still(name: string, over: Partial<DrainedNode> = {}): DrainedNode {
  return {
    name: nodeName(name),
    cordonedAtMs: 0,
    leaving: 0,
    kept: [`${name}-2`, `${name}-1`],
    lacksUnscheduled: true,
    ...over,
  };
}

describe('drains that wait for each other', () => {
  it('are ended by the one that began last', () => {
    const nodes = [still('b', { cordonedAtMs: 2 }), still('a', { cordonedAtMs: 3 }), still('c')];
    expect(findDeadlock(nodes)).toEqual({
      yields: 'a',
      waitsFor: ['c', 'b'],
      signature: 'a:a-1,a-2 b:b-1,b-2 c:c-1,c-2',
    });
  });

  it('are told apart by name where they began together', () => {
    expect(findDeadlock([still('b'), still('a')])).toMatchObject({ yields: 'b', waitsFor: ['a'] });
  });

  it('are none while one of them gets on, or has nothing to give away any more', () => {
    expect(findDeadlock([still('a'), still('b', { leaving: 1 })])).toBeUndefined();
    expect(findDeadlock([still('a'), still('b', { kept: [] })])).toBeUndefined();
  });

  it('are none where another node would not help the pods that are missing', () => {
    const crashing = { lacksUnscheduled: false };
    expect(findDeadlock([still('a', crashing), still('b', crashing)])).toBeUndefined();
    expect(findDeadlock([still('a', crashing), still('b')])).toMatchObject({ yields: 'b' });
  });

  it('take two', () => {
    expect(findDeadlock([])).toBeUndefined();
    expect(findDeadlock([still('a')])).toBeUndefined();
  });
});
