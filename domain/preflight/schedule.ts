// Looks at the hop to come that a schedule asks for: when, what is known of a schedule, and that in
// words. Temporal keeps the schedules; nothing here knows it.

import type { ToldLook } from './look-ahead';
import { lookAheadLines } from './look-ahead-sentences';

/** Once a day. */
export interface LookRoutine {
  /** `02:00`. */
  readonly at: string;
  /** IANA name. */
  readonly zone: string;
}

/** Looks of many clusters begin up to so much later than `at`: one Temporal serves them all. */
export const lookJitterMs = 10 * 60_000;

export type LookRefusal =
  /** No cluster can be called so: expected a lower-case DNS label. */
  | { readonly code: 'cluster-name'; readonly cluster: string }
  /** Expected hours and minutes, 00:00 to 23:59. */
  | { readonly code: 'time-malformed'; readonly at: string }
  | { readonly code: 'zone-unknown'; readonly zone: string };

/** Hours and minutes of `02:00`; undefined: it is no time of a day. */
export function timeOfDay(
  at: string,
): { readonly hour: number; readonly minute: number } | undefined {
  const [, hour, minute] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(at) ?? [];
  return hour === undefined ? undefined : { hour: Number(hour), minute: Number(minute) };
}

export function lookRefusalText(refusal: LookRefusal): string {
  switch (refusal.code) {
    case 'cluster-name': {
      const name = JSON.stringify(refusal.cluster);
      return `no cluster is called ${name}: expected a lower-case DNS label`;
    }
    case 'time-malformed':
      return `${JSON.stringify(refusal.at)} is no time of a day: expected 00:00 to 23:59`;
    case 'zone-unknown':
      return `${JSON.stringify(refusal.zone)} is no time zone of the IANA list`;
  }
}

/** What came of the last time. */
export type LastLook =
  | ToldLook
  /** Without a worker, that of the cluster or that of its workflow, it waits for one. */
  | { readonly kind: 'running'; readonly hasWorker: boolean }
  /** Temporal closed its workflow. */
  | {
      readonly kind: 'closed';
      readonly state: 'failed' | 'cancelled' | 'terminated' | 'timed-out';
    }
  /** Temporal does not keep its workflow any more. */
  | { readonly kind: 'unknown' };

/** `at` and `zone` are absent where somebody has set other times in Temporal itself. */
export interface PreflightSchedule extends Partial<LookRoutine> {
  readonly scheduleId: string;
  readonly cluster: string;
  /** Who asked for it; absent where somebody has made it in Temporal itself. */
  readonly actor?: string;
  /** Somebody has paused it in Temporal: nothing is looked at. */
  readonly paused?: { readonly note?: string };
  /** RFC 3339, at most the next five; empty while it is paused. */
  readonly nextTimes: readonly string[];
  /** Absent: none was due yet. */
  readonly last?: {
    /** RFC 3339: when it began. */
    readonly time: string;
    readonly workflowId: string;
    readonly end: LastLook;
  };
  /** How often none was begun: the one before was under way, or Temporal was away for too long. */
  readonly skipped: { readonly overlapping: number; readonly late: number };
}

/** The first line is a sentence; the others say more about it. */
export function preflightScheduleLines(schedule: PreflightSchedule): readonly string[] {
  const { last } = schedule;
  return [
    routineText(schedule),
    nextText(schedule),
    ...(last === undefined ? [] : lastLines(last.time, last.end)),
  ];
}

function routineText({ cluster, at, zone, actor }: PreflightSchedule): string {
  const often = at === undefined ? 'by a schedule' : `each day at ${at} (${zone ?? 'UTC'})`;
  const who = actor === undefined ? '' : ` (asked by ${actor})`;
  return `the hop to come of ${cluster} is looked at ${often} while an upgrade is open${who}`;
}

function nextText({ paused, nextTimes }: PreflightSchedule): string {
  if (paused !== undefined) {
    const note = paused.note === undefined ? '' : ` (${paused.note})`;
    return `paused in Temporal${note}: nothing is looked at`;
  }
  const [next] = nextTimes;
  return next === undefined ? 'no time for one comes any more' : `next, ${utcText(next)}`;
}

function lastLines(time: string, end: LastLook): readonly string[] {
  const [head, ...more] = endLines(end);
  return [`last, ${utcText(time)}: ${head}`, ...more];
}

function endLines(end: LastLook): readonly [string, ...string[]] {
  switch (end.kind) {
    case 'running':
      return [end.hasWorker ? 'it is under way' : 'it waits for a worker; none has come lately'];
    case 'closed':
      return [`none - Temporal closed its workflow: ${end.state}`];
    case 'unknown':
      return ['how it ended is not kept any more'];
    case 'looked':
    case 'nothing-to-look-at':
    case 'failed':
      return lookAheadLines(end);
  }
}

/** `2026-12-01 02:00:00 UTC`, of RFC 3339 in UTC. */
function utcText(time: string): string {
  return `${time.slice(0, 19).replace('T', ' ')} UTC`;
}
