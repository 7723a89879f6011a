import type { PoolName } from '../../../domain/names';
import type { PoolSpec } from '../../../domain/spec';
import { labSpec } from '../lab-spec';
import type { LogEntry } from './cluster-log';
import { windowProblems } from './window-judge';

/** Zones by the first letter of the node's name. */
function node(name: string, reason?: string): Omit<LogEntry, 'revision'> {
  return {
    kind: 'nodes',
    type: 'there',
    seenAtMs: 0,
    object: {
      metadata: {
        uid: name,
        name,
        resourceVersion: '0',
        labels: { 'topology.kubernetes.io/zone': name.slice(0, 1) },
        ...(reason === undefined ? {} : { annotations: { 'ascent.dev/cordon-reason': reason } }),
      },
      spec: reason === undefined ? {} : { unschedulable: true },
    },
  };
}

const upgrade = 'ascent: hop-1.30, to 1.30.14';
const all = ['a-1', 'a-2', 'b-1', 'b-2'].map((name) => node(name));

function poolOf(more: Partial<PoolSpec>): PoolSpec {
  const [pool] = labSpec({ cluster: 'unit' }).pools;
  if (pool === undefined) throw new Error('no pool');
  return { ...pool, name: 'web' as PoolName, ...more };
}

function problemsOf(
  entries: readonly Omit<LogEntry, 'revision'>[],
  ...pools: readonly PoolSpec[]
): readonly string[] {
  const log = [...all, ...entries].map((entry, index) => ({ ...entry, revision: index + 1 }));
  return windowProblems(log, pools);
}

describe('the judge of the nodes in work', () => {
  const two = [node('a-1', upgrade), node('a-2', upgrade)];

  it('lets as many be in work as the pool allows, one after the other too', () => {
    expect(problemsOf(two, poolOf({ maxUnavailable: 2 }))).toEqual([]);
    const inTurn = [node('a-1', upgrade), node('a-1'), node('b-1', upgrade)];
    expect(problemsOf(inTurn, poolOf({ maxUnavailable: 1 }))).toEqual([]);
  });

  it('finds one too many, of a count and of a share that is rounded down', () => {
    const found = ['pool web had a-1, a-2 in work, 1 may be (at 6)'];
    expect(problemsOf(two, poolOf({ maxUnavailable: 1 }))).toEqual(found);
    expect(problemsOf(two, poolOf({ maxUnavailable: '49%' }))).toEqual(found);
    expect(problemsOf(two, poolOf({ maxUnavailable: '50%' }))).toEqual([]);
  });

  it('finds nodes of two zones, unless any zone is allowed', () => {
    const mixed = [node('a-1', upgrade), node('b-1', upgrade)];
    expect(problemsOf(mixed, poolOf({ maxUnavailable: 2 }))).toEqual([
      'pool web had a-1, b-1 of several zones in work (at 6)',
    ]);
    expect(problemsOf(mixed, poolOf({ maxUnavailable: 2, zones: 'any' }))).toEqual([]);
  });

  it('counts each pool by itself, and nobody who is set aside', () => {
    const first = poolOf({
      name: 'first' as PoolName,
      nodeSelector: { 'topology.kubernetes.io/zone': 'a' },
      maxUnavailable: 1,
    });
    const mixed = [node('a-1', upgrade), node('b-1', upgrade)];
    expect(problemsOf(mixed, first, poolOf({ maxUnavailable: 1 }))).toEqual([]);
    const aside = [node('a-1', 'ascent: quarantined by ada: disk'), node('a-2', upgrade)];
    expect(problemsOf(aside, poolOf({ maxUnavailable: 1 }))).toEqual([]);
  });
});
