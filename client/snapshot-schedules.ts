// Snapshots again and again, between the hops of a path that lasts weeks, as Temporal schedules:
// one a cluster, `snapshot-schedule/<cluster>`, which starts takeScheduledSnapshot.
// What is alike in all such schedules is in scheduled-runs.ts.

import type { ScheduleDescription } from '@temporalio/client';

import { workflowTaskQueue } from '../domain/activity-contract';
import { formatDuration } from '../domain/durations';
import type { ClusterName } from '../domain/names';
import {
  type RoutineRefusal,
  routineJitterMs,
  routineRefusals,
  type SnapshotRoutine,
  type SnapshotSchedule,
} from '../domain/snapshots/schedule';
import { snapshotScheduleId } from '../domain/workflow-ids';
import type { ScheduledSnapshotEnd, TakeSnapshotInput } from '../workflows/messages';
import type { Session } from './calls';
import {
  type Described,
  findSchedule,
  keepSchedule,
  lastRun,
  removeSchedule,
  scheduleFacts,
} from './scheduled-runs';
import { dnsLabelPattern } from './spec-fields';

export interface ScheduleSnapshotsOptions extends SnapshotRoutine {
  /** Who asks: in the record of each of them. */
  readonly actor: string;
}

export type SnapshotScheduling =
  | {
      readonly kind: 'scheduled';
      /** `unchanged`: it was so already. */
      readonly change: 'created' | 'changed' | 'unchanged';
      readonly schedule: SnapshotSchedule;
      /** False: no worker has asked lately for work of this cluster, or for its workflow. */
      readonly hasWorker: boolean;
    }
  | { readonly kind: 'refused'; readonly refusals: readonly RoutineRefusal[] };

export type SnapshotUnscheduling = { readonly kind: 'removed' } | { readonly kind: 'none' };

/** Type of the workflow that the schedule starts (workflows/snapshots.ts). */
const scheduledWorkflowType = 'takeScheduledSnapshot';

/** How late one may begin: nobody waits for it, and the next is due soon. */
const lateMs = 10 * 60_000;
/** Of what the schedule starts: longer than the snapshot in it (activity-options.ts). */
const runTimeoutMs = 140 * 60_000;

/**
 * Has a snapshot taken every `everyMs`, on whole multiples of that time, counted in UTC, or a
 * little later (routineJitterMs); what is scheduled already is changed. One that is due while
 * another is taken is left out.
 * Throws AscentError as every call, and schedule-not-found when it is removed at that moment.
 */
export async function scheduleSnapshots(
  session: Session,
  cluster: string,
  options: ScheduleSnapshotsOptions,
): Promise<SnapshotScheduling> {
  const refusals = schedulingRefusals(cluster, options);
  if (refusals.length > 0) return { kind: 'refused', refusals };
  const name = cluster as ClusterName;
  // Temporal counts in seconds.
  const everyMs = Math.round(options.everyMs / 1_000) * 1_000;
  return keepSchedule(session, name, {
    scheduleId: snapshotScheduleId(name),
    settings: settingsOf(name, { ...options, everyMs }),
    isSo: (described) => {
      const now = routineOf(described);
      const isAsOften = now.everyMs === everyMs && now.jitterMs === routineJitterMs(everyMs);
      return isAsOften && now.keep === options.keep;
    },
    read: (described) => read(session, cluster, described),
  });
}

/**
 * Every reason at once. A name is looked at, too: a schedule of a cluster that cannot be would
 * start workflows for ever that nobody serves.
 */
export function schedulingRefusals(
  cluster: string,
  routine: SnapshotRoutine,
): readonly RoutineRefusal[] {
  const isName = dnsLabelPattern.test(cluster);
  return [
    ...(isName ? [] : [{ code: 'cluster-name' as const, cluster }]),
    ...routineRefusals(routine),
  ];
}

/** Nothing is taken by itself any more; one that is being taken goes on. Throws as every call. */
export function unscheduleSnapshots(
  session: Session,
  cluster: string,
): Promise<SnapshotUnscheduling> {
  return removeSchedule(session, cluster, snapshotScheduleId(cluster as ClusterName));
}

/** Undefined: no schedule takes snapshots of the cluster. Throws as every call. */
export function findSnapshotSchedule(
  session: Session,
  cluster: string,
): Promise<SnapshotSchedule | undefined> {
  const id = snapshotScheduleId(cluster as ClusterName);
  return findSchedule(session, cluster, id, (found) => read(session, cluster, found));
}

function settingsOf(cluster: ClusterName, { everyMs, keep, actor }: ScheduleSnapshotsOptions) {
  const often = `every ${formatDuration(everyMs)}`;
  const input: TakeSnapshotInput = {
    cluster,
    actor,
    order: { reason: `by schedule, ${often}`, routine: keep === undefined ? {} : { keep } },
    // A worker that is just restarted is no reason to leave one out.
    workerTimeoutMs: lateMs,
  };
  return {
    spec: { intervals: [{ every: everyMs }], jitter: routineJitterMs(everyMs) },
    policies: { overlap: 'SKIP' as const, catchupWindow: lateMs },
    action: {
      type: 'startWorkflow' as const,
      workflowType: scheduledWorkflowType,
      workflowId: `${snapshotScheduleId(cluster)}/run`,
      taskQueue: workflowTaskQueue,
      workflowExecutionTimeout: runTimeoutMs,
      args: [input],
      staticSummary: `snapshot of ${cluster} ${often}, asked by ${actor}`,
    },
  };
}

/** What Temporal has, whoever has changed it there. */
function routineOf({
  spec,
  action,
}: Pick<ScheduleDescription, 'spec' | 'action'>): Partial<ScheduleSnapshotsOptions> &
  ReturnType<typeof timesOf> {
  const [input] = (action.args ?? []) as readonly (Partial<TakeSnapshotInput> | undefined)[];
  const keep = input?.order?.routine?.keep;
  return {
    ...timesOf(spec),
    ...(keep === undefined ? {} : { keep }),
    ...(input?.actor === undefined ? {} : { actor: input.actor }),
  };
}

function timesOf({
  intervals = [],
  calendars = [],
  jitter = 0,
}: ScheduleDescription['spec']): Pick<SnapshotSchedule, 'everyMs' | 'jitterMs'> {
  const [interval, ...more] = intervals;
  const isInterval = interval !== undefined && more.length === 0 && calendars.length === 0;
  return {
    ...(isInterval ? { everyMs: interval.every } : {}),
    ...(jitter === 0 ? {} : { jitterMs: jitter }),
  };
}

async function read(
  session: Session,
  cluster: string,
  description: ScheduleDescription,
): Promise<SnapshotSchedule> {
  const last = await lastRun(session, cluster as ClusterName, description, endOf);
  const schedule = snapshotScheduleOf(cluster, description);
  return last === undefined ? schedule : { ...schedule, last };
}

/** Without the last one; exported for its test. */
export function snapshotScheduleOf(cluster: string, described: Described): SnapshotSchedule {
  const { scheduleId } = described;
  return { scheduleId, cluster, ...routineOf(described), ...scheduleFacts(described) };
}

function endOf(end: ScheduledSnapshotEnd) {
  return end.kind === 'taken' ? { kind: end.kind, snapshot: end.snapshot.id } : end;
}
