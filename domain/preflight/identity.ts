// By what a finding is known again, days later and by another run.
// I1. The key says which check found something of which object; it never holds a figure.
// I2. The digest says what was seen. What changes by itself (counts, sizes, times) stands in
//     `figures` and is not in it; a severity is: who accepted a warning has accepted no block.

import { budgetText } from '../blocker-sentences';
import type { EvidenceDigest, FindingKey } from '../names';
import { canonicalJson } from '../plan/canonical-json';
import { sha256Hex } from '../plan/digest';
import { type Finding, type FindingCode, findingCodes, type FindingObject } from './findings';

/** `flag-removed:node/worker-1:kubelet_flag_--foo`; no spaces, as people type it. */
export function findingKey({
  code,
  object,
  about,
}: Pick<Finding, 'code' | 'object' | 'about'>): FindingKey {
  const parts = [code, objectText(object), ...(about === undefined ? [] : [about])];
  return parts.join(':').replaceAll(/\s+/g, '_') as FindingKey;
}

/** `node/worker-1`; `cluster`. */
export function objectText(object: FindingObject): string {
  if (object.kind === 'cluster') return 'cluster';
  if (object.kind === 'budget') return `budget/${budgetText(object.budget)}`;
  if (object.kind === 'snapshot-store') return `snapshot-store/${object.location}`;
  return `${object.kind}/${object.name}`;
}

/** The check that a key names; undefined: none of this release. */
export function codeOfKey(key: string): FindingCode | undefined {
  const [code] = key.split(':');
  return key.includes(':') ? findingCodes.find((known) => known === code) : undefined;
}

/** I2. */
export function evidenceDigest({
  severity,
  evidence = {},
}: Pick<Finding, 'severity' | 'evidence'>): EvidenceDigest {
  return sha256Hex(canonicalJson({ severity, evidence })) as EvidenceDigest;
}
