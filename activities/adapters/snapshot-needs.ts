// What a restore needs beside etcd, as it lies in a store: one JSON document, sealed.

import type { SnapshotNeed } from '../../domain/activity-contract';
import type { RestoreNeed } from '../snapshot-ports';
import { fingerprintOf } from './fingerprint';

export function needReference({ content, ...need }: RestoreNeed): SnapshotNeed {
  return { ...need, fingerprint: fingerprintOf(content) };
}

/** `ascent.snapshot-needs/v1`: `items[]` with `kind`, `name`, `member` and `base64`. */
export function needsBundle(needs: readonly RestoreNeed[]): Buffer {
  const items = needs.map(({ content, ...need }) => ({
    ...need,
    base64: content.toString('base64'),
  }));
  const document = { schema: 'ascent.snapshot-needs/v1', items };
  return Buffer.from(`${JSON.stringify(document, undefined, 2)}\n`);
}
