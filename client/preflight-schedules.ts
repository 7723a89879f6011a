// Looks at the hop to come of an open upgrade, once a day, as Temporal schedules: one a cluster,
// `preflight/<cluster>`, which starts lookAhead. What is alike in all such schedules is in
// scheduled-runs.ts.

import type { ScheduleDescription } from '@temporalio/client';

import { workflowTaskQueue } from '../domain/activity-contract';
import type { ClusterName } from '../domain/names';
import { toldOf } from '../domain/preflight/look-ahead';
import {
  lookJitterMs,
  type LookRefusal,
  type LookRoutine,
  type PreflightSchedule,
  timeOfDay,
} from '../domain/preflight/schedule';
import { preflightScheduleId } from '../domain/workflow-ids';
import type { LookAheadOrder } from '../workflows/messages';
import type { Session } from './calls';
import {
  type Described,
  findSchedule,
  keepSchedule,
  lastRun,
  removeSchedule,
  scheduleFacts,
} from './scheduled-runs';
import { isTimezone } from './schedules';
import { dnsLabelPattern } from './spec-fields';

export interface SchedulePreflightOptions {
  /** `02:00`: hours and minutes of a day. */
  readonly at: string;
  /** IANA name, default UTC. */
  readonly zone?: string;
  /** Who asks, for people in Temporal's UI. */
  readonly actor: string;
}

export type PreflightScheduling =
  | {
      readonly kind: 'scheduled';
      /** `unchanged`: it was so already. */
      readonly change: 'created' | 'changed' | 'unchanged';
      readonly schedule: PreflightSchedule;
      /** False: no worker has asked lately for work of this cluster, or for its workflow. */
      readonly hasWorker: boolean;
    }
  | { readonly kind: 'refused'; readonly refusals: readonly LookRefusal[] };

export type PreflightUnscheduling = { readonly kind: 'removed' } | { readonly kind: 'none' };

/** Type of the workflow that the schedule starts (workflows/look-ahead.ts). */
const scheduledWorkflowType = 'lookAhead';

/** How late one may begin, and how long it waits for a worker: the next is due in a day. */
const lateMs = 60 * 60_000;
/** Of what the schedule starts: longer than the look in it (activity-options.ts). */
const runTimeoutMs = 90 * 60_000;

type Asked = Required<SchedulePreflightOptions>;

/**
 * Has the hop to come looked at each day at that time, or up to lookJitterMs later; what is
 * scheduled already is changed. Without an open upgrade it ends without a look.
 * Throws AscentError as every call, and schedule-not-found when it is removed at that moment.
 */
export async function schedulePreflight(
  session: Session,
  cluster: string,
  { at, zone = 'UTC', actor }: SchedulePreflightOptions,
): Promise<PreflightScheduling> {
  const refusals = lookRefusals(cluster, { at, zone });
  if (refusals.length > 0) return { kind: 'refused', refusals };
  const name = cluster as ClusterName;
  return keepSchedule(session, name, {
    scheduleId: preflightScheduleId(name),
    settings: settingsOf(name, { at, zone, actor }),
    isSo: (described) => {
      const now = routineOf(described);
      return now.at === at && now.zone === zone && described.spec.jitter === lookJitterMs;
    },
    read: (described) => read(session, cluster, described),
  });
}

/** Every reason at once. */
export function lookRefusals(cluster: string, { at, zone }: LookRoutine): readonly LookRefusal[] {
  const refusals: LookRefusal[] = [];
  // A schedule of a cluster that cannot be would start workflows for ever that nobody serves.
  if (!dnsLabelPattern.test(cluster)) refusals.push({ code: 'cluster-name', cluster });
  if (timeOfDay(at) === undefined) refusals.push({ code: 'time-malformed', at });
  if (!isTimezone(zone)) refusals.push({ code: 'zone-unknown', zone });
  return refusals;
}

/** Nothing is looked at by itself any more; one that is under way goes on. Throws as every call. */
export function unschedulePreflight(
  session: Session,
  cluster: string,
): Promise<PreflightUnscheduling> {
  return removeSchedule(session, cluster, preflightScheduleId(cluster as ClusterName));
}

/** With what came of the last look. Undefined: there is no schedule. Throws as every call. */
export function findPreflightSchedule(
  session: Session,
  cluster: string,
): Promise<PreflightSchedule | undefined> {
  const id = preflightScheduleId(cluster as ClusterName);
  return findSchedule(session, cluster, id, (found) => read(session, cluster, found));
}

function settingsOf(cluster: ClusterName, { at, zone, actor }: Asked) {
  // A worker that is just restarted is no reason to leave one out.
  const input: LookAheadOrder = { cluster, actor, workerTimeoutMs: lateMs };
  return {
    spec: {
      calendars: [{ ...timeOfDay(at), comment: `each day at ${at}` }],
      timezone: zone,
      jitter: lookJitterMs,
    },
    policies: { overlap: 'SKIP' as const, catchupWindow: lateMs },
    action: {
      type: 'startWorkflow' as const,
      workflowType: scheduledWorkflowType,
      workflowId: `${preflightScheduleId(cluster)}/run`,
      taskQueue: workflowTaskQueue,
      workflowExecutionTimeout: runTimeoutMs,
      args: [input],
      staticSummary: `look at the hop to come of ${cluster}, asked by ${actor}`,
    },
  };
}

type Spec = ScheduleDescription['spec'];

/** What Temporal has, whoever has changed it there. */
function routineOf({
  spec,
  action,
}: Pick<Described, 'spec' | 'action'>): Pick<PreflightSchedule, 'at' | 'zone' | 'actor'> {
  const [order] = (action.args ?? []) as readonly (Partial<LookAheadOrder> | undefined)[];
  const at = dailyAt(spec);
  const { timezone = '' } = spec;
  return {
    ...(at === undefined ? {} : { at, zone: timezone === '' ? 'UTC' : timezone }),
    ...(order?.actor === undefined ? {} : { actor: order.actor }),
  };
}

/** Undefined: it is another rhythm than once a day. */
function dailyAt({ calendars = [], intervals = [], skip = [] }: Spec): string | undefined {
  const [calendar, ...more] = calendars;
  const isOne = more.length + intervals.length + skip.length === 0;
  if (calendar === undefined || !isOne || !isEachDay(calendar)) return undefined;
  const hour = onlyOne(calendar.hour);
  const minute = onlyOne(calendar.minute);
  if (hour === undefined || minute === undefined || onlyOne(calendar.second) !== 0) {
    return undefined;
  }
  return [hour, minute].map((part) => String(part).padStart(2, '0')).join(':');
}

type Calendar = NonNullable<Spec['calendars']>[number];
type Ranges = readonly { readonly start: unknown; readonly end: unknown; readonly step: number }[];

function isEachDay({ dayOfMonth, month, dayOfWeek, year }: Calendar): boolean {
  return (
    isWhole(dayOfMonth, 1, 31) &&
    isWhole(month, 'JANUARY', 'DECEMBER') &&
    isWhole(dayOfWeek, 'SUNDAY', 'SATURDAY') &&
    year.length === 0
  );
}

function isWhole(ranges: Ranges, start: unknown, end: unknown): boolean {
  const [range, ...more] = ranges;
  if (range === undefined || more.length > 0) return false;
  return range.start === start && range.end === end && range.step === 1;
}

function onlyOne(ranges: readonly { readonly start: number; readonly end: number }[]) {
  const [range, ...more] = ranges;
  if (range === undefined || more.length > 0) return undefined;
  return range.start === range.end ? range.start : undefined;
}

async function read(
  session: Session,
  cluster: string,
  description: ScheduleDescription,
): Promise<PreflightSchedule> {
  const last = await lastRun(session, cluster as ClusterName, description, toldOf);
  const schedule = preflightScheduleOf(cluster, description);
  return last === undefined ? schedule : { ...schedule, last };
}

/** Without the last one; exported for its test. */
export function preflightScheduleOf(cluster: string, described: Described): PreflightSchedule {
  const { scheduleId } = described;
  return { scheduleId, cluster, ...routineOf(described), ...scheduleFacts(described) };
}
