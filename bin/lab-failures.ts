// What a lab cannot do, in the words of the CLI: exit codes, and what to do about it.

import { CliError } from '../cli/cli-error';
import type { ExitCode } from '../cli/exit-codes';
import { exitCodes } from '../cli/exit-codes';
import type { Invocation } from '../cli/session';
import type { LabErrorCode } from '../lab/lab-error';
import { LabError } from '../lab/lab-error';
import { describeProblem, ToolchainError } from '../lab/toolchain/toolchain-problem';

const exitCodeOfLabErrors = {
  'lab-unsupported': exitCodes.unexpected,
  'state-directory-unusable': exitCodes.invalidInput,
  'options-invalid': exitCodes.invalidInput,
  'port-taken': exitCodes.unexpected,
  'lab-busy': exitCodes.unexpected,
  'lab-owned': exitCodes.unexpected,
  'lab-down': exitCodes.notFound,
  'lab-failed': exitCodes.unexpected,
  'not-built': exitCodes.unexpected,
  'request-refused': exitCodes.unexpected,
} as const satisfies Record<LabErrorCode, ExitCode>;

const seeLogs = 'see lab status, and the logs in the directory of the lab';

const remedies = {
  'lab-unsupported': 'use a machine that has what is missing',
  'state-directory-unusable': 'name another directory with --state-dir, or make room in this one',
  'options-invalid': 'correct the options; --help shows all of them with examples',
  'port-taken': 'end what listens there, or lab down and lab up again for new ports',
  'lab-busy': 'wait for that command, or end it',
  'lab-owned': 'wait for its end, or take another lab beside it with --name other',
  'lab-down': 'bring it up with lab up',
  'lab-failed': seeLogs,
  'not-built': 'run `npm run build` in the checkout',
  'request-refused': seeLogs,
} as const satisfies Record<LabErrorCode, string>;

/** Errors of a lab and of the programs that it runs, in the words of the CLI. */
export function guarded<Options>(handler: (invocation: Invocation<Options>) => Promise<ExitCode>) {
  return async (invocation: Invocation<Options>): Promise<ExitCode> => {
    try {
      return await handler(invocation);
    } catch (error) {
      if (error instanceof LabError) throw labError(error);
      if (error instanceof ToolchainError) throw toolchainError(error);
      throw error;
    }
  };
}

function labError(error: LabError): CliError {
  return new CliError({
    exitCode: exitCodeOfLabErrors[error.code],
    code: error.code,
    message: error.message,
    remedy: remedies[error.code],
    problems: error.problems,
    cause: error,
  });
}

function toolchainError(error: ToolchainError): CliError {
  return new CliError({
    exitCode: exitCodes.unexpected,
    code: 'tools-missing',
    message: 'not all programs that a lab runs are to be had',
    remedy: 'remove what stands in the way of one source of each; docs/operate.md names them',
    problems: error.problems.map(describeProblem),
    cause: error,
  });
}
