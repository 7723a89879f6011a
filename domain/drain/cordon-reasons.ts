// The words on a node that Ascent has cordoned, and what they tell about the cordon: who finds it
// may undo what it was placed for, and nothing else. A cordon is a hint (R7): whether an upgrade
// still works on the node is known to that upgrade alone.

import type { FailureInfo } from '../failures';
import type { HopId } from '../names';
import type { KubeVersion } from '../versions';

/**
 * What a cordon of ours is for. `upgrade`: a hop or its rollback has the node in work.
 * `quarantine`: a person or a policy set it aside. `drain`: a person drained it outside of an
 * upgrade. `other`: words of another release.
 */
export type CordonPurpose = 'upgrade' | 'quarantine' | 'drain' | 'other';

const beginnings = {
  hop: 'ascent: hop-',
  rollBack: 'ascent: rollback of ',
  quarantine: 'ascent: quarantined ',
  drain: 'ascent: drained by ',
} as const;

/** Who asked for a cordon, and why. */
interface Asker {
  readonly actor: string;
  readonly reason: string;
}

/** `ascent: hop-1.29, to 1.29.15`. */
export function upgradeCordonReason(hop: { readonly id: HopId; readonly to: KubeVersion }): string {
  return `ascent: ${hop.id}, to ${hop.to}`;
}

/** `ascent: rollback of hop-1.29, to 1.28.15`. */
export function rollBackCordonReason(hop: {
  readonly id: HopId;
  readonly from: KubeVersion;
}): string {
  return `${beginnings.rollBack}${hop.id}, to ${hop.from}`;
}

/** `ascent: quarantined by ada: new disk is ordered; node-upgrade-failed: no space is left`. */
export function quarantineCordonReason(
  asker: Asker,
  failure: Pick<FailureInfo, 'code' | 'message'>,
): string {
  return `${setAsideBy(asker)}; ${failure.code}: ${failure.message}`;
}

function setAsideBy({ actor, reason }: Asker): string {
  return `${beginnings.quarantine}by ${actor}: ${reason}`;
}

/** `ascent: quarantined by the pool's policy: its drain ended at its deadline in hop-1.29`. */
export function setAsideCordonReason(hop: HopId): string {
  const actor = "the pool's policy";
  return setAsideBy({ actor, reason: `its drain ended at its deadline in ${hop}` });
}

/** A restore took the words of a quarantine away: those that replace them. */
export function restoredQuarantineReason(hop: HopId): string {
  return `${beginnings.quarantine}before ${hop} was undone`;
}

/** `ascent: drained by ada: new memory`. */
export function drainCordonReason({ actor, reason }: Asker): string {
  return `${beginnings.drain}${actor}: ${reason}`;
}

/** What the cordon with these words is for. */
export function cordonPurpose(reason: string): CordonPurpose {
  const { hop, rollBack, quarantine, drain } = beginnings;
  if (reason.startsWith(hop) || reason.startsWith(rollBack)) return 'upgrade';
  if (reason.startsWith(quarantine)) return 'quarantine';
  return reason.startsWith(drain) ? 'drain' : 'other';
}
