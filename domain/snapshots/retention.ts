// Which snapshots stay in a store, and why. Pure: pruning and listing tell the same.
// R1. The newest snapshot of a hop is the cluster's way back: a hop can be rolled back until the
//     next one begins, which takes a snapshot of its own first. It stays, whatever the limit and
//     however many others were taken since. Where no hop has one, the newest of all is.
// R2. Only what is known to be of this cluster is ever removed: a directory may be shared, and
//     records of older releases do not say whose they are.
// R3. Those that a schedule takes are counted by themselves, by the limit of the newest of them.

import type { SnapshotRecord } from '../activity-contract';
import type { ClusterName, SnapshotId } from '../names';
import { compareTexts } from '../text-order';

export type RetentionReason =
  /** R1. */
  | { readonly code: 'way-back' }
  /** Among the newest `keep`. */
  | { readonly code: 'kept'; readonly keep: number; readonly routine?: true }
  /** Nobody has said how many are to be kept. */
  | { readonly code: 'no-limit' }
  /** R2. */
  | { readonly code: 'other-cluster'; readonly cluster: ClusterName }
  | { readonly code: 'cluster-unknown' }
  /** It goes with the next snapshot that is verified. */
  | { readonly code: 'surplus'; readonly keep: number; readonly routine?: true };

export interface Retention {
  readonly id: SnapshotId;
  readonly stays: boolean;
  readonly why: RetentionReason;
}

type Dated = Pick<SnapshotRecord, 'id' | 'takenAt' | 'cluster' | 'hop' | 'asked'>;

/** In the order of `records`. `keep`: at least 1; undefined keeps all. */
export function retentionOf(
  records: readonly Dated[],
  { cluster, keep }: { readonly cluster: ClusterName; readonly keep: number | undefined },
): readonly Retention[] {
  const newestFirst = records
    .filter((record) => record.cluster === cluster)
    .toSorted((a, b) => compareTexts(b.takenAt, a.takenAt) || compareTexts(b.id, a.id));
  const routine = newestFirst.filter(isRoutine);
  const others = newestFirst.filter((record) => !isRoutine(record));
  const wayBack = newestFirst.find(({ asked }) => asked === undefined) ?? newestFirst[0];
  const limit = routine[0]?.asked?.routine?.keep ?? keep;
  return records.map((record) => {
    const counted = isRoutine(record)
      ? ({ age: routine.indexOf(record), keep: limit, routine: true } as const)
      : { age: others.indexOf(record), keep };
    const why = reasonFor(record, record === wayBack, counted);
    return { id: record.id, stays: why.code !== 'surplus', why };
  });
}

function isRoutine({ asked }: Dated): boolean {
  return asked?.routine !== undefined;
}

/** `age`: 0 for the newest among those that it is counted with; -1 for those of others. */
function reasonFor(
  record: Dated,
  isWayBack: boolean,
  counted: { readonly age: number; readonly keep: number | undefined; readonly routine?: true },
): RetentionReason {
  const { age, keep, ...routine } = counted;
  if (record.cluster === undefined) return { code: 'cluster-unknown' };
  if (age < 0) return { code: 'other-cluster', cluster: record.cluster };
  if (isWayBack) return { code: 'way-back' };
  if (keep === undefined) return { code: 'no-limit' };
  return { code: age < keep ? 'kept' : 'surplus', keep, ...routine };
}

/** Completes `it stays: …` and `it goes: …`. */
export function retentionText(why: RetentionReason): string {
  switch (why.code) {
    case 'way-back':
      return 'the newest, and so the way back';
    case 'kept':
      return `one of the newest ${countText(why)}`;
    case 'no-limit':
      return 'no limit is set';
    case 'other-cluster':
      return `of cluster ${why.cluster}`;
    case 'cluster-unknown':
      return 'it does not say of which cluster it is';
    case 'surplus':
      return `more than the newest ${countText(why)}; goes after the next snapshot`;
  }
}

function countText({ keep, routine }: { readonly keep: number; readonly routine?: true }): string {
  return routine === undefined ? `${keep}` : `${keep} of a schedule`;
}
