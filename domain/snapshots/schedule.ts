// Snapshots that a schedule asks for: how often they may be taken, what is known of a schedule, and
// that in words. What is alike in all schedules is in ../scheduled.ts.

import { formatDuration } from '../durations';
import type { FailureInfo } from '../failures';
import type { SnapshotId } from '../names';
import {
  type ClusterNameRefusal,
  clusterNameText,
  nextText,
  type RunEnd,
  runEndText,
  type Scheduled,
  utcText,
} from '../scheduled';

export interface SnapshotRoutine {
  readonly everyMs: number;
  /** How many of these stay; absent: as many as of others. */
  readonly keep?: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/**
 * More often than in ten minutes, one would begin before another is verified; less often than in a
 * month is no routine. Each that stays is a record to be read with every listing.
 */
export const routineBounds = {
  everyMs: { min: 10 * minuteMs, max: 31 * dayMs },
  keep: { min: 1, max: 1_000 },
} as const;

/**
 * How much later than its multiple one may begin, in whole seconds: schedules of many clusters,
 * with one store and one Temporal, spread over it. A tenth of their distance, at most ten minutes.
 */
export function routineJitterMs(everyMs: number): number {
  return Math.min(Math.floor(everyMs / 10_000) * 1_000, 10 * minuteMs);
}

export type RoutineRefusal =
  | ClusterNameRefusal
  | {
      readonly code: 'every-out-of-bounds';
      readonly everyMs: number;
      readonly minMs: number;
      readonly maxMs: number;
    }
  | {
      readonly code: 'keep-out-of-bounds';
      readonly keep: number;
      readonly min: number;
      readonly max: number;
    };

/** Every reason at once; empty: snapshots may be taken so. */
export function routineRefusals({ everyMs, keep }: SnapshotRoutine): readonly RoutineRefusal[] {
  const { everyMs: every, keep: count } = routineBounds;
  const refusals: RoutineRefusal[] = [];
  if (!isWhole(everyMs, every)) {
    refusals.push({
      code: 'every-out-of-bounds',
      everyMs,
      minMs: every.min,
      maxMs: every.max,
    });
  }
  if (keep !== undefined && !isWhole(keep, count)) {
    refusals.push({ code: 'keep-out-of-bounds', keep, ...count });
  }
  return refusals;
}

function isWhole(value: number, { min, max }: { readonly min: number; readonly max: number }) {
  return Number.isInteger(value) && value >= min && value <= max;
}

export function routineRefusalText(refusal: RoutineRefusal): string {
  switch (refusal.code) {
    case 'cluster-name':
      return clusterNameText(refusal);
    case 'every-out-of-bounds': {
      const { everyMs, minMs, maxMs } = refusal;
      const bounds = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
      return `a snapshot can be taken every ${bounds}, not every ${formatDuration(everyMs)}`;
    }
    case 'keep-out-of-bounds': {
      const { keep, min, max } = refusal;
      return `${min} to ${max} of them can stay, not ${keep}`;
    }
  }
}

/** What came of the last time. */
export type RoutineEnd =
  | RunEnd
  | { readonly kind: 'taken'; readonly snapshot: SnapshotId }
  | { readonly kind: 'failed'; readonly failure: FailureInfo }
  /** Somebody had one taken, or some removed, at that moment. */
  | { readonly kind: 'busy'; readonly workflowId: string };

export interface SnapshotSchedule extends Scheduled<RoutineEnd> {
  /** Absent: somebody has set other times in Temporal itself. */
  readonly everyMs?: number;
  /** Each begins up to so much later than its multiple; absent: at once. */
  readonly jitterMs?: number;
  readonly keep?: number;
}

/** The first line is a sentence; the others say more about it. */
export function snapshotScheduleLines(schedule: SnapshotSchedule): readonly string[] {
  const { last } = schedule;
  return [
    routineText(schedule),
    nextText(schedule, 'none is taken'),
    ...(last === undefined ? [] : [`last, ${utcText(last.time)}: ${routineEndText(last.end)}`]),
    ...(last?.end.kind === 'failed' ? [`→ ${last.end.failure.remedy}`] : []),
  ];
}

function routineText({ cluster, everyMs, keep, actor }: SnapshotSchedule): string {
  const often = everyMs === undefined ? 'by a schedule' : `every ${formatDuration(everyMs)}`;
  const who = actor === undefined ? '' : ` (asked by ${actor})`;
  return `a snapshot of ${cluster} is taken ${often}; ${stayText(keep)}${who}`;
}

function stayText(keep: number | undefined): string {
  if (keep === undefined) return 'they stay as others do';
  return keep === 1 ? 'the newest stays' : `the newest ${keep} stay`;
}

function routineEndText(end: RoutineEnd): string {
  switch (end.kind) {
    case 'running':
    case 'closed':
    case 'unknown':
      return runEndText(end, 'it is being taken');
    case 'taken':
      return end.snapshot;
    case 'failed':
      return `none - ${end.failure.code}: ${end.failure.message}`;
    case 'busy':
      return `none - another one was taken, or some were removed (${end.workflowId})`;
  }
}
