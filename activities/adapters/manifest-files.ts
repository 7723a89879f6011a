// Texts of a file, a folder or the standard input, one after the other, bounded. What cannot be
// read is told in its place, and the rest is still read.
// F1. Folders are walked in the order of names; one that was seen is not walked again, however many
//     links lead to it.
// F2. Nothing is kept: one text is in memory at a time.

import { lstat, open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';

import type { Skipped } from '../../domain/scan/scan-findings';
import type { ManifestText } from '../scan/read-manifests';
import { PortError } from '../ports';
import { errorCode } from './node-errors';

export const manifestLimits = {
  bytes: 8 * 1024 * 1024,
  files: 20_000,
  depth: 50,
} as const;

export type ManifestSource =
  | ({ readonly kind: 'text' } & ManifestText)
  | { readonly kind: 'skipped'; readonly skipped: Skipped };

const manifestName = /\.(ya?ml|json|tpl|tmpl|gotmpl)$/i;
/** What others have made, or keep, in a folder. */
const leftOut: readonly string[] = ['.git', 'node_modules'];

interface Walk {
  readonly seen: Set<string>;
  files: number;
}

/**
 * Rejects with PortError `not-found` when there is no such file or folder; everything below it is
 * either given or told as skipped.
 */
export async function* manifestSources(
  target: string,
  input: Readable,
): AsyncGenerator<ManifestSource> {
  if (target === '-') {
    yield await fromStream(input);
    return;
  }
  let isFolder: boolean;
  try {
    isFolder = (await stat(target)).isDirectory();
  } catch (error) {
    throw new PortError('not-found', `${target} cannot be read (${reasonOf(error)})`, {
      cause: error,
    });
  }
  if (isFolder) yield* fromFolder(target, 0, { seen: new Set(), files: 0 });
  else yield await fromFile(target);
}

async function* fromFolder(
  folder: string,
  depth: number,
  walk: Walk,
): AsyncGenerator<ManifestSource> {
  if (depth > manifestLimits.depth) {
    yield skipped(folder, 'folder-too-deep');
    return;
  }
  let names: readonly string[];
  try {
    const { dev, ino } = await stat(folder);
    if (walk.seen.has(`${dev}:${ino}`)) return;
    walk.seen.add(`${dev}:${ino}`);
    names = (await readdir(folder)).toSorted();
  } catch (error) {
    yield skipped(folder, 'unreadable', reasonOf(error));
    return;
  }
  for (const name of names.filter((one) => !leftOut.includes(one))) {
    if (walk.files > manifestLimits.files) return;
    yield* fromEntry(path.join(folder, name), depth, walk);
  }
}

async function* fromEntry(file: string, depth: number, walk: Walk): AsyncGenerator<ManifestSource> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(file)).isDirectory();
  } catch (error) {
    // A link that leads nowhere, or round in a circle; anything else is told if it is a manifest.
    if (manifestName.test(file) || (await isLink(file))) {
      yield skipped(file, 'unreadable', reasonOf(error));
    }
    return;
  }
  if (isFolder) {
    yield* fromFolder(file, depth + 1, walk);
    return;
  }
  if (!manifestName.test(file)) return;
  walk.files += 1;
  yield walk.files > manifestLimits.files ? skipped(file, 'too-many-files') : await fromFile(file);
}

async function isLink(file: string): Promise<boolean> {
  return (await lstat(file)).isSymbolicLink();
}

/** Reads no more than may be, whatever the size was said to be: pipes say none. */
async function fromFile(file: string): Promise<ManifestSource> {
  try {
    const info = await stat(file);
    if (!info.isFile()) return skipped(file, 'unreadable', 'it is no regular file');
    if (info.size > manifestLimits.bytes) return tooLarge(file);
    const handle = await open(file, 'r');
    try {
      const text = (await handle.readFile()).toString('utf8');
      return { kind: 'text', file, text };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return skipped(file, 'unreadable', reasonOf(error));
  }
}

async function fromStream(input: Readable): Promise<ManifestSource> {
  const file = '(standard input)';
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    if (bytes > manifestLimits.bytes) return tooLarge(file);
    chunks.push(part);
  }
  return { kind: 'text', file, text: Buffer.concat(chunks).toString('utf8') };
}

function tooLarge(file: string): ManifestSource {
  return skipped(file, 'too-large', `more than ${manifestLimits.bytes} bytes`);
}

function skipped(file: string, reason: Skipped['reason'], detail?: string): ManifestSource {
  const place = { file, line: 1 };
  const said = detail === undefined ? {} : { detail };
  return { kind: 'skipped', skipped: { place, isDocument: false, reason, ...said } };
}

function reasonOf(error: unknown): string {
  return errorCode(error) ?? String(error);
}
