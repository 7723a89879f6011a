// Turns what goes wrong inside an activity into what Temporal must do about it
// (domain/failures.ts has the codes).
// F1. Cancellation is not a failure; it is looked at first.
// F2. Decisions are made by PortError.code, never by the text of a message.
// F3. The message says what was being done to which object; everything else is data in details.

import { ApplicationFailure, CancelledFailure } from '@temporalio/activity';

import type { FailureCode } from '../domain/failures';
import { PortError } from './ports';

/** What an activity was about when it failed. */
export interface FailureScope {
  /** `draining node worker-3`: begins the message. */
  readonly doing: string;
  /** Code when the world refuses for good, or for a reason that no other code names. */
  readonly code: FailureCode;
  /** Code when the object itself does not exist; `code` when absent. */
  readonly notFoundCode?: FailureCode;
}

/** First detail of a failure that a port reported. */
interface PortFailureDetails {
  readonly reason: PortError['code'];
  readonly retryAfterSeconds?: number;
}

interface PortFailureRule {
  /** `scope`: the activity's own code; `not-found`: its code for a missing object. */
  readonly code:
    | 'scope'
    | 'not-found'
    | Extract<FailureCode, 'cluster-unreachable' | 'credentials-refused' | 'space-missing'>;
  readonly nonRetryable: boolean;
}

/** The whole mapping. A retryable failure carries its code too: it is what is told at the end. */
const portFailureRules: Readonly<Record<PortError['code'], PortFailureRule>> = {
  unreachable: { code: 'cluster-unreachable', nonRetryable: false },
  timeout: { code: 'cluster-unreachable', nonRetryable: false },
  unauthorized: { code: 'credentials-refused', nonRetryable: true },
  forbidden: { code: 'credentials-refused', nonRetryable: true },
  // Somebody else changed the object in between: looking again settles it (R2).
  conflict: { code: 'scope', nonRetryable: false },
  unexpected: { code: 'scope', nonRetryable: false },
  'not-found': { code: 'not-found', nonRetryable: true },
  rejected: { code: 'scope', nonRetryable: true },
  full: { code: 'space-missing', nonRetryable: true },
};

/** A failure that asking again cannot help. `details`: plain JSON, no secret. */
export function terminalFailure(options: {
  readonly code: FailureCode;
  readonly message: string;
  readonly details?: unknown;
  readonly cause?: unknown;
}): ApplicationFailure {
  return ApplicationFailure.create({
    type: options.code,
    nonRetryable: true,
    message: options.message,
    details: options.details === undefined ? [] : [options.details],
    ...(options.cause instanceof Error ? { cause: options.cause } : {}),
  });
}

function portFailure(error: PortError, scope: FailureScope): ApplicationFailure {
  const rule = portFailureRules[error.code];
  const codes = { scope: scope.code, 'not-found': scope.notFoundCode ?? scope.code };
  const code = rule.code === 'scope' || rule.code === 'not-found' ? codes[rule.code] : rule.code;
  const { retryAfterSeconds } = error;
  const details: PortFailureDetails = {
    reason: error.code,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
  return ApplicationFailure.create({
    type: code,
    nonRetryable: rule.nonRetryable,
    message: `${scope.doing}: ${error.message}`,
    details: [details],
    cause: error,
    ...(retryAfterSeconds === undefined || rule.nonRetryable
      ? {}
      : { nextRetryDelay: retryAfterSeconds * 1_000 }),
  });
}

/**
 * The failure to throw for `error`. With an aborted `signal` everything but a failure that was
 * already decided is the cancellation; it then carries `progress` (the last heartbeat) as details,
 * so that the workflow knows how far the work went.
 */
export function toActivityFailure(options: {
  readonly error: unknown;
  readonly scope: FailureScope;
  readonly signal: AbortSignal;
  readonly progress?: unknown;
}): ApplicationFailure | CancelledFailure {
  const { error, scope, signal, progress } = options;
  const isDecided = error instanceof ApplicationFailure;
  if (error instanceof CancelledFailure || (signal.aborted && !isDecided)) {
    const details = progress === undefined ? [] : [progress];
    const cause = error instanceof Error ? error : undefined;
    return new CancelledFailure(`${scope.doing}: cancelled`, details, cause);
  }
  if (isDecided) return error;
  if (error instanceof PortError) return portFailure(error, scope);
  const message = error instanceof Error ? error.message : String(error);
  return ApplicationFailure.create({
    type: 'unexpected' satisfies FailureCode,
    message: `${scope.doing}: ${message}`,
    ...(error instanceof Error ? { cause: error } : {}),
  });
}
