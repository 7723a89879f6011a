// Which hop of an open upgrade is looked at between its own preflights, and what is asked of it.
// H1. A hop that changes machines is not looked at: versions are mixed and nodes are cordoned, and
//     a preflight would blame the hop for what it does. Before its first change it is, and in its
//     soak the one after it is, as if it began when the soak is over.

import type { PreflightInput } from '../activity-contract';
import type { Hop, Plan } from '../plan/plan';
import { plannedMs } from '../plan/planned-time';
import type { UpgradeStatus } from '../status/progress';
import type { KubeVersion } from '../versions';
import { drainedPools } from './drains';
import type { NoHopToCome } from './look-ahead';

/** An upgrade that runs, as it tells of itself. */
export interface OpenUpgrade {
  readonly status: Pick<UpgradeStatus, 'phase' | 'hop' | 'hops' | 'acknowledgements' | 'result'>;
  /** Absent until it is made. */
  readonly plan?: Pick<Plan, 'hops'>;
}

export interface HopToCome {
  readonly kind: 'to-come';
  readonly hop: Hop;
  /** Until it may begin, as planned. Milliseconds, as the next. */
  readonly waitMs: number;
  /** How long the hops after it take as planned. */
  readonly laterMs: number;
  /** What the path ends at. */
  readonly pathTo: KubeVersion;
}

/** H1. */
export function hopToCome(
  upgrade: OpenUpgrade | undefined,
  nowMs: number,
): HopToCome | { readonly kind: 'none'; readonly why: NoHopToCome } {
  if (upgrade === undefined || upgrade.status.result !== undefined) {
    return none({ code: 'no-upgrade-open' });
  }
  const { status, plan } = upgrade;
  if (plan === undefined) return none({ code: 'plan-missing' });
  if (isRollingBack(status)) return none({ code: 'rolling-back' });
  const left = hopsLeftOf(plan, status.hops);
  const [first, ...later] = left;
  const now = status.hop;
  if (first === undefined || now?.id !== first.id || beforeChanges.has(now.step)) {
    return toCome(left, 0);
  }
  if (now.step !== 'soak') {
    return none({ code: 'hop-under-way', hop: first.id, step: now.step });
  }
  return toCome(later, Math.max(0, soakMs(first) - (nowMs - now.stepSinceMs)));
}

/** Steps of a hop in which nothing has been changed yet (upgrade-state.ts, step-labels.ts). */
const beforeChanges: ReadonlySet<string> = new Set(['start', 'preflight']);

function none(why: NoHopToCome) {
  return { kind: 'none', why } as const;
}

function toCome([hop, ...later]: readonly Hop[], waitMs: number) {
  if (hop === undefined) return none({ code: 'no-hop-left' });
  const pathTo = later.reduce((_, { to }) => to, hop.to);
  return { kind: 'to-come', hop, waitMs, laterMs: plannedMs(later), pathTo } as const;
}

/** Its step is told as such also while it is paused. */
function isRollingBack({ phase, hop }: OpenUpgrade['status']): boolean {
  return phase === 'rolling-back' || hop?.step === 'rollback';
}

function hopsLeftOf({ hops }: Pick<Plan, 'hops'>, done: UpgradeStatus['hops']): readonly Hop[] {
  const completed = done.filter(({ outcome }) => outcome === 'completed').map(({ hop }) => hop);
  return hops.filter(({ id }) => !completed.includes(id));
}

function soakMs({ steps }: Hop): number {
  const last = steps.at(-1);
  return last?.kind === 'soak' ? last.durationMs : 0;
}

interface AskedOfHop {
  /** Until it begins. */
  readonly waitMs?: number;
  /** Of those after it. */
  readonly laterMs: number;
  /** Absent where the upgrade began before it was known. */
  readonly pathTo?: KubeVersion | undefined;
}

/** What a preflight of the hop is asked. */
export function preflightOfHop(
  hop: Hop,
  { waitMs = 0, laterMs, pathTo }: AskedOfHop,
): Omit<PreflightInput, 'cluster'> {
  const { id, from, to, steps } = hop;
  const hopMs = waitMs + plannedMs([hop]);
  const end = pathTo === undefined ? {} : { pathTo };
  const pools = drainedPools(hop);
  const asked = {
    hop: { id, from, to },
    planned: { hopMs, pathMs: hopMs + laterMs, ...end },
    ...(pools === undefined ? {} : { pools }),
  };
  const first = steps.find((step) => step.kind === 'etcd' && step.place !== undefined);
  if (first?.kind !== 'etcd') return asked;
  return { ...asked, etcd: { to: first.to, stage: 'to-come' } };
}
