// How much room a directory has.

import { mkdir, statfs } from 'node:fs/promises';

/** For others than root. The directory is made where it is not there yet. Throws as `fs` does. */
export async function freeBytesOf(directory: string): Promise<number> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
