// A disk that gets full in the middle: a small file system in memory, which only root can mount.

import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';

import { DirectoryShelf } from '../../../activities/adapters/directory-shelf';
import { saveSnapshot } from '../../../activities/adapters/etcd-snapshot-file';
import { createSnapshotStore } from '../../../activities/adapters/snapshot-store';
import { UploadSpool } from '../../../activities/adapters/upload-spool';
import { mountSmall, type SmallDisk } from '../../support/small-disk';
import { never, refusalOf } from './support/refusals';
import { id, putContent, takenOf } from './support/snapshot-store-contract';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(300_000);

let disk: SmallDisk | undefined;
// Before the directory that it lies in is removed.
afterAll(() => disk?.unmount());
const parent = temporaryDirectory();
const small = path.join(parent, 'small');
const content = randomBytes(2 * 1024 * 1024);

beforeAll(() => {
  disk = mountSmall(small, '1m');
});

describe('a disk that gets full', () => {
  it('in a store keeps nothing of what did not fit, and the rest goes on', async () => {
    if (disk === undefined) return;
    const store = createSnapshotStore({
      shelf: new DirectoryShelf(path.join(small, 'store')),
      sealing: { kind: 'in-the-clear' },
      scratchParent: parent,
    });
    expect(await refusalOf(putContent(store, content))).toEqual({
      code: 'full',
      message: `storing snapshot ${id}: ENOSPC`,
    });
    expect(readdirSync(path.join(small, 'store', '.staging'))).toEqual([]);
    const staged = path.join(parent, 'staged');
    const less = content.subarray(0, 1_000);
    writeFileSync(staged, less);
    await store.discard(await store.put({ id, file: staged, taken: takenOf(less) }, never));
  });

  it('under what waits for its upload keeps nothing of it', async () => {
    if (disk === undefined) return;
    const spool = new UploadSpool(small);
    await expect(spool.fill(id, Readable.from([content]), never)).rejects.toMatchObject({
      code: 'ENOSPC',
    });
    expect(readdirSync(path.join(small, '.uploads'))).toEqual([]);
  });

  it('under a snapshot that is taken is told', async () => {
    if (disk === undefined) return;
    async function* blobs(): AsyncGenerator<Buffer> {
      yield content;
    }
    const part = path.join(small, 'snapshot.db.part');
    expect(await refusalOf(saveSnapshot(blobs(), part, () => undefined))).toEqual({
      code: 'full',
      message: `writing ${part}: ENOSPC`,
    });
  });
});
