import {
  poolOrderText,
  restingTexts,
  turnSentence,
} from '../../../domain/pool/pool-order-sentences';
import type { TurnReason } from '../../../domain/pool/pool-orders';
import { poolOrders } from '../../../domain/pool/pool-orders';
import {
  aCluster,
  aNode,
  aPlan,
  aPool,
  aSpec,
  hopId,
  minor,
  nodeName,
  poolName,
} from '../../support/builders';

const observation = aCluster()
  .withNode(aNode('w-1', '1.28.15', { evictablePods: 4, statefulPods: 1, labels: { turn: '2' } }))
  .withNode(aNode('w-2', '1.28.15', { evictablePods: 9, statefulPods: 0, labels: { turn: '1' } }))
  .withNode(aNode('w-3', '1.28.15', { zone: 'b', evictablePods: 9, labels: { turn: '3' } }))
  .observation();

/** The orders of a plan of this spec. */
function ordersOf(spec = aSpec(), seen = observation) {
  return poolOrders({ plan: aPlan(spec, seen), spec, observation: seen });
}

describe('the order of a pool', () => {
  it('is told for each hop, with what the nodes carry now', () => {
    const hop = {
      pool: 'workers',
      window: { zones: 'one-at-a-time', order: 'least-disruptive' },
      nodes: [
        {
          name: 'w-2',
          zone: 'a',
          pods: 9,
          statefulPods: 0,
          reason: { place: 'canary', by: 'name', than: 'w-3' },
        },
        {
          name: 'w-1',
          zone: 'a',
          pods: 4,
          statefulPods: 1,
          reason: { place: 'follows', by: 'stateful-pods', than: 'w-2' },
        },
        { name: 'w-3', zone: 'b', pods: 9, reason: { place: 'follows', by: 'zone', than: 'w-1' } },
      ],
      resting: [],
    };
    expect(ordersOf()).toEqual([
      { hop: 'hop-1.29', ...hop },
      { hop: 'hop-1.30', ...hop },
    ]);
  });

  it('that is the order of a label is told with its values', () => {
    const pools = [aPool({ orderLabel: 'turn', zones: 'any' })];
    const [order] = ordersOf(aSpec({ target: minor('1.29'), pools }));
    expect(order?.orderLabel).toBe('turn');
    expect(order?.window).toEqual({ zones: 'any', order: 'as-listed' });
    expect(order?.nodes.map(({ name, orderValue, reason }) => [name, orderValue, reason])).toEqual([
      ['w-2', '1', { place: 'canary', by: 'listed' }],
      ['w-1', '2', { place: 'follows', by: 'listed' }],
      ['w-3', '3', { place: 'follows', by: 'listed' }],
    ]);
  });

  it('goes chunk by chunk where the pool is large, with one canary', () => {
    const nodes = Array.from({ length: 402 }, (_, index) =>
      aNode(`w-${1_000 + index}`, '1.28.15', { evictablePods: 402 - index }),
    );
    const seen = aCluster().with({ nodes }).observation();
    const [order] = ordersOf(aSpec({ target: minor('1.29') }), seen);
    expect([0, 199, 200, 400, 401].map((at) => order?.nodes[at])).toEqual([
      {
        name: 'w-1199',
        zone: 'a',
        pods: 203,
        reason: { place: 'canary', by: 'pods', than: 'w-1198' },
      },
      {
        name: 'w-1000',
        zone: 'a',
        pods: 402,
        reason: { place: 'follows', by: 'pods', than: 'w-1001' },
      },
      { name: 'w-1399', zone: 'a', pods: 3, reason: { place: 'follows', by: 'chunk' } },
      { name: 'w-1401', zone: 'a', pods: 1, reason: { place: 'follows', by: 'chunk' } },
      {
        name: 'w-1400',
        zone: 'a',
        pods: 2,
        reason: { place: 'follows', by: 'pods', than: 'w-1401' },
      },
    ]);
  });

  it('lets nodes rest that are at the version', () => {
    const seen = aCluster()
      .withMembers(3, '1.29.15')
      .withNode(aNode('done', '1.29.15'))
      .withNode(aNode('left', '1.29.14'));
    const [order] = ordersOf(aSpec({ target: minor('1.29') }), seen.observation());
    expect(order?.nodes.map(({ name, reason }) => [name, reason])).toEqual([
      ['left', { place: 'canary', by: 'only' }],
    ]);
    expect(order?.resting).toEqual([{ name: 'done', why: 'at-version' }]);
  });

  it('lets nodes rest that their lane takes in a later hop', () => {
    const seen = aCluster().withNode(aNode('old', '1.26.15')).withNode(aNode('new', '1.28.15'));
    const pools = [aPool({ lane: 'fewest-drains' })];
    const orders = ordersOf(aSpec({ pools }), seen.observation());
    expect(orders.map(({ hop, nodes, resting }) => [hop, nodes.length, resting])).toEqual([
      ['hop-1.29', 1, [{ name: 'new', why: 'later-hop' }]],
      ['hop-1.30', 2, []],
    ]);
  });
});

describe('in words', () => {
  const window = { zones: 'one-at-a-time', order: 'least-disruptive' } as const;
  const order = { hop: hopId('hop-1.29'), pool: poolName('web'), window, nodes: [], resting: [] };

  it('an order names its rule', () => {
    expect(poolOrderText(order)).toBe('zone by zone, the least disruptive node first');
    const listed = { zones: 'any', order: 'as-listed' } as const;
    expect(poolOrderText({ ...order, window: listed, orderLabel: 'turn' })).toBe('by turn');
  });

  const than = nodeName('w-2');
  it.each<[TurnReason, string]>([
    [{ place: 'canary', by: 'only' }, 'canary: the only node'],
    [{ place: 'canary', by: 'listed' }, 'canary: label 7'],
    [{ place: 'canary', by: 'stateful-pods', than }, 'canary: fewer stateful pods than w-2'],
    [{ place: 'canary', by: 'pods', than }, 'canary: fewer pods than w-2'],
    [{ place: 'canary', by: 'name', than }, 'canary: as many pods as w-2, so by name'],
    [{ place: 'follows', by: 'listed' }, 'label 7'],
    [
      { place: 'follows', by: 'chunk' },
      'the next part of the pool begins when those before are through',
    ],
    [{ place: 'follows', by: 'zone', than }, 'its zone comes after that of w-2'],
    [{ place: 'follows', by: 'stateful-pods', than }, 'more stateful pods than w-2'],
    [{ place: 'follows', by: 'pods', than }, 'more pods than w-2'],
    [{ place: 'follows', by: 'name', than }, 'as many pods as w-2, so by name'],
  ])('the reason %j', (reason, sentence) => {
    const turn = { name: nodeName('w-1'), zone: 'a', pods: 1, orderValue: '7', reason };
    expect(turnSentence(turn)).toBe(sentence);
  });

  it('a node that joined without the label says so', () => {
    const reason = { place: 'follows', by: 'listed' } as const;
    const turn = { name: nodeName('w-1'), zone: 'a', pods: 1, reason };
    expect(turnSentence(turn)).toBe('lacks the label');
  });

  it('resting nodes are named together, by why they rest', () => {
    const resting = (why: 'at-version' | 'later-hop', ...names: readonly string[]) =>
      names.map((name) => ({ name: nodeName(name), why }));
    expect(restingTexts([])).toEqual([]);
    expect(restingTexts(resting('at-version', 'a'))).toEqual(['a is at the version already']);
    const both = [...resting('later-hop', 'b', 'c'), ...resting('at-version', '1', '2', '3', '4')];
    expect(restingTexts(both)).toEqual([
      '1, 2, 3 and 1 more are at the version already',
      'b, c are left for a later hop',
    ]);
  });
});
