// Which cluster is meant, and how to reach it: --access, --lab, ASCENT_ACCESS, or the only lab that
// runs on this machine.

import type { ClusterAccess } from '../activities/access';
import { CliError, usageError } from './cli-error';
import type { CliContext, UpgradeClient } from './context';
import { exitCodes } from './exit-codes';
import type { GlobalOptions } from './globals';

export interface FoundAccess {
  readonly file: string;
  readonly access: ClusterAccess;
}

/** Throws CliError `usage`, `lab-down` or `access-invalid`. */
export async function requireAccess(
  options: GlobalOptions,
  context: CliContext,
): Promise<FoundAccess> {
  const found = await findAccess(options, context);
  if (found !== undefined) return found;
  const names = (await context.runningLabs()).map(({ name }) => name);
  throw usageError(
    'no cluster is named',
    names.length === 0
      ? 'give --access FILE, set ASCENT_ACCESS, or bring up a lab'
      : `give --access FILE, or --lab with one of ${names.join(', ')}`,
  );
}

/** Undefined when nothing says which cluster; throws when what is said cannot be used. */
export async function findAccess(
  options: GlobalOptions,
  context: CliContext,
): Promise<FoundAccess | undefined> {
  const file = await accessFileOf(options, context);
  if (file === undefined) return undefined;
  const result = await context.readAccess(file);
  if (result.kind === 'refused') throw accessInvalid(file, result.problems);
  return { file, access: result.access };
}

async function accessFileOf(
  options: GlobalOptions,
  context: CliContext,
): Promise<string | undefined> {
  const { lab } = options;
  const [file, ...more] = options.access ?? [];
  if (more.length > 0) throw usageError('--access names several clusters', 'give it once');
  if (file !== undefined && lab !== undefined) {
    throw usageError('--access and --lab name two clusters', 'give one of them');
  }
  if (file !== undefined) return file;
  if (lab !== undefined) return labFileOf(lab, context);
  const named = context.env['ASCENT_ACCESS'] ?? '';
  if (named !== '') return named;
  const [only, ...others] = await context.runningLabs();
  return others.length === 0 ? only?.accessFile : undefined;
}

async function labFileOf(name: string, context: CliContext): Promise<string> {
  const labs = await context.runningLabs();
  const lab = labs.find((one) => one.name === name);
  if (lab !== undefined) return lab.accessFile;
  const names = labs.map((one) => one.name).join(', ');
  throw new CliError({
    exitCode: exitCodes.notFound,
    code: 'lab-down',
    message: `lab ${name} is not running`,
    remedy: names === '' ? `bring it up: lab up --name ${name}` : `these run: ${names}`,
  });
}

/**
 * The cluster a command is about: its argument, else the one of the access file. Commands that
 * only read may also mean the only upgrade that runs.
 */
export async function clusterOf(
  given: string | undefined,
  source: { readonly options: GlobalOptions; readonly context: CliContext },
  client?: Pick<UpgradeClient, 'list'>,
): Promise<string> {
  if (given !== undefined) return given;
  const found = await findAccess(source.options, source.context);
  if (found !== undefined) return found.access.cluster;
  const running = (await client?.list({ running: true })) ?? [];
  const names = [...new Set(running.map(({ cluster }) => cluster))];
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw usageError(
    'no cluster is named',
    names.length === 0 ? 'name one as the argument' : `name one of those: ${names.join(', ')}`,
  );
}

function accessInvalid(file: string, problems: readonly string[]): CliError {
  return new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'access-invalid',
    message: `the access file ${file} is not valid`,
    remedy: 'correct it; docs/operate.md describes its fields',
    problems,
  });
}
