import { listedNodes, orderLabelBlockers, windowOf } from '../../../domain/pool/node-listing';
import { aNode, aPool } from '../../support/builders';

/** `name/zone/turn`, as the test tells a node; no turn: no label. */
function nodesOf(...texts: readonly string[]) {
  return texts.map((text) => {
    const [name = '', zone = '', turn] = text.split('/');
    return aNode(name, '1.28.15', { zone, labels: turn === undefined ? {} : { turn } });
  });
}

function listed(texts: readonly string[], ordering: Parameters<typeof listedNodes>[1]) {
  return listedNodes(nodesOf(...texts), ordering).map(({ name }) => name);
}

describe('nodes of a pool are listed', () => {
  it.each(['one-at-a-time', 'any'] as const)('by zone and name, zones %s', (zones) => {
    expect(listed(['n-10/b', 'n-9/a', 'n-2/b', 'n-1/c'], { zones })).toEqual([
      'n-9',
      'n-10',
      'n-2',
      'n-1',
    ]);
  });

  it('by the value of the label, numbers as numbers and first, then by name', () => {
    const nodes = [
      'a/x/10',
      'b/y/9',
      'c/x/2.5',
      'd/y/b',
      'e/x/B',
      'f/y',
      'g/x/',
      'i/y/9',
      'h/x/09',
    ];
    const order = ['c', 'b', 'h', 'i', 'a', 'g', 'e', 'd', 'f'];
    expect(listed(nodes, { zones: 'any', orderLabel: 'turn' })).toEqual(order);
    expect(listed(nodes.toReversed(), { zones: 'any', orderLabel: 'turn' })).toEqual(order);
  });

  it('zone by zone in the order of their first nodes, unless any zone may go', () => {
    const nodes = ['a/x/2', 'b/y/1', 'c/x/3', 'd/y/4', 'e/z'];
    expect(listed(nodes, { orderLabel: 'turn' })).toEqual(['b', 'd', 'a', 'c', 'e']);
    expect(listed(nodes, { orderLabel: 'turn', zones: 'any' })).toEqual(['b', 'a', 'c', 'd', 'e']);
  });
});

describe('a pool with an order label', () => {
  it('is refused with every node that lacks it', () => {
    const pool = aPool({ orderLabel: 'turn' });
    expect(orderLabelBlockers(pool, nodesOf('c/x', 'a/x', 'b/x/'))).toEqual([
      { code: 'order-label-missing', pool: 'workers', label: 'turn', nodes: ['a', 'c'] },
    ]);
    expect(orderLabelBlockers(pool, nodesOf('b/x/1'))).toEqual([]);
    expect(orderLabelBlockers(aPool(), nodesOf('a/x'))).toEqual([]);
  });

  it('goes as listed, one without it by what its nodes carry', () => {
    expect(windowOf({})).toEqual({ zones: 'one-at-a-time', order: 'least-disruptive' });
    expect(windowOf({ zones: 'any', orderLabel: 'turn' })).toEqual({
      zones: 'any',
      order: 'as-listed',
    });
  });
});
