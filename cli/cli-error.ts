// What commands of this CLI throw, and how anything thrown becomes one sentence, one remedy and an
// exit code.

import { CommanderError } from 'commander';

import type { CommandRefusal } from '../domain/status/control';
import { PortError } from '../activities/ports';
import type { AscentErrorCode } from '../client';
import { AscentError, CommandRefusedError, UpgradeEndedError } from '../client';
import type { ExitCode } from './exit-codes';
import { exitCodes } from './exit-codes';

export interface CliErrorOptions {
  readonly exitCode: ExitCode;
  /** Stable, for `-o json`. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** Every problem, when there are several: one line each. */
  readonly problems?: readonly string[];
  readonly cause?: unknown;
}

export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly remedy: string;
  readonly problems: readonly string[];

  constructor(options: CliErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CliError';
    this.exitCode = options.exitCode;
    this.code = options.code;
    this.remedy = options.remedy;
    this.problems = options.problems ?? [];
  }
}

/** Invalid arguments that the parser cannot see by itself. */
export function usageError(message: string, remedy: string): CliError {
  return new CliError({ exitCode: exitCodes.invalidInput, code: 'usage', message, remedy });
}

/** Document of every failed command with `-o json` (docs/json-output.md). */
export interface ErrorDocument {
  readonly schema: 'ascent.error/v1';
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly exitCode: ExitCode;
  readonly problems: readonly string[];
  /** Why the upgrade refused the command. */
  readonly refusal?: CommandRefusal;
  /** How the upgrade had ended. */
  readonly outcome?: string;
}

const exitCodeOfClientErrors = {
  'temporal-unreachable': exitCodes.unreachable,
  'temporal-refused': exitCodes.unreachable,
  'connection-invalid': exitCodes.invalidInput,
  'upgrade-not-found': exitCodes.notFound,
  'upgrade-ended': exitCodes.commandRefused,
  'command-refused': exitCodes.commandRefused,
  'worker-missing': exitCodes.unreachable,
  'upgrade-failed': exitCodes.notCompleted,
  'drain-not-found': exitCodes.notFound,
  'drain-failed': exitCodes.notCompleted,
  'schedule-exists': exitCodes.commandRefused,
  'schedule-not-found': exitCodes.notFound,
  'schedule-invalid': exitCodes.invalidInput,
} as const satisfies Record<AscentErrorCode, ExitCode>;

const portExits: Readonly<Record<PortError['code'], ExitCode>> = {
  unreachable: exitCodes.unreachable,
  timeout: exitCodes.unreachable,
  unauthorized: exitCodes.unreachable,
  forbidden: exitCodes.unreachable,
  'not-found': exitCodes.notFound,
  conflict: exitCodes.unexpected,
  rejected: exitCodes.unexpected,
  full: exitCodes.unexpected,
  unexpected: exitCodes.unexpected,
};

const portRemedies: Readonly<Record<PortError['code'], string>> = {
  unreachable: 'see that the cluster runs and that its addresses in the access file are right',
  timeout: 'see that the cluster runs and is not overloaded, then try again',
  unauthorized: 'correct the credentials that the access file names',
  forbidden: 'give these credentials the rights they lack',
  'not-found': 'see what the access file names',
  conflict: 'try again',
  rejected: 'see what the cluster refuses',
  full: 'make room where the message says',
  unexpected: 'see the message; if it makes no sense, it is a defect of this program',
};

/** Every error has an answer; what is not known is `unexpected` with its own message. */
export function errorDocument(error: unknown): ErrorDocument {
  if (error instanceof CliError) {
    const { exitCode, code, message, remedy, problems } = error;
    return documentOf({ exitCode, code, message, remedy, problems });
  }
  if (error instanceof AscentError) return clientErrorDocument(error);
  if (error instanceof PortError) {
    const { code, message } = error;
    return documentOf({
      exitCode: portExits[code],
      code: `cluster-${code}`,
      message,
      remedy: portRemedies[code],
    });
  }
  if (error instanceof CommanderError) return usageDocument(error);
  return documentOf({
    exitCode: exitCodes.unexpected,
    code: 'unexpected',
    message: error instanceof Error ? error.message : String(error),
    remedy: portRemedies.unexpected,
  });
}

/** The parser puts a suggestion into a second line, and has no words for a missing command. */
function usageDocument({ code, message }: CommanderError): ErrorDocument {
  const isHelp = code === 'commander.help';
  const [what = '', hint] = message.replace(/^error: /, '').split('\n');
  const suggestion = hint?.replace(/^\(D(.*)\)$/, 'd$1');
  return documentOf({
    exitCode: exitCodes.invalidInput,
    code: 'usage',
    message: isHelp ? 'no command is named' : what,
    remedy: suggestion === undefined ? 'see --help' : `${suggestion} - see --help`,
  });
}

function documentOf(
  fields: Omit<ErrorDocument, 'schema' | 'problems'> & Partial<Pick<ErrorDocument, 'problems'>>,
): ErrorDocument {
  const { code, message, remedy, exitCode, problems = [], ...more } = fields;
  return { schema: 'ascent.error/v1', code, message, remedy, exitCode, problems, ...more };
}

function clientErrorDocument(error: AscentError): ErrorDocument {
  const { code, message, remedy } = error;
  return documentOf({
    exitCode: exitCodeOfClientErrors[code],
    code,
    message,
    remedy,
    ...(error instanceof CommandRefusedError ? { refusal: error.refusal } : {}),
    ...(error instanceof UpgradeEndedError ? { outcome: error.outcome } : {}),
  });
}
