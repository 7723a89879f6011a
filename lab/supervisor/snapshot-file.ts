// Is this file an etcd snapshot that can be restored? Looked at before anything is stopped.

import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';

import { messageOf } from '../lab-error';
import { LabProblemError } from './problem';

const execute = promisify(execFile);
const hashBytes = 32;
const pageBytes = 512;
const chunkBytes = 1024 * 1024;
const statusTimeoutMs = 60_000;

/**
 * The snapshot's revision. A snapshot is the database with its SHA-256 appended (etcd
 * client/v3/snapshot). Throws LabProblemError `restore-failed` that says what is wrong.
 */
export async function inspectSnapshot(file: string, etcdutl: string): Promise<number> {
  try {
    const args = ['snapshot', 'status', file, '-w', 'json'];
    const [{ stdout }] = await Promise.all([
      execute(etcdutl, args, { timeout: statusTimeoutMs }),
      checkTrailer(file),
    ]);
    const { revision } = JSON.parse(stdout) as { revision?: unknown };
    if (typeof revision !== 'number') throw new Error('it tells no revision');
    return revision;
  } catch (error) {
    throw new LabProblemError(
      'restore-failed',
      `snapshot ${file} cannot be restored, nothing was stopped: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

async function checkTrailer(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    if (size % pageBytes !== hashBytes) {
      throw new Error(`${size} bytes is no size of a snapshot; it was cut short or is no snapshot`);
    }
    const hash = createHash('sha256');
    const buffer = Buffer.alloc(chunkBytes);
    for (let at = 0; at < size - hashBytes;) {
      const wanted = Math.min(chunkBytes, size - hashBytes - at);
      const { bytesRead } = await handle.read(buffer, 0, wanted, at);
      if (bytesRead === 0) throw new Error('it became shorter while it was read');
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    const trailer = Buffer.alloc(hashBytes);
    await handle.read(trailer, 0, hashBytes, size - hashBytes);
    if (!hash.digest().equals(trailer)) throw new Error('its SHA-256 does not match its content');
  } finally {
    await handle.close();
  }
}
