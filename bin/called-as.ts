// How people call this executable, for the command lines that they shall copy.

import { existsSync } from 'node:fs';
import path from 'node:path';

/** The launcher (ascent.mjs) says here under which name it was found. */
export const calledAsVariable = 'ASCENT_CALLED_AS';

/**
 * `ascent` where it is installed; in a checkout, where it is not on the PATH, the launcher's path
 * from `directory`.
 */
export function calledAs(packageRoot: string, directory: string, said: string | undefined): string {
  if (said !== undefined && path.extname(said) === '') return said;
  const launcher = path.join(packageRoot, 'bin', 'ascent.mjs');
  if (!existsSync(launcher)) return 'ascent';
  const relative = path.relative(directory, launcher);
  if (relative.startsWith('..')) return launcher;
  return relative.includes(path.sep) ? relative : `.${path.sep}${relative}`;
}
