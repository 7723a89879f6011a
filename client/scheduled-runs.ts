// What is alike in schedules that have a worker of a cluster do something again and again.
// R1. That one is not there is a value, as whoever asks has to tell it.
// R2. Somebody may have changed or paused it in Temporal itself; what is told is what Temporal has,
//     and a change of times leaves it paused.

import type {
  ScheduleDescription,
  ScheduleExecutionResult,
  ScheduleHandle,
  ScheduleOptions,
} from '@temporalio/client';
import { ScheduleAlreadyRunning, ScheduleNotFoundError } from '@temporalio/client';

import { clusterTaskQueue } from '../domain/activity-contract';
import type { ClusterName } from '../domain/names';
import type { ClosedState, RunEnd, ScheduledRun, ScheduleTimes } from '../domain/scheduled';
import type { Session } from './calls';
import { countActivityPollers, countWorkflowPollers } from './calls';
import { callSchedule } from './schedules';
import { isWorkflowNotFound } from './temporal-errors';

const maxNextTimes = 5;

/** What of a description is told of every schedule. */
export type Described = Pick<ScheduleDescription, 'scheduleId' | 'spec' | 'action' | 'state'> & {
  readonly info: Pick<
    ScheduleDescription['info'],
    'nextActionTimes' | 'numActionsSkippedOverlap' | 'numActionsMissedCatchupWindow'
  >;
};

/** R2. */
export function scheduleFacts({ state, info }: Pick<Described, 'state' | 'info'>): ScheduleTimes {
  const { paused, note } = state;
  const hasNote = note !== undefined && note !== '';
  return {
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

/** How a schedule is to be. */
export interface WantedSchedule<Schedule> {
  readonly scheduleId: string;
  readonly settings: Pick<ScheduleOptions, 'spec' | 'policies' | 'action'>;
  /** Whether one that starts the same workflow is so already. */
  readonly isSo: (described: ScheduleDescription) => boolean;
  readonly read: (description: ScheduleDescription) => Promise<Schedule>;
}

/**
 * Makes it, or changes the one that there is. Throws AscentError as every call, and
 * schedule-not-found when it is removed at that moment.
 */
export function keepSchedule<Schedule>(
  session: Session,
  cluster: ClusterName,
  wanted: WantedSchedule<Schedule>,
) {
  return callSchedule(session, cluster, async () => {
    const handle = session.client.schedule.getHandle(wanted.scheduleId);
    const { scheduleId, settings } = wanted;
    const change = (await createOnce(session, { scheduleId, ...settings }))
      ? 'created'
      : await changeExisting(handle, wanted);
    const [schedule, hasWorker] = await Promise.all([
      handle.describe().then(wanted.read),
      isServed(session, cluster),
    ]);
    return { kind: 'scheduled', change, schedule, hasWorker } as const;
  });
}

/** False: there is one already. */
async function createOnce(session: Session, options: ScheduleOptions): Promise<boolean> {
  try {
    await session.client.schedule.create(options);
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return false;
    throw error;
  }
}

/** R2. */
async function changeExisting(
  handle: ScheduleHandle,
  { settings, isSo }: WantedSchedule<unknown>,
): Promise<'changed' | 'unchanged'> {
  const described = await handle.describe();
  const isOurs = described.action.workflowType === settings.action.workflowType;
  if (isOurs && isSo(described)) return 'unchanged';
  await handle.update(({ state }) => ({ ...settings, state }));
  return 'changed';
}

/** `removed`: one that it has started goes on. Throws AscentError as every call. */
export function removeSchedule(
  session: Session,
  cluster: string,
  id: string,
): Promise<{ readonly kind: 'removed' } | { readonly kind: 'none' }> {
  return callSchedule(session, cluster, async () => {
    const deleted = await orNone(
      session.client.schedule
        .getHandle(id)
        .delete()
        .then(() => true),
    );
    return { kind: deleted === undefined ? 'none' : 'removed' };
  });
}

/** Undefined: there is none. Throws AscentError as every call. */
export function findSchedule<T>(
  session: Session,
  cluster: string,
  id: string,
  read: (description: ScheduleDescription) => Promise<T>,
): Promise<T | undefined> {
  return callSchedule(session, cluster, () => {
    const handle: ScheduleHandle = session.client.schedule.getHandle(id);
    return orNone(handle.describe().then(read));
  });
}

async function orNone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
}

const closedStates: Readonly<Record<string, ClosedState>> = {
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed-out',
};

/** The newest run of the schedule and what came of it; undefined: none was begun yet. */
export async function lastRun<Result, End>(
  session: Session,
  cluster: ClusterName,
  { info }: Pick<ScheduleDescription, 'info'>,
  endOf: (result: Result) => End,
): Promise<ScheduledRun<RunEnd | End> | undefined> {
  const run = info.recentActions.at(-1);
  if (run === undefined) return undefined;
  const { workflow } = run.action;
  const end = await runEnd(session, cluster, workflow, endOf);
  return { time: run.takenAt.toISOString(), workflowId: workflow.workflowId, end };
}

async function runEnd<Result, End>(
  session: Session,
  cluster: ClusterName,
  run: ScheduleExecutionResult['action']['workflow'],
  endOf: (result: Result) => End,
): Promise<RunEnd | End> {
  const handle = session.client.workflow.getHandle(run.workflowId, run.firstExecutionRunId);
  try {
    const { status } = await handle.describe();
    const state = closedStates[status.name];
    if (state !== undefined) return { kind: 'closed', state };
    if (status.name !== 'COMPLETED') {
      return { kind: 'running', hasWorker: await isServed(session, cluster) };
    }
    return endOf((await handle.result()) as Result);
  } catch (error) {
    if (isWorkflowNotFound(error)) return { kind: 'unknown' };
    throw error;
  }
}

/**
 * Somebody came lately for work of the cluster, and for the workflow in front of it. True where the
 * server cannot tell.
 */
export async function isServed(session: Session, cluster: ClusterName): Promise<boolean> {
  const counts = await Promise.all([
    countWorkflowPollers(session),
    countActivityPollers(session, clusterTaskQueue(cluster)),
  ]);
  return !counts.includes(0);
}
