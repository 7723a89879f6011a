import fc from 'fast-check';

import type { OrderableNode } from '../../../domain/pool/node-order';
import { nodeOrder } from '../../../domain/pool/node-order';
import type { PoolWindow } from '../../../domain/plan/plan';
import { nodeName } from '../../support/builders';

/** `name zone pods stateful`. */
function nodeOf(text: string): OrderableNode {
  const [name = '', zone = '', pods, statefulPods] = text.split(' ');
  return { name: nodeName(name), zone, pods: Number(pods), statefulPods: Number(statefulPods) };
}

function order(window: PoolWindow, ...texts: readonly string[]) {
  return nodeOrder(texts.map(nodeOf), window).map(
    ({ name, reason }) =>
      `${name} ${reason.place} ${reason.by}${'than' in reason ? ` ${reason.than}` : ''}`,
  );
}

const oneZone: PoolWindow = { zones: 'one-at-a-time', order: 'least-disruptive' };
const anyZone: PoolWindow = { ...oneZone, zones: 'any' };

describe('the least disruptive first', () => {
  it('begins with the canary and its zone, then goes by the first nodes of the zones', () => {
    expect(order(oneZone, 'a-1 a 5 0', 'b-1 b 2 0', 'b-2 b 3 2', 'c-1 c 1 1', 'b-3 b 9 0')).toEqual(
      [
        'b-1 canary pods a-1',
        'b-3 follows pods b-1',
        'b-2 follows stateful-pods b-3',
        'a-1 follows zone b-2',
        'c-1 follows zone a-1',
      ],
    );
  });

  it('mixes the zones where any may go', () => {
    expect(order(anyZone, 'a-1 a 5 0', 'b-1 b 2 0', 'b-2 b 3 2', 'c-1 c 5 0')).toEqual([
      'b-1 canary pods a-1',
      'a-1 follows pods b-1',
      'c-1 follows name a-1',
      'b-2 follows stateful-pods c-1',
    ]);
  });

  it.each([
    ['stateful-pods two', ['one a 9 0', 'two b 1 1']],
    ['pods two', ['one a 1 1', 'two b 2 1']],
    ['name two', ['one a 1 1', 'two b 1 1']],
    ['only', ['one a 1 1']],
  ])('says that the canary is it for its %s', (by, nodes) => {
    expect(order(oneZone, ...nodes.toReversed())[0]).toBe(`one canary ${by}`);
  });

  it('keeps what else is known of a node', () => {
    const known = { ...nodeOf('one a 3 1'), uid: 'u-1' };
    expect(nodeOrder([known], oneZone)).toEqual([
      { ...known, reason: { place: 'canary', by: 'only' } },
    ]);
  });
});

it.each(['one-at-a-time', 'any'] as const)('as listed, the first is the canary: %s', (zones) => {
  const window = { zones, order: 'as-listed' } as const;
  expect(order(window, 'b b 9 9', 'a a 0 0', 'c b 0 0')).toEqual([
    'b canary listed',
    'a follows listed',
    'c follows listed',
  ]);
  expect(order(window, 'b b 9 9')).toEqual(['b canary only']);
});

it('no node has no order', () => {
  expect(order(oneZone)).toEqual([]);
  expect(order({ zones: 'any', order: 'as-listed' })).toEqual([]);
});

describe('for any nodes', () => {
  const nodes = fc
    .array(
      fc.record({
        zone: fc.constantFrom('a', 'b', 'c'),
        pods: fc.nat({ max: 3 }),
        statefulPods: fc.nat({ max: 2 }),
      }),
      { minLength: 1, maxLength: 15 },
    )
    .map((drawn) => drawn.map((one, index) => ({ ...one, name: nodeName(`n-${index}`) })));
  const windows = fc.constantFrom(oneZone, anyZone);

  it('the order does not depend on the order in which they come', () => {
    const shuffled = nodes.chain((some) =>
      fc.record({
        some: fc.constant(some),
        other: fc.shuffledSubarray(some, { minLength: some.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, windows, ({ some, other }, window) => {
        expect(nodeOrder(other, window)).toEqual(nodeOrder(some, window));
      }),
    );
  });

  it('what is left of it keeps its order, with zones one at a time once a zone is through', () => {
    fc.assert(
      fc.property(nodes, windows, (some, window) => {
        const ordered = nodeOrder(some, window);
        const names = ordered.map(({ name }) => name);
        for (const [done, node] of ordered.entries()) {
          if (window.zones === 'one-at-a-time' && ordered[done - 1]?.zone === node.zone) continue;
          const left = some.filter(({ name }) => names.indexOf(name) >= done);
          expect(nodeOrder(left, window).map(({ name }) => name)).toEqual(names.slice(done));
        }
      }),
    );
  });

  it('none disrupts less than the canary, and no zone is left and come back to', () => {
    fc.assert(
      fc.property(nodes, (some) => {
        const ordered = nodeOrder(some, oneZone);
        const weights = ordered.map(({ pods, statefulPods }) => statefulPods * 100 + pods);
        expect(weights[0]).toBe(Math.min(...weights));
        const visits = ordered.filter(({ zone }, index) => zone !== ordered[index - 1]?.zone);
        expect(visits).toHaveLength(new Set(some.map(({ zone }) => zone)).size);
      }),
    );
  });
});
