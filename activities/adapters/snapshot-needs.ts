// What a restore needs beside etcd, as it lies in a store: one JSON document, sealed.

import * as z from 'zod';

import type { SnapshotNeed } from '../../domain/activity-contract';
import type { RestoreNeed } from '../snapshot-ports';
import { PortError } from '../ports';
import { fingerprintOf } from './fingerprint';
import { parseJson } from './json';

const bundleSchema = z.object({
  schema: z.literal('ascent.snapshot-needs/v1'),
  items: z.array(
    z.object({
      kind: z.enum(['pki', 'flags', 'encryption-config', 'manifest']),
      name: z.string(),
      member: z.string().optional(),
      base64: z.base64(),
    }),
  ),
});

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

/** Throws PortError `rejected` when it is no such document; what is in it is not told. */
export function needsOf(bundle: string): readonly RestoreNeed[] {
  const parsed = bundleSchema.safeParse(parseJson(bundle));
  if (!parsed.success)
    throw new PortError('rejected', 'its copies of what a restore needs: damaged');
  return parsed.data.items.map(({ kind, name, member, base64 }) => ({
    kind,
    name,
    ...(member === undefined ? {} : { member }),
    content: Buffer.from(base64, 'base64'),
  }));
}
