// What is on its way to a store far away: the content and what its upload has come to, on the disk
// of this machine, so that a worker that was killed goes on where it was.
// U1. It lies as it will lie in the store: sealed, where it is sealed there.
// U2. One for each id; it goes with the snapshot's publishing or discarding, and after a day.

import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';

import * as z from 'zod';

import type { SnapshotId } from '../../domain/names';
import { syncDirectory, writePrivate, writeStream } from './durable-files';
import { parseJson } from './json';
import { errorCode } from './node-errors';

const uploadSchema = z.object({
  key: z.string().min(1),
  draft: z.string().min(1),
  uploadId: z.string().min(1),
  sizeBytes: z.int().nonnegative(),
  partBytes: z.int().positive(),
  begunMs: z.number(),
  note: z.string(),
});

/** An upload that can be continued. */
export type SpooledUpload = Readonly<z.infer<typeof uploadSchema>>;

const contentName = 'content';
const uploadName = 'upload.json';

export class UploadSpool {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = path.join(directory, '.uploads');
  }

  /** Instead of what was kept under that id; answers its bytes, which are on the disk then. */
  async fill(id: SnapshotId, content: Readable, signal: AbortSignal): Promise<number> {
    await this.remove(id);
    await mkdir(this.#folderOf(id), { recursive: true, mode: 0o700 });
    const file = await open(this.contentOf(id), 'wx', 0o600);
    try {
      const sizeBytes = await writeStream(file, content, signal);
      await file.sync();
      return sizeBytes;
    } catch (error) {
      // What there is of it takes room from the next.
      await this.remove(id);
      throw error;
    } finally {
      await file.close();
    }
  }

  contentOf(id: SnapshotId): string {
    return path.join(this.#folderOf(id), contentName);
  }

  /** From here on it can be continued. */
  async keep(id: SnapshotId, upload: SpooledUpload): Promise<void> {
    const folder = this.#folderOf(id);
    const target = path.join(folder, uploadName);
    await writePrivate(`${target}.new`, JSON.stringify(upload));
    await rename(`${target}.new`, target);
    await syncDirectory(folder);
  }

  /** Undefined when there is none, or none that can be understood. */
  async find(id: SnapshotId): Promise<SpooledUpload | undefined> {
    try {
      const text = await readFile(path.join(this.#folderOf(id), uploadName), 'utf8');
      const parsed = uploadSchema.safeParse(parseJson(text));
      return parsed.success ? parsed.data : undefined;
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async remove(id: SnapshotId): Promise<void> {
    await rm(this.#folderOf(id), { recursive: true, force: true });
  }

  /** Those that nobody will continue any more (U2). */
  async removeOlderThan(whenMs: number): Promise<void> {
    for (const name of await this.#names()) {
      const folder = path.join(this.#directory, name);
      const { mtimeMs } = await stat(folder);
      if (mtimeMs < whenMs) await rm(folder, { recursive: true, force: true });
    }
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#directory);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  #folderOf(id: SnapshotId): string {
    return path.join(this.#directory, id);
  }
}
