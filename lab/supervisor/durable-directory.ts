// Renames that last: they are in the directory itself, which is synced like a file.

import { open, stat } from 'node:fs/promises';

/** What was renamed, created or removed in it is there after a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch {
    return false;
  }
}
