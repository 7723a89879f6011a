// Where installed binaries are kept: <cache>/bin/<tool>/<version>/<tool>.
// K1. What is under bin/ is whole: it was written elsewhere in the cache, synced, and renamed.
// K2. What an interrupted process left is under tmp/, is never looked at, and goes with the next
//     installation of the same release.

import { constants } from 'node:fs';
import { access, chmod, mkdir, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { messageOf } from '../lab-error';
import { withLock } from './lock';
import type { LockOptions } from './lock';
import { ToolchainError } from './toolchain-problem';

export interface Cache {
  /** Where the tool is or would be. */
  binary(tool: string, version: string): string;
  has(tool: string, version: string): Promise<boolean>;
  /**
   * One installation of `release` at a time on this machine, with a directory of its own that is
   * gone afterwards. Throws ToolchainError `cache-unusable`.
   */
  install<T>(
    release: string,
    options: LockOptions,
    work: (scratch: string) => Promise<T>,
  ): Promise<T>;
  /** Moves a finished file out of the scratch directory to its place (K1); answers that place. */
  publish(file: string, tool: string, version: string): Promise<string>;
  /** The same for the files that a tool needs beside it: publish them before the tool itself. */
  publishDirectory(directory: string, tool: string, version: string): Promise<void>;
}

/** Nothing is created before something is installed. */
export function openCache(root: string): Cache {
  const folderOf = (tool: string, version: string): string => path.join(root, 'bin', tool, version);
  const binary = (tool: string, version: string): string =>
    path.join(folderOf(tool, version), tool);
  return {
    binary,
    has: async (tool, version) => await isExecutableFile(binary(tool, version)),
    install: async (release, options, work) => {
      const locks = await makeDirectory(path.join(root, 'locks'));
      const tmp = await makeDirectory(path.join(root, 'tmp'));
      return await withLock(path.join(locks, `${release}.lock`), options, async () => {
        await removeLeftovers(tmp, release);
        const scratch = await mkdtemp(path.join(tmp, `${release}-`));
        try {
          return await work(scratch);
        } finally {
          await rm(scratch, { recursive: true, force: true });
        }
      });
    },
    publish: async (file, tool, version) => {
      await chmod(file, 0o755);
      await sync(file);
      const folder = await makeDirectory(folderOf(tool, version));
      await rename(file, binary(tool, version));
      await sync(folder);
      return binary(tool, version);
    },
    publishDirectory: async (directory, tool, version) => {
      const files = await readdir(directory);
      await Promise.all(files.map((file) => sync(path.join(directory, file))));
      const folder = await makeDirectory(folderOf(tool, version));
      const place = path.join(folder, path.basename(directory));
      // Without its tool it is the leftover of an interrupted installation.
      await rm(place, { recursive: true, force: true });
      await rename(directory, place);
      await sync(folder);
    },
  };
}

/** Follows links; false for directories and for whatever may not be executed. */
export async function isExecutableFile(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

async function makeDirectory(directory: string): Promise<string> {
  try {
    await mkdir(directory, { recursive: true });
    await access(directory, constants.W_OK);
    return directory;
  } catch (error) {
    throw new ToolchainError([{ code: 'cache-unusable', path: directory, why: messageOf(error) }], {
      cause: error,
    });
  }
}

/** K2. Only the holder of the release's lock may do this. */
async function removeLeftovers(tmp: string, release: string): Promise<void> {
  const names = await readdir(tmp);
  // mkdtemp adds six characters, none of them a hyphen.
  const leftovers = names.filter((name) => name.replace(/-[^-]{6}$/, '') === release);
  await Promise.all(
    leftovers.map((name) => rm(path.join(tmp, name), { recursive: true, force: true })),
  );
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
