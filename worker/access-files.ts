// The access files that a worker is started with.

import type { ClusterAccess } from '../activities/access';
import { readAccessFile } from '../activities/adapters/access-file';
import { sealingOf, sealingProblem } from '../activities/adapters/snapshot-seal';
import { WorkerError } from './worker-error';

/**
 * Reads every file and sees that the files it names can be read, and that it says how snapshots
 * are sealed. Throws WorkerError
 * `access-invalid` with the problems of all of them.
 */
export async function readAccessFiles(files: readonly string[]): Promise<readonly ClusterAccess[]> {
  const results = await Promise.all(files.map((file) => readAccessFile(file)));
  const problems = await Promise.all(
    results.map(async (result, index) => {
      if (result.kind === 'refused') return result.problems;
      const problem = await sealingProblem(sealingOf(result.access.snapshots));
      return problem === undefined ? [] : [`${files[index] ?? ''}: ${problem}`];
    }),
  );
  refuse(problems.flat());
  return results.flatMap((result) => (result.kind === 'read' ? [result.access] : []));
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) {
    throw new WorkerError({
      code: 'access-invalid',
      message: 'how to reach the cluster cannot be read',
      remedy: 'correct the access file; docs/operate.md describes its fields',
      problems,
    });
  }
}
