// A snapshot on its way from the wire into a file.
// S1. The file is valid when its last 32 bytes are the SHA-256 of all before them and the rest is
//     whole 512-byte sectors (etcd client/v3/snapshot).
// S2. It carries its final name only when it is valid and on the disk. It holds Secrets: mode 0600.

import { createHash } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import path from 'node:path';

import * as z from 'zod';

import { PortError } from '../ports';
import { fsError, syncDirectory } from './durable-files';
import { parseJson } from './json';
import { runTool } from './tool-process';

const digestBytes = 32;
const sectorBytes = 512;
const reportEveryBytes = 4 * 1024 * 1024;

export interface SavedSnapshot {
  /** Of the whole file, its trailing digest included. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Hashes a stream of blobs as a whole and without its last 32 bytes. */
class TrailingDigest {
  readonly #whole = createHash('sha256');
  readonly #content = createHash('sha256');
  #tail: Buffer = Buffer.alloc(0);
  sizeBytes = 0;

  add(blob: Buffer): void {
    this.sizeBytes += blob.length;
    this.#whole.update(blob);
    const held = this.#tail.length === 0 ? blob : Buffer.concat([this.#tail, blob]);
    const settled = Math.max(0, held.length - digestBytes);
    this.#content.update(held.subarray(0, settled));
    this.#tail = Buffer.from(held.subarray(settled));
  }

  /** Undefined when the stream was not a whole snapshot (S1). */
  finish(): SavedSnapshot | undefined {
    const isWhole = this.sizeBytes % sectorBytes === digestBytes;
    if (!isWhole || !this.#content.digest().equals(this.#tail)) return undefined;
    return { sha256: this.#whole.digest('hex'), sizeBytes: this.sizeBytes };
  }
}

/**
 * Writes `blobs` to `part` and flushes it. `onBytes` hears the bytes so far, every 4 MiB and at the
 * end. Throws PortError `unexpected` when the stream ended early or was damaged; the caller then
 * writes the part anew, it is never used.
 */
export async function saveSnapshot(
  blobs: AsyncIterable<Buffer>,
  part: string,
  onBytes: (bytes: number) => void,
): Promise<SavedSnapshot> {
  const digest = new TrailingDigest();
  const file = await open(part, 'w', 0o600).catch((error: unknown) => {
    throw fsError(error, `creating ${part}`);
  });
  try {
    let reportedBytes = 0;
    for await (const blob of blobs) {
      await file.writeFile(blob);
      digest.add(blob);
      if (digest.sizeBytes - reportedBytes < reportEveryBytes) continue;
      reportedBytes = digest.sizeBytes;
      onBytes(reportedBytes);
    }
    await file.sync();
  } catch (error) {
    throw fsError(error, `writing ${part}`);
  } finally {
    await file.close();
  }
  onBytes(digest.sizeBytes);
  const saved = digest.finish();
  if (saved !== undefined) return saved;
  const message = `the snapshot stream is incomplete or damaged after ${digest.sizeBytes} bytes`;
  throw new PortError('unexpected', message);
}

/** Gives a valid part its final name (S2). */
export async function publishSnapshot(part: string, file: string): Promise<void> {
  try {
    await rename(part, file);
    await syncDirectory(path.dirname(file));
  } catch (error) {
    throw fsError(error, `renaming ${part}`);
  }
}

const statusSchema = z.object({ revision: z.number().int().nonnegative() });
const statusTimeoutMs = 120_000;

/** The newest revision in a snapshot file; etcdutl checks the database's pages on the way. */
export async function revisionInSnapshot(
  file: string,
  etcdutl: string,
  signal: AbortSignal,
): Promise<number> {
  const doing = `reading the snapshot file ${file}`;
  const args = ['snapshot', 'status', file, '--write-out', 'json'];
  const output = await runTool({
    tool: etcdutl,
    args,
    doing,
    timeoutMs: statusTimeoutMs,
    signal,
  });
  const parsed = statusSchema.safeParse(parseJson(output));
  if (parsed.success) return parsed.data.revision;
  throw new PortError('unexpected', `${doing}: ${etcdutl} tells no revision`);
}
