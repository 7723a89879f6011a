// What is alike in schedules that have a worker of a cluster do something again and again: what is
// known of one, and that in words. Temporal keeps the schedules; nothing here knows it.

/** How a run ended that Temporal closed without a result. */
export type ClosedState = 'failed' | 'cancelled' | 'terminated' | 'timed-out';

/** What is known of a run that a schedule has started, whatever it does. */
export type RunEnd =
  /** Without a worker, that of the cluster or that of its workflow, it waits for one. */
  | { readonly kind: 'running'; readonly hasWorker: boolean }
  /** Temporal closed its workflow. */
  | { readonly kind: 'closed'; readonly state: ClosedState }
  /** Temporal does not keep its workflow any more. */
  | { readonly kind: 'unknown' };

/** When it is due, and how often it was not done. */
export interface ScheduleTimes {
  /** Somebody has paused it in Temporal: nothing is done. */
  readonly paused?: { readonly note?: string };
  /** RFC 3339, at most the next five; empty while it is paused. */
  readonly nextTimes: readonly string[];
  /** How often none was begun: the one before was under way, or Temporal was away for too long. */
  readonly skipped: { readonly overlapping: number; readonly late: number };
}

/** A run that a schedule has started, and what came of it. */
export interface ScheduledRun<End> {
  /** RFC 3339: when it began. */
  readonly time: string;
  readonly workflowId: string;
  readonly end: End;
}

export interface Scheduled<End> extends ScheduleTimes {
  readonly scheduleId: string;
  readonly cluster: string;
  /** Who asked for it; absent where somebody has made it in Temporal itself. */
  readonly actor?: string;
  /** Absent: none was due yet. */
  readonly last?: ScheduledRun<End>;
}

/** No cluster can be called so: expected a lower-case DNS label. */
export interface ClusterNameRefusal {
  readonly code: 'cluster-name';
  readonly cluster: string;
}

export function clusterNameText({ cluster }: ClusterNameRefusal): string {
  return `no cluster is called ${JSON.stringify(cluster)}: expected a lower-case DNS label`;
}

/** `undone`: what does not happen while it is paused, `none is taken`. */
export function nextText({ paused, nextTimes }: ScheduleTimes, undone: string): string {
  if (paused !== undefined) {
    const note = paused.note === undefined ? '' : ` (${paused.note})`;
    return `paused in Temporal${note}: ${undone}`;
  }
  const [next] = nextTimes;
  return next === undefined ? 'no time for one comes any more' : `next, ${utcText(next)}`;
}

/** `underWay`: what is said of a run that has a worker. */
export function runEndText(end: RunEnd, underWay: string): string {
  switch (end.kind) {
    case 'running':
      return end.hasWorker ? underWay : 'it waits for a worker; none has come lately';
    case 'closed':
      return `none - Temporal closed its workflow: ${end.state}`;
    case 'unknown':
      return 'how it ended is not kept any more';
  }
}

/** `2026-12-01 02:00:00 UTC`, of RFC 3339 in UTC. */
export function utcText(time: string): string {
  return `${time.slice(0, 19).replace('T', ' ')} UTC`;
}
