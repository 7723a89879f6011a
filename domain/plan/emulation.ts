// Which hops are done in two steps: the new programs serve as the minor before, soak so, and only
// then as their own.
// T1. Only where the spec says so.
// T2. From 1.32 on, and from a minor that it can emulate: `--emulated-version` of 1.31 takes only
//     its own (kubernetes/enhancements, KEP-4330).
// T3. Not where members are changed as wholes: what does that starts programs by its own rules.
// T4. What serves as its own minor already is not planned again: a hop inside a minor has one step.

import type { EmulationFault, PlanBlocker } from '../blockers';
import type { Observation } from '../observation';
import type { EmulationTarget } from '../spec';
import type { Hop } from './plan';
import type { KubeMinor, KubeVersion } from '../versions';
import { compareMinors, minorOf } from '../versions';

/** The first minor that can emulate another one, and the oldest that can be emulated. */
export const oldestEmulator = '1.32' as KubeMinor;

export interface EmulationsInput {
  readonly wanted: readonly EmulationTarget[];
  /** What every API server runs. */
  readonly current: KubeVersion;
  /** The release of each hop; undefined when there is no path. */
  readonly targets: readonly KubeVersion[] | undefined;
  /** Whether hops that `wanted` may be about are behind this upgrade. */
  readonly isUnderWay: boolean;
  readonly changedAs: Observation['changedAs'];
}

/** What a hop of two steps emulates, and for how long. */
export interface HopEmulation {
  readonly emulates: KubeMinor;
  readonly soakMs: number;
}

export interface Emulations {
  /** By index of the hop. */
  readonly hops: ReadonlyMap<number, HopEmulation>;
  readonly blockers: readonly PlanBlocker[];
}

export function emulations(input: EmulationsInput): Emulations {
  const { wanted, current, targets = [], changedAs } = input;
  const hops = new Map<number, HopEmulation>();
  const blockers: PlanBlocker[] = misplaced(input);
  for (const [index, target] of targets.entries()) {
    const to = minorOf(target);
    const from = minorOf(targets[index - 1] ?? current);
    const one = wanted.find(({ hop }) => hop === to);
    if (one === undefined || from === to) continue;
    if (compareMinors(to, oldestEmulator) < 0) {
      blockers.push(unusable(to, { why: 'too-old', from, needed: oldestEmulator }));
    } else if (changedAs === 'member') {
      blockers.push(unusable(to, { why: 'whole-members' }));
    } else {
      hops.set(index, { emulates: from, soakMs: one.soakMs });
    }
  }
  return { hops, blockers };
}

/** In mid-upgrade the hop that it is about may be behind. */
function misplaced({ wanted, current, targets, isUnderWay }: EmulationsInput): PlanBlocker[] {
  const minors = new Set([minorOf(current), ...(targets ?? []).map(minorOf)]);
  return wanted.flatMap(({ hop }, index): readonly PlanBlocker[] => {
    if (wanted.findIndex((one) => one.hop === hop) !== index) {
      return [unusable(hop, { why: 'duplicate-hop' })];
    }
    const isMissed = targets !== undefined && !isUnderWay && !minors.has(hop);
    return isMissed ? [unusable(hop, { why: 'not-on-path' })] : [];
  });
}

function unusable(hop: KubeMinor, fault: EmulationFault): PlanBlocker {
  return { code: 'emulation-unusable', hop, ...fault };
}

/**
 * As what the control plane serves until the switch of the hop, so that the old programs lead back
 * on the same data. Undefined in a hop of one step, and where etcd changes before the switch.
 */
export function leavableEmulation({ steps }: Hop): KubeMinor | undefined {
  const index = steps.findIndex(({ kind }) => kind === 'end-emulation');
  const before = steps.slice(0, Math.max(0, index));
  const step = steps[index];
  if (step?.kind !== 'end-emulation') return undefined;
  return before.some(({ kind }) => kind === 'etcd') ? undefined : step.emulates;
}
