// Requests that API servers have turned away by Priority and Fairness: while a member is away, the
// others get its share of them as well.
// Authority: kubernetes.io/docs/concepts/cluster-administration/flow-control.

import { count } from '../counts';
import { perHour, type RejectingLevel } from '../deprecated-apis';
import type { MemberName } from '../names';
import type { Observation } from '../observation';
import type { Finding } from './findings';

/** On average since an API server started. Clients try again by themselves: a few do no harm. */
const tooManyPerHour = 60;

/** `warns`: it is turning away all the time. `notes`: it has done so. */
export function flowControlFindings({
  deprecatedUse = [],
}: Pick<Observation, 'deprecatedUse'>): readonly Finding[] {
  return deprecatedUse.flatMap(({ member, use }) => {
    if (use.kind === 'unobserved') return [];
    const { rejecting = [], upSeconds } = use;
    return rejecting.map((level) => levelFinding(member, level, upSeconds));
  });
}

function levelFinding(
  member: MemberName,
  { level, rejected, waiting, used, limit }: RejectingLevel,
  upSeconds: number | undefined,
): Finding {
  const often = upSeconds === undefined ? 0 : perHour(rejected, upSeconds);
  const rate = upSeconds === undefined ? '' : `, about ${Math.round(often)} an hour`;
  return {
    code: 'api-requests-rejected',
    severity: often >= tooManyPerHour ? 'warns' : 'notes',
    object: { kind: 'member', name: member },
    message:
      `its API server has turned away ${count(rejected, 'request')} of priority level ${level}` +
      ` since it started${rate}; now ${used} of its ${count(limit, 'seat')} are taken,` +
      ` ${waiting} wait`,
    remedy:
      'see who asks so much (apiserver_flowcontrol_rejected_requests_total, by flow schema),' +
      ' or give the level more shares',
    about: level,
    evidence: { level },
    figures: { rejected, waiting, used, limit },
  };
}
