import fc from 'fast-check';

import {
  findRoom,
  type HardTaint,
  type NodeAllocatable,
  requestedBy,
  type RoomNode,
  type RoomPod,
  type Toleration,
} from '../../../domain/pool/pod-room';

const gibibyte = 2 ** 30;

function pod(name: string, more: Omit<Partial<RoomPod>, 'ref'> = {}): RoomPod {
  return { ref: { namespace: 'shop', name }, ...more };
}

function asking(cpuMilli: number, gib = 0): Pick<RoomPod, 'requests'> {
  return { requests: { cpuMilli, memoryBytes: gib * gibibyte } };
}

const empty: NodeAllocatable = { cpuMilli: 0, memoryBytes: 0, pods: 0 };

/** Four cores, 16 GiB and 110 pods; nothing is on it. */
function node(more: Partial<RoomNode> = {}): RoomNode {
  const allocatable = { cpuMilli: 4_000, memoryBytes: 16 * gibibyte, pods: 110 };
  return { labels: {}, unschedulable: false, allocatable, requested: empty, ...more };
}

function zonal(zone: string, more: Partial<RoomNode> = {}): RoomNode {
  return node({ labels: { 'topology.kubernetes.io/zone': zone }, ...more });
}

const fits = { kind: 'fits' };

describe('room for pods', () => {
  it('is there beside what the nodes have', () => {
    const requested = { cpuMilli: 3_000, memoryBytes: 8 * gibibyte, pods: 20 };
    const pods = [pod('a', asking(1_000, 8)), pod('b', asking(4_000, 16)), pod('c')];
    expect(findRoom(pods, [node({ requested }), node()])).toEqual(fits);
  });

  it('is not needed where nothing leaves', () => {
    expect(findRoom([], [])).toEqual(fits);
  });

  it.each<{ name: string; more: Omit<Partial<RoomPod>, 'ref'>; nodes: RoomNode[]; reason: object }>(
    [
      {
        name: 'cpu',
        more: asking(2_000),
        nodes: [node({ requested: { ...empty, cpuMilli: 2_500 } })],
        reason: { code: 'cpu', requested: 2_000, mostFree: 1_500 },
      },
      {
        name: 'memory',
        more: asking(10, 2),
        nodes: [node({ requested: { ...empty, memoryBytes: 15 * gibibyte } })],
        reason: { code: 'memory', requested: 2 * gibibyte, mostFree: gibibyte },
      },
      {
        name: 'places for pods',
        more: {},
        nodes: [
          node({ requested: { ...empty, pods: 110 } }),
          node({ requested: { ...empty, pods: 111 } }),
        ],
        reason: { code: 'pods' },
      },
      { name: 'a node at all', more: {}, nodes: [], reason: { code: 'pods' } },
      {
        name: 'a node with its labels',
        more: { nodeSelector: { disk: 'ssd' } },
        nodes: [node(), node({ labels: { disk: 'hdd' } })],
        reason: { code: 'node-selector' },
      },
      {
        name: 'a node in the zone of its volume',
        more: { zones: ['b'] },
        nodes: [zonal('a'), zonal('b', { labels: { 'topology.kubernetes.io/zone': 'c' } })],
        reason: { code: 'zone' },
      },
      {
        name: 'a node without a taint',
        more: {},
        nodes: [node({ taints: [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }] })],
        reason: { code: 'taint' },
      },
      {
        name: 'a node that is not cordoned',
        more: {},
        nodes: [node({ unschedulable: true })],
        reason: { code: 'taint' },
      },
      {
        name: 'what most nodes lack',
        more: asking(2_000, 8),
        nodes: [
          node({ requested: { ...empty, cpuMilli: 3_000 } }),
          node({ requested: { ...empty, memoryBytes: 10 * gibibyte } }),
          node({ requested: { ...empty, memoryBytes: 12 * gibibyte } }),
        ],
        reason: { code: 'memory', requested: 8 * gibibyte, mostFree: 16 * gibibyte },
      },
      {
        name: 'what the node that comes closest refuses',
        more: { nodeSelector: { disk: 'ssd' }, zones: ['a'] },
        nodes: [zonal('a'), node({ labels: { disk: 'ssd', 'topology.kubernetes.io/zone': 'b' } })],
        reason: { code: 'zone' },
      },
    ],
  )('is missing for want of $name', ({ more, nodes, reason }) => {
    expect(findRoom([pod('db-0', more)], nodes)).toEqual({
      kind: 'no-room',
      pods: [{ pod: { namespace: 'shop', name: 'db-0' }, reason }],
      count: 1,
    });
  });

  it('is taken by one pod after another', () => {
    const pods = ['a', 'b', 'c'].map((name) => pod(name, asking(1_500)));
    const reason = { code: 'cpu', requested: 1_500, mostFree: 1_000 };
    expect(findRoom(pods, [node()])).toEqual({
      kind: 'no-room',
      pods: [{ pod: { namespace: 'shop', name: 'c' }, reason }],
      count: 1,
    });
  });

  it('is told for ten pods, and counted for all', () => {
    const pods = Array.from({ length: 25 }, (_, index) => pod(`web-${index}`));
    const answer = findRoom(pods, [node({ requested: { ...empty, pods: 105 } })]);
    expect(answer).toMatchObject({ kind: 'no-room', count: 20 });
    const told = answer.kind === 'no-room' ? answer.pods.map((one) => one.pod.name) : [];
    expect(told).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14].map((index) => `web-${index}`));
  });

  it('is given to large pods before small ones', () => {
    const small = [1, 2, 3, 4].map((index) => pod(`small-${index}`, asking(1_000)));
    const pods = [...small, pod('large', asking(4_000)), pod('wide', asking(4_000, 16))];
    expect(findRoom(pods, [node(), node(), node()])).toEqual(fits);
  });

  it('is left to the pods that can go nowhere else', () => {
    const bound = pod('bound', { ...asking(1_000), zones: ['a'] });
    const pods = [pod('free', asking(4_000)), bound];
    expect(findRoom(pods, [zonal('a'), zonal('b')])).toEqual(fits);
  });

  it('is taken for granted where a node has told nothing', () => {
    const { allocatable: _unknown, ...silent } = node();
    expect(findRoom([pod('huge', asking(900_000, 900))], [silent])).toEqual(fits);
  });

  it('is there for a pod without requests on a node that is full', () => {
    const requested = { cpuMilli: 9_000, memoryBytes: 90 * gibibyte, pods: 3 };
    expect(findRoom([pod('small')], [node({ requested })])).toEqual(fits);
  });

  it('is there where the zone of a node is not known', () => {
    expect(findRoom([pod('db-0', { zones: ['a'] })], [node()])).toEqual(fits);
  });

  it.each<{ name: string; toleration: Toleration; tolerates: boolean }>([
    { name: 'its key and value', toleration: { key: 'gpu', value: 'yes' }, tolerates: true },
    {
      name: 'key, value and effect',
      toleration: { key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' },
      tolerates: true,
    },
    { name: 'another value', toleration: { key: 'gpu', value: 'no' }, tolerates: false },
    { name: 'no value', toleration: { key: 'gpu' }, tolerates: false },
    { name: 'no key and Equal', toleration: { value: 'yes' }, tolerates: false },
    { name: 'another key', toleration: { key: 'disk', operator: 'Exists' }, tolerates: false },
    { name: 'its key', toleration: { key: 'gpu', operator: 'Exists' }, tolerates: true },
    { name: 'everything', toleration: { operator: 'Exists' }, tolerates: true },
    {
      name: 'another effect',
      toleration: { operator: 'Exists', effect: 'NoExecute' },
      tolerates: false,
    },
    {
      name: 'an operator of a later release',
      toleration: { key: 'gpu', operator: 'Gt', value: '3' },
      tolerates: true,
    },
  ])('on a tainted node, for a pod that tolerates $name: $tolerates', (given) => {
    const taints: HardTaint[] = [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }];
    const answer = findRoom([pod('a', { tolerations: [given.toleration] })], [node({ taints })]);
    expect(answer.kind).toBe(given.tolerates ? 'fits' : 'no-room');
  });

  it('does not depend on the order of pods of one size', () => {
    const size = fc.constantFrom(500, 1_000, 2_000, 3_000);
    const some = fc.array(fc.tuple(size, fc.constantFrom('a', 'b', '')), { maxLength: 12 });
    fc.assert(
      fc.property(some, (sizes) => {
        const pods = sizes.map(([cpu, zone], index) =>
          pod(`p-${index}`, { ...asking(cpu), ...(zone === '' ? {} : { zones: [zone] }) }),
        );
        const nodes = [zonal('a'), zonal('b'), zonal('a'), zonal('b')];
        expect(findRoom(pods.toReversed(), nodes).kind).toBe(findRoom(pods, nodes).kind);
      }),
    );
  });

  it('is found in milliseconds among 5,000 nodes', () => {
    // Full but for the last hundred: the worst that first-fit can be given.
    const full = { cpuMilli: 3_900, memoryBytes: 15 * gibibyte, pods: 30 };
    const nodes = Array.from({ length: 5_000 }, (_, index) =>
      zonal(['a', 'b', 'c'][index % 3] ?? '', { requested: index < 4_900 ? full : empty }),
    );
    const pods = Array.from({ length: 300 }, (_, index) =>
      pod(`web-${index}`, {
        ...asking(200 + 10 * (index % 20)),
        zones: [['a', 'b'][index % 2] ?? ''],
      }),
    );
    const before = process.cpuUsage();
    expect(findRoom(pods, nodes)).toEqual(fits);
    // 10 ms the first time; whatever else runs on the machine, its own time is counted only.
    expect(process.cpuUsage(before).user / 1_000).toBeLessThan(100);
  });
});

describe('what is requested on a node', () => {
  it('is the sum of the pods that are not finished', () => {
    const running = { phase: 'Running', requests: { cpuMilli: 250, memoryBytes: 1_024 } };
    const pods = [running, running, { phase: 'Pending' }];
    const finished = [
      { ...running, phase: 'Succeeded' },
      { ...running, phase: 'Failed' },
    ];
    expect(requestedBy([...pods, ...finished])).toEqual({
      cpuMilli: 500,
      memoryBytes: 2_048,
      pods: 3,
    });
  });
});
