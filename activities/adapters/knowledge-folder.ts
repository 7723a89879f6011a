// Reads a folder of knowledge from the disk: every *.yaml in it, bounded.

import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';

import type { KnowledgeText } from '../knowledge/read-knowledge';
import { PortError } from '../ports';

/** Those that ship have 20 KB at most. */
const bytesMax = 1024 * 1024;
const filesMax = 100;

/**
 * The files by name. Rejects with PortError: `not-found` without the folder, `rejected` when there
 * are too many of them, or one is too large or cannot be read.
 */
export async function readKnowledgeFolder(folder: string): Promise<readonly KnowledgeText[]> {
  const names = await namesIn(folder);
  if (names.length > filesMax) {
    const found = `${folder} has ${names.length} files of knowledge`;
    throw new PortError('rejected', `${found}; at most ${filesMax} are read`);
  }
  return Promise.all(names.map((name) => readText(path.join(folder, name))));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => /\.ya?ml$/.test(name)).toSorted();
  } catch (error) {
    const message = `the folder of knowledge ${folder} cannot be read`;
    throw new PortError('not-found', message, { cause: error });
  }
}

async function readText(file: string): Promise<KnowledgeText> {
  try {
    const { size } = await stat(file);
    if (size <= bytesMax) return { name: file, text: await readFile(file, 'utf8') };
  } catch (error) {
    throw new PortError('rejected', `${file} cannot be read`, { cause: error });
  }
  throw new PortError('rejected', `${file} is larger than ${bytesMax} bytes`);
}
