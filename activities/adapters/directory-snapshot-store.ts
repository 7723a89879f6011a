// The SnapshotStore port on a directory.
// T1. A snapshot is a directory with `snapshot.db` and `record.json`. It is made under `.staging/`
//     and appears by one rename, which fails when the id exists: whole or not at all, and once.
// T2. Snapshots hold Secrets: directories 0700, files 0600.
// T3. What is staged and never committed is removed when a snapshot of the same id is staged, and a
//     day later by any other: it holds Secrets, and its upgrade may never come back.
// T4. Where the store is, is not part of a record on the disk: the directory may be moved.

import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import path from 'node:path';

import * as z from 'zod';

import type { SnapshotRecord } from '../../domain/activity-contract';
import type { SnapshotId } from '../../domain/names';
import { compareTexts } from '../../domain/text-order';
import { type PlainSnapshot, PortError, type SnapshotStore } from '../ports';
import { fsError, syncDirectory, writePrivate } from './durable-files';
import { parseJson } from './json';
import { errorCode } from './node-errors';

const databaseName = 'snapshot.db';
const recordName = 'record.json';
const stagingName = '.staging';
/** Far above the bound of takeSnapshot, so that nothing is removed which is still written. */
const abandonedAfterMs = 24 * 3_600_000;
/** One path component that can neither climb nor hide. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/;

const storedRecordSchema = z.strictObject({
  id: z.string().regex(idPattern),
  hop: z.string(),
  kubeVersion: z.string(),
  etcdVersion: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().positive(),
  revision: z.number().int().nonnegative(),
  totalKeys: z.number().int().nonnegative(),
  takenAt: z.string(),
  verified: z.strictObject({
    by: z.literal('restore'),
    hashKv: z.string(),
    keys: z.number().int().nonnegative(),
    seconds: z.number().nonnegative(),
  }),
});

type StoredRecord = Omit<SnapshotRecord, 'location'>;

/** The directory is created when it is first written to. Methods throw PortError. */
export function createDirectorySnapshotStore(directory: string): SnapshotStore {
  const store = new DirectoryStore(path.resolve(directory));
  return {
    location: store.directory,
    probe: (signal) => named('probing the snapshot store', () => store.probe(signal)),
    find: (id) => named(`reading snapshot ${id}`, () => store.find(id)),
    list: () => named('listing snapshots', () => store.list()),
    stage: (id) => named(`staging snapshot ${id}`, () => store.stage(id)),
    commit: (record, stagedFile) =>
      named(`storing snapshot ${record.id}`, () => store.commit(record, stagedFile)),
    fetch: (record, signal) =>
      named(`fetching snapshot ${record.id}`, () => store.fetch(record, signal)),
  };
}

async function named<Result>(doing: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw fsError(error, doing);
  }
}

class DirectoryStore {
  readonly directory: string;
  readonly #staging: string;

  constructor(directory: string) {
    this.directory = directory;
    this.#staging = path.join(directory, stagingName);
  }

  async probe(signal: AbortSignal): Promise<{ readonly freeBytes: number }> {
    signal.throwIfAborted();
    await this.#create();
    const file = path.join(this.#staging, `probe-${randomBytes(6).toString('hex')}`);
    const content = randomBytes(32).toString('hex');
    try {
      await writePrivate(file, content);
      const found = await readFile(file, { encoding: 'utf8', signal });
      if (found !== content) {
        const message = `snapshot store ${this.directory}: a probe file reads back differently`;
        throw new PortError('unexpected', message);
      }
    } finally {
      await rm(file, { force: true });
    }
    const { bavail, bsize } = await statfs(this.directory);
    return { freeBytes: bavail * bsize };
  }

  async find(id: SnapshotId): Promise<SnapshotRecord | undefined> {
    const folder = this.#folderOf(id);
    let text: string;
    try {
      text = await readFile(path.join(folder, recordName), 'utf8');
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
    const record = parseRecord(text);
    if (record?.id === id) return { ...record, location: path.join(folder, databaseName) };
    throw new PortError('unexpected', `snapshot ${id}: its record in ${folder} is damaged`);
  }

  /** By time, then by id. */
  async list(): Promise<readonly SnapshotRecord[]> {
    const entries = await readdir(this.directory).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    });
    const ids = entries.filter((name) => idPattern.test(name)) as SnapshotId[];
    const found = await Promise.all(ids.map((id) => this.find(id)));
    return found
      .filter((record) => record !== undefined)
      .toSorted((a, b) => compareTexts(a.takenAt, b.takenAt) || compareTexts(a.id, b.id));
  }

  async stage(id: SnapshotId): Promise<string> {
    this.#folderOf(id);
    await this.#create();
    await this.#removeLeftovers(id);
    return path.join(await mkdtemp(path.join(this.#staging, `${id}.`)), databaseName);
  }

  async commit(record: StoredRecord, stagedFile: string): Promise<SnapshotRecord> {
    const folder = this.#folderOf(record.id);
    const existing = await this.find(record.id);
    const staged = path.dirname(stagedFile);
    if (existing !== undefined) return this.#settle(existing, record, staged);
    if (path.dirname(staged) !== this.#staging || path.basename(stagedFile) !== databaseName) {
      throw new PortError('rejected', `snapshot ${record.id}: ${stagedFile} was not staged here`);
    }
    await compareFile(record, stagedFile);
    await this.#seal(record, staged);
    try {
      await rename(staged, folder);
    } catch (error) {
      // Somebody else was faster (T1).
      const winner = isOccupied(error) ? await this.find(record.id) : undefined;
      if (winner === undefined) throw error;
      return this.#settle(winner, record, staged);
    }
    await syncDirectory(this.directory);
    return { ...record, location: path.join(folder, databaseName) };
  }

  async fetch(record: SnapshotRecord, signal: AbortSignal): Promise<PlainSnapshot> {
    const file = path.join(this.#folderOf(record.id), databaseName);
    await compareFile(record, file, signal);
    return { file, release: () => Promise.resolve() };
  }

  async #create(): Promise<void> {
    await mkdir(this.#staging, { recursive: true, mode: 0o700 });
    await chmod(this.#staging, 0o700);
  }

  /** What attempts that were killed have left (T3); one that still runs fails and is nobody's. */
  async #removeLeftovers(id: SnapshotId): Promise<void> {
    const entries = await readdir(this.#staging);
    await Promise.all(
      entries.map(async (name) => {
        const entry = path.join(this.#staging, name);
        const isOurs = name.slice(0, name.lastIndexOf('.')) === id;
        if (!isOurs && !(await isAbandoned(entry))) return;
        await rm(entry, { recursive: true, force: true });
      }),
    );
  }

  async #seal(record: StoredRecord, staged: string): Promise<void> {
    const database = await open(path.join(staged, databaseName), 'r+');
    try {
      await database.chmod(0o600);
      await database.sync();
    } finally {
      await database.close();
    }
    const stored = `${JSON.stringify(storedRecordSchema.parse(record), undefined, 2)}\n`;
    await writePrivate(path.join(staged, recordName), stored);
    await syncDirectory(staged);
  }

  /** An id is written once: the same content is the same snapshot, other content is refused. */
  async #settle(
    existing: SnapshotRecord,
    record: StoredRecord,
    staged: string,
  ): Promise<SnapshotRecord> {
    const isSame = existing.sha256 === record.sha256;
    if (!isSame) {
      const message =
        `snapshot ${record.id} exists with sha256 ${existing.sha256},` +
        ` it cannot become ${record.sha256}`;
      throw new PortError('conflict', message);
    }
    if (path.dirname(staged) === this.#staging) await rm(staged, { recursive: true, force: true });
    return existing;
  }

  #folderOf(id: SnapshotId): string {
    if (idPattern.test(id)) return path.join(this.directory, id);
    throw new PortError('rejected', `snapshot id ${JSON.stringify(id)} is not usable as a name`);
  }
}

function isOccupied(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

async function isAbandoned(entry: string): Promise<boolean> {
  try {
    return (await stat(entry)).mtimeMs < Date.now() - abandonedAfterMs;
  } catch (error) {
    // Somebody else has removed it.
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function parseRecord(text: string): StoredRecord | undefined {
  const parsed = storedRecordSchema.safeParse(parseJson(text));
  // The brands are what `commit` was given; nothing else writes here.
  return parsed.success ? (parsed.data as StoredRecord) : undefined;
}

async function compareFile(
  { id, sha256, sizeBytes }: StoredRecord,
  file: string,
  signal?: AbortSignal,
): Promise<void> {
  const { size } = await stat(file);
  const refused = (what: string): PortError =>
    new PortError('rejected', `snapshot ${id}: ${file} ${what}`);
  if (size !== sizeBytes) {
    throw refused(`has ${size} bytes, its record says ${sizeBytes}`);
  }
  const hash = createHash('sha256');
  const content = createReadStream(file, signal === undefined ? {} : { signal });
  try {
    for await (const chunk of content) hash.update(chunk as Buffer);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  const actual = hash.digest('hex');
  if (actual !== sha256) throw refused(`has sha256 ${actual}, its record says ${sha256}`);
}
