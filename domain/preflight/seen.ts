// What of a preflight is remembered, and how the next one differs from it.
// S1. Of one key several findings may be there (one check, one object, told twice): the first,
//     which is the worst, counts.
// S2. A first look has nothing to compare with: nothing is new then.
// S3. Bounded: where findings were left out, one that was not kept is not said to be new.

import type { EvidenceDigest, FindingKey } from '../names';
import type { Finding } from './findings';
import { evidenceDigest, findingKey } from './identity';

/** Findings that an upgrade remembers of its last preflight, the worst first. */
export const maxSeenFindings = 100;

/** A finding with what makes it known again. */
export interface SeenFinding extends Finding {
  readonly key: FindingKey;
  readonly digest: EvidenceDigest;
  /** Milliseconds since 1970: when a preflight, of those compared, found it first. */
  readonly firstSeenMs: number;
  /** How it differs from the look before; absent where it does not, or there was none. */
  readonly change?: 'new' | 'changed';
}

export interface SeenFindings {
  readonly atMs: number;
  readonly findings: readonly SeenFinding[];
  /** Keys that the look before had and this one has not. */
  readonly gone: readonly FindingKey[];
  /** Findings that were left out (S3). */
  readonly more: number;
}

/** What of an earlier look is needed. */
export type SeenBefore = Pick<SeenFindings, 'more'> & {
  readonly findings: readonly Pick<SeenFinding, 'key' | 'digest' | 'firstSeenMs'>[];
};

/** `findings`: the worst first, as a report has them. `limit`: how many are kept. */
export function seenFindings(
  findings: readonly Finding[],
  nowMs: number,
  before?: SeenBefore,
  limit: number = maxSeenFindings,
): SeenFindings {
  const known = new Map((before?.findings ?? []).map((one) => [one.key, one]));
  const all = new Map<FindingKey, SeenFinding>();
  for (const finding of findings) {
    const key = findingKey(finding);
    if (all.has(key)) continue;
    const digest = evidenceDigest(finding);
    const earlier = known.get(key);
    const firstSeenMs = earlier?.firstSeenMs ?? nowMs;
    const seen = { ...finding, key, digest, firstSeenMs };
    const change = changeOf(digest, earlier, before);
    all.set(key, change === undefined ? seen : { ...seen, change });
  }
  return {
    atMs: nowMs,
    findings: [...all.values()].slice(0, limit),
    gone: [...known.keys()].filter((key) => !all.has(key)),
    more: Math.max(0, all.size - limit),
  };
}

function changeOf(
  digest: EvidenceDigest,
  earlier: Pick<SeenFinding, 'digest'> | undefined,
  before: SeenBefore | undefined,
): SeenFinding['change'] {
  if (before === undefined) return undefined;
  if (earlier !== undefined) return earlier.digest === digest ? undefined : 'changed';
  return before.more > 0 ? undefined : 'new';
}
