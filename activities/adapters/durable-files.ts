// File operations that must survive a power cut, and what their errors mean.

import { type FileHandle, open, writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { PortError } from '../ports';
import { errorCode, isError } from './node-errors';

const portCodes: Readonly<Record<string, PortError['code']>> = {
  ENOENT: 'not-found',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  EROFS: 'forbidden',
  ENOSPC: 'full',
  EDQUOT: 'full',
};

/** PortErrors and cancellations pass as they are. */
export function fsError(error: unknown, doing: string): unknown {
  if (!isError(error) || error instanceof PortError) return error;
  const code = errorCode(error);
  // Not of the file system: a cancelled stream, for one.
  if (code === undefined || !('syscall' in error)) return error;
  return new PortError(portCodes[code] ?? 'unexpected', `${doing}: ${code}`, { cause: error });
}

/** A rename is durable only when its directory is flushed too. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What comes, as it comes; the bytes of it. `onChunk` sees each piece once it is written. */
export async function writeStream(
  file: FileHandle,
  content: Readable,
  signal: AbortSignal,
  onChunk?: (chunk: Buffer) => void,
): Promise<number> {
  let sizeBytes = 0;
  for await (const piece of content) {
    signal.throwIfAborted();
    const chunk = piece as Buffer;
    await file.writeFile(chunk);
    onChunk?.(chunk);
    sizeBytes += chunk.length;
  }
  return sizeBytes;
}

/** Writes and flushes a file that only its owner may read. */
export async function writePrivate(file: string, content: string): Promise<void> {
  await writeFile(file, content, { mode: 0o600, flush: true });
}
