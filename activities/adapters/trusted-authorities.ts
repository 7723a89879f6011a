// When the last authority of a caBundle ends: until then, something may still be trusted by it.

import { X509Certificate } from 'node:crypto';

import type { TrustObservation } from '../../domain/api-extensions';

const certificatePattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Of a caBundle as the API has it (PEM in base64); undefined where none is given. Blocks that are
 * no certificates are passed over, as API servers do. Throws nothing.
 */
export function trustIn(caBundle: string | undefined, nowMs: number): TrustObservation | undefined {
  if (caBundle === undefined || caBundle === '') return undefined;
  const pem = Buffer.from(caBundle, 'base64').toString('latin1');
  const ends = [...pem.matchAll(certificatePattern)].flatMap(([block]) => endOf(block));
  const [first, ...others] = ends;
  if (first === undefined) return { kind: 'unreadable' };
  const lastMs = Math.max(first, ...others);
  return {
    kind: 'read',
    expiresAt: new Date(lastMs).toISOString(),
    expiresInSeconds: Math.round((lastMs - nowMs) / 1_000),
  };
}

function endOf(block: string): readonly number[] {
  try {
    const endMs = Date.parse(new X509Certificate(block).validTo);
    return Number.isFinite(endMs) ? [endMs] : [];
  } catch {
    return [];
  }
}
