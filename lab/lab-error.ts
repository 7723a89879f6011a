// What the lab throws. A code is stable; the message says which object and what a person can do.

import { types } from 'node:util';

export type LabErrorCode =
  /** This machine cannot run labs; `missing` says what it lacks. */
  | 'lab-unsupported'
  /** The state directory is unusable: not ours, too long a path, not writable. */
  | 'state-directory-unusable'
  /** Options that no lab can have. */
  | 'options-invalid'
  /** Somebody else listens on a port that this lab has recorded. */
  | 'port-taken'
  /** Another `lab up` or `lab down` of the same lab is under way. */
  | 'lab-busy'
  /** The lab belongs to a command that runs and will take it down by itself. */
  | 'lab-owned'
  /** There is no lab, or it is not running. */
  | 'lab-down'
  /** A process of the lab did not come up, or the lab was not ready in time. */
  | 'lab-failed'
  /** The build of this project is missing: the supervisor is run from dist/. */
  | 'not-built'
  /** The supervisor answered a request with a problem. */
  | 'request-refused';

export class LabError extends Error {
  readonly code: LabErrorCode;
  /** One line each: what is missing or wrong. */
  readonly problems: readonly string[];

  constructor(
    code: LabErrorCode,
    message: string,
    options: { readonly problems?: readonly string[]; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LabError';
    this.code = code;
    this.problems = options.problems ?? [];
  }
}

/**
 * Errors of Node itself may come from another realm (a VM context, Jest), where `instanceof` does
 * not hold.
 */
function isError(error: unknown): error is Error {
  return error instanceof Error || types.isNativeError(error);
}

/** The text of whatever was thrown, for messages and logs. */
export function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error);
}

/** `ENOENT`, `EADDRINUSE`, …; undefined when the error carries none. */
export function errnoOf(error: unknown): string | undefined {
  if (!isError(error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
