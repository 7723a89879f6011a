import { createHash, randomBytes } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

import * as directoryStores from '../../../activities/adapters/directory-snapshot-store';
import type { SnapshotStore } from '../../../activities/ports';
import type { SnapshotRecord } from '../../../domain/activity-contract';
import type { HopId, SnapshotId } from '../../../domain/names';
import type { KubeVersion } from '../../../domain/versions';
import { temporaryDirectory } from './support/temporary-directory';
import { never, refusalOf } from './support/refusals';

const parent = temporaryDirectory();
const id = 'prod-hop-1.29-from-1.28.15-0a1b2c3d' as SnapshotId;
let stores = 0;

function newStore(): SnapshotStore {
  stores += 1;
  return directoryStores.createDirectorySnapshotStore(path.join(parent, `store-${String(stores)}`));
}

function recordOf(content: Buffer, changes: Partial<SnapshotRecord> = {}): Unplaced {
  return {
    id,
    hop: 'hop-1.29' as HopId,
    kubeVersion: '1.28.15' as KubeVersion,
    etcdVersion: '3.5.21',
    sha256: createHash('sha256').update(content).digest('hex'),
    sizeBytes: content.length,
    revision: 1_234,
    totalKeys: 99,
    takenAt: '2026-01-01T00:00:00.000Z',
    verified: { by: 'restore', hashKv: '4011', keys: 99, seconds: 1.5 },
    ...changes,
  };
}

type Unplaced = Omit<SnapshotRecord, 'location'>;

async function staged(store: SnapshotStore, content: Buffer, at = id): Promise<string> {
  const file = await store.stage(at);
  writeFileSync(file, content, { mode: 0o644 });
  return file;
}

const content = randomBytes(2_000);

describe('a snapshot', () => {
  it('is found, listed and fetched once it is committed', async () => {
    const store = newStore();
    const record = await store.commit(recordOf(content), await staged(store, content));

    const location = path.join(store.location, id, 'snapshot.db');
    expect(record).toEqual({ ...recordOf(content), location });
    expect(await store.find(id)).toEqual(record);
    expect(await store.list()).toEqual([record]);
    expect((await store.fetch(record, never)).file).toBe(location);
  });

  it('and its record are readable by their owner only', async () => {
    const store = newStore();
    await store.commit(recordOf(content), await staged(store, content));

    const mode = (...parts: string[]): number =>
      statSync(path.join(store.location, ...parts)).mode & 0o777;
    expect([mode(id, 'snapshot.db'), mode(id, 'record.json'), mode(id), mode('.staging')]).toEqual([
      0o600, 0o600, 0o700, 0o700,
    ]);
  });

  it('is invisible until then', async () => {
    const store = newStore();
    await staged(store, content);
    expect([await store.find(id), await store.list()]).toEqual([undefined, []]);
  });

  it('committed again with the same content is the first record', async () => {
    const store = newStore();
    const first = await store.commit(recordOf(content), await staged(store, content));
    const later = { takenAt: '2026-01-02T00:00:00.000Z' };
    const again = await store.commit(recordOf(content, later), await staged(store, content));

    expect(again).toEqual(first);
    expect(readdirSync(path.join(store.location, '.staging'))).toEqual([]);
  });

  it('committed again with other content is refused', async () => {
    const store = newStore();
    const first = await store.commit(recordOf(content), await staged(store, content));
    const other = randomBytes(100);

    expect(await refusalOf(store.commit(recordOf(other), await staged(store, other)))).toEqual({
      code: 'conflict',
      message:
        `snapshot ${id} exists with sha256 ${first.sha256},` +
        ` it cannot become ${recordOf(other).sha256}`,
    });
    expect(await store.find(id)).toEqual(first);
  });

  it('committed twice at the same moment is one', async () => {
    const store = newStore();
    const one = await staged(store, content);
    // A second worker: staging again would take the first one's file away.
    const two = path.join(store.location, '.staging', `${id}.other`, 'snapshot.db');
    mkdirSync(path.dirname(two));
    writeFileSync(two, content);

    const [a, b] = await Promise.all([
      store.commit(recordOf(content), one),
      store.commit(recordOf(content), two),
    ]);
    expect(a).toEqual(b);
    expect(await store.list()).toEqual([a]);
  });

  it('that differs from its record is refused at the commit', async () => {
    const store = newStore();
    const file = await staged(store, randomBytes(content.length));

    expect(await refusalOf(store.commit(recordOf(content), file))).toMatchObject({
      code: 'rejected',
      message: expect.stringMatching(/has sha256 .*, its record says/) as string,
    });
    expect(await store.find(id)).toBeUndefined();
  });

  it('from elsewhere is refused at the commit', async () => {
    const store = newStore();
    const file = path.join(parent, 'elsewhere.db');
    writeFileSync(file, content);
    expect(await refusalOf(store.commit(recordOf(content), file))).toEqual({
      code: 'rejected',
      message: `snapshot ${id}: ${file} was not staged here`,
    });
  });

  it('clears away what others left a day ago, and nothing that is written', async () => {
    const store = newStore();
    const hoursOld = async (other: string, hours: number): Promise<string> => {
      const folder = path.dirname(await staged(store, content, other as SnapshotId));
      const at = new Date(Date.now() - hours * 3_600_000);
      utimesSync(folder, at, at);
      return path.basename(folder);
    };
    const young = await hoursOld('young', 23);
    await hoursOld('old', 25);
    const own = path.basename(path.dirname(await staged(store, content)));
    const left = readdirSync(path.join(store.location, '.staging'));
    expect(left.toSorted()).toEqual([own, young].toSorted());
  });

  it('takes the place of what a killed attempt has left', async () => {
    const store = newStore();
    await staged(store, content);
    const other = 'prod-hop-1.30-from-1.29.15-0a1b2c3d' as SnapshotId;
    await staged(store, content, other);
    await staged(store, content);
    const left = readdirSync(path.join(store.location, '.staging'));
    expect(left.map((name) => name.slice(0, name.lastIndexOf('.'))).toSorted()).toEqual(
      [id, other].toSorted(),
    );
  });

  it('is not fetched when its file was changed', async () => {
    const store = newStore();
    const record = await store.commit(recordOf(content), await staged(store, content));
    writeFileSync(record.location, randomBytes(content.length));
    expect(await refusalOf(store.fetch(record, never))).toMatchObject({ code: 'rejected' });
    truncateSync(record.location, 10);
    expect(await refusalOf(store.fetch(record, never))).toEqual({
      code: 'rejected',
      message: `snapshot ${id}: ${record.location} has 10 bytes, its record says 2000`,
    });
  });

  it('is not fetched when its file is missing', async () => {
    const store = newStore();
    const record = { ...recordOf(content), location: 'nowhere' };
    expect(await refusalOf(store.fetch(record, never))).toEqual({
      code: 'not-found',
      message: `fetching snapshot ${id}: ENOENT`,
    });
  });

  it('is not fetched after a cancellation', async () => {
    const store = newStore();
    const record = await store.commit(recordOf(content), await staged(store, content));
    const reason = new Error('cancelled');
    await expect(store.fetch(record, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it('whose record is damaged is not passed over', async () => {
    const store = newStore();
    await store.commit(recordOf(content), await staged(store, content));
    const folder = path.join(store.location, id);
    writeFileSync(path.join(folder, 'record.json'), '{"id":');
    const expected = {
      code: 'unexpected',
      message: `snapshot ${id}: its record in ${folder} is damaged`,
    };
    expect([await refusalOf(store.find(id)), await refusalOf(store.list())]).toEqual([
      expected,
      expected,
    ]);
  });

  it.each(['', '..', '../other', 'a/b', '.staging', 'x'.repeat(300)])(
    'with the id %j is refused',
    async (odd) => {
      const found = newStore().find(odd as SnapshotId);
      expect(await refusalOf(found)).toMatchObject({ code: 'rejected' });
    },
  );
});

describe('the store', () => {
  it('lists by time, then by id', async () => {
    const store = newStore();
    const add = async (name: string, takenAt: string): Promise<void> => {
      const at = name as SnapshotId;
      await store.commit(recordOf(content, { id: at, takenAt }), await staged(store, content, at));
    };
    await add('c', '2026-01-01T00:00:00.000Z');
    await add('a', '2026-01-02T00:00:00.000Z');
    await add('b', '2026-01-01T00:00:00.000Z');
    expect((await store.list()).map((record) => record.id)).toEqual(['b', 'c', 'a']);
  });

  it('that does not exist yet is empty', async () => {
    expect(await newStore().list()).toEqual([]);
  });

  it('may be moved to another place', async () => {
    const store = newStore();
    const record = await store.commit(recordOf(content), await staged(store, content));
    const elsewhere = `${store.location}-moved`;
    renameSync(store.location, elsewhere);
    const location = path.join(elsewhere, id, 'snapshot.db');
    expect(await directoryStores.createDirectorySnapshotStore(elsewhere).find(id)).toEqual({
      ...record,
      location,
    });
  });

  it('is probed by writing, and keeps nothing of it', async () => {
    const store = newStore();
    expect(await store.probe(never)).toEqual({ freeBytes: expect.any(Number) as number });
    expect(readdirSync(path.join(store.location, '.staging'))).toEqual([]);
  });

  it('that cannot be written to says so', async () => {
    const file = path.join(parent, 'a-file');
    writeFileSync(file, '');
    const store = directoryStores.createDirectorySnapshotStore(path.join(file, 'store'));
    expect(await refusalOf(store.probe(never))).toEqual({
      code: 'unexpected',
      message: 'probing the snapshot store: ENOTDIR',
    });
  });
});
