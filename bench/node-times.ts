// Where the time of a node's workflow goes, by the times of its history's events: what each
// activity took, how long it waited for a worker, and what passed between two activities.

/** A 64-bit number, as Temporal's client gives it. */
type Whole = { toString(): string } | null;

/** What is read of an event of a history. */
export interface TimedEvent {
  readonly eventId?: Whole;
  readonly eventTime?: { readonly seconds?: Whole; readonly nanos?: number | null } | null;
  readonly activityTaskScheduledEventAttributes?: {
    readonly activityType?: { readonly name?: string | null } | null;
  } | null;
  readonly activityTaskStartedEventAttributes?: { readonly scheduledEventId?: Whole } | null;
  readonly activityTaskCompletedEventAttributes?: { readonly scheduledEventId?: Whole } | null;
}

/** Seconds by part; they add up to `whole` unless two activities ran at the same time. */
export type NodeTimes = Readonly<Record<string, number>>;

function numberOf(value: Whole | undefined): number {
  return Number(value?.toString() ?? 0);
}

/** Since the epoch. */
export function secondsOf({ eventTime }: TimedEvent): number {
  return numberOf(eventTime?.seconds) + (eventTime?.nanos ?? 0) / 1e9;
}

/**
 * Parts: each activity by its name; `waiting` of all activities for a worker; `between`: from the
 * begin of the workflow, or the end of an activity, to what comes next; `whole`.
 */
export function nodeTimes(events: readonly TimedEvent[]): NodeTimes {
  const [first] = events;
  const last = events.at(-1);
  if (first === undefined || last === undefined) return {};
  const times = new Map<string, number>();
  const add = (part: string, seconds: number): void => {
    times.set(part, (times.get(part) ?? 0) + seconds);
  };
  const names = new Map<number, string>();
  const scheduledAt = new Map<number, number>();
  const startedAt = new Map<number, number>();
  let freeSince = secondsOf(first);
  for (const event of events) {
    const at = secondsOf(event);
    const scheduled = event.activityTaskScheduledEventAttributes;
    const started = event.activityTaskStartedEventAttributes;
    const completed = event.activityTaskCompletedEventAttributes;
    if (scheduled) {
      const id = numberOf(event.eventId);
      names.set(id, scheduled.activityType?.name ?? 'unknown');
      scheduledAt.set(id, at);
      add('between', at - freeSince);
    } else if (started) {
      const id = numberOf(started.scheduledEventId);
      startedAt.set(id, at);
      add('waiting', at - (scheduledAt.get(id) ?? at));
    } else if (completed) {
      const id = numberOf(completed.scheduledEventId);
      add(names.get(id) ?? 'unknown', at - (startedAt.get(id) ?? at));
      freeSince = at;
    }
  }
  add('between', secondsOf(last) - freeSince);
  add('whole', secondsOf(last) - secondsOf(first));
  return Object.fromEntries(times);
}

/** The mean of each part over many nodes. */
export function meanTimes(nodes: readonly NodeTimes[]): NodeTimes {
  const parts = [...new Set(nodes.flatMap((times) => Object.keys(times)))];
  const mean = (part: string): number =>
    nodes.reduce((sum, times) => sum + (times[part] ?? 0), 0) / nodes.length;
  return Object.fromEntries(parts.map((part) => [part, mean(part)]));
}
