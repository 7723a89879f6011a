// Makes the record of an upgrade from what was told of it. Pure: who asks is client/change-record.
// B1. The same evidence gives the same record, and so the same head: of an upgrade that has ended
//     nothing in it tells when it was made.

import { canonicalJson } from '../plan/canonical-json';
import type { Plan } from '../plan/plan';
import type { AuditEntry } from '../status/control';
import type { HopOutcome, UpgradeResult, UpgradeStatus } from '../status/progress';
import { sealRecord } from './chain';
import type {
  ChangeRecord,
  FindingsLook,
  MissingPart,
  RecordBody,
  RecordedHop,
  RecordedNow,
  RecordedRequest,
  RecordedResult,
  RecordedState,
  RecordedUpgrade,
  StepMark,
  StepTime,
} from './record';
import { wholeTrail } from './trail';

/** What was told of one upgrade. */
export interface RecordEvidence {
  /** First run id of its workflow. */
  readonly upgrade: string;
  readonly status: UpgradeStatus;
  /** How Temporal closed it; absent while it runs, and where there is a result. */
  readonly closed?: Exclude<RecordedState, 'running' | UpgradeResult['outcome']>;
  /** As each run told it, the oldest first. */
  readonly trails: readonly (readonly AuditEntry[])[];
  /** Likewise; the same one may come several times. */
  readonly plans: readonly Plan[];
  readonly requests: readonly RecordedRequest[];
  readonly steps: readonly StepMark[];
  readonly looks: readonly FindingsLook[];
  /** Only of an upgrade that runs. */
  readonly now?: RecordedNow;
  readonly unread: readonly MissingPart[];
}

export function buildRecord(evidence: RecordEvidence): ChangeRecord {
  const { status, closed, now } = evidence;
  const { cluster, startedAtMs, from, to, result } = status;
  const trail = wholeTrail(evidence.trails);
  const plans = changesOf(evidence.plans);
  const hops = status.hops.map(recordedHop);
  const upgrade: RecordedUpgrade = {
    cluster,
    upgrade: evidence.upgrade,
    startedAtMs,
    state: result?.outcome ?? closed ?? 'running',
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const missing = [
    ...trail.missing,
    ...evidence.unread,
    ...plansGone(trail.entries, plans),
    ...hops.flatMap((hop) => unknownOf(hop, evidence)),
  ];
  const bodies: readonly RecordBody[] = [
    { kind: 'upgrade', data: upgrade },
    ...trail.entries.map((data) => ({ kind: 'event', data }) as const),
    ...distinct(evidence.requests).map((data) => ({ kind: 'request', data }) as const),
    ...plans.map((data) => ({ kind: 'plan', data }) as const),
    ...distinct(evidence.steps).map((data) => ({ kind: 'step', data }) as const),
    ...distinct(evidence.looks).map((data) => ({ kind: 'look', data }) as const),
    ...hops.map((data) => ({ kind: 'hop', data }) as const),
    ...(now === undefined ? [] : [{ kind: 'now', data: now } as const]),
    ...(result === undefined ? [] : [{ kind: 'result', data: withoutHops(result) } as const]),
    ...missing.map((data) => ({ kind: 'missing', data }) as const),
  ];
  return sealRecord(bodies, upgrade.state !== 'running');
}

/** Each once, in the order of their first. */
function distinct<Told>(told: readonly Told[]): readonly Told[] {
  const known = new Set<string>();
  return told.filter((one) => {
    const text = canonicalJson(one);
    const isNew = !known.has(text);
    known.add(text);
    return isNew;
  });
}

/** Without those that are the one before; a plan may come back. */
function changesOf(plans: readonly Plan[]): readonly Plan[] {
  return plans.filter((plan, index) => plan.digest !== plans[index - 1]?.digest);
}

/** In their order. */
export function stepTimes(seconds: Readonly<Record<string, number>>): readonly StepTime[] {
  return Object.entries(seconds).map(([label, time]) => ({ label, seconds: time }));
}

function recordedHop({ stepSeconds, ...outcome }: HopOutcome): RecordedHop {
  return { ...outcome, steps: stepTimes(stepSeconds) };
}

function withoutHops(result: UpgradeResult): RecordedResult {
  if (result.outcome === 'blocked') return result;
  const { hops: _told, ...rest } = result;
  return rest;
}

/** Each plan that took over has left a line. */
function plansGone(trail: readonly AuditEntry[], plans: readonly Plan[]): readonly MissingPart[] {
  const told = trail.filter(({ event }) => event === 'plan.made' || event === 'plan.changed');
  const count = told.length - plans.length;
  return count > 0 ? [{ code: 'plans-gone', count }] : [];
}

function unknownOf(
  { hop, steps }: RecordedHop,
  { steps: marks, looks }: RecordEvidence,
): readonly MissingPart[] {
  const isMarked = ({ label }: StepTime): boolean =>
    marks.some((mark) => mark.hop === hop && mark.label === label);
  const hasLook = looks.some((look) => look.hop === hop && look.step === 'preflight');
  const hasPreflight = steps.some(({ label }) => label === 'preflight');
  return [
    ...(steps.every(isMarked) ? [] : [{ code: 'steps-untimed', hop } as const]),
    ...(hasPreflight && !hasLook ? [{ code: 'findings-unknown', hop } as const] : []),
  ];
}
