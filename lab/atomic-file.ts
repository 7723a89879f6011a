// Files that are either the old or the new ones after a crash, never half of either.

import { open, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';

import { syncDirectory } from '../activities/adapters/durable-files';
import { errnoOf } from './lab-error';

let sequence = 0;

/** Writes beside the file, syncs, renames, syncs the directory. `mode` defaults to 0600. */
export async function writeFileAtomic(
  file: string,
  text: string,
  mode: number = 0o600,
): Promise<void> {
  sequence += 1;
  const part = `${file}.${process.pid}.${sequence}.part`;
  const handle = await open(part, 'w', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, file);
  await syncDirectory(path.dirname(file));
}

export async function writeJsonAtomic(file: string, value: unknown): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

/** Undefined when the file does not exist; anything else wrong with it is thrown. */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return JSON.parse(text) as unknown;
}

export async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch {
    return false;
  }
}
