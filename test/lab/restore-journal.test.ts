import { targetRevision } from '../../lab/supervisor/restore-journal';

describe('the revision that a restored etcd starts above', () => {
  it('is above whatever etcd served until it was stopped', () => {
    expect(targetRevision({ snapshotRevision: 500, highestRevision: 0, seen: 900 })).toBe(
      1_000_900,
    );
  });

  it('is above that of the restore before, also when the same snapshot is restored again', () => {
    const first = targetRevision({ snapshotRevision: 500, highestRevision: 0, seen: 900 });
    const second = targetRevision({ snapshotRevision: 500, highestRevision: first, seen: 600 });
    expect(second).toBeGreaterThan(first);
  });

  it('leaves far more room when etcd could not be asked any more', () => {
    expect(targetRevision({ snapshotRevision: 500, highestRevision: 0, seen: undefined })).toBe(
      1_000_000_500,
    );
  });
});
