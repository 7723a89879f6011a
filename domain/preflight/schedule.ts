// Looks at the hop to come that a schedule asks for: when, what is known of a schedule, and that in
// words. What is alike in all schedules is in ../scheduled.ts.

import {
  type ClusterNameRefusal,
  clusterNameText,
  nextText,
  type RunEnd,
  runEndText,
  type Scheduled,
  utcText,
} from '../scheduled';
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
  | ClusterNameRefusal
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
    case 'cluster-name':
      return clusterNameText(refusal);
    case 'time-malformed':
      return `${JSON.stringify(refusal.at)} is no time of a day: expected 00:00 to 23:59`;
    case 'zone-unknown':
      return `${JSON.stringify(refusal.zone)} is no time zone of the IANA list`;
  }
}

/** What came of the last time. */
export type LastLook = ToldLook | RunEnd;

/** `at` and `zone` are absent where somebody has set other times in Temporal itself. */
export interface PreflightSchedule extends Scheduled<LastLook>, Partial<LookRoutine> {}

/** The first line is a sentence; the others say more about it. */
export function preflightScheduleLines(schedule: PreflightSchedule): readonly string[] {
  const { last } = schedule;
  return [
    routineText(schedule),
    nextText(schedule, 'nothing is looked at'),
    ...(last === undefined ? [] : lastLines(last.time, last.end)),
  ];
}

function routineText({ cluster, at, zone, actor }: PreflightSchedule): string {
  const often = at === undefined ? 'by a schedule' : `each day at ${at} (${zone ?? 'UTC'})`;
  const who = actor === undefined ? '' : ` (asked by ${actor})`;
  return `the hop to come of ${cluster} is looked at ${often} while an upgrade is open${who}`;
}

function lastLines(time: string, end: LastLook): readonly string[] {
  const [head, ...more] = endLines(end);
  return [`last, ${utcText(time)}: ${head}`, ...more];
}

function endLines(end: LastLook): readonly [string, ...string[]] {
  switch (end.kind) {
    case 'running':
    case 'closed':
    case 'unknown':
      return [runEndText(end, 'it is under way')];
    case 'looked':
    case 'nothing-to-look-at':
    case 'failed':
      return lookAheadLines(end);
  }
}
