// What a hop is told of its drains, played on paper: nodes that would not drain, and pods that
// would find no room.

import type { NodeName, PoolName } from '../../../domain/names';
import type { SimulationEvidence } from '../../../domain/simulation/evidence';
import type { DrainedPool } from '../../../domain/preflight/drains';
import type { Finding } from '../../../domain/preflight/findings';
import { findingKey } from '../../../domain/preflight/identity';
import { drainFindings } from '../../../domain/preflight/preflight-drains';
import { asking, bare, budget, evidence, node, pod } from '../simulation/support';

type Some = Partial<SimulationEvidence>;

const workers = (
  nodes: readonly string[],
  more: Partial<DrainedPool['drain']> & { readonly atOnce?: number } = {},
): DrainedPool => {
  const { atOnce = 1, ...drain } = more;
  return {
    pool: 'workers' as PoolName,
    nodes: nodes as readonly NodeName[],
    atOnce,
    drain: { timeoutMs: 600_000, emptyDirData: 'delete', unmanagedPods: 'evict', ...drain },
  };
};

function found(some: Some, pools?: readonly DrainedPool[]): readonly Finding[] {
  const drains = { kind: 'observed', evidence: evidence(some), unread: [] } as const;
  return drainFindings({ observation: { drains }, ...(pools === undefined ? {} : { pools }) });
}

const nodes = [node('a'), node('b')];
const both = [workers(['a', 'b'])];
const exhausted = budget('web', { disruptionsAllowed: 0 });
const web = [pod('web-1', 'a'), pod('web-2', 'a'), pod('web-3', 'b')];
const told = (findings: readonly Finding[]) =>
  findings.map((one) => [findingKey(one), one.severity, one.message]);

describe('nothing is found', () => {
  it('where everything drains and fits', () => {
    expect(found({ nodes, pods: web, budgets: [budget('web')] }, both)).toEqual([]);
  });

  it('where nobody looked, nothing could be seen, or nobody says what is drained', () => {
    const problem = { code: 'forbidden', message: '403' } as const;
    const unseen = { kind: 'unobserved', problem } as const;
    expect(drainFindings({ observation: {}, pools: both })).toEqual([]);
    expect(drainFindings({ observation: { drains: unseen }, pools: both })).toEqual([]);
    expect(found({ nodes, pods: web, budgets: [exhausted] })).toEqual([]);
    expect(found({ nodes, pods: web, budgets: [exhausted] }, [])).toEqual([]);
  });
});

describe('nodes that would not drain now', () => {
  it('are told with what stops them', () => {
    expect(found({ nodes, pods: web, budgets: [exhausted] }, both)).toEqual([
      {
        code: 'drain-stopped',
        severity: 'warns',
        object: { kind: 'pool', name: 'workers' },
        message:
          '2 of 2 nodes would not drain now: a (shop/web-1: budget web lets none leave until more' +
          ' of its pods are healthy and 1 more pod), b (shop/web-3: budget web lets none leave' +
          ' until more of its pods are healthy)',
        remedy: 'see why pods of the budget are not healthy, or add a replica',
        about: 'budget-exhausted',
        evidence: { objects: ['shop/web'] },
        figures: { nodes: 2, played: 2, pods: 3 },
      },
    ]);
  });

  it('are one finding for each code: each has another way out', () => {
    const budgets = [budget('web'), budget('web', { budget: { namespace: 'shop', name: 'too' } })];
    const pods = [pod('web-1', 'a'), bare('alone', 'a'), pod('db-1', 'b')];
    const some = { nodes, pods, budgets };
    const of = found(some, [workers(['a', 'b'], { unmanagedPods: 'refuse' })]);
    expect(told(of)).toEqual([
      [
        'drain-stopped:pool/workers:budgets-overlap',
        'warns',
        '1 of 2 nodes would not drain now: a (shop/web-1: budgets web and too select it, and the' +
          ' Eviction API refuses such a pod for ever)',
      ],
      [
        'drain-stopped:pool/workers:pod-unmanaged',
        'warns',
        '1 of 2 nodes would not drain now: a (shop/alone: nobody makes it again when it has left)',
      ],
    ]);
    expect(of.map((one) => one.evidence)).toEqual([
      { objects: ['shop/too shop/web'] },
      { objects: ['shop'] },
    ]);
  });

  it('are told by pool', () => {
    const pods = [bare('one', 'a'), bare('two', 'b')];
    const refuse = { unmanagedPods: 'refuse' } as const;
    const others = { ...workers(['b'], refuse), pool: 'others' as PoolName };
    const keys = found({ nodes, pods }, [workers(['a'], refuse), others]).map(findingKey);
    expect(keys).toEqual([
      'drain-stopped:pool/workers:pod-unmanaged',
      'drain-stopped:pool/others:pod-unmanaged',
    ]);
  });
});

describe('pods that would find no room', () => {
  const big = (name: string, on: string) => pod(name, on, { shape: asking(3_000) });

  it('are told with the window that takes theirs', () => {
    const pods = [big('web-1', 'a'), big('db-1', 'b')];
    expect(found({ nodes, pods }, both)).toEqual([
      {
        code: 'room-short',
        severity: 'warns',
        object: { kind: 'pool', name: 'workers' },
        message:
          'in 2 of 2 windows of 1 node pods find no room: without a, shop/web-1 (1 node(s)' +
          ' were unschedulable, 1 Insufficient cpu), without b, shop/db-1 (1 Insufficient cpu,' +
          ' 1 node(s) were unschedulable)',
        remedy:
          'add room, or lower maxUnavailable of the pool; `ascent simulate` tells each window',
        evidence: { objects: ['shop'] },
        figures: { short: 2, played: 2, windows: 2 },
      },
    ]);
  });

  it('are not told where more than that many are never out', () => {
    const pods = [big('web-1', 'a'), big('web-2', 'b')];
    const more = [...nodes, node('c')];
    const three = ['a', 'b', 'c'];
    expect(found({ nodes: more, pods }, [workers(three)])).toEqual([]);
    expect(told(found({ nodes: more, pods }, [workers(three, { atOnce: 2 })]))).toEqual([
      [
        'room-short:pool/workers',
        'warns',
        'in 1 of 2 windows of 2 nodes pods find no room: without a, b, shop/web-2 (2 node(s)' +
          ' were unschedulable, 1 Insufficient cpu)',
      ],
    ]);
  });

  it('are told of apart, where others make room', () => {
    const low = pod('low-1', 'b', { shape: { ...asking(3_000), priority: -1 } });
    const pods = [big('web-1', 'a'), low];
    const [short, pushing] = found({ nodes, pods }, both);
    expect(short?.code).toBe('room-short');
    expect(pushing).toEqual({
      code: 'room-by-preemption',
      severity: 'notes',
      object: { kind: 'pool', name: 'workers' },
      message:
        'in 1 of 2 windows of 1 node pods find room by pushing away others: shop/web-1 for' +
        ' shop/low-1',
      remedy: 'add room, or lower maxUnavailable of the pool, if others are not to be pushed away',
      evidence: { objects: ['shop'] },
      figures: { short: 1, played: 2, windows: 2 },
    });
  });

  it('are told once for the cluster, where they have no node already', () => {
    const waiting = (name: string) => pod(name, '', { shape: asking(9_000) });
    const lost = bare('lost', '', { claims: ['gone'] });
    const pods = [waiting('web-1'), waiting('web-2'), lost];
    expect(found({ nodes, pods }, both)).toEqual([
      {
        code: 'pods-pending',
        severity: 'warns',
        object: { kind: 'cluster' },
        message:
          '3 pods without a node already: shop/lost (persistentvolumeclaim "gone" not found),' +
          ' 2 pods like shop/web-1 (2 Insufficient cpu)',
        remedy: 'give them room, or take them away, before their number grows with each window',
        evidence: { objects: ['shop'] },
        figures: { pods: 3 },
      },
    ]);
  });
});

it('of a large pool the fullest nodes and windows are played', () => {
  const names = Array.from({ length: 210 }, (_, at) => `n-${String(at).padStart(3, '0')}`);
  const stuck = names.flatMap((on) => (on === 'n-000' ? [] : [bare(`${on}-1`, on)]));
  const [finding] = found({ nodes: names.map((name) => node(name)), pods: stuck }, [
    workers(names, { unmanagedPods: 'refuse' }),
  ]);
  expect(finding?.figures).toEqual({ nodes: 200, played: 200, pods: 200 });
  const full = names.map((on) => pod(`web-${on}`, on, { shape: asking(3_000) }));
  const many = names.map((name) => node(name));
  const [short] = found({ nodes: many, pods: full }, [workers(names)]);
  expect(short?.message).toMatch(
    /^in 20 of the 20 fullest of 210 windows of 1 node pods find no room: without n-/,
  );
  const wide = { ...workers(['n-000'], { atOnce: 500 }), pool: 'wide' as PoolName };
  const [few] = found({ nodes: many, pods: full }, [workers(names), wide]);
  expect(few?.figures).toEqual({ short: 2, played: 2, windows: 210 });
  const [wider] = found({ nodes: many, pods: full }, [workers(names, { atOnce: 2_000 })]);
  expect(wider?.figures).toEqual({ short: 1, played: 1, windows: 1 });
});
