// Records of snapshots as they lie in a store: JSON, one for each snapshot.
// R1. Where the store is, is not part of a record: it may be moved.
// R2. What a newer release has added is passed over, so that an older one still finds its way back.

import * as z from 'zod';

import type { SnapshotRecord } from '../../domain/activity-contract';
import { idPattern } from './snapshot-shelf';
import { parseJson } from './json';

export type StoredRecord = Omit<SnapshotRecord, 'location'>;

export const sealSchema = z.object({
  by: z.literal('age'),
  key: z.string().regex(/^sha256:[0-9a-f]{16}$/),
});

const served = z.number().int().nonnegative();

const servedSchema = z.discriminatedUnion('by', [
  z.object({
    by: z.literal('kube-apiserver'),
    version: z.string(),
    objects: z.object({ namespaces: served, nodes: served, secrets: served }),
    seconds: z.number().nonnegative(),
  }),
  z.object({
    by: z.literal('nobody'),
    reason: z.enum(['no-api-server', 'kms', 'encryption-config-not-kept']),
  }),
]);

const recordSchema = z.object({
  id: z.string().regex(idPattern),
  hop: z.string().optional(),
  asked: z
    .object({
      reason: z.string(),
      routine: z.object({ keep: z.number().int().positive().optional() }).optional(),
    })
    .optional(),
  kubeVersion: z.string(),
  etcdVersion: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().positive(),
  revision: z.number().int().nonnegative(),
  totalKeys: z.number().int().nonnegative(),
  takenAt: z.string(),
  handle: z.string().optional(),
  sealed: sealSchema.optional(),
  cluster: z.string().optional(),
  etcdClusterId: z.string().optional(),
  etcdMember: z.string().optional(),
  planDigest: z.string().optional(),
  actor: z.string().optional(),
  ascentVersion: z.string().optional(),
  needs: z
    .array(
      z.object({
        kind: z.enum(['pki', 'flags', 'encryption-config', 'manifest']),
        name: z.string(),
        member: z.string().optional(),
        fingerprint: z.string(),
      }),
    )
    .optional(),
  needsCopied: z.boolean().optional(),
  verified: z.object({
    by: z.literal('restore'),
    hashKv: z.string(),
    keys: z.number().int().nonnegative(),
    seconds: z.number().nonnegative(),
    served: servedSchema.optional().catch(undefined),
  }),
});

/** Undefined when it is damaged. */
export function parseRecord(text: string): StoredRecord | undefined {
  const parsed = recordSchema.safeParse(parseJson(text));
  // The brands are what a record was written with; nothing else writes here.
  return parsed.success ? (parsed.data as object as StoredRecord) : undefined;
}

export function recordText(record: StoredRecord): string {
  return `${JSON.stringify(recordSchema.parse(record), undefined, 2)}\n`;
}
