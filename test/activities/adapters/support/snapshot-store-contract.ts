// What every SnapshotStore promises, whatever it lies on and however it seals: one suite of tests
// that each kind of store runs.

import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { Sealing } from '../../../../activities/adapters/snapshot-seal';
import type { SnapshotShelf } from '../../../../activities/adapters/snapshot-shelf';
import { createSnapshotStore } from '../../../../activities/adapters/snapshot-store';
import type {
  PlainSnapshot,
  SnapshotDraft,
  SnapshotStore,
  TakenSnapshot,
} from '../../../../activities/snapshot-ports';
import type { SnapshotRecord } from '../../../../domain/activity-contract';
import type { HopId, SnapshotId } from '../../../../domain/names';
import type { KubeVersion } from '../../../../domain/versions';
import { never, refusalOf } from './refusals';

export const id = 'prod-hop-1.29-from-1.28.15-0a1b2c3d' as SnapshotId;

export type Unplaced = Omit<SnapshotRecord, 'location'>;

export function recordOf(content: Buffer, changes: Partial<SnapshotRecord> = {}): Unplaced {
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

export function takenOf(content: Buffer): TakenSnapshot {
  const { etcdVersion, sha256, sizeBytes, revision, takenAt } = recordOf(content);
  const of = { clusterId: 'c1a5', member: 'cp-2', hashKv: '4011' };
  return { ...of, etcdVersion, sha256, sizeBytes, revision, takenAt };
}

/** What an activity does before it verifies: the file in the clear is gone afterwards. */
export async function putContent(
  store: SnapshotStore,
  content: Buffer,
  at = id,
): Promise<SnapshotDraft> {
  const staged = await store.stage(at);
  try {
    writeFileSync(staged.file, content);
    return await store.put({ id: at, file: staged.file, taken: takenOf(content) }, never);
  } finally {
    await staged.release();
  }
}

export async function kept(
  store: SnapshotStore,
  content: Buffer,
  changes: Partial<SnapshotRecord> = {},
): Promise<SnapshotRecord> {
  const record = recordOf(content, changes);
  return store.commit(await putContent(store, content, record.id), record);
}

export async function contentOf(plain: PlainSnapshot): Promise<Buffer> {
  const content = readFileSync(plain.file);
  await plain.release();
  return content;
}

export interface StoreUnderTest {
  readonly sealing: Sealing;
  /** The fingerprint that records tell; undefined for a store in the clear. */
  readonly key: string | undefined;
  readonly scratchParent: string;
  /** It is no directory of this machine. */
  readonly isRemote?: true;
  newShelf(): SnapshotShelf;
  /** The same place, seen by another process. */
  again(shelf: SnapshotShelf): SnapshotShelf;
  /** Changes one byte in the middle of what the shelf holds of a snapshot. */
  damage(shelf: SnapshotShelf, record: SnapshotRecord): Promise<void>;
}

/** `test` is called once everything is prepared, inside the tests. */
export function describeSnapshotStore(name: string, prepared: () => StoreUnderTest): void {
  const storeOn = (shelf: SnapshotShelf): SnapshotStore => {
    const { sealing, scratchParent } = prepared();
    return createSnapshotStore({ shelf, sealing, scratchParent });
  };
  const newStore = (): SnapshotStore => storeOn(prepared().newShelf());
  // More than one piece of 64 KiB, and no whole number of them.
  const content = randomBytes(200_032);

  describe(`a snapshot in ${name}`, () => {
    it('is found, listed and fetched once it is committed', async () => {
      const shelf = prepared().newShelf();
      const store = storeOn(shelf);
      const record = await kept(store, content);

      const { key } = prepared();
      const seal = key === undefined ? {} : { sealed: { by: 'age', key } };
      expect(record).toEqual({ ...recordOf(content), ...seal, ...placeOf(record) });
      const later = storeOn(prepared().again(shelf));
      expect(await later.find(id)).toEqual(record);
      expect(await later.list()).toEqual([record]);
      expect(await contentOf(await later.fetch(record, never))).toEqual(content);
    });

    it('is invisible until then, and can be opened for its verification', async () => {
      const store = newStore();
      const draft = await putContent(store, content);
      expect([await store.find(id), await store.list()]).toEqual([undefined, []]);
      const opened = await store.open(draft, recordOf(content), never);
      expect(await contentOf(opened)).toEqual(content);
    });

    it('is not to be had once its draft is discarded', async () => {
      const store = newStore();
      const draft = await putContent(store, content);
      await store.discard(draft);
      await store.discard(draft);
      const opening = store.open(draft, recordOf(content), never);
      expect(await refusalOf(opening)).toMatchObject({ code: 'not-found' });
    });

    it('lies in the clear for its owner only, and no longer than it is used', async () => {
      const store = newStore();
      const record = await kept(store, content);
      const plain = await store.fetch(record, never);
      expect(statSync(plain.file).mode & 0o777).toBe(0o600);
      expect(statSync(path.dirname(plain.file)).mode & 0o777).toBe(0o700);
      await plain.release();
      await plain.release();
      expect(existsSync(plain.file)).toBe(prepared().key === undefined && isLocal(record));
      expect(readdirSync(prepared().scratchParent).filter(isScratch)).toEqual([]);
    });

    it('committed by two workers is the first one, for both', async () => {
      const store = newStore();
      const first = await kept(store, content);
      expect(await kept(store, randomBytes(100_000))).toEqual(first);
      expect(await contentOf(await store.fetch(first, never))).toEqual(content);
    });

    it('is not fetched when what is stored was changed', async () => {
      const shelf = prepared().newShelf();
      const store = storeOn(shelf);
      const record = await kept(store, content);
      await prepared().damage(shelf, record);
      const refusal = await refusalOf(store.fetch(record, never));
      expect(refusal).toEqual({
        code: 'rejected',
        message: expect.stringMatching(
          prepared().key === undefined ? /has sha256 .*, its record says/ : /content is damaged/,
        ) as string,
      });
      expect(readdirSync(prepared().scratchParent).filter(isScratch)).toEqual([]);
    });

    it('that was removed is gone, with its content; removing it again is no failure', async () => {
      const store = newStore();
      const record = await kept(store, content);
      const other = await kept(store, content, { id: 'other' as SnapshotId });
      await store.remove(id);
      await store.remove(id);
      expect([await store.find(id), await store.list()]).toEqual([undefined, [other]]);
      expect(await refusalOf(store.fetch(record, never))).toMatchObject({ code: 'not-found' });
    });

    it('is not opened when it differs from what was taken', async () => {
      const store = newStore();
      const draft = await putContent(store, content);
      const longer = recordOf(Buffer.concat([content, content]));
      expect(await refusalOf(store.open(draft, longer, never))).toEqual({
        code: 'rejected',
        message: expect.stringMatching(/has 200032 bytes, its record says 400064$/) as string,
      });
    });

    it('is not fetched after a cancellation', async () => {
      const store = newStore();
      const record = await kept(store, content);
      const reason = new Error('cancelled');
      await expect(store.fetch(record, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    it('that is not there is not fetched', async () => {
      const record = { ...recordOf(content), location: 'nowhere' };
      const refusal = await refusalOf(newStore().fetch(record, never));
      expect(refusal).toMatchObject({ code: 'not-found' });
    });

    it.each(['', '..', '../other', 'a/b', '.staging', 'x'.repeat(300)])(
      'with the id %j is refused',
      async (odd) => {
        const found = newStore().find(odd as SnapshotId);
        expect(await refusalOf(found)).toMatchObject({ code: 'rejected' });
      },
    );
  });

  describe(name, () => {
    it('lists by time, then by id', async () => {
      const store = newStore();
      const add = (at: string, takenAt: string): Promise<unknown> =>
        kept(store, content, { id: at as SnapshotId, takenAt });
      await add('c', '2026-01-01T00:00:00.000Z');
      await add('a', '2026-01-02T00:00:00.000Z');
      await add('b', '2026-01-01T00:00:00.000Z');
      expect((await store.list()).map((record) => record.id)).toEqual(['b', 'c', 'a']);
    });

    it('that nothing was put into is empty', async () => {
      expect(await newStore().list()).toEqual([]);
    });

    it('is probed by writing, and keeps nothing of it', async () => {
      const store = newStore();
      const freeBytes = expect.any(Number) as number;
      const { scratchParent, isRemote } = prepared();
      const scratch = { location: scratchParent, freeBytes };
      expect(await store.probe(never)).toEqual(isRemote === true ? { scratch } : { freeBytes });
      expect(await store.list()).toEqual([]);
    });

    it('tells which keys are at hand', async () => {
      const { key } = prepared();
      expect(await newStore().keys()).toEqual(key === undefined ? [] : [key]);
    });
  });
}

/** Where it lies, and how the store names it there. */
function placeOf({ location, handle }: SnapshotRecord) {
  return { location, ...(handle === undefined ? {} : { handle }) };
}

function isLocal({ location }: SnapshotRecord): boolean {
  return path.isAbsolute(location);
}

function isScratch(entry: string): boolean {
  return entry.startsWith('.ascent-');
}
