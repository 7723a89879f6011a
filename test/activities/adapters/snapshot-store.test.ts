import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

import { Decrypter } from 'age-encryption';

import { DirectoryShelf } from '../../../activities/adapters/directory-shelf';
import { createSnapshotKey, readSnapshotKeys } from '../../../activities/adapters/snapshot-key';
import { createSnapshotStore } from '../../../activities/adapters/snapshot-store';
import type { Sealing } from '../../../activities/adapters/snapshot-seal';
import type { SnapshotStore } from '../../../activities/snapshot-ports';
import type { SnapshotRecord } from '../../../domain/activity-contract';
import type { SnapshotId } from '../../../domain/names';
import { never, refusalOf } from './support/refusals';
import {
  contentOf,
  describeSnapshotStore,
  id,
  kept,
  putContent,
  recordOf,
  takenOf,
} from './support/snapshot-store-contract';
import { temporaryDirectory } from './support/temporary-directory';

// Everything is flushed to the disk, which others may be busy with.
jest.setTimeout(300_000);

const parent = temporaryDirectory();
const scratchParent = path.join(parent, 'scratch');
const keyFile = path.join(parent, 'key.txt');
const content = randomBytes(70_000);
let names = 0;
let key = '';

beforeAll(async () => {
  mkdirSync(scratchParent);
  key = (await createSnapshotKey(keyFile, 0)).fingerprint;
});

function newPath(): string {
  names += 1;
  return path.join(parent, `of-its-own-${String(names)}`);
}

async function flipByte(_shelf: unknown, { location }: SnapshotRecord): Promise<void> {
  const file = await open(location, 'r+');
  const middle = Math.floor((await file.stat()).size / 2);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, middle);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, middle);
  await file.close();
}

const sealedBy = (file: string): Sealing => ({ kind: 'age', keyFile: file });

const ofDirectories = {
  scratchParent,
  newShelf: () => new DirectoryShelf(newPath()),
  again: ({ location }: { readonly location: string }) => new DirectoryShelf(location),
  damage: flipByte,
} as const;

describeSnapshotStore('a directory, sealed', () => ({
  ...ofDirectories,
  sealing: sealedBy(keyFile),
  key,
}));

describeSnapshotStore('a directory, in the clear', () => ({
  ...ofDirectories,
  sealing: { kind: 'in-the-clear' },
  key: undefined,
}));

function newStore(sealing: Sealing = sealedBy(keyFile), directory = newPath()): SnapshotStore {
  return createSnapshotStore({ shelf: new DirectoryShelf(directory), sealing, scratchParent });
}

describe('a sealed snapshot', () => {
  it('has nothing of its content on the disk, nor of the key', async () => {
    const store = newStore();
    const plain = Buffer.from('password of the database, '.repeat(8_000));
    const record = await kept(store, plain);

    const [folder] = [path.dirname(record.location)];
    expect(readdirSync(folder).toSorted()).toEqual(['record.json', 'snapshot.db.age']);
    const stored = readFileSync(record.location);
    expect(stored.subarray(0, 21).toString()).toBe('age-encryption.org/v1');
    expect(stored.includes('password')).toBe(false);
    const [pair] = await readSnapshotKeys(keyFile);
    const text = readFileSync(path.join(folder, 'record.json'), 'utf8');
    expect([text.includes(pair.identity), text.includes(pair.recipient)]).toEqual([false, false]);
    expect(text.includes(pair.fingerprint)).toBe(true);
  });

  it('is opened with an older key, once a new one stands above it', async () => {
    const directory = newPath();
    const record = await kept(newStore(sealedBy(keyFile), directory), content);
    const newKey = newPath();
    const { fingerprint } = await createSnapshotKey(newKey, 0);
    writeFileSync(newKey, readFileSync(newKey, 'utf8') + readFileSync(keyFile, 'utf8'));

    const store = newStore(sealedBy(newKey), directory);
    expect(await store.keys()).toEqual([fingerprint, key]);
    expect(await contentOf(await store.fetch(record, never))).toEqual(content);
    const next = await kept(store, content, { id: 'next' as SnapshotId });
    expect(next.sealed).toEqual({ by: 'age', key: fingerprint });
  });

  it('is refused with another key, and both are told by their fingerprints', async () => {
    const directory = newPath();
    const record = await kept(newStore(sealedBy(keyFile), directory), content);
    const otherKey = newPath();
    const { fingerprint } = await createSnapshotKey(otherKey, 0);
    expect(await refusalOf(newStore(sealedBy(otherKey), directory).fetch(record, never))).toEqual({
      code: 'forbidden',
      message: `snapshot ${id}: it is sealed with key ${key}; ${otherKey} holds ${fingerprint}`,
    });
  });

  it('is refused without its key, whether it is lost or was never named', async () => {
    const directory = newPath();
    const record = await kept(newStore(sealedBy(keyFile), directory), content);
    const lost = newPath();
    const fetchWith = (sealing: Sealing) => newStore(sealing, directory).fetch(record, never);
    expect(await refusalOf(fetchWith(sealedBy(lost)))).toEqual({
      code: 'forbidden',
      message: `snapshot ${id}: the snapshot key ${lost} cannot be read (ENOENT)`,
    });
    expect(await refusalOf(fetchWith({ kind: 'in-the-clear' }))).toEqual({
      code: 'forbidden',
      message: `snapshot ${id}: it is sealed with key ${key}; the access file names none`,
    });
    expect(readdirSync(scratchParent)).toEqual([]);
  });

  it('that was cut short is refused', async () => {
    const store = newStore();
    const record = await kept(store, content);
    const sealed = readFileSync(record.location);
    for (const bytes of [0, 100, 400, sealed.length - 1]) {
      writeFileSync(record.location, sealed.subarray(0, bytes));
      expect(await refusalOf(store.fetch(record, never))).toMatchObject({ code: 'rejected' });
    }
  });

  it('of somebody who put another content in its place is refused', async () => {
    const store = newStore();
    const record = await kept(store, content);
    const other = await kept(store, randomBytes(70_000), { id: 'other' as SnapshotId });
    writeFileSync(record.location, readFileSync(other.location));
    expect(await refusalOf(store.fetch(record, never))).toMatchObject({
      code: 'rejected',
      message: expect.stringMatching(/has sha256 .*, its record says/) as string,
    });
  });
});

describe('what a restore needs beside the snapshot', () => {
  const needs = [
    { kind: 'pki', name: 'ca.key', content: Buffer.from('private') },
    { kind: 'flags', name: 'etcd', member: 'cp-1', content: Buffer.from('--name=cp-1') },
  ] as const;
  const told = [
    { kind: 'pki', name: 'ca.key', fingerprint: 'sha256:715dc8493c36579a' },
    { kind: 'flags', name: 'etcd', member: 'cp-1', fingerprint: expect.any(String) as string },
  ];

  async function keptWithNeeds(store: SnapshotStore): Promise<SnapshotRecord> {
    const staged = await store.stage(id);
    try {
      writeFileSync(staged.file, content);
      return await store.commit(
        await store.put({ id, file: staged.file, taken: takenOf(content), needs }, never),
        recordOf(content),
      );
    } finally {
      await staged.release();
    }
  }

  it('lies beside it, sealed, and is told by names and fingerprints', async () => {
    const directory = newPath();
    const store = newStore(sealedBy(keyFile), directory);
    const record = await keptWithNeeds(store);
    expect(record).toMatchObject({ needs: told, needsCopied: true });
    expect(await store.find(id)).toEqual(record);

    const copies = readFileSync(path.join(directory, id, 'needs.json.age'));
    expect(copies.includes('private')).toBe(false);
    const [pair] = await readSnapshotKeys(keyFile);
    const decrypter = new Decrypter();
    decrypter.addIdentity(pair.identity);
    expect(JSON.parse(await decrypter.decrypt(copies, 'text'))).toEqual({
      schema: 'ascent.snapshot-needs/v1',
      items: [
        { kind: 'pki', name: 'ca.key', base64: 'cHJpdmF0ZQ==' },
        { kind: 'flags', name: 'etcd', member: 'cp-1', base64: 'LS1uYW1lPWNwLTE=' },
      ],
    });
  });

  it('is given back to who has the key', async () => {
    const directory = newPath();
    const store = newStore(sealedBy(keyFile), directory);
    const record = await keptWithNeeds(store);
    expect(await store.needs(record, never)).toEqual(needs);

    const other = path.join(parent, 'another-key.txt');
    await createSnapshotKey(other, 0);
    const stranger = newStore(sealedBy(other), directory);
    expect(await refusalOf(stranger.needs(record, never))).toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining(`it is sealed with key ${key}`) as string,
    });
    writeFileSync(path.join(directory, id, 'needs.json.age'), 'torn');
    expect(await refusalOf(store.needs(record, never))).toMatchObject({
      code: 'rejected',
      message: expect.stringContaining('its sealed content is damaged') as string,
    });
  });

  it('is not copied into a store in the clear', async () => {
    const directory = newPath();
    const store = newStore({ kind: 'in-the-clear' }, directory);
    const record = await keptWithNeeds(store);
    expect(await store.needs(record, never)).toBe(undefined);
    expect(record).toMatchObject({ needs: told, needsCopied: false });
    expect(readdirSync(path.join(directory, id)).toSorted()).toEqual([
      'record.json',
      'snapshot.db',
    ]);
  });
});

describe('a store that was told nothing of keys', () => {
  it('stores nothing, and says what to do', async () => {
    const store = newStore({ kind: 'unsaid' });
    const refused = {
      code: 'forbidden',
      message: expect.stringMatching(
        /ascent snapshot key FILE.*snapshots.inTheClear: true/,
      ) as string,
    };
    expect(await refusalOf(putContent(store, content))).toEqual(refused);
    expect(await refusalOf(store.keys())).toEqual(refused);
    expect(await store.list()).toEqual([]);
  });
});

describe('a snapshot in a directory', () => {
  it('and its record are readable by their owner only', async () => {
    const { location } = await kept(newStore(), content);
    const folder = path.dirname(location);
    const modeOf = (file: string): number => statSync(file).mode & 0o777;
    const files = [location, path.join(folder, 'record.json'), folder];
    const staging = path.join(path.dirname(folder), '.staging');
    expect([...files, staging].map(modeOf)).toEqual([0o600, 0o600, 0o700, 0o700]);
  });

  it('of a release that knew no seals is found and fetched', async () => {
    const directory = newPath();
    const folder = path.join(directory, id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'snapshot.db'), content);
    writeFileSync(path.join(folder, 'record.json'), JSON.stringify(recordOf(content)));

    const store = newStore(sealedBy(keyFile), directory);
    const record = await store.find(id);
    const location = path.join(folder, 'snapshot.db');
    expect(record).toEqual({ ...recordOf(content), location });
    const plain = await store.fetch(record as SnapshotRecord, never);
    expect(plain.file).toBe(location);
    await plain.release();
    expect(readFileSync(location)).toEqual(content);
  });

  it('of a release that knows more is found', async () => {
    const directory = newPath();
    const record = await kept(newStore(sealedBy(keyFile), directory), content);
    const file = path.join(directory, id, 'record.json');
    const text = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...text, added: { later: true } }));
    expect(await newStore(sealedBy(keyFile), directory).find(id)).toEqual(record);
  });

  it('whose record is damaged is not passed over', async () => {
    const directory = newPath();
    const store = newStore(sealedBy(keyFile), directory);
    await kept(store, content);
    writeFileSync(path.join(directory, id, 'record.json'), '{"id":');
    const expected = {
      code: 'unexpected',
      message: `snapshot ${id}: its record in ${directory} is damaged`,
    };
    expect([await refusalOf(store.find(id)), await refusalOf(store.list())]).toEqual([
      expected,
      expected,
    ]);
  });

  it('clears away what others left a day ago, and nothing that is written', async () => {
    const directory = newPath();
    const store = newStore(sealedBy(keyFile), directory);
    const hoursOld = async (other: string, hours: number): Promise<string> => {
      const { handle } = await putContent(store, content, other as SnapshotId);
      const at = new Date(Date.now() - hours * 3_600_000);
      utimesSync(path.join(directory, '.staging', handle), at, at);
      return handle;
    };
    const young = await hoursOld('young', 23);
    await hoursOld('old', 25);
    const { handle } = await putContent(store, content);
    const left = readdirSync(path.join(directory, '.staging'));
    expect(left.toSorted()).toEqual([handle, young].toSorted());
  });

  it('takes the place of what a killed attempt has left', async () => {
    const directory = newPath();
    const store = newStore(sealedBy(keyFile), directory);
    await putContent(store, content);
    const other = await putContent(store, content, 'other' as SnapshotId);
    const { handle } = await putContent(store, content);
    const left = readdirSync(path.join(directory, '.staging'));
    expect(left.toSorted()).toEqual([handle, other.handle].toSorted());
  });
});

describe('a store in a directory', () => {
  it('may be moved to another place', async () => {
    const directory = newPath();
    const record = await kept(newStore(sealedBy(keyFile), directory), content);
    const elsewhere = newPath();
    renameSync(directory, elsewhere);
    const location = path.join(elsewhere, id, 'snapshot.db.age');
    expect(await newStore(sealedBy(keyFile), elsewhere).find(id)).toEqual({ ...record, location });
  });

  it('that cannot be written to says so', async () => {
    const file = newPath();
    writeFileSync(file, '');
    const store = newStore(sealedBy(keyFile), path.join(file, 'store'));
    expect(await refusalOf(store.probe(never))).toEqual({
      code: 'unexpected',
      message: 'probing the snapshot store: ENOTDIR',
    });
    rmSync(file);
  });
});
