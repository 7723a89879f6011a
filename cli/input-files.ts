// Reads the files that commands are given, and says which one could not be read and why.

import type { CliContext } from './context';
import { CliError } from './cli-error';
import { exitCodes } from './exit-codes';

/**
 * `what` names the kind of file in the message: `spec`, `access file`. `maxBytes`: of the file,
 * which is not read where it has more.
 */
export async function readInput(
  context: CliContext,
  file: string,
  what: string,
  maxBytes?: number,
): Promise<string> {
  try {
    return await context.readFile(file, maxBytes);
  } catch (error) {
    throw new CliError({
      exitCode: exitCodes.invalidInput,
      code: 'file-unreadable',
      message: `the ${what} ${file} cannot be read: ${reasonOf(error)}`,
      remedy: 'see its name and its permissions',
      cause: error,
    });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'it does not exist';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EFBIG') return 'it is too large';
  return error.message;
}
