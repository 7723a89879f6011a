// Reads an access file: how a worker, or the CLI, reaches one cluster (access.ts).
// A1. All problems are told at once, each with its place in the document.
// A2. Relative paths are relative to the file, so that a folder can be moved or mounted anywhere.

import path from 'node:path';

import { z } from 'zod';

import type { ClusterAccess } from './access';

export type AccessFileResult =
  | { readonly kind: 'access'; readonly access: ClusterAccess }
  | { readonly kind: 'invalid'; readonly problems: readonly [string, ...string[]] };

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
  tools: z.strictObject({ etcd: filePath.exactOptional(), etcdutl: filePath.exactOptional() }),
});

/** Reads the text of the access file `file` (its path; nothing is opened here). */
export function parseAccessFile(text: string, file: string): AccessFileResult {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    return { kind: 'invalid', problems: [error instanceof Error ? error.message : String(error)] };
  }
  const parsed = accessSchema.safeParse(data);
  if (!parsed.success) {
    const [first = 'is not an access file', ...rest] = parsed.error.issues.map(problemText);
    return { kind: 'invalid', problems: [first, ...rest] };
  }
  return { kind: 'access', access: withAbsolutePaths(parsed.data, path.dirname(file)) };
}

function problemText(issue: z.core.$ZodIssue): string {
  const place = issue.path.map(String).join('.');
  return place === '' ? issue.message : `${place}: ${issue.message}`;
}

/** Tools stay as they are: a bare name is looked up on PATH. */
function withAbsolutePaths(access: ClusterAccess, folder: string): ClusterAccess {
  const at = (relative: string): string => path.resolve(folder, relative);
  const { etcd, driver, snapshots } = access;
  return {
    ...access,
    kubeconfig: at(access.kubeconfig),
    etcd: { ...etcd, ca: at(etcd.ca), certificate: at(etcd.certificate), key: at(etcd.key) },
    driver: { ...driver, socket: at(driver.socket) },
    snapshots: { ...snapshots, directory: at(snapshots.directory) },
  };
}
