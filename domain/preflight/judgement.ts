// Which findings stop a hop, given what people answer for.
// J1. An acknowledgement counts for the finding of its key, while what was seen is the same and its
//     time is not over. Otherwise the finding blocks again and says why.
// J2. What nobody can answer for blocks, whatever was said (acknowledgeable.ts).

import {
  type Acknowledgement,
  type AcknowledgementVoid,
  standingOf,
} from '../findings/acknowledgement';
import { whyNeverAcknowledged } from './acknowledgeable';
import type { Finding } from './findings';
import { evidenceDigest, findingKey } from './identity';

/** The findings in their order, each with where its acknowledgement stands, if it has one. */
export function judged(
  findings: readonly Finding[],
  acknowledgements: readonly Acknowledgement[],
  nowMs: number,
): readonly Finding[] {
  const byKey = new Map(acknowledgements.map((one) => [one.finding, one]));
  // What an earlier judgement said is forgotten: it may have been revoked since.
  return findings.map(({ acknowledgement: _before, ...finding }) => {
    const one = byKey.get(findingKey(finding));
    if (one === undefined) return finding;
    return { ...finding, acknowledgement: standingOf(one, whyVoid(finding, one, nowMs)) };
  });
}

function whyVoid(
  finding: Finding,
  { digest, untilMs }: Acknowledgement,
  nowMs: number,
): AcknowledgementVoid | undefined {
  const isNever = finding.severity === 'blocks' && whyNeverAcknowledged(finding.code) !== undefined;
  if (isNever) return 'never-acknowledged';
  if (digest !== evidenceDigest(finding)) return 'evidence-changed';
  return untilMs <= nowMs ? 'expired' : undefined;
}

/** Whether the finding, once it is judged, keeps a hop from going on. */
export function isBlocking({ severity, acknowledgement }: Finding): boolean {
  return severity === 'blocks' && acknowledgement?.state !== 'holds';
}

/** Whether somebody answers for it: it would block otherwise. */
export function isAnsweredFor({ severity, acknowledgement }: Finding): boolean {
  return severity === 'blocks' && acknowledgement?.state === 'holds';
}
