// Upgrades that begin later: once at a time, or again and again by a cron expression, as Temporal
// schedules. One schedule per cluster.
// Temporal appends the time to the id of every workflow that a schedule starts, so the schedule
// starts a small workflow which in turn starts `upgrade/<cluster>`: the id stays the lock.

import type { CalendarSpec, ScheduleSpec } from '@temporalio/client';
import { ScheduleAlreadyRunning, ScheduleNotFoundError } from '@temporalio/client';

import { workflowTaskQueue } from '../domain/activity-contract';
import type { UpgradeSpec } from '../domain/spec';
import type { Session } from './calls';
import { explainedError } from './calls';
import { AscentError } from './errors';
import type { StartOptions } from './start';
import { startRequest } from './start';
import { hasGrpcCode, messageOf } from './temporal-errors';

export type ScheduleTime =
  | {
      readonly kind: 'at';
      /** RFC 3339 with an offset, or a local time `2026-12-01T02:00` in `timezone`. */
      readonly time: string;
      /** IANA name, default UTC; only for a local time. */
      readonly timezone?: string;
    }
  | {
      readonly kind: 'cron';
      /** Five fields: minute, hour, day of month, month, day of week. */
      readonly expression: string;
      /** IANA name, default UTC. */
      readonly timezone?: string;
    };

export interface ScheduleOptions extends Pick<StartOptions, 'actor' | 'expectedDigest'> {
  readonly when: ScheduleTime;
}

export interface UpgradeSchedule {
  readonly scheduleId: string;
  readonly cluster: string;
  readonly timezone: string;
  /** RFC 3339, at most the next five; computed by Temporal. */
  readonly nextTimes: readonly string[];
}

/** Type of the workflow that a schedule starts (workflows/start-scheduled-upgrade.ts). */
const scheduledWorkflowType = 'startScheduledUpgrade';
const idPrefix = 'upgrade-schedule/';
const maxNextTimes = 5;

/** `upgrade-schedule/<cluster>`. */
function scheduleIdOf(cluster: string): string {
  return `${idPrefix}${cluster}`;
}

/**
 * Creates the schedule of the cluster. A run that is due while an upgrade runs starts nothing.
 * Throws AscentError: schedule-invalid, schedule-exists, temporal-unreachable.
 */
export async function createSchedule(
  session: Session,
  spec: UpgradeSpec,
  options: ScheduleOptions,
): Promise<UpgradeSchedule> {
  const { cluster } = spec;
  const isOnce = options.when.kind === 'at';
  const request = startRequest(spec, options);
  const scheduleSpec = scheduleSpecOf(options.when);
  return callSchedule(session, cluster, async () => {
    const handle = await session.client.schedule.create({
      scheduleId: scheduleIdOf(cluster),
      spec: scheduleSpec,
      policies: { overlap: 'SKIP', catchupWindow: '10 minutes' },
      ...(isOnce ? { state: { remainingActions: 1 } } : {}),
      action: {
        type: 'startWorkflow',
        workflowType: scheduledWorkflowType,
        workflowId: `${scheduleIdOf(cluster)}/run`,
        taskQueue: workflowTaskQueue,
        args: [request],
        staticSummary: `scheduled upgrade of ${cluster} to ${spec.target}`,
      },
    });
    const { info } = await handle.describe();
    return scheduleOf(cluster, scheduleSpec.timezone, info.nextActionTimes);
  });
}

/** Deletes the schedule; an upgrade that it has started goes on. Throws schedule-not-found. */
export async function deleteSchedule(session: Session, cluster: string): Promise<void> {
  await callSchedule(session, cluster, () =>
    session.client.schedule.getHandle(scheduleIdOf(cluster)).delete(),
  );
}

/** All schedules that this client made, in the order of their ids. */
export async function listSchedules(session: Session): Promise<readonly UpgradeSchedule[]> {
  return callSchedule(session, '', async () => {
    const found: UpgradeSchedule[] = [];
    for await (const { scheduleId, spec, info } of session.client.schedule.list()) {
      if (!scheduleId.startsWith(idPrefix)) continue;
      const cluster = scheduleId.slice(idPrefix.length);
      found.push(scheduleOf(cluster, spec?.timezone, info.nextActionTimes));
    }
    return found.toSorted((a, b) => (a.scheduleId < b.scheduleId ? -1 : 1));
  });
}

function scheduleOf(
  cluster: string,
  timezone: string | undefined,
  nextTimes: readonly Date[],
): UpgradeSchedule {
  return {
    scheduleId: scheduleIdOf(cluster),
    cluster,
    timezone: timezone === undefined || timezone === '' ? 'UTC' : timezone,
    nextTimes: nextTimes.slice(0, maxNextTimes).map((time) => time.toISOString()),
  };
}

/** With a deadline, and what goes wrong as AscentError. */
export async function callSchedule<T>(
  session: Session,
  cluster: string,
  ask: () => Promise<T>,
): Promise<T> {
  const begun = Date.now();
  try {
    return await session.client.withDeadline(begun + session.callTimeoutMs, ask);
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) throw scheduleExists(cluster, error);
    if (error instanceof ScheduleNotFoundError) throw scheduleNotFound(cluster, error);
    // The SDK judges some values by itself, with a plain TypeError; the server the others.
    const isInvalid = error instanceof TypeError || hasGrpcCode(error, 'invalidArgument');
    if (isInvalid) throw scheduleInvalid(messageOf(error), error);
    throw await explainedError(session, error, Date.now() - begun);
  }
}

function scheduleExists(cluster: string, cause: unknown): AscentError {
  return new AscentError({
    code: 'schedule-exists',
    message: `cluster ${cluster} has a schedule already`,
    remedy: 'remove it first, or let it be',
    cause,
  });
}

function scheduleNotFound(cluster: string, cause: unknown): AscentError {
  return new AscentError({
    code: 'schedule-not-found',
    message: `cluster ${cluster} has no schedule`,
    remedy: 'list shows the schedules that there are',
    cause,
  });
}

function scheduleInvalid(why: string, cause?: unknown): AscentError {
  return new AscentError({
    code: 'schedule-invalid',
    message: `the schedule cannot be used: ${why}`,
    remedy: 'give a time to come such as 2026-12-01T02:00:00Z, or a cron line of five fields',
    cause,
  });
}

const months = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;

/** Throws AscentError `schedule-invalid`, before anything is sent. */
export function scheduleSpecOf(when: ScheduleTime): ScheduleSpec & { readonly timezone: string } {
  const timezone = when.timezone ?? 'UTC';
  if (!isTimezone(timezone)) throw scheduleInvalid(`${timezone} is no time zone of the IANA list`);
  if (when.kind === 'at') return onceAt(when.time, timezone);
  const fields = when.expression.trim().split(/\s+/);
  if (fields.length !== 5) {
    throw scheduleInvalid(`"${when.expression}" has ${fields.length} fields instead of five`);
  }
  return { cronExpressions: [fields.join(' ')], timezone };
}

const localPattern = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/;
const offsetPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

function onceAt(time: string, timezone: string): ScheduleSpec & { readonly timezone: string } {
  const instant = offsetPattern.test(time) ? Date.parse(time) : Number.NaN;
  if (!Number.isNaN(instant)) {
    const utc = new Date(instant).toISOString().slice(0, 19);
    return { calendars: [calendarOf(utc)], timezone: 'UTC' };
  }
  // Whether a day exists is seen by reading it as UTC; only the zone differs.
  if (!localPattern.test(time) || Number.isNaN(Date.parse(`${time}Z`))) {
    throw scheduleInvalid(`"${time}" is no time`);
  }
  return { calendars: [calendarOf(time)], timezone };
}

function calendarOf(local: string): CalendarSpec {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = (
    localPattern.exec(local)?.slice(1) ?? []
  ).map((part) => Number(part ?? 0));
  const name = months[month - 1];
  return {
    year,
    ...(name === undefined ? {} : { month: name }),
    dayOfMonth: day,
    hour,
    minute,
    second,
  };
}

/** Of the IANA list, as this machine knows it. */
export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
