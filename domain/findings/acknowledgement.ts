// A named person has seen a finding and answers for going on. It is of one finding as it was then:
// what was seen counts, by its digest, and it ends by itself.

import type { EvidenceDigest, FindingKey } from '../names';

export interface Acknowledgement {
  readonly finding: FindingKey;
  readonly digest: EvidenceDigest;
  readonly by: string;
  readonly reason: string;
  /** Milliseconds since 1970, as the next. */
  readonly sinceMs: number;
  /** From then on it does not hold. */
  readonly untilMs: number;
}

/** Why one does not hold. */
export type AcknowledgementVoid = 'expired' | 'evidence-changed' | 'never-acknowledged';

/** Where the acknowledgement of a finding stands, as a preflight has found it. */
export type AcknowledgementStanding = Pick<Acknowledgement, 'by' | 'reason' | 'untilMs'> &
  ({ readonly state: 'holds' } | { readonly state: 'void'; readonly why: AcknowledgementVoid });

/** Kept of an upgrade; the oldest go first. */
export const maxAcknowledgements = 200;
/** Longest time one may hold: who needs more looks at it again. */
export const longestAcknowledgementMs = 90 * 86_400_000;

export function standingOf(
  { by, reason, untilMs }: Acknowledgement,
  why?: AcknowledgementVoid,
): AcknowledgementStanding {
  const told = { by, reason, untilMs };
  return why === undefined ? { ...told, state: 'holds' } : { ...told, state: 'void', why };
}

const voidTexts: Readonly<Record<AcknowledgementVoid, string>> = {
  expired: 'its time is over',
  'evidence-changed': 'what was seen has changed since',
  'never-acknowledged': 'nobody can answer for this one',
};

/** `acknowledged by alice (known, see ticket 7)`; why one counts no more. */
export function standingText(standing: AcknowledgementStanding): string {
  const { by, reason } = standing;
  const said = `acknowledged by ${by} (${reason})`;
  return standing.state === 'holds' ? said : `${said}, but ${voidTexts[standing.why]}`;
}

/** With this one in the place of another of the same finding. */
export function withAcknowledgement(
  all: readonly Acknowledgement[],
  one: Acknowledgement,
): readonly Acknowledgement[] {
  return [...withoutAcknowledgement(all, one.finding), one].slice(-maxAcknowledgements);
}

export function withoutAcknowledgement(
  all: readonly Acknowledgement[],
  finding: FindingKey,
): readonly Acknowledgement[] {
  return all.filter((other) => other.finding !== finding);
}

/** Whether it is one: it may have come from anybody. */
export function isAcknowledgement(value: unknown): value is Acknowledgement {
  if (typeof value !== 'object' || value === null) return false;
  const { finding, digest, by, reason, sinceMs, untilMs } = value as Record<string, unknown>;
  const isTold = [finding, digest, by, reason].every((text) => typeof text === 'string');
  return isTold && [sinceMs, untilMs].every((time) => typeof time === 'number');
}
