// Which cluster is meant, and how to reach it: --access, --lab, ASCENT_ACCESS, or the only lab that
// runs on this machine.

import path from 'node:path';

import { z } from 'zod';

import type { ClusterAccess } from '../activities/access';
import { CliError, usageError } from './cli-error';
import type { CliContext, UpgradeClient } from './context';
import { exitCodes } from './exit-codes';
import type { GlobalOptions } from './globals';
import { readInput } from './input-files';

export interface FoundAccess {
  readonly file: string;
  readonly access: ClusterAccess;
}

/** Throws CliError `usage`, `lab-down`, `file-unreadable` or `access-invalid`. */
export async function requireAccess(
  options: GlobalOptions,
  context: CliContext,
): Promise<FoundAccess> {
  const found = await findAccess(options, context);
  if (found !== undefined) return found;
  throw usageError(
    'no cluster is named',
    'give --access FILE or --lab NAME, set ASCENT_ACCESS, or bring up one lab',
  );
}

/** Undefined when nothing says which cluster; throws when what is said cannot be used. */
export async function findAccess(
  options: GlobalOptions,
  context: CliContext,
): Promise<FoundAccess | undefined> {
  const file = await accessFileOf(options, context);
  if (file === undefined) return undefined;
  const text = await readInput(context, file, 'access file');
  return { file, access: parseAccess(text, file) };
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

const filePath = z.string().min(1);
const accessSchema = z.strictObject({
  apiVersion: z.literal('ascent/access/v1'),
  cluster: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'is not a DNS label'),
  kubeconfig: filePath,
  members: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        apiServer: z.url(),
        controllerManager: z.url(),
        scheduler: z.url(),
      }),
    )
    .min(1),
  etcd: z.strictObject({
    members: z.array(z.strictObject({ name: z.string().min(1), endpoint: z.url() })).min(1),
    ca: filePath,
    certificate: filePath,
    key: filePath,
  }),
  driver: z.strictObject({ kind: z.literal('lab'), socket: filePath }),
  snapshots: z.strictObject({ directory: filePath }),
  tools: z.strictObject({ etcd: filePath.optional(), etcdutl: filePath.optional() }),
});

/** Relative paths in the file are relative to it. Throws CliError with every problem. */
export function parseAccess(text: string, file: string): ClusterAccess {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw accessInvalid(file, [error instanceof Error ? error.message : String(error)]);
  }
  const parsed = accessSchema.safeParse(data);
  if (!parsed.success) throw accessInvalid(file, problemsOf(parsed.error));
  return withAbsolutePaths(parsed.data as ClusterAccess, path.dirname(path.resolve(file)));
}

function withAbsolutePaths(access: ClusterAccess, base: string): ClusterAccess {
  const at = (relative: string) => path.resolve(base, relative);
  return {
    ...access,
    kubeconfig: at(access.kubeconfig),
    etcd: {
      ...access.etcd,
      ca: at(access.etcd.ca),
      certificate: at(access.etcd.certificate),
      key: at(access.etcd.key),
    },
    driver: { ...access.driver, socket: at(access.driver.socket) },
    snapshots: { directory: at(access.snapshots.directory) },
  };
}

/** One line for each problem, with the place in the document. */
export function problemsOf(error: z.ZodError): readonly string[] {
  return error.issues.map((issue) => {
    const place = placeText(issue.path);
    return place === '' ? issue.message : `${place}: ${issue.message}`;
  });
}

/** `nodes[0].kubeletVersion`. */
function placeText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
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
