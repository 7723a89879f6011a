// The access files that a worker is started with.

import { type DrivenAccess, isDriven } from '../activities/access';
import { readAccessFile } from '../activities/adapters/access-file';
import { WorkerError } from './worker-error';

/**
 * Reads every file and sees that the files it names can be read. Throws WorkerError
 * `access-invalid` with the problems of all of them; a cluster without a driver is one, because
 * a worker that took its work could not do it.
 */
export async function readAccessFiles(files: readonly string[]): Promise<readonly DrivenAccess[]> {
  const results = await Promise.all(
    files.map(async (file) => ({ file, result: await readAccessFile(file) })),
  );
  const unreadable = results.flatMap(({ result }) =>
    result.kind === 'refused' ? result.problems : [],
  );
  const read = results.flatMap(({ file, result }) =>
    result.kind === 'read' ? [{ file, access: result.access }] : [],
  );
  const undriven = read.flatMap(({ file, access }) =>
    isDriven(access) ? [] : [`${file}: driver.kind: is none for cluster ${access.cluster}`],
  );
  if (unreadable.length > 0) {
    throw new WorkerError({
      code: 'access-invalid',
      message: 'how to reach the cluster cannot be read',
      remedy: 'correct the access file; docs/operate.md describes its fields',
      problems: [...unreadable, ...undriven],
    });
  }
  if (undriven.length > 0) {
    throw new WorkerError({
      code: 'access-invalid',
      message:
        'a cluster without a driver can be looked at, not upgraded: nothing changes its machines',
      remedy:
        'use observe, plan and preflight with this access file, or name a driver in it' +
        ' (docs/concepts.md, Drivers)',
      problems: undriven,
    });
  }
  return read.map(({ access }) => access).filter(isDriven);
}
