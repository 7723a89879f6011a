import type { NodeName } from '../../../domain/names';
import {
  mostFree,
  type Refusal,
  refusalOrder,
  schedulerWords,
  unblockedBy,
} from '../../../domain/simulation/refusals';
import { simulateCluster, type SimulationWanted } from '../../../domain/simulation/report';
import { asking, bare, budget, drain, evidence, gibibyte, node, pod, zonal } from './support';

const wanted = (nodes: readonly string[], more: Partial<SimulationWanted> = {}) => ({
  pools: [{ name: 'web', nodes: nodes as readonly NodeName[], maxUnavailable: 1, drain }],
  headroom: false,
  replacedBy: new Map(),
  windowsAtMost: 10,
  ...more,
});

describe('the report of a simulation', () => {
  it('of a cluster with room says nothing', () => {
    const of = evidence({ nodes: [node('a'), node('b')], pods: [pod('web-1', 'a')] });
    const { findings: _, ...report } = simulateCluster(of, wanted(['a', 'b']));
    expect(report).toEqual({
      schema: 'ascent.simulation/v1',
      pools: [{ pool: 'web', atOnce: 1, windows: 2, reckoned: 2, short: [] }],
      nodes: ['a', 'b'].map((name) => ({
        pool: 'web',
        node: name,
        kind: 'drains',
        stops: [],
        waits: [],
        stays: {},
        unplaced: [],
        preempting: [],
      })),
      pending: [],
    });
  });

  it('tells what finds no place once for pods that are alike, and what would unblock it', () => {
    const of = evidence({
      nodes: [node('a'), zonal('b', 'x'), zonal('c', 'x'), node('d', { unschedulable: true })],
      pods: [
        pod('web-1', 'a', { shape: asking(3_000) }),
        pod('web-2', 'a', { shape: asking(3_000) }),
        bare('x', 'b', { shape: asking(2_000) }),
        bare('y', 'c', { shape: asking(1_500) }),
        bare('lost', '', { claims: ['data'] }),
        bare('big', '', { shape: asking(9_000) }),
      ],
    });
    const { nodes, pending } = simulateCluster(of, wanted(['a']));
    const short = (free: number, requested: number) => ({
      code: 'resources',
      short: [{ resource: 'cpu', requested, free }],
    });
    expect(nodes[0]?.unplaced).toEqual([
      {
        pod: { namespace: 'shop', name: 'web-1' },
        pods: 2,
        owner: { kind: 'ReplicaSet', name: 'web' },
        cause: 'leaves',
        groups: [
          {
            like: 'a',
            nodes: 1,
            refusal: { code: 'unschedulable' },
            words: 'node(s) were unschedulable',
          },
          {
            like: 'b',
            zone: 'x',
            nodes: 2,
            refusal: short(2_500, 3_000),
            words: 'Insufficient cpu',
          },
          {
            like: 'd',
            nodes: 1,
            refusal: { code: 'unschedulable' },
            words: 'node(s) were unschedulable',
          },
        ],
        unblock: ['add room: cpu: 3000 m requested, 2500 m free at most'],
      },
    ]);
    expect(
      pending.map(({ pod: ref, refusal, groups }) => [ref.name, refusal, groups.length]),
    ).toEqual([
      ['big', undefined, 3],
      ['lost', { code: 'claim-missing', claim: 'data' }, 0],
    ]);
  });

  it('tells windows in which something is short, and who pushes whom away', () => {
    const of = evidence({
      nodes: [node('a'), node('b'), node('c')],
      pods: [
        pod('top-1', 'a', { shape: { ...asking(3_000), priority: 9 } }),
        pod('low-1', 'b', { shape: asking(3_000) }),
        pod('mid-1', 'c', { shape: { ...asking(3_000), priority: 9 } }),
      ],
      autoscalers: [
        {
          namespace: 'shop',
          name: 'low',
          target: { kind: 'ReplicaSet', name: 'low' },
          max: 3,
          current: 1,
        },
      ],
    });
    const { pools } = simulateCluster(of, wanted(['a', 'b', 'c'], { headroom: true }));
    expect(pools[0]?.short).toMatchObject([
      {
        nodes: ['a'],
        unplaced: [{ pod: { name: 'low-1' }, cause: 'preempted' }],
        preempting: [{ pod: { name: 'top-1' }, on: 'b', pushesAway: [{ name: 'low-1' }] }],
        headroom: [{ autoscaler: { name: 'low' }, wanted: 2, fit: 0 }],
      },
      { nodes: ['b'], unplaced: [{ pod: { name: 'low-1' } }], preempting: [] },
      { nodes: ['c'], preempting: [{ pod: { name: 'mid-1' } }] },
    ]);
  });

  it('takes the fullest windows where there are too many', () => {
    const of = evidence({
      nodes: ['a', 'b', 'c', 'd'].map((name) => node(name)),
      pods: [pod('web-1', 'c', { shape: asking(9_000) }), pod('web-2', 'a')],
    });
    const names = ['a', 'b', 'c', 'd'] as unknown as readonly NodeName[];
    const pools = [{ name: 'web', nodes: names, maxUnavailable: '50%', drain } as const];
    const {
      pools: [told],
    } = simulateCluster(of, wanted([], { pools, windowsAtMost: 1 }));
    expect(told).toMatchObject({ atOnce: 2, windows: 2, reckoned: 1 });
    const one = simulateCluster(of, wanted(['a', 'b', 'c', 'd'], { windowsAtMost: 1 })).pools[0];
    expect(one).toMatchObject({ windows: 4, reckoned: 1 });
  });

  it('reckons with what nodes will have when they are replaced, where that is less', () => {
    const of = evidence({
      nodes: [node('a'), node('b'), node('c')],
      pods: [pod('web-1', 'a', { shape: asking(3_000) })],
    });
    const after = { cpu: 2_000, memory: 99 * gibibyte };
    const replacedBy = new Map(['b', 'c'].map((name) => [name as NodeName, after]));
    expect(simulateCluster(of, wanted(['a'])).pools[0]?.short).toEqual([]);
    expect(simulateCluster(of, wanted(['a'], { replacedBy })).pools[0]?.short).toMatchObject([
      { unplaced: [{ unblock: ['add room: cpu: 3000 m requested, 2000 m free at most'] }] },
    ]);
  });

  it('of no pool tells what is pending, and what checks find', () => {
    const of = evidence({
      nodes: [node('a')],
      pods: [pod('web-1', '', { shape: asking(9_000) })],
      budgets: [budget('nobody')],
    });
    const report = simulateCluster(of, wanted([], { pools: [] }));
    expect(report).toMatchObject({ pools: [], nodes: [], pending: [{ pods: 1 }] });
    expect(report.findings.map(({ check }) => check)).toEqual(['budget-empty', 'single-replica']);
  });
});

describe('a refusal', () => {
  const taint = { key: 'for', value: '', effect: 'NoSchedule' };
  const port = { ip: '0.0.0.0', protocol: 'TCP', port: 80 };
  const topologyKey = 'zone';
  const short = (resource: string) => ({ resource, requested: 2 * gibibyte, free: gibibyte });
  const refusals: readonly Refusal[] = [
    { code: 'claim-missing', claim: 'data' },
    { code: 'claim-unbound', claim: 'data' },
    { code: 'unschedulable' },
    { code: 'taint', taint },
    { code: 'node-affinity' },
    { code: 'host-port', port },
    { code: 'resources', short: ['pods', 'memory', 'gpu'].map(short) },
    { code: 'volume-affinity', claim: 'data' },
    { code: 'volume-zone', claim: 'data' },
    { code: 'spread-label', topologyKey },
    { code: 'spread', topologyKey, maxSkew: 1 },
    { code: 'affinity', topologyKey },
    { code: 'anti-affinity', topologyKey },
    { code: 'others-anti-affinity', topologyKey },
  ];

  it('is told in the words of the scheduler, and each has a remedy', () => {
    expect(refusals.map(({ code }) => code)).toEqual(refusalOrder);
    expect(refusals.map((one) => [schedulerWords(one), unblockedBy(one)])).toEqual([
      [
        'persistentvolumeclaim "data" not found',
        'make the PersistentVolumeClaim data, or take it away',
      ],
      [
        'pod has unbound immediate PersistentVolumeClaims',
        'see why the PersistentVolumeClaim data is not bound',
      ],
      ['node(s) were unschedulable', 'uncordon a node that it may run on'],
      [
        'node(s) had untolerated taint {for: }',
        'tolerate for:NoSchedule, take it from a node, or add a node without it',
      ],
      [
        "node(s) didn't match Pod's node affinity/selector",
        'label a node as it selects, or select more nodes',
      ],
      [
        "node(s) didn't have free ports for the requested pod ports",
        'add a node where TCP port 80 is free, or give up the host port',
      ],
      [
        'Too many pods, Insufficient memory, Insufficient gpu',
        'add room: pods: no node may have one more,' +
          ' memory: 2048 MiB requested, 1024 MiB free at most,' +
          ' gpu: 2147483648 requested, 1073741824 free at most',
      ],
      ['node(s) had volume node affinity conflict', 'add a node that reaches the volume of data'],
      ['node(s) had no available volume zone', 'add room in the zone of the volume of data'],
      [
        "node(s) didn't match pod topology spread constraints (missing required label)",
        'label the nodes with zone',
      ],
      [
        "node(s) didn't match pod topology spread constraints",
        'add room in the zone that has fewest of its pods, or allow a skew over 1',
      ],
      [
        "node(s) didn't match pod affinity rules",
        'add room in the zone of the pods that it wants to be with',
      ],
      [
        "node(s) didn't match pod anti-affinity rules",
        'add a node in a zone without the pods that it keeps away from',
      ],
      [
        "node(s) didn't satisfy existing pods anti-affinity rules",
        'add a node in a zone without the pods that keep away from it',
      ],
    ]);
    expect(unblockedBy({ code: 'taint', taint: { ...taint, value: 'db' } })).toContain('for=db');
  });

  it('of two nodes tells the most that is free', () => {
    const of = (free: number) =>
      ({ code: 'resources', short: [{ resource: 'cpu', requested: 9, free }] }) as const;
    expect(mostFree(of(1), of(5))).toEqual(of(5));
    expect(mostFree({ code: 'unschedulable' }, of(5))).toEqual({ code: 'unschedulable' });
    expect(mostFree(of(1), { code: 'unschedulable' })).toEqual(of(1));
  });
});
