// Snapshots again and again, between the hops of a path that lasts weeks, as Temporal schedules:
// one a cluster, `snapshot-schedule/<cluster>`, which starts takeScheduledSnapshot.
// D1. What is asked for cannot be, or is not there: values, as whoever asks has to tell it.
// D2. Somebody may have changed or paused the schedule in Temporal itself; what is told is what
//     Temporal has, and a change of times leaves it paused.

import type {
  ScheduleDescription,
  ScheduleExecutionResult,
  ScheduleHandle,
} from '@temporalio/client';
import { ScheduleAlreadyRunning, ScheduleNotFoundError } from '@temporalio/client';

import { clusterTaskQueue, workflowTaskQueue } from '../domain/activity-contract';
import { formatDuration } from '../domain/durations';
import type { ClusterName } from '../domain/names';
import {
  type RoutineEnd,
  type RoutineRefusal,
  routineJitterMs,
  routineRefusals,
  type SnapshotRoutine,
  type SnapshotSchedule,
} from '../domain/snapshots/schedule';
import { snapshotScheduleId } from '../domain/workflow-ids';
import type { ScheduledSnapshotEnd, TakeSnapshotInput } from '../workflows/messages';
import type { Session } from './calls';
import { countActivityPollers, countWorkflowPollers } from './calls';
import { callSchedule } from './schedules';
import { dnsLabelPattern } from './spec-fields';
import { isWorkflowNotFound } from './temporal-errors';

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
const maxNextTimes = 5;

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
  return callSchedule(session, cluster, async () => {
    const name = cluster as ClusterName;
    // Temporal counts in seconds.
    const asked = { ...options, everyMs: Math.round(options.everyMs / 1_000) * 1_000 };
    const handle = session.client.schedule.getHandle(snapshotScheduleId(name));
    const change = (await create(session, name, asked))
      ? 'created'
      : await changeExisting(handle, name, asked);
    const [schedule, hasWorker] = await Promise.all([
      read(session, cluster, await handle.describe()),
      isServed(session, name),
    ]);
    return { kind: 'scheduled', change, schedule, hasWorker };
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
  const id = snapshotScheduleId(cluster as ClusterName);
  return callSchedule(session, cluster, async () => {
    try {
      await session.client.schedule.getHandle(id).delete();
      return { kind: 'removed' };
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return { kind: 'none' };
      throw error;
    }
  });
}

/** Undefined: no schedule takes snapshots of the cluster. Throws as every call. */
export function findSnapshotSchedule(
  session: Session,
  cluster: string,
): Promise<SnapshotSchedule | undefined> {
  const id = snapshotScheduleId(cluster as ClusterName);
  return callSchedule(session, cluster, async () => {
    try {
      return await read(session, cluster, await session.client.schedule.getHandle(id).describe());
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return undefined;
      throw error;
    }
  });
}

/** False: there is one already. */
async function create(
  session: Session,
  cluster: ClusterName,
  options: ScheduleSnapshotsOptions,
): Promise<boolean> {
  try {
    const scheduleId = snapshotScheduleId(cluster);
    await session.client.schedule.create({ scheduleId, ...settingsOf(cluster, options) });
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return false;
    throw error;
  }
}

async function changeExisting(
  handle: ScheduleHandle,
  cluster: ClusterName,
  options: ScheduleSnapshotsOptions,
): Promise<'changed' | 'unchanged'> {
  const described = await handle.describe();
  const now = routineOf(described);
  const isOurs = described.action.workflowType === scheduledWorkflowType;
  const isSo =
    now.everyMs === options.everyMs &&
    now.jitterMs === routineJitterMs(options.everyMs) &&
    now.keep === options.keep;
  if (isOurs && isSo) return 'unchanged';
  // Paused stays paused (D2).
  await handle.update(({ state }) => ({ ...settingsOf(cluster, options), state }));
  return 'changed';
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

/** What Temporal has (D2). */
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
  const run = description.info.recentActions.at(-1);
  const schedule = snapshotScheduleOf(cluster, description);
  if (run === undefined) return schedule;
  const { workflowId } = run.action.workflow;
  const end = await endOf(session, cluster as ClusterName, run.action.workflow);
  return { ...schedule, last: { time: run.takenAt.toISOString(), workflowId, end } };
}

/** Without the last one; exported for its test. */
export function snapshotScheduleOf(
  cluster: string,
  {
    scheduleId,
    spec,
    action,
    state,
    info,
  }: Pick<ScheduleDescription, 'scheduleId' | 'spec' | 'action' | 'state'> & {
    readonly info: Pick<
      ScheduleDescription['info'],
      'nextActionTimes' | 'numActionsSkippedOverlap' | 'numActionsMissedCatchupWindow'
    >;
  },
): SnapshotSchedule {
  const { paused, note } = state;
  const hasNote = note !== undefined && note !== '';
  return {
    scheduleId,
    cluster,
    ...routineOf({ spec, action }),
    ...(paused ? { paused: hasNote ? { note } : {} } : {}),
    nextTimes: paused
      ? []
      : info.nextActionTimes.slice(0, maxNextTimes).map((time) => time.toISOString()),
    skipped: {
      overlapping: info.numActionsSkippedOverlap,
      late: info.numActionsMissedCatchupWindow,
    },
  };
}

const closedStates: Readonly<Record<string, Extract<RoutineEnd, { kind: 'closed' }>['state']>> = {
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed-out',
};

async function endOf(
  session: Session,
  cluster: ClusterName,
  run: ScheduleExecutionResult['action']['workflow'],
): Promise<RoutineEnd> {
  const handle = session.client.workflow.getHandle(run.workflowId, run.firstExecutionRunId);
  try {
    const { status } = await handle.describe();
    const state = closedStates[status.name];
    if (state !== undefined) return { kind: 'closed', state };
    if (status.name !== 'COMPLETED') {
      return { kind: 'running', hasWorker: await isServed(session, cluster) };
    }
    const end = (await handle.result()) as ScheduledSnapshotEnd;
    return end.kind === 'taken' ? { kind: 'taken', snapshot: end.snapshot.id } : end;
  } catch (error) {
    if (isWorkflowNotFound(error)) return { kind: 'unknown' };
    throw error;
  }
}

/**
 * Somebody came lately for work of the cluster, and for the workflow in front of it. True where the
 * server cannot tell.
 */
async function isServed(session: Session, cluster: ClusterName): Promise<boolean> {
  const counts = await Promise.all([
    countWorkflowPollers(session),
    countActivityPollers(session, clusterTaskQueue(cluster)),
  ]);
  return !counts.includes(0);
}
