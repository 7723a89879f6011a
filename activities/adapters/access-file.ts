// Reads a cluster access file (access.ts): the edge where a worker learns how to reach a cluster.
// F1. Every problem is told at once, each with the key that it is about.
// F2. Relative paths are relative to the file's own folder, so that a folder can be moved.
// F3. Contents of credentials are never read here, only whether they can be. What stands in a file
//     that is no access file is never repeated either: it may be a key that was named by mistake.

import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import { parseDocument, type YAMLError } from 'yaml';
import * as z from 'zod';

import { parseMinor } from '../../domain/versions';
import type { ClusterAccess } from '../access';
import { driverPrograms, driverSchema, driverWithAbsolutePaths } from './access-driver';
import { driverFiles, unreachedEtcd } from './access-kubeadm';
import { filePath } from './access-words';
import { s3Files, snapshotsSchema, snapshotsWithAbsolutePaths } from './access-snapshots';
import { errorCode } from './node-errors';
import { keyProblems, zodWords } from './zod-words';

export type AccessResult =
  | { readonly kind: 'read'; readonly access: ClusterAccess }
  | { readonly kind: 'refused'; readonly problems: readonly [string, ...string[]] };

const dnsLabel = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Origin only: paths are added by the adapters. */
const httpsOrigin = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' && url.origin === text;
}, 'expected https://HOST:PORT without a path');

function unique<Item>(
  items: readonly Item[],
  context: z.RefinementCtx,
  keyOf: (item: Item) => readonly (readonly [field: string, value: string])[],
): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    for (const [field, value] of keyOf(item)) {
      const message = `${value} is used twice`;
      if (seen.has(value)) context.addIssue({ code: 'custom', path: [index, field], message });
      seen.add(value);
    }
  });
}

const membersSchema = z
  .array(
    z.strictObject({
      name: z.string().min(1),
      apiServer: httpsOrigin,
      controllerManager: httpsOrigin,
      scheduler: httpsOrigin,
    }),
  )
  .min(1, 'expected at least one member')
  .superRefine((members, context) =>
    unique(members, context, (member) => [
      ['name', member.name],
      ['apiServer', member.apiServer],
      ['controllerManager', member.controllerManager],
      ['scheduler', member.scheduler],
    ]),
  );

const etcdMembersSchema = z
  .array(z.strictObject({ name: z.string().min(1), endpoint: httpsOrigin }))
  .min(1, 'expected at least one member')
  .superRefine((members, context) =>
    unique(members, context, (member) => [
      ['name', member.name],
      ['endpoint', member.endpoint],
    ]),
  );

function minorsOnly(record: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  for (const key of Object.keys(record)) {
    if (parseMinor(key) === key) continue;
    const message = 'expected a minor such as "1.29"';
    context.addIssue({ code: 'custom', path: [key], message });
  }
}

const etcdCredentials = { ca: filePath, certificate: filePath, key: filePath };

const accessSchema = z.strictObject({
  apiVersion: z.literal('ascent/access/v1'),
  cluster: z.string().regex(dnsLabel, 'expected a lower-case DNS label'),
  kubeconfig: filePath,
  members: membersSchema,
  etcd: z.strictObject({ members: etcdMembersSchema, ...etcdCredentials }),
  driver: driverSchema,
  helmReleases: z.strictObject({ kubeconfig: filePath.optional() }).optional(),
  addons: filePath.optional(),
  snapshots: snapshotsSchema,
  tools: z
    .strictObject({
      etcd: filePath.optional(),
      etcdutl: filePath.optional(),
      apiServers: z.record(z.string(), filePath).superRefine(minorsOnly).optional(),
    })
    .default({}),
});

/** With members of etcd on the machines of a driver, where those are told apart. */
const namedSchema = accessSchema.superRefine(({ driver, etcd }, context) => {
  if (driver.kind !== 'kubeadm') return;
  for (const [name, message] of unreachedEtcd(driver, etcd.members)) {
    context.addIssue({ code: 'custom', path: ['driver', 'etcd', 'machines', name], message });
  }
});

const leftOut = z.undefined({ error: 'driver.members has them found: leave it out' }).optional();

/** Members are named here, or found by the driver. */
const foundSchema = accessSchema.extend({
  members: leftOut,
  etcd: z.strictObject({ members: leftOut, ...etcdCredentials }),
});

function schemaFor(data: unknown): typeof accessSchema | typeof foundSchema {
  const isFound = z.object({ driver: z.object({ members: z.object({}) }) }).safeParse(data).success;
  return isFound ? foundSchema : namedSchema;
}

/** JSON or YAML. Never throws for what stands in the file or is missing around it. */
export async function readAccessFile(accessFile: string): Promise<AccessResult> {
  let text: string;
  try {
    text = await readFile(accessFile, 'utf8');
  } catch (error) {
    return refused([`${accessFile}: cannot be read (${errorCode(error) ?? 'unknown error'})`]);
  }
  const content = contentOf(text);
  if (content.kind === 'unreadable') {
    return refused(content.problems.map((problem) => `${accessFile}: ${problem}`));
  }
  const parsed = schemaFor(content.data).safeParse(content.data, { error: zodWords });
  if (!parsed.success) {
    return refused(parsed.error.issues.flatMap((issue) => issueTexts(accessFile, issue)));
  }
  const resolved = withAbsolutePaths(parsed.data, path.dirname(path.resolve(accessFile)));
  const problems = await checkFiles(resolved);
  if (problems.length > 0) return refused(problems.map((problem) => `${accessFile}: ${problem}`));
  return { kind: 'read', access: resolved };
}

function refused(problems: readonly string[]): AccessResult {
  const [first = 'unknown problem', ...others] = problems;
  return { kind: 'refused', problems: [first, ...others] };
}

type Content =
  | { readonly kind: 'data'; readonly data: unknown }
  | { readonly kind: 'unreadable'; readonly problems: readonly string[] };

/** The parser's own sentences quote the text; its codes and places do not (F3). */
function contentOf(text: string): Content {
  // `error`: its warnings, which it prints by itself, quote the text as well.
  const document = parseDocument(text, { logLevel: 'error' });
  if (document.errors.length > 0) {
    return { kind: 'unreadable', problems: document.errors.map(syntaxProblem) };
  }
  try {
    return { kind: 'data', data: document.toJS() };
  } catch {
    return { kind: 'unreadable', problems: ['is not a plain document: an alias has no anchor'] };
  }
}

function syntaxProblem({ code, linePos }: YAMLError): string {
  const what = code.toLowerCase().replaceAll('_', ' ');
  const [start] = linePos ?? [];
  const where = start === undefined ? '' : ` at line ${start.line}, column ${start.col}`;
  return `is neither JSON nor YAML: ${what}${where}`;
}

function issueTexts(accessFile: string, issue: z.core.$ZodIssue): readonly string[] {
  const at = (keys: readonly PropertyKey[]): string => keys.map(String).join('.') || 'the file';
  if (issue.code === 'unrecognized_keys') {
    return keyProblems(issue).map(
      ({ key, text }) => `${accessFile}: ${at([...issue.path, key])}: ${text}`,
    );
  }
  return [`${accessFile}: ${at(issue.path)}: ${issue.message}`];
}

type Parsed = z.infer<typeof accessSchema> | z.infer<typeof foundSchema>;

function withAbsolutePaths(parsed: Parsed, folder: string): ClusterAccess {
  const absolute = (file: string): string => path.resolve(folder, file);
  // A bare name is looked up on PATH; only something with a slash is a path.
  const tool = (name: string): string => (name.includes('/') ? absolute(name) : name);
  const { etcd, driver, helmReleases: helm, addons, snapshots, tools, ...rest } = parsed;
  return {
    ...rest,
    members: parsed.members ?? [],
    kubeconfig: absolute(parsed.kubeconfig),
    etcd: {
      members: etcd.members ?? [],
      ca: absolute(etcd.ca),
      certificate: absolute(etcd.certificate),
      key: absolute(etcd.key),
    },
    driver: driverWithAbsolutePaths(driver, folder),
    ...(helm === undefined ? {} : { helmReleases: helmWithAbsolutePath(helm, absolute) }),
    ...(addons === undefined ? {} : { addons: absolute(addons) }),
    snapshots: snapshotsWithAbsolutePaths(snapshots, absolute),
    tools: {
      ...(tools.etcd === undefined ? {} : { etcd: tool(tools.etcd) }),
      ...(tools.etcdutl === undefined ? {} : { etcdutl: tool(tools.etcdutl) }),
      ...(tools.apiServers === undefined ? {} : { apiServers: mapValues(tools.apiServers, tool) }),
    },
  };
}

function helmWithAbsolutePath(
  { kubeconfig }: NonNullable<Parsed['helmReleases']>,
  absolute: (file: string) => string,
): NonNullable<ClusterAccess['helmReleases']> {
  return kubeconfig === undefined ? {} : { kubeconfig: absolute(kubeconfig) };
}

function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

interface Wanted {
  readonly key: string;
  readonly file: string;
  readonly mode: number;
  /** Absent: a file. */
  readonly is?: 'file' | 'folder';
}

/**
 * The socket and the snapshot directory are not looked at: the first appears with the supervisor,
 * the second is created when it is first written to.
 */
async function checkFiles(checked: ClusterAccess): Promise<readonly string[]> {
  const { kubeconfig, etcd, driver, helmReleases: helm, addons, snapshots, tools } = checked;
  const readable = constants.R_OK;
  const tool = (key: string, name: string | undefined): readonly Wanted[] =>
    name?.includes('/') === true ? [{ key, file: name, mode: constants.X_OK }] : [];
  const wanted: readonly Wanted[] = [
    { key: 'kubeconfig', file: kubeconfig, mode: readable },
    { key: 'etcd.ca', file: etcd.ca, mode: readable },
    { key: 'etcd.certificate', file: etcd.certificate, mode: readable },
    { key: 'etcd.key', file: etcd.key, mode: readable },
    ...(helm?.kubeconfig === undefined
      ? []
      : [{ key: 'helmReleases.kubeconfig', file: helm.kubeconfig, mode: readable }]),
    ...(addons === undefined
      ? []
      : [{ key: 'addons', file: addons, mode: readable, is: 'folder' } as const]),
    ...(snapshots.key === undefined
      ? []
      : [{ key: 'snapshots.key', file: snapshots.key, mode: readable }]),
    ...driverPrograms(driver).map((named) => ({ ...named, mode: constants.X_OK })),
    ...driverFiles(driver).map((named) => ({ ...named, mode: readable })),
    ...s3Files(snapshots).map((named) => ({ ...named, mode: readable })),
    ...tool('tools.etcd', tools.etcd),
    ...tool('tools.etcdutl', tools.etcdutl),
    ...Object.entries(tools.apiServers ?? {}).flatMap(([minor, name]) =>
      tool(`tools.apiServers.${minor}`, name),
    ),
  ];
  const problems = await Promise.all(wanted.map(fileProblem));
  return problems.filter((problem) => problem !== undefined);
}

async function fileProblem({ key, file, mode, is = 'file' }: Wanted): Promise<string | undefined> {
  try {
    const found = await stat(file);
    const isIt = is === 'file' ? found.isFile() : found.isDirectory();
    if (!isIt) return `${key}: ${file} is not a ${is}`;
    await access(file, mode);
    return undefined;
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return `${key}: ${file} does not exist`;
    const able = mode === constants.X_OK ? 'executed' : 'read';
    return `${key}: ${file} cannot be ${able} (${code ?? 'unknown error'})`;
  }
}
