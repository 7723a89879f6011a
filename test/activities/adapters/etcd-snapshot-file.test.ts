import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { saveSnapshot } from '../../../activities/adapters/etcd-snapshot-file';
import { PortError } from '../../../activities/ports';
import { temporaryDirectory } from './support/temporary-directory';

const directory = temporaryDirectory();
const database = randomBytes(512 * 40);
const digest = createHash('sha256').update(database).digest();
const whole = Buffer.concat([database, digest]);

async function* inBlobs(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function save(blobs: AsyncIterable<Buffer>, name: string): ReturnType<typeof saveSnapshot> {
  return saveSnapshot(blobs, path.join(directory, name), () => undefined);
}

describe('a snapshot stream', () => {
  // As etcd sends it (32 KiB, then the digest alone), in odd pieces, and byte by byte at the end.
  it.each([32 * 1024, 1_000, 33, 32, 31, 7])(
    'in blobs of %i bytes becomes a private file',
    async (size) => {
      const name = `whole-${String(size)}`;
      const sha256 = createHash('sha256').update(whole).digest('hex');

      expect(await save(inBlobs(whole, size), name)).toEqual({ sha256, sizeBytes: whole.length });
      expect(readFileSync(path.join(directory, name)).equals(whole)).toBe(true);
      expect(statSync(path.join(directory, name)).mode & 0o777).toBe(0o600);
    },
  );

  const damaged = Buffer.from(whole);
  damaged.writeUInt8(damaged.readUInt8(600) ^ 1, 600);
  it.each([
    { name: 'that is empty', bytes: Buffer.alloc(0) },
    { name: 'that ends within the database', bytes: whole.subarray(0, 512 * 20) },
    { name: 'that ends within its digest', bytes: whole.subarray(0, -1) },
    { name: 'that ends at a whole sector and 32 bytes', bytes: whole.subarray(0, 512 * 20 + 32) },
    { name: 'with one flipped bit', bytes: damaged },
  ])('$name is refused', async ({ bytes }) => {
    const saving = save(inBlobs(bytes, 1_000), 'damaged');
    await expect(saving).rejects.toThrow(PortError);
    await expect(saving).rejects.toThrow(
      `the snapshot stream is incomplete or damaged after ${String(bytes.length)} bytes`,
    );
  });

  it('is written over what an earlier attempt has left', async () => {
    await save(inBlobs(Buffer.concat([whole, whole]), 1_000), 'again').catch(() => undefined);
    await save(inBlobs(whole, 1_000), 'again');
    expect(statSync(path.join(directory, 'again')).size).toBe(whole.length);
  });

  it('that fails leaves as its own failure', async () => {
    const failure = new PortError('unreachable', 'streaming: the member left');
    async function* failing(): AsyncGenerator<Buffer> {
      yield whole.subarray(0, 100);
      throw failure;
    }
    await expect(save(failing(), 'failing')).rejects.toBe(failure);
  });

  it('that cannot be written says so', async () => {
    await expect(save(inBlobs(whole, 1_000), 'none/file')).rejects.toThrow(
      `creating ${directory}/none/file: ENOENT`,
    );
  });

  it('reports its bytes every 4 MiB and at the end', async () => {
    const big = Buffer.alloc(512 * 20_000);
    const bytes = Buffer.concat([big, createHash('sha256').update(big).digest()]);
    const reports: number[] = [];
    await saveSnapshot(inBlobs(bytes, 1024 * 1024), path.join(directory, 'big'), (n) => {
      reports.push(n);
    });
    expect(reports).toEqual([4 * 1024 * 1024, 8 * 1024 * 1024, bytes.length]);
  });
});
