// The access files that a worker is started with.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { ClusterAccess } from '../activities/access';
import { type AccessFileResult, parseAccessFile } from '../activities/access-file';
import { WorkerError } from './worker-error';

/** Reads every file. Throws WorkerError `access-invalid` with the problems of all of them. */
export async function readAccessFiles(files: readonly string[]): Promise<readonly ClusterAccess[]> {
  const problems: string[] = [];
  const accessList: ClusterAccess[] = [];
  for (const file of files) {
    const result = await readAccessFile(file);
    if (result.kind === 'access') accessList.push(result.access);
    else problems.push(...result.problems.map((problem) => `${file}: ${problem}`));
  }
  if (problems.length === 0) return accessList;
  throw new WorkerError({
    code: 'access-invalid',
    message: 'how to reach the cluster cannot be read',
    remedy: 'correct the access file; docs/operate.md describes its fields',
    problems,
  });
}

async function readAccessFile(file: string): Promise<AccessFileResult> {
  try {
    return parseAccessFile(await readFile(file, 'utf8'), path.resolve(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return { kind: 'invalid', problems: [`cannot be read (${code})`] };
  }
}
