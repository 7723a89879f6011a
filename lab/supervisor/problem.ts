// Why the supervisor refuses or fails a request, in the words of the lab protocol.

import type { LabProblem } from '../../activities/drivers/lab-protocol';

const statusOf = {
  'request-malformed': 400,
  'not-found': 404,
  'unknown-version': 422,
  'start-failed': 500,
  'stop-failed': 500,
  'restore-failed': 500,
} as const satisfies Record<LabProblem['code'], number>;

export class LabProblemError extends Error {
  readonly problem: LabProblem;

  constructor(
    code: LabProblem['code'],
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LabProblemError';
    this.problem = { code, message };
  }

  get status(): number {
    return statusOf[this.problem.code];
  }
}
