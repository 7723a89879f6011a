// Which snapshots stay in a store, and why. Pure: pruning and listing tell the same.
// R1. The newest snapshot of a cluster is its way back: a hop can be rolled back until the next one
//     begins, which takes a snapshot of its own first. It stays, whatever the limit.
// R2. Only what is known to be of this cluster is ever removed: a directory may be shared, and
//     records of older releases do not say whose they are.

import type { SnapshotRecord } from '../activity-contract';
import type { ClusterName, SnapshotId } from '../names';
import { compareTexts } from '../text-order';

export type RetentionReason =
  /** R1. */
  | { readonly code: 'way-back' }
  /** Among the newest `keep`. */
  | { readonly code: 'kept'; readonly keep: number }
  /** Nobody has said how many are to be kept. */
  | { readonly code: 'no-limit' }
  /** R2. */
  | { readonly code: 'other-cluster'; readonly cluster: ClusterName }
  | { readonly code: 'cluster-unknown' }
  /** It goes with the next snapshot that is verified. */
  | { readonly code: 'surplus'; readonly keep: number };

export interface Retention {
  readonly id: SnapshotId;
  readonly stays: boolean;
  readonly why: RetentionReason;
}

type Dated = Pick<SnapshotRecord, 'id' | 'takenAt' | 'cluster'>;

/** In the order of `records`. `keep`: at least 1; undefined keeps all. */
export function retentionOf(
  records: readonly Dated[],
  { cluster, keep }: { readonly cluster: ClusterName; readonly keep: number | undefined },
): readonly Retention[] {
  const newestFirst = records
    .filter((record) => record.cluster === cluster)
    .toSorted((a, b) => compareTexts(b.takenAt, a.takenAt) || compareTexts(b.id, a.id));
  const ages = new Map(newestFirst.map(({ id }, age) => [id, age]));
  return records.map((record) => {
    const why = reasonFor({ record, age: ages.get(record.id), keep });
    return { id: record.id, stays: why.code !== 'surplus', why };
  });
}

/** `age`: 0 for the newest of the cluster; undefined for those of others. */
function reasonFor(options: {
  readonly record: Dated;
  readonly age: number | undefined;
  readonly keep: number | undefined;
}): RetentionReason {
  const { record, age, keep } = options;
  if (record.cluster === undefined) return { code: 'cluster-unknown' };
  if (age === undefined) return { code: 'other-cluster', cluster: record.cluster };
  if (age === 0) return { code: 'way-back' };
  if (keep === undefined) return { code: 'no-limit' };
  return { code: age < keep ? 'kept' : 'surplus', keep };
}

/** Completes `it stays: …` and `it goes: …`. */
export function retentionText(why: RetentionReason): string {
  switch (why.code) {
    case 'way-back':
      return 'the newest, and so the way back';
    case 'kept':
      return `one of the newest ${why.keep}`;
    case 'no-limit':
      return 'no limit is set';
    case 'other-cluster':
      return `of cluster ${why.cluster}`;
    case 'cluster-unknown':
      return 'it does not say of which cluster it is';
    case 'surplus':
      return `more than the newest ${why.keep}; goes after the next snapshot`;
  }
}
