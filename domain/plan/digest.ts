// SHA-256 in plain JavaScript: it gives the same answer in the CLI, in an activity and inside the
// workflow sandbox, where node:crypto does not exist.

import { sha256 } from '@noble/hashes/sha2';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils';

import { canonicalJson } from './canonical-json';
import type { PlanDigest } from '../names';
import type { Plan } from './plan';

/** Hex SHA-256 of the text in UTF-8: 64 lower-case digits. */
export function sha256Hex(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}

/** Digest of a plan: every field but `digest` itself counts (P3). */
export function planDigestOf(plan: Omit<Plan, 'digest'>): PlanDigest {
  const { schema, cluster, from, to, hops } = plan;
  return sha256Hex(canonicalJson({ schema, cluster, from, to, hops })) as PlanDigest;
}
