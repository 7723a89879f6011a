import fc from 'fast-check';

import type { ClusterName, SnapshotId } from '../../../domain/names';
import { type Retention, retentionOf, retentionText } from '../../../domain/snapshots/retention';

const cluster = 'prod' as ClusterName;
const other = 'staging' as ClusterName;

function taken(id: string, day: number, of: ClusterName | undefined = cluster) {
  const takenAt = `2026-01-0${String(day)}T00:00:00.000Z`;
  return { id: id as SnapshotId, takenAt, ...(of === undefined ? {} : { cluster: of }) };
}

/** A record of a release that did not say whose it is. */
const old = { id: 'old' as SnapshotId, takenAt: '2025-01-01T00:00:00.000Z' };

function told(retention: readonly Retention[]): readonly string[] {
  return retention.map(
    ({ id, stays, why }) => `${id} ${stays ? 'stays' : 'goes'}: ${retentionText(why)}`,
  );
}

describe('of the snapshots in a store', () => {
  const records = [
    old,
    taken('a', 1),
    taken('b', 2),
    taken('theirs', 3, other),
    taken('c', 3),
    taken('d', 3),
  ];

  it('the newest of the cluster stay, and each says why', () => {
    expect(told(retentionOf(records, { cluster, keep: 2 }))).toEqual([
      'old stays: it does not say of which cluster it is',
      'a goes: more than the newest 2; goes after the next snapshot',
      'b goes: more than the newest 2; goes after the next snapshot',
      'theirs stays: of cluster staging',
      'c stays: one of the newest 2',
      'd stays: the newest, and so the way back',
    ]);
  });

  it('the way back is that of a hop, however many were asked for since', () => {
    const asked = { reason: 'before the move' };
    const ours = [
      taken('hop-1', 1),
      taken('hop-2', 2),
      { ...taken('asked-1', 3), asked },
      { ...taken('asked-2', 4), asked },
    ];
    expect(told(retentionOf(ours, { cluster, keep: 1 }))).toEqual([
      'hop-1 goes: more than the newest 1; goes after the next snapshot',
      'hop-2 stays: the newest, and so the way back',
      'asked-1 goes: more than the newest 1; goes after the next snapshot',
      'asked-2 stays: one of the newest 1',
    ]);
    expect(told(retentionOf([{ ...taken('asked-1', 3), asked }], { cluster, keep: 1 }))).toEqual([
      'asked-1 stays: the newest, and so the way back',
    ]);
  });

  it('those of a schedule are counted by themselves, by the limit of the newest', () => {
    const routine = (id: string, day: number, keep?: number) => ({
      ...taken(id, day),
      asked: { reason: 'every day', routine: keep === undefined ? {} : { keep } },
    });
    const ours = [
      taken('hop', 1),
      routine('r-1', 2, 9),
      routine('r-2', 3, 9),
      routine('r-3', 4, 2),
    ];
    expect(told(retentionOf(ours, { cluster, keep: 1 }))).toEqual([
      'hop stays: the newest, and so the way back',
      'r-1 goes: more than the newest 2 of a schedule; goes after the next snapshot',
      'r-2 stays: one of the newest 2 of a schedule',
      'r-3 stays: one of the newest 2 of a schedule',
    ]);
    const unlimited = [taken('hop', 1), routine('r-1', 2), routine('r-2', 3)];
    expect(told(retentionOf(unlimited, { cluster, keep: undefined }))).toEqual([
      'hop stays: the newest, and so the way back',
      'r-1 stays: no limit is set',
      'r-2 stays: no limit is set',
    ]);
  });

  it('all stay where no limit is set', () => {
    const limits = { cluster, keep: undefined };
    expect(told(retentionOf([taken('a', 1), taken('b', 2)], limits))).toEqual([
      'a stays: no limit is set',
      'b stays: the newest, and so the way back',
    ]);
  });

  it('the newest stays whatever the limit, and never more than it says goes', () => {
    const record = fc.record({
      id: fc.integer().map((n) => `s${String(n)}` as SnapshotId),
      takenAt: fc.integer({ min: 1, max: 9 }).map((n) => `2026-01-0${String(n)}`),
      cluster: fc.constantFrom(cluster, other),
    });
    const some = fc.uniqueArray(record, { selector: ({ id }) => id });
    fc.assert(
      fc.property(some, fc.integer({ min: 0, max: 5 }), (all, keep) => {
        const retention = retentionOf(all, { cluster, keep });
        const ours = all.filter((one) => one.cluster === cluster);
        const gone = retention.filter(({ stays }) => !stays);
        const newest = ours
          .map(({ takenAt }) => takenAt)
          .toSorted((a, b) => (a < b ? -1 : 1))
          .at(-1);
        expect(gone).toHaveLength(Math.max(0, ours.length - Math.max(1, keep)));
        expect(gone.every(({ id }) => ours.some((one) => one.id === id))).toBe(true);
        const kept = ours.filter(({ id }) => !gone.some((one) => one.id === id));
        expect(kept.map(({ takenAt }) => takenAt).includes(newest ?? '')).toBe(ours.length > 0);
      }),
    );
  });
});
