// What stops the drain of a node, who pushes whom away, and what budgets do to the order.

import type { SimulatedBudget } from '../../../domain/simulation/evidence';
import { stopText } from '../../../domain/simulation/stop-words';
import type { NodeStop } from '../../../domain/simulation/windows';
import {
  asking,
  bare,
  budget,
  drain,
  drained,
  hostKey,
  node,
  places,
  pod,
  simulationOf,
} from './support';

const nodes = [node('a'), node('b')];
const web = [pod('web-1', 'a'), pod('web-2', 'a')];

function stopped(
  budgets: readonly SimulatedBudget[],
  pods = [...web],
  of: readonly ReturnType<typeof node>[] = nodes,
): object {
  const [one] = drained({ nodes: of, pods, budgets }, ['a']).nodes;
  return { kind: one?.kind, stops: one?.stops.map(({ pod: ref, code }) => `${ref.name} ${code}`) };
}

describe('the drain of a node', () => {
  it('is free where nothing is in the way', () => {
    const agent = pod('agent-1', 'a', { controller: { kind: 'DaemonSet', name: 'agent' } });
    const mirror = bare('etcd', 'a', { isMirror: true });
    const going = pod('going-1', 'a', { deletionTimestampMs: 1 });
    const done = pod('done-1', 'a', { phase: 'Succeeded', ready: false });
    const log = pod('log-1', 'a', { controller: { kind: 'DaemonSet', name: 'log' } });
    const pods = [...web, agent, mirror, going, done, log, bare('lost', 'nowhere')];
    expect(drained({ nodes, pods }, ['a']).nodes).toEqual([
      {
        node: 'a',
        kind: 'drains',
        stops: [],
        waits: [going.ref],
        stays: { daemonset: 2, mirror: 1 },
      },
    ]);
  });

  it('does not bring back what nobody makes again', () => {
    const gone = { missingDaemonSets: [{ namespace: 'shop', name: 'old' }] };
    const old = pod('old-1', 'a', { controller: { kind: 'DaemonSet', name: 'old' } });
    const outcome = drained({ nodes, pods: [bare('bare', 'a'), old] }, ['a'], gone);
    expect([outcome.nodes[0]?.kind, outcome.pods]).toEqual(['drains', []]);
  });

  it('is forbidden by what a policy refuses', () => {
    const pods = [bare('bare', 'a'), pod('web-1', 'a', { hasEmptyDir: true })];
    const policy = { drain: { emptyDirData: 'refuse', unmanagedPods: 'refuse' } } as const;
    expect(drained({ nodes, pods }, ['a'], policy).nodes[0]).toMatchObject({
      kind: 'blocked',
      stops: [
        { pod: { name: 'bare' }, code: 'pod-unmanaged' },
        { pod: { name: 'web-1' }, code: 'pod-emptydir' },
      ],
    });
  });

  it.each<{
    name: string;
    budgets: readonly SimulatedBudget[];
    pods?: ReturnType<typeof pod>[];
    kind: string;
    stops: readonly string[];
  }>([
    { name: 'of another workload', budgets: [budget('db')], kind: 'drains', stops: [] },
    {
      name: 'that lets one go at a time',
      budgets: [budget('web')],
      kind: 'in-turns',
      stops: [],
    },
    {
      name: 'that lets none go now',
      budgets: [budget('web', { disruptionsAllowed: 0, desiredHealthy: 1, expectedPods: 3 })],
      kind: 'blocked',
      stops: ['web-1 budget-exhausted', 'web-2 budget-exhausted'],
    },
    {
      name: 'that lets none go, ever',
      budgets: [budget('web', { disruptionsAllowed: 0, desiredHealthy: 2 })],
      kind: 'blocked',
      stops: ['web-1 budget-never', 'web-2 budget-never'],
    },
    {
      name: 'that cannot be reckoned',
      budgets: [budget('web', { syncFailed: true })],
      kind: 'blocked',
      stops: ['web-1 budget-sync-failed', 'web-2 budget-sync-failed'],
    },
    {
      name: 'that nobody has looked at',
      budgets: [budget('web', { observed: false })],
      kind: 'blocked',
      stops: ['web-1 budget-unobserved', 'web-2 budget-unobserved'],
    },
    {
      name: 'beside another one',
      budgets: [budget('web'), budget('web', { budget: { namespace: 'shop', name: 'too' } })],
      kind: 'blocked',
      stops: ['web-1 budgets-overlap', 'web-2 budgets-overlap'],
    },
    {
      name: 'of pods that are not Ready, and it has enough',
      budgets: [budget('web', { disruptionsAllowed: 0, currentHealthy: 1 })],
      pods: [pod('web-1', 'a', { ready: false })],
      kind: 'drains',
      stops: [],
    },
    {
      name: 'of pods that are not Ready, which may always go',
      budgets: [budget('web', { disruptionsAllowed: 0, currentHealthy: 0, letsUnhealthyGo: true })],
      pods: [pod('web-1', 'a', { ready: false })],
      kind: 'drains',
      stops: [],
    },
    {
      name: 'of pods that are not Ready, and it lacks some',
      budgets: [budget('web', { disruptionsAllowed: 0, currentHealthy: 0 })],
      pods: [pod('web-1', 'a', { ready: false })],
      kind: 'blocked',
      stops: ['web-1 budget-exhausted'],
    },
    {
      name: 'of pods that are not Ready, and it wants none',
      budgets: [budget('web', { disruptionsAllowed: 0, desiredHealthy: 0, expectedPods: 3 })],
      pods: [pod('web-1', 'a', { ready: false })],
      kind: 'blocked',
      stops: ['web-1 budget-exhausted'],
    },
    {
      name: 'that pods pass by which are pending or finished',
      budgets: [budget('web', { disruptionsAllowed: 0 })],
      pods: [pod('web-1', 'a', { phase: 'Pending' })],
      kind: 'drains',
      stops: [],
    },
  ])('with a budget $name: $kind', ({ budgets, pods, kind, stops }) => {
    expect(stopped(budgets, pods)).toEqual({ kind, stops });
  });

  it('is stopped by a budget whose first pod finds no place', () => {
    const full = [node('a'), node('b', { allocatable: { pods: 0 } })];
    expect(stopped([budget('web')], web, full)).toEqual({
      kind: 'blocked',
      stops: ['web-2 budget-exhausted'],
    });
  });

  it('asks no budget where only room is asked for', () => {
    const never = budget('web', { disruptionsAllowed: 0, desiredHealthy: 2 });
    const outcome = drained({ nodes, pods: web, budgets: [never] }, ['a'], { budgets: 'ignored' });
    expect(outcome.nodes[0]?.kind).toBe('drains');
  });

  it('leaves the evidence as it was for the next window', () => {
    const simulation = simulationOf({ nodes, pods: web, budgets: [budget('web')] });
    const ask = { nodes: [nodes[0]?.name ?? ('' as never)], budgets: 'obeyed', headroom: false };
    const first = simulation.window(ask as Parameters<typeof simulation.window>[0]);
    const again = simulation.window(ask as Parameters<typeof simulation.window>[0]);
    expect(again.nodes).toEqual(first.nodes);
    expect(places(again)).toEqual(places(first));
  });

  it('tells each stop in words', () => {
    const ref = { namespace: 'shop', name: 'web-1' };
    const of = { namespace: 'shop', name: 'web' };
    const stops: readonly NodeStop[] = [
      { pod: ref, code: 'budgets-overlap', budgets: [of, { ...of, name: 'too' }] },
      { pod: ref, code: 'budget-sync-failed', budget: of },
      { pod: ref, code: 'budget-unobserved', budget: of },
      { pod: ref, code: 'budget-never', budget: of },
      { pod: ref, code: 'budget-exhausted', budget: of },
      { pod: ref, code: 'pod-unmanaged' },
      { pod: ref, code: 'pod-emptydir' },
      { pod: ref, code: 'daemonset-missing' },
      { pod: ref, code: 'pod-held' },
      { pod: ref, code: 'drain-annotation-unreadable' },
    ];
    expect(stops.map(stopText)).toEqual([
      'shop/web-1: budgets web and too select it, and the Eviction API refuses such a pod' +
        ' for ever',
      'shop/web-1: budget web cannot be reckoned (SyncFailed)',
      'shop/web-1: budget web was not looked at since its change',
      'shop/web-1: budget web lets none of its pods leave, ever',
      'shop/web-1: budget web lets none leave until more of its pods are healthy',
      'shop/web-1: nobody makes it again when it has left',
      'shop/web-1: it would lose the content of an emptyDir',
      'shop/web-1: its DaemonSet is gone: nobody makes it again',
      'shop/web-1: somebody has it held',
      'shop/web-1: what its annotation ascent.dev/drain says is not known',
    ]);
  });
});

describe('a pod of higher priority', () => {
  const high = (name: string, on: string, more: Parameters<typeof pod>[2] = {}) =>
    pod(name, on, { ...more, shape: { ...asking(2_000), priority: 10, ...more.shape } });
  const low = (name: string, on: string, priority = 0, cpu = 2_000) =>
    pod(name, on, { shape: { ...asking(cpu), priority } });
  const full = [low('x-1', 'b'), low('y-1', 'b')];

  it('pushes away as few as it must, and the lowest', () => {
    const pods = [high('top-1', 'a'), low('x-1', 'b', 5), low('y-1', 'b', 1)];
    expect(places(drained({ nodes, pods }, ['a']))).toEqual([
      'top-1: fits on b when it pushes away shop/y-1',
      'y-1: 1 node(s) were unschedulable, 1 Insufficient cpu',
    ]);
  });

  it('waits where it may push nobody away', () => {
    const patient = high('top-1', 'a', { shape: { preempts: false } });
    expect(places(drained({ nodes, pods: [patient, ...full] }, ['a']))).toEqual([
      'top-1: 1 node(s) were unschedulable, 1 Insufficient cpu',
    ]);
  });

  it('waits where nobody is lower, or it would not help', () => {
    const peers = [low('x-1', 'b', 10), low('y-1', 'b', 10)];
    const tiny = [low('x-1', 'b', 10, 3_000), low('y-1', 'b', 1, 500), low('z-1', 'c', 10, 4_000)];
    const more = [...nodes, node('c'), node('d', { labels: { disk: 'hdd' } })];
    expect(places(drained({ nodes, pods: [high('top-1', 'a'), ...peers] }, ['a']))).toEqual([
      'top-1: 1 node(s) were unschedulable, 1 Insufficient cpu',
    ]);
    const top = high('top-1', 'a', {
      shape: { nodeTerms: [{ labels: [{ key: 'disk', operator: 'DoesNotExist' }], fields: [] }] },
    });
    expect(places(drained({ nodes: more, pods: [top, ...tiny] }, ['a']))).toEqual([
      'top-1: 1 node(s) were unschedulable, 2 Insufficient cpu,' +
        " 1 node(s) didn't match Pod's node affinity/selector",
    ]);
  });

  it('breaks no budget where another node will do, and prefers lower and fewer', () => {
    const more = [...nodes, node('c'), node('d'), node('e')];
    const pods = [
      high('top-1', 'a', { shape: asking(4_000) }),
      low('guarded-1', 'b', 0, 4_000),
      low('higher-1', 'c', 5, 4_000),
      low('one-1', 'd', 1, 2_000),
      low('two-1', 'd', 1, 2_000),
      low('best-1', 'e', 1, 4_000),
    ];
    const budgets = [budget('guarded', { disruptionsAllowed: 0 })];
    expect(places(drained({ nodes: more, pods, budgets }, ['a']))[0]).toBe(
      'top-1: fits on e when it pushes away shop/best-1',
    );
  });

  it('keeps those that a budget guards, of two that are alike', () => {
    const budgets = [budget('y', { disruptionsAllowed: 0 })];
    const pods = [high('top-1', 'a'), ...full];
    expect(places(drained({ nodes, pods, budgets }, ['a']))[0]).toBe(
      'top-1: fits on b when it pushes away shop/x-1',
    );
  });

  it('is told with the sum of priorities, where all else is the same', () => {
    const more = [...nodes, node('c')];
    const pods = [
      high('top-1', 'a', { shape: asking(4_000) }),
      low('p-1', 'b', 3),
      low('q-1', 'b', 2),
      low('r-1', 'c', 3),
      low('s-1', 'c', 1),
    ];
    expect(places(drained({ nodes: more, pods }, ['a']))[0]).toBe(
      'top-1: fits on c when it pushes away shop/r-1, shop/s-1',
    );
  });

  it('looks at a hundred nodes, of more that would do', () => {
    const many = Array.from({ length: 120 }, (_, index) => node(`m-${index}`));
    const pods = many.map(({ name }) => low(`${name}-1`, name, 0, 4_000));
    const [place] = places(
      drained({ nodes: [...nodes, ...many], pods: [...pods, ...full, high('top-1', 'a')] }, ['a']),
    );
    expect(place).toBe('top-1: fits on b when it pushes away shop/y-1');
  });

  it('takes the place of a bare one for good', () => {
    const pods = [high('top-1', 'a'), bare('x', 'b', { shape: asking(4_000) })];
    expect(places(drained({ nodes, pods }, ['a']))).toEqual([
      'top-1: fits on b when it pushes away shop/x',
    ]);
  });
});

describe('pods that look for a node already', () => {
  it('look first, those of higher priority before, and gated ones not at all', () => {
    const pods = [
      pod('old-1', '', { shape: asking(4_000) }),
      pod('top-1', '', { shape: { ...asking(4_000), priority: 5 } }),
      pod('gated-1', '', { gated: true }),
      pod('web-1', 'a', { shape: { ...asking(1), preempts: false } }),
    ];
    const outcome = drained({ nodes, pods }, ['a']);
    expect(places(outcome)).toEqual([
      'top-1: fits on b',
      'old-1: 1 node(s) were unschedulable, 1 Insufficient cpu',
      'web-1: 1 node(s) were unschedulable, 1 Insufficient cpu',
    ]);
  });

  it('are asked again when what they want to be with has moved', () => {
    const near = {
      topologyKey: hostKey,
      namespaces: ['shop'],
      selector: { matchLabels: { app: 'web' } },
    };
    const pods = [
      pod('late-1', '', { shape: { affinity: [near], nodeSelector: { disk: 'ssd' } } }),
      pod('web-1', 'a'),
    ];
    const ssd = [node('a'), node('b', { labels: { disk: 'ssd' } })];
    expect(places(drained({ nodes: ssd, pods }, ['a']))).toEqual([
      'late-1: fits on b',
      'web-1: fits on b',
    ]);
  });
});

describe('what autoscalers may add', () => {
  const autoscaler = (name: string, kind: string, max: number) => ({
    namespace: 'shop',
    name,
    target: { kind, name },
    max,
    current: 1,
  });
  const of = {
    nodes,
    pods: [
      bare('alone', 'b'),
      pod('done-1', 'b', { phase: 'Failed', controller: { kind: 'StatefulSet', name: 'db' } }),
      pod('web-1', 'b', {
        shape: { ...asking(1_000), labels: { 'pod-template-hash': 'abc' } },
        controller: { kind: 'ReplicaSet', name: 'web-abc' },
      }),
      pod('db-0', 'b', {
        shape: asking(500),
        controller: { kind: 'StatefulSet', name: 'db' },
      }),
    ],
    autoscalers: [
      autoscaler('web', 'Deployment', 3),
      autoscaler('db', 'StatefulSet', 9),
      autoscaler('none', 'Deployment', 9),
      autoscaler('db', 'StatefulSet', 1),
      { ...autoscaler('web', 'Deployment', 9), namespace: 'other' },
    ],
  };

  it('finds room, or the one that does not is told', () => {
    const { headroom } = drained(of, ['a'], { headroom: true });
    expect(headroom.map(({ wanted, fit }) => [wanted, fit])).toEqual([
      [2, 2],
      [8, 1],
    ]);
    expect(
      places({ nodes: [], headroom: [], pods: headroom.flatMap((one) => one.lacking) }),
    ).toEqual(['db-0: 1 node(s) were unschedulable, 1 Insufficient cpu']);
  });

  it('is not asked for otherwise', () => {
    expect(drained(of, ['a'], { drain }).headroom).toEqual([]);
  });
});
