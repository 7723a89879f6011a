// Snapshots in a bucket of a real S3 server, by a line that breaks and a worker that is killed.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { S3Access } from '../../../activities/access';
import { S3Shelf } from '../../../activities/adapters/s3-shelf';
import { createSnapshotKey } from '../../../activities/adapters/snapshot-key';
import type { Sealing } from '../../../activities/adapters/snapshot-seal';
import type { SnapshotShelf } from '../../../activities/adapters/snapshot-shelf';
import { createSnapshotStore } from '../../../activities/adapters/snapshot-store';
import type { SnapshotStore } from '../../../activities/snapshot-ports';
import type { SnapshotRecord } from '../../../domain/activity-contract';
import type { SnapshotId } from '../../../domain/names';
import { createAuthority } from './support/pki';
import { type Line, type RealS3, startS3 } from './support/real-s3';
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

jest.setTimeout(120_000);

const root = path.resolve(__dirname, '../../..');
const parent = temporaryDirectory();
const directory = path.join(parent, 'scratch');
const keyFile = path.join(parent, 'key.txt');
const otherAuthority = path.join(parent, 'other-ca.crt');
const sealing: Sealing = { kind: 'age', keyFile };
/** The smallest that the protocol allows. */
const partBytes = 5 * 1024 * 1024;
const large = randomBytes(4 * partBytes);

let s3: RealS3;
let key = '';
let prefixes = 0;

beforeAll(async () => {
  mkdirSync(directory);
  s3 = await startS3(parent);
  key = (await createSnapshotKey(keyFile, 0)).fingerprint;
  writeFileSync(otherAuthority, (await createAuthority('other')).ca);
});
afterAll(async () => s3.close());

function newPrefix(): string {
  prefixes += 1;
  return `clusters/of-its-own-${String(prefixes)}`;
}

function shelfAt(changes: Partial<S3Access>): S3Shelf {
  return new S3Shelf({ access: { ...s3.access, ...changes }, directory, partBytes });
}

function storeAt(changes: Partial<S3Access>): SnapshotStore {
  return createSnapshotStore({ shelf: shelfAt(changes), sealing, scratchParent: directory });
}

function keyAt(location: string): string {
  return location.slice(`s3://${s3.access.bucket}/`.length);
}

async function keysBelow(prefix: string): Promise<readonly string[]> {
  const { bucket: Bucket } = s3.access;
  const { Contents = [] } = await s3.client.listObjectsV2({ Bucket, Prefix: prefix });
  return Contents.map(({ Key = '' }) => Key.slice(prefix.length + 1));
}

async function uploadsBelow(prefix: string): Promise<number> {
  const { bucket: Bucket } = s3.access;
  const { Uploads = [] } = await s3.client.listMultipartUploads({ Bucket, Prefix: prefix });
  return Uploads.length;
}

async function flipByte(_shelf: SnapshotShelf, { location }: SnapshotRecord): Promise<void> {
  const object = { Bucket: s3.access.bucket, Key: keyAt(location) };
  const { Body } = await s3.client.getObject(object);
  const content = Buffer.from((await Body?.transformToByteArray()) ?? []);
  const middle = Math.floor(content.length / 2);
  content.writeUInt8(content.readUInt8(middle) ^ 1, middle);
  await s3.client.putObject({ ...object, Body: content });
}

const inBucket = {
  scratchParent: directory,
  isRemote: true,
  newShelf: () => shelfAt({ prefix: newPrefix() }),
  again: ({ location }: SnapshotShelf) => shelfAt({ prefix: keyAt(location) }),
  damage: flipByte,
} as const;

describeSnapshotStore('a bucket, sealed', () => ({ ...inBucket, sealing, key }));

describeSnapshotStore('a bucket, in the clear', () => ({
  ...inBucket,
  sealing: { kind: 'in-the-clear' },
  key: undefined,
}));

/** Nothing is on its way. */
function spooled(): readonly string[] {
  const folder = path.join(directory, '.uploads');
  return existsSync(folder) ? readdirSync(folder) : [];
}

describe('a snapshot in a bucket', () => {
  it('is its content and its record, and leaves nothing on the disk of the worker', async () => {
    const prefix = newPrefix();
    const { handle = '', location } = await kept(storeAt({ prefix }), large);
    expect(location).toBe(`s3://ascent-snapshots/${prefix}/${id}/${handle}/snapshot.db.age`);
    expect(await keysBelow(prefix)).toEqual([
      `${id}/${handle}/snapshot.db.age`,
      `${id}/record.json`,
    ]);
    expect([spooled(), await uploadsBelow(prefix)]).toEqual([[], 0]);
  });

  it('takes of the limit that the store is given', async () => {
    const prefix = newPrefix();
    const store = storeAt({ prefix, limitBytes: 2 * large.length });
    const scratch = expect.any(Object) as object;
    expect(await store.probe(never)).toEqual({ freeBytes: 2 * large.length, scratch });
    await kept(store, large);
    const { freeBytes = 0 } = await store.probe(never);
    expect(freeBytes).toBeLessThan(large.length);
    expect(freeBytes).toBeGreaterThan(large.length - partBytes);
    expect(await storeAt({ prefix, limitBytes: 1 }).probe(never)).toEqual({
      freeBytes: 0,
      scratch,
    });
  });

  it('takes the place of what a killed attempt has left', async () => {
    const prefix = newPrefix();
    const store = storeAt({ prefix });
    await putContent(store, large);
    const { bucket: Bucket } = s3.access;
    await s3.client.createMultipartUpload({ Bucket, Key: `${prefix}/${id}/gone/snapshot.db.age` });
    const { handle } = await putContent(store, large);
    expect(await keysBelow(prefix)).toEqual([`${id}/${handle}/snapshot.db.age`]);
    expect(await uploadsBelow(prefix)).toBe(0);
  });

  it('is not lost when its publishing is reported as failed', async () => {
    const store = storeAt({ prefix: newPrefix() });
    const draft = await putContent(store, large);
    const record = await store.commit(draft, recordOf(large));
    await store.discard(draft);
    expect(large.equals(await contentOf(await store.fetch(record, never)))).toBe(true);
  });

  it('with the wrong key at hand is found out before anything is fetched whole', async () => {
    const prefix = newPrefix();
    const record = await kept(storeAt({ prefix }), large);
    const otherKey = path.join(parent, 'other-key.txt');
    const { fingerprint } = await createSnapshotKey(otherKey, 0);
    const store = createSnapshotStore({
      shelf: shelfAt({ prefix }),
      sealing: { kind: 'age', keyFile: otherKey },
      scratchParent: directory,
    });
    expect(await refusalOf(store.fetch(record, never))).toEqual({
      code: 'forbidden',
      message: `snapshot ${id}: it is sealed with key ${key}; ${otherKey} holds ${fingerprint}`,
    });
  });
});

describe('an upload that was interrupted', () => {
  let line: Line;
  afterEach(async () => line.close());

  /** After a part at least is there, of which nobody may have heard. */
  async function lineCutInMidUpload(onUsedUp: () => void): Promise<Line> {
    line = await s3.line({ bytes: 3.5 * partBytes, onUsedUp });
    return line;
  }

  async function partsBelow(prefix: string): Promise<number> {
    const { bucket: Bucket } = s3.access;
    const { Uploads = [] } = await s3.client.listMultipartUploads({ Bucket, Prefix: prefix });
    const [{ Key, UploadId } = {}] = Uploads;
    const { Parts = [] } = await s3.client.listParts({ Bucket, Key, UploadId });
    return Parts.length;
  }

  const partsPut = (): number => s3.operations().filter((one) => one === 'UploadPart').length;

  /** The upload as a worker of its own, which is killed in the middle of it. */
  async function killedWorker(prefix: string): Promise<void> {
    const killed = new AbortController();
    const { endpoint } = await lineCutInMidUpload(() => killed.abort());
    const contentFile = path.join(parent, 'content');
    writeFileSync(contentFile, large);
    const access = { ...s3.access, endpoint, prefix };
    const told = { access, directory, partBytes, sealing, contentFile, id, taken: takenOf(large) };
    const child = spawn(process.execPath, ['-e', worker, JSON.stringify(told)], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    killed.signal.addEventListener('abort', () => child.kill('SIGKILL'));
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
  }

  it('by the end of the worker is continued by the next one', async () => {
    const prefix = newPrefix();
    await killedWorker(prefix);
    const there = await partsBelow(prefix);
    expect(there).toBeGreaterThanOrEqual(1);
    expect(await storeAt({ prefix }).list()).toEqual([]);
    const before = partsPut();

    const store = storeAt({ prefix });
    const resumed = await store.resume({ id }, never);
    // Sealing adds a little, so that there is one part more than the content has.
    expect(partsPut() - before).toBe(5 - there);
    expect(resumed?.taken).toEqual(takenOf(large));
    const draft = resumed?.draft;
    if (draft === undefined) throw new Error('nothing was resumed');
    expect(large.equals(await contentOf(await store.open(draft, recordOf(large), never)))).toBe(
      true,
    );
    const record = await store.commit(draft, recordOf(large));
    expect(large.equals(await contentOf(await store.fetch(record, never)))).toBe(true);
    expect([spooled(), await uploadsBelow(prefix)]).toEqual([[], 0]);
  });

  it('by the end of the server says so, and goes on when it is back', async () => {
    const prefix = newPrefix();
    const { endpoint } = await lineCutInMidUpload(() => undefined);
    const store = storeAt({ prefix, endpoint });
    expect(await refusalOf(putContent(store, large))).toMatchObject({
      code: 'unreachable',
      message: expect.stringMatching(/^uploading part \d of s3:/) as string,
    });
    await s3.restart();
    line.mend();
    const resumed = await store.resume({ id }, never);
    if (resumed === undefined) throw new Error('nothing was resumed');
    const record = await store.commit(resumed.draft, recordOf(large));
    expect(large.equals(await contentOf(await store.fetch(record, never)))).toBe(true);
  });

  it('after its last part is not uploaded again', async () => {
    const prefix = newPrefix();
    line = await s3.line({ bytes: 1, onUsedUp: () => undefined });
    await putContent(storeAt({ prefix }), large);
    const before = partsPut();
    const resumed = await storeAt({ prefix }).resume({ id }, never);
    expect([resumed?.taken, partsPut()]).toEqual([takenOf(large), before]);
  });

  it('and was given up in the store is begun anew', async () => {
    const prefix = newPrefix();
    await killedWorker(prefix);
    const { bucket: Bucket } = s3.access;
    const { Uploads = [] } = await s3.client.listMultipartUploads({ Bucket, Prefix: prefix });
    for (const { Key, UploadId } of Uploads) {
      await s3.client.abortMultipartUpload({ Bucket, Key, UploadId });
    }
    expect(await storeAt({ prefix }).resume({ id }, never)).toBe(undefined);
  });
});

describe('a bucket that cannot be used says what to do', () => {
  it.each([
    [
      'it does not exist',
      () => ({ bucket: 'no-such-bucket' }),
      'rejected',
      /the bucket does not exist; make it, or correct snapshots\.s3\.bucket \(NoSuchBucket\)$/,
    ],
    [
      'the key is not known',
      () => ({ credentials: s3.credentials('unknown', 'nobody', 'nothing-at-all') }),
      'unauthorized',
      /the credentials are not accepted; .* \(XAdminUserNotFound\)$/,
    ],
    [
      'the secret is wrong',
      () => ({ credentials: s3.credentials('wrong', 'root-access', 'nothing-at-all') }),
      'unauthorized',
      /the credentials are not accepted; .* \(SignatureDoesNotMatch\)$/,
    ],
    [
      'the profile is missing',
      () => ({ credentials: { ...s3.access.credentials, profile: 'other' } }),
      'unauthorized',
      /there are no credentials; .* \(CredentialsProviderError\)$/,
    ],
    [
      'it is in another region',
      () => ({ region: 'us-east-1' }),
      'rejected',
      /the bucket is in another region; .* \(AuthorizationHeaderMalformed\)$/,
    ],
    [
      'nobody vouches for its certificate',
      () => ({ ca: otherAuthority }),
      'unauthorized',
      /certificate/,
    ],
    [
      'nobody listens',
      () => ({ endpoint: 'https://127.0.0.1:1' }),
      'unreachable',
      /^writing s3:.*ECONNREFUSED/,
    ],
  ] as const)('%s', async (_, changes, code, message) => {
    const refusal = await refusalOf(storeAt({ prefix: newPrefix(), ...changes() }).probe(never));
    expect(refusal).toEqual({ code, message: expect.stringMatching(message) as string });
    expect(refusal.message).not.toContain('nothing-at-all');
  });

  it('also while records are read', async () => {
    const store = storeAt({ bucket: 'no-such-bucket' });
    expect(await refusalOf(store.find('one' as SnapshotId))).toMatchObject({ code: 'rejected' });
    expect(await refusalOf(store.list())).toMatchObject({ code: 'rejected' });
  });
});

/** Sources run as they are: Node is taught to read them, and to find them without an extension. */
const worker = `
  const { readFileSync, copyFileSync } = require('node:fs');
  const { transformSync } = require('@swc/core');
  require.extensions['.ts'] = (module, filename) => {
    const { code } = transformSync(readFileSync(filename, 'utf8'), {
      filename,
      module: { type: 'commonjs' },
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    });
    module._compile(code, filename);
  };
  const { S3Shelf } = require('./activities/adapters/s3-shelf');
  const { createSnapshotStore } = require('./activities/adapters/snapshot-store');
  const told = JSON.parse(process.argv[1]);
  const { access, directory, partBytes, sealing, contentFile, id, taken } = told;
  const shelf = new S3Shelf({ access, directory, partBytes });
  const store = createSnapshotStore({ shelf, sealing, scratchParent: directory });
  store.stage(id).then(async (staged) => {
    copyFileSync(contentFile, staged.file);
    await store.put({ id, file: staged.file, taken }, new AbortController().signal);
  });
`;
