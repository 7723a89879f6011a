// A shelf for snapshots in a directory.
// T1. A snapshot is a directory with its content and `record.json`. It is made under `.staging/`
//     and appears by one rename, which fails when the id exists: whole or not at all, and once.
// T2. Directories are 0700, files 0600, sealed or not.
// T3. What is put and never published is removed when something of the same id is put, and a day
//     later by any other: its upgrade may never come back.

import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';

import type { SnapshotId } from '../../domain/names';
import { PortError } from '../ports';
import { syncDirectory, writePrivate, writeStream } from './durable-files';
import { freeBytesOf } from './free-bytes';
import { errorCode } from './node-errors';
import {
  assertUsableId,
  idPattern,
  type PutContent,
  type ShelvedContent,
  type SnapshotShelf,
} from './snapshot-shelf';

const recordName = 'record.json';
const stagingName = '.staging';
/** Far above the bound of takeSnapshot, so that nothing is removed which is still written. */
const abandonedAfterMs = 24 * 3_600_000;

/** The directory is created when it is first written to. */
export class DirectoryShelf implements SnapshotShelf {
  readonly location: string;
  readonly keepsDrafts = false;
  readonly #staging: string;

  constructor(directory: string) {
    this.location = path.resolve(directory);
    this.#staging = path.join(this.location, stagingName);
  }

  fileOf({ id, name, draft }: ShelvedContent): string {
    const folder = draft === undefined ? this.#folderOf(id) : this.#draftOf(id, draft);
    return path.join(folder, name);
  }

  locationOf(content: ShelvedContent): string {
    return this.fileOf(content);
  }

  async probe(signal: AbortSignal): Promise<{ readonly freeBytes: number }> {
    signal.throwIfAborted();
    await this.#create();
    const file = path.join(this.#staging, `probe-${randomBytes(6).toString('hex')}`);
    const content = randomBytes(32).toString('hex');
    try {
      await writePrivate(file, content);
      const found = await readFile(file, { encoding: 'utf8', signal });
      if (found !== content) {
        const message = `snapshot store ${this.location}: a probe file reads back differently`;
        throw new PortError('unexpected', message);
      }
    } finally {
      await rm(file, { force: true });
    }
    return { freeBytes: await freeBytesOf(this.location) };
  }

  async ids(): Promise<readonly SnapshotId[]> {
    const entries = await readdir(this.location).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    });
    return entries.filter((name) => idPattern.test(name)) as SnapshotId[];
  }

  async record(id: SnapshotId): Promise<string | undefined> {
    try {
      return await readFile(path.join(this.#folderOf(id), recordName), 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async put(
    { id, name }: PutContent,
    content: Readable,
    signal: AbortSignal,
  ): Promise<{ readonly draft: string; readonly sizeBytes: number }> {
    this.#folderOf(id);
    await this.#create();
    await this.#removeLeftovers(id);
    const folder = await mkdtemp(path.join(this.#staging, `${id}.`));
    try {
      const sizeBytes = await writeNew(path.join(folder, name), content, signal);
      return { draft: path.basename(folder), sizeBytes };
    } catch (error) {
      // What there is of it takes room from the next.
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async attach(
    { id, draft }: Required<ShelvedContent>,
    name: string,
    attachment: Readable,
    signal: AbortSignal,
  ): Promise<void> {
    await writeNew(path.join(this.#draftOf(id, draft), name), attachment, signal);
  }

  async open(content: ShelvedContent): Promise<Readable> {
    const file = await open(this.fileOf(content), 'r');
    return createReadStream('', { fd: file });
  }

  async publish(
    content: Required<ShelvedContent>,
    record: string,
  ): Promise<'published' | 'occupied'> {
    const folder = this.#folderOf(content.id);
    const staged = this.#draftOf(content.id, content.draft);
    await writePrivate(path.join(staged, recordName), record);
    await syncDirectory(staged);
    try {
      await rename(staged, folder);
    } catch (error) {
      if (!isOccupied(error)) throw error;
      return 'occupied';
    }
    await syncDirectory(this.location);
    return 'published';
  }

  async discard({ id, draft }: Required<ShelvedContent>): Promise<void> {
    await rm(this.#draftOf(id, draft), { recursive: true, force: true });
  }

  async remove(id: SnapshotId): Promise<void> {
    const folder = this.#folderOf(id);
    await this.#create();
    const aside = await mkdtemp(path.join(this.#staging, `${id}.`));
    try {
      // Over an empty directory: it is gone by one step, whoever looks.
      await rename(folder, aside);
      await syncDirectory(this.location);
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
    }
    await rm(aside, { recursive: true, force: true });
  }

  async #create(): Promise<void> {
    await mkdir(this.#staging, { recursive: true, mode: 0o700 });
    await chmod(this.#staging, 0o700);
  }

  /** What attempts that were killed have left (T3); one that still runs fails and is nobody's. */
  async #removeLeftovers(id: SnapshotId): Promise<void> {
    const entries = await readdir(this.#staging);
    await Promise.all(
      entries.map(async (name) => {
        const entry = path.join(this.#staging, name);
        const isOurs = name.slice(0, name.lastIndexOf('.')) === id;
        if (!isOurs && !(await isAbandoned(entry))) return;
        await rm(entry, { recursive: true, force: true });
      }),
    );
  }

  #draftOf(id: SnapshotId, draft: string): string {
    this.#folderOf(id);
    if (idPattern.test(draft)) return path.join(this.#staging, draft);
    throw new PortError('rejected', `snapshot ${id}: ${draft} was not put here`);
  }

  #folderOf(id: SnapshotId): string {
    assertUsableId(id);
    return path.join(this.location, id);
  }
}

/** Its bytes, which are on the disk then. */
async function writeNew(target: string, content: Readable, signal: AbortSignal): Promise<number> {
  const file = await open(target, 'wx', 0o600);
  try {
    const sizeBytes = await writeStream(file, content, signal);
    await file.sync();
    return sizeBytes;
  } finally {
    await file.close();
  }
}

function isOccupied(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

async function isAbandoned(entry: string): Promise<boolean> {
  try {
    return (await stat(entry)).mtimeMs < Date.now() - abandonedAfterMs;
  } catch (error) {
    // Somebody else has removed it.
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
