// A shelf for snapshots in a bucket of an S3-compatible store.
// O1. Content lies under a name of its own for each attempt, `ID/DRAFT/NAME`; the record `ID/
//     record.json` says which one counts. It is written with If-None-Match: whole, and once.
// O2. Content is uploaded in parts from a copy on this machine's disk (upload-spool.ts): what was
//     uploaded before a worker was killed is not uploaded again. It is no object before its last
//     part is there.
// O3. Uploads and drafts that were given up are removed when something of the same id is put, and a
//     day later by any other.

import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import type { SnapshotId } from '../../domain/names';
import type { S3Access } from '../access';
import { forEachAtOnce } from '../at-once';
import { PortError } from '../ports';
import { S3Bucket, type UploadedPart } from './s3-bucket';
import {
  assertUsableId,
  type PutContent,
  type ResumedContent,
  type ShelvedContent,
  type SnapshotShelf,
} from './snapshot-shelf';
import { type SpooledUpload, UploadSpool } from './upload-spool';

const recordName = 'record.json';
const abandonedAfterMs = 24 * 3_600_000;
/** As long as one attempt of takeSnapshot: an older one would be a way back to too long ago. */
const continuedForMs = 3_600_000;
/** The protocol asks for 5 MiB or more, and for at most 10,000 parts. */
const smallestPartBytes = 8 * 1024 * 1024;
const partsMax = 9_000;
const uploadsAtOnce = 3;
const never = new AbortController().signal;

export interface S3ShelfOptions {
  readonly access: S3Access;
  /** Of this machine, for what is being uploaded. */
  readonly directory: string;
  /** For tests: small parts make many of them. */
  readonly partBytes?: number;
}

export class S3Shelf implements SnapshotShelf {
  readonly location: string;
  /** O1. */
  readonly keepsDrafts = true;
  readonly #bucket: S3Bucket;
  readonly #spool: UploadSpool;
  readonly #prefix: string;
  readonly #partBytes: number | undefined;
  readonly #limitBytes: number | undefined;

  constructor({ access, directory, partBytes }: S3ShelfOptions) {
    const { prefix = '', limitBytes } = access;
    this.#limitBytes = limitBytes;
    this.#prefix = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    this.#bucket = new S3Bucket(access);
    this.#spool = new UploadSpool(directory);
    this.#partBytes = partBytes;
    this.location = this.#bucket.url(this.#prefix);
  }

  locationOf(content: ShelvedContent): string {
    return this.#bucket.url(this.#keyOf(content));
  }

  /** A bucket does not tell how much room there is; a limit does. */
  async probe(signal: AbortSignal): Promise<{ readonly freeBytes?: number }> {
    const key = `${this.#prefix}.probe-${randomBytes(6).toString('hex')}`;
    const content = randomBytes(32).toString('hex');
    const write = { onlyNew: true, signal };
    try {
      await this.#bucket.put(key, Buffer.from(content), write);
      if ((await this.#bucket.text(key, signal)) !== content) {
        const message = `snapshot store ${this.location}: a probe reads back differently`;
        throw new PortError('unexpected', message);
      }
      if ((await this.#bucket.put(key, Buffer.from(content), write)) === 'written') {
        const message = `snapshot store ${this.location}: it does not obey If-None-Match`;
        throw new PortError('rejected', message);
      }
      // Rights that a snapshot needs later on.
      await this.#bucket.uploads(key, signal);
    } finally {
      await this.#bucket.remove(key, never).catch(() => undefined);
    }
    if (this.#limitBytes === undefined) return {};
    const objects = await this.#bucket.list(this.#prefix, signal);
    const used = objects.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { freeBytes: Math.max(0, this.#limitBytes - used) };
  }

  async ids(): Promise<readonly SnapshotId[]> {
    const objects = await this.#bucket.list(this.#prefix, never);
    const published = objects
      .map(({ key }) => this.#pathOf(key))
      .filter(([, name, ...deeper]) => name === recordName && deeper.length === 0);
    return published.map(([id = '']) => id) as SnapshotId[];
  }

  async record(id: SnapshotId): Promise<string | undefined> {
    return this.#bucket.text(this.#recordKey(id), never);
  }

  async put(
    { id, name, note }: PutContent,
    content: Readable,
    signal: AbortSignal,
  ): Promise<{ readonly draft: string; readonly sizeBytes: number }> {
    assertUsableId(id);
    await this.#removeLeftovers(id, signal);
    const draft = randomBytes(6).toString('hex');
    const key = this.#keyOf({ id, draft, name });
    const sizeBytes = await this.#spool.fill(id, content, signal);
    const partBytes =
      this.#partBytes ?? Math.max(smallestPartBytes, Math.ceil(sizeBytes / partsMax));
    const uploadId = await this.#bucket.beginUpload(key, signal);
    const upload = { key, draft, uploadId, sizeBytes, partBytes, begunMs: Date.now(), note };
    await this.#spool.keep(id, upload);
    await this.#upload(id, upload, [], signal);
    return { draft, sizeBytes };
  }

  async resume(id: SnapshotId, signal: AbortSignal): Promise<ResumedContent | undefined> {
    assertUsableId(id);
    const upload = await this.#spool.find(id);
    if (upload === undefined || upload.begunMs < Date.now() - continuedForMs) return undefined;
    const { draft, sizeBytes, note, key, uploadId } = upload;
    const parts = await this.#bucket.parts(key, uploadId, signal);
    if (parts !== undefined) await this.#upload(id, upload, parts, signal);
    // Ended before the worker was; or given up by somebody else.
    else if ((await this.#bucket.size(key, signal)) !== sizeBytes) return undefined;
    return { draft, sizeBytes, note };
  }

  async attach(
    { id, draft }: Required<ShelvedContent>,
    name: string,
    attachment: Readable,
    signal: AbortSignal,
  ): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of attachment) pieces.push(piece as Buffer);
    const key = this.#keyOf({ id, draft, name });
    await this.#bucket.put(key, Buffer.concat(pieces), { onlyNew: false, signal });
  }

  async open(content: ShelvedContent): Promise<Readable> {
    return this.#bucket.open(this.#keyOf(content));
  }

  async publish(
    { id }: Required<ShelvedContent>,
    record: string,
  ): Promise<'published' | 'occupied'> {
    const key = this.#recordKey(id);
    const write = { onlyNew: true, signal: never };
    const written = await this.#bucket.put(key, Buffer.from(record), write);
    if (written === 'exists') {
      const found = await this.record(id);
      if (found === undefined) {
        throw new PortError('conflict', `${this.#bucket.url(key)} is being written by another`);
      }
      // Ours, when the answer to an earlier try was lost.
      if (found !== record) return 'occupied';
    }
    await this.#spool.remove(id);
    return 'published';
  }

  async discard({ id, draft }: Required<ShelvedContent>): Promise<void> {
    // Publishing may have succeeded without our hearing of it.
    if ((await this.record(id))?.includes(`"${draft}"`) === true) return;
    await this.#removeBelow(`${this.#prefix}${id}/${draft}/`, never);
    await this.#spool.remove(id);
  }

  async remove(id: SnapshotId): Promise<void> {
    await this.#bucket.remove(this.#recordKey(id), never);
    await this.#removeBelow(`${this.#prefix}${id}/`, never);
    await this.#spool.remove(id);
  }

  /** Parts that are not there yet; then the object is. */
  async #upload(
    id: SnapshotId,
    { key, uploadId, sizeBytes, partBytes }: SpooledUpload,
    found: readonly UploadedPart[],
    signal: AbortSignal,
  ): Promise<void> {
    const parts = new Map(found.map((part) => [part.number, part]));
    const all = partsOf(sizeBytes, partBytes);
    const missing = all.filter(({ number, length }) => parts.get(number)?.sizeBytes !== length);
    const file = await open(this.#spool.contentOf(id), 'r');
    try {
      await forEachAtOnce(missing, uploadsAtOnce, async (part) => {
        signal.throwIfAborted();
        const content = await readPart(file, part);
        const { number } = part;
        const uploaded = await this.#bucket.putPart({ key, uploadId, number }, content, signal);
        parts.set(number, uploaded);
      });
    } finally {
      await file.close();
    }
    const inOrder = all.flatMap(({ number }) => parts.get(number) ?? []);
    await this.#bucket.endUpload(key, uploadId, inOrder, signal);
    const stored = await this.#bucket.size(key, signal);
    if (stored === sizeBytes) return;
    const message = `${this.#bucket.url(key)} has ${stored ?? 0} bytes, ${sizeBytes} were uploaded`;
    throw new PortError('unexpected', message);
  }

  /** O3. */
  async #removeLeftovers(id: SnapshotId, signal: AbortSignal): Promise<void> {
    if ((await this.record(id)) === undefined) {
      await this.#removeBelow(`${this.#prefix}${id}/`, signal);
    }
    const beforeMs = Date.now() - abandonedAfterMs;
    for (const upload of await this.#bucket.uploads(this.#prefix, signal)) {
      if (upload.begunMs < beforeMs) await this.#bucket.abortUpload(upload, signal);
    }
    const objects = await this.#bucket.list(this.#prefix, signal);
    const idOf = (key: string): string => this.#pathOf(key)[0] ?? '';
    const kept = new Set(
      objects
        .filter(({ key, modifiedMs }) => modifiedMs >= beforeMs || key.endsWith(`/${recordName}`))
        .map(({ key }) => idOf(key)),
    );
    for (const { key } of objects) {
      if (!kept.has(idOf(key))) await this.#bucket.remove(key, signal);
    }
    await this.#spool.removeOlderThan(beforeMs);
  }

  async #removeBelow(prefix: string, signal: AbortSignal): Promise<void> {
    for (const upload of await this.#bucket.uploads(prefix, signal)) {
      await this.#bucket.abortUpload(upload, signal);
    }
    for (const { key } of await this.#bucket.list(prefix, signal)) {
      await this.#bucket.remove(key, signal);
    }
  }

  #recordKey(id: SnapshotId): string {
    assertUsableId(id);
    return `${this.#prefix}${id}/${recordName}`;
  }

  #keyOf({ id, draft, name }: ShelvedContent): string {
    assertUsableId(id);
    const folder = draft === undefined ? id : `${id}/${draft}`;
    return `${this.#prefix}${folder}/${name}`;
  }

  #pathOf(key: string): readonly string[] {
    return key.slice(this.#prefix.length).split('/');
  }
}

interface Part {
  /** From 1. */
  readonly number: number;
  readonly start: number;
  readonly length: number;
}

function partsOf(sizeBytes: number, partBytes: number): readonly Part[] {
  const count = Math.max(1, Math.ceil(sizeBytes / partBytes));
  return Array.from({ length: count }, (_, index) => {
    const start = index * partBytes;
    return { number: index + 1, start, length: Math.min(partBytes, sizeBytes - start) };
  });
}

async function readPart(file: FileHandle, { start, length }: Part): Promise<Buffer> {
  const content = Buffer.alloc(length);
  const { bytesRead } = await file.read(content, 0, length, start);
  if (bytesRead === length) return content;
  throw new PortError('unexpected', 'what is uploaded was cut short on the disk of the worker');
}
