// Whether a failed step is one that the policy of the spec goes back from.
// A1. Only while nothing but the control plane of the hop has changed: as soon as a pool of it has
//     begun, going back means drains, and that is for a person.
// A2. Only for what the cluster itself does wrong. A worker, credentials or a network that fail say
//     nothing of the hop, and would fail the restore as well.
// A3. Never when nothing is to be undone, or the upgrade does it itself (rungs.ts): nobody loses
//     data for nothing.

import type { FailureCode } from '../failures';
import type { RungChoice } from './rungs';

/** Reasons to go back; every other failure needs somebody who looks at it (A2). */
const reasons: ReadonlySet<FailureCode> = new Set([
  'member-upgrade-failed',
  'member-not-ready',
  'member-put-back',
  'members-unfit',
  'verification-failed',
]);

/** `cheapest` is that of the hop whose step failed, which can be rolled back. */
export function mayGoBack(failure: FailureCode, cheapest: RungChoice): boolean {
  const reason = cheapest.tooLittle.at(-1)?.reason.code;
  if (cheapest.rung === 'none' || cheapest.rung === 'put-back') return false;
  return reasons.has(failure) && reason !== 'pool-begun' && reason !== 'progress-unknown';
}
