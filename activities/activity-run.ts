// One attempt of an activity: its cancellation, its heartbeats, its resume point, and the failure
// that leaves it. The only module here that knows Temporal's activity context.
// H1. Heartbeats repeat the last details by themselves, so that a slow call of a port does not
//     look like a dead worker; adapters bound every call.
// H2. Until an attempt has details of its own it repeats those of the attempt before: a worker
//     that dies at once loses no resume point.

import { createHash } from 'node:crypto';

import { Context } from '@temporalio/activity';

import type { ClusterName } from '../domain/names';
import type { DriverContext } from './driver-context';
import { type FailureScope, terminalFailure, toActivityFailure } from './failure-mapping';
import type { ClusterPorts } from './ports';

/** What every activity is made from. One set of activities serves one cluster. */
export interface ActivityDependencies {
  readonly cluster: ClusterName;
  readonly ports: ClusterPorts;
  /** `none`: nothing changes its machines, so no upgrade is planned. Absent: something does. */
  readonly driver?: 'none';
  /** Version of Ascent, for records; absent where nobody knows it. */
  readonly ascentVersion?: string;
}

/** Temporal as its worker is connected to it, in the namespace of the activity. */
export type OwnTemporal = Context['client'];

/** What the body of an activity may use of its attempt. */
export interface ActivityRun {
  /** Aborted when the activity is cancelled or its worker shuts down. */
  readonly signal: AbortSignal;
  /** Heartbeat details of the attempt before; untrusted: an older release may have sent it. */
  readonly resume: unknown;
  /** Keeps `details` as the resume point and sends it (the SDK throttles). */
  readonly beat: (details: unknown) => void;
  /** `wantedMs`, or what is left of the attempt if that is less: a typed failure says more. */
  readonly boundedMs: (wantedMs: number) => number;
  /** What a driver needs of the attempt, from now on. */
  readonly driving: () => Pick<DriverContext, 'signal' | 'operationId' | 'limitMs' | 'log'>;
  /** To ask upgrades something. What it is asked is bounded by the caller. */
  readonly temporal: () => OwnTemporal;
}

/** The longest that a spec allows (spec-schema.ts), for an attempt that nothing else bounds. */
export const longestMs = 86_400_000;

const slowestBeatMs = 2_000;
const fastestBeatMs = 250;

function startHeartbeats(context: Context): {
  readonly beat: (details: unknown) => void;
  readonly last: () => unknown;
  readonly stop: () => void;
} {
  let last: unknown = context.info.heartbeatDetails;
  const { heartbeatTimeoutMs } = context.info;
  if (heartbeatTimeoutMs === undefined || heartbeatTimeoutMs <= 0) {
    return { beat: (details) => void (last = details), last: () => last, stop: () => undefined };
  }
  const everyMs = Math.min(slowestBeatMs, Math.max(fastestBeatMs, heartbeatTimeoutMs / 4));
  const timer = setInterval(() => context.heartbeat(last), everyMs);
  timer.unref();
  return {
    beat: (details) => {
      last = details;
      context.heartbeat(details);
    },
    last: () => last,
    stop: () => clearInterval(timer),
  };
}

/**
 * Runs the body of an activity as one attempt.
 * Throws `wrong-cluster` (terminal) before anything else when the input is not for this worker's
 * cluster, and maps everything that the body throws (failure-mapping.ts).
 */
export async function runActivity<Result>(
  options: FailureScope & {
    readonly deps: ActivityDependencies;
    /** The input's cluster. */
    readonly cluster: ClusterName;
    /** False for work that must not be given up because somebody cancelled the workflow. */
    readonly cancellable?: boolean;
  },
  body: (run: ActivityRun) => Promise<Result>,
): Promise<Result> {
  const { deps, cluster } = options;
  if (cluster !== deps.cluster) {
    throw terminalFailure({
      code: 'wrong-cluster',
      message: `${options.doing}: this worker serves cluster ${deps.cluster}, not ${cluster}`,
      details: { serves: deps.cluster, asked: cluster },
    });
  }
  const context = Context.current();
  const startedAtMs = Date.now();
  const signal =
    options.cancellable === false ? shutdownSignal(context) : context.cancellationSignal;
  const heartbeats = startHeartbeats(context);
  try {
    signal.throwIfAborted();
    const bounded = (wantedMs: number): number =>
      boundedMs(context, Date.now() - startedAtMs, wantedMs);
    return await body({
      signal,
      resume: context.info.heartbeatDetails,
      beat: heartbeats.beat,
      boundedMs: bounded,
      driving: () => ({
        signal,
        operationId: operationIdOf(context),
        limitMs: bounded(longestMs),
        log: (line) => context.log.info(line),
      }),
      temporal: () => context.client,
    });
  } catch (error) {
    throw toActivityFailure({ error, scope: options, signal, progress: heartbeats.last() });
  } finally {
    heartbeats.stop();
  }
}

/** Of the scheduled activity, so that its attempts share it. Fit for the name of a file. */
function operationIdOf({ info }: Context): string {
  const { workflowId = '', runId = '' } = info.workflowExecution ?? {};
  const names = JSON.stringify([info.namespace, workflowId, runId, info.activityId]);
  return `op-${createHash('sha256').update(names).digest('hex').slice(0, 24)}`;
}

/** A tenth of the attempt's time is kept, so that its own failure comes before the timeout. */
function boundedMs(context: Context, elapsedMs: number, wantedMs: number): number {
  const { startToCloseTimeoutMs } = context.info;
  if (startToCloseTimeoutMs <= 0) return wantedMs;
  const leftMs = Math.floor(startToCloseTimeoutMs * 0.9) - elapsedMs;
  return Math.max(0, Math.min(wantedMs, leftMs));
}

/**
 * Aborts when this attempt must end here (worker shutdown, timeout), not when the workflow was
 * cancelled or terminated: a half-done restore serves nobody.
 */
function shutdownSignal(context: Context): AbortSignal {
  const controller = new AbortController();
  const onAbort = (): void => {
    const details = context.cancellationDetails;
    if (details?.workerShutdown === true || details?.timedOut === true) {
      controller.abort(context.cancellationSignal.reason);
    }
  };
  if (context.cancellationSignal.aborted) onAbort();
  else context.cancellationSignal.addEventListener('abort', onAbort, { once: true });
  return controller.signal;
}
