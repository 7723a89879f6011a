// Why a worker does not start, for people: a stable code, what happened, what to do about it.

export type WorkerErrorCode =
  | 'config-invalid'
  | 'access-invalid'
  | 'connection-invalid'
  | 'temporal-unreachable'
  | 'temporal-refused'
  | 'namespace-missing'
  | 'search-attributes-missing';

export class WorkerError extends Error {
  readonly code: WorkerErrorCode;
  /** An instruction, without a full stop. */
  readonly remedy: string;
  /** Each thing that is wrong, where there may be several. */
  readonly problems: readonly string[];

  constructor(options: {
    readonly code: WorkerErrorCode;
    readonly message: string;
    readonly remedy: string;
    readonly problems?: readonly string[];
    readonly cause?: unknown;
  }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'WorkerError';
    this.code = options.code;
    this.remedy = options.remedy;
    this.problems = options.problems ?? [];
  }
}

/** Several lines: what happened, every problem, what to do. */
export function workerErrorText(error: WorkerError): string {
  const problems = error.problems.map((problem) => `  - ${problem}`);
  return [error.message, ...problems, error.remedy].join('\n');
}
