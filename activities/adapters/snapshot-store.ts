// The SnapshotStore port on a shelf: seals what is put there, and opens what is fetched.
// N1. What lies on the shelf is sealed, unless the access file says in so many words that it is
//     not.
// N2. A snapshot in the clear lies in a scratch space: mode 0700, gone when it is released, and
//     gone when this process is killed (scratch-space.ts).
// N3. What is opened is compared with what it was when it was taken: its size and its SHA-256.
// N4. What else a restore needs may be private keys: copies of it are kept only where they are
//     sealed; records tell it by its names and fingerprints.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { addAbortSignal, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';

import type { SnapshotRecord } from '../../domain/activity-contract';
import type { SnapshotId } from '../../domain/names';
import { compareTexts } from '../../domain/text-order';
import { PortError } from '../ports';
import type {
  PlainSnapshot,
  RestoreNeed,
  SnapshotContent,
  SnapshotDraft,
  SnapshotStore,
  StoreRoom,
  TakenSnapshot,
} from '../snapshot-ports';
import { fsError, writeStream } from './durable-files';
import { freeBytesOf } from './free-bytes';
import { openScratchSpace } from './scratch-space';
import { openContent, sealContent, sealError, keysAtHand, type Sealing } from './snapshot-seal';
import type { ShelvedContent, SnapshotShelf } from './snapshot-shelf';
import { needReference, needsBundle, needsOf } from './snapshot-needs';
import { noteText, parseNote } from './snapshot-note';
import { parseRecord, recordText, type StoredRecord } from './snapshot-record';

const plainName = 'snapshot.db';
const sealedName = 'snapshot.db.age';
const needsName = 'needs.json.age';

export interface SnapshotStoreOptions {
  readonly shelf: SnapshotShelf;
  readonly sealing: Sealing;
  readonly keep?: number | undefined;
  /** Where snapshots lie in the clear while they are used; as large as one. */
  readonly scratchParent: string;
}

/** Methods throw PortError, or the signal's reason. */
export function createSnapshotStore(options: SnapshotStoreOptions): SnapshotStore {
  const store = new ShelfStore(options);
  const { shelf } = options;
  return {
    location: shelf.location,
    keep: options.keep,
    remove: (id) => named(`removing snapshot ${id}`, () => shelf.remove(id)),
    probe: (signal) => named('probing the snapshot store', () => store.probe(signal)),
    keys: () => named('reading the snapshot key', () => keysAtHand(options.sealing)),
    find: (id) => named(`reading snapshot ${id}`, () => store.find(id)),
    list: () => named('listing snapshots', () => store.list()),
    stage: (id) => named(`staging snapshot ${id}`, () => store.stage()),
    put: (staged, signal) =>
      named(`storing snapshot ${staged.id}`, () => store.put(staged, signal), signal),
    resume: (what, signal) =>
      named(`storing snapshot ${what.id}`, () => store.resume(what, signal), signal),
    open: (draft, content, signal) =>
      named(`fetching snapshot ${draft.id}`, () => store.open(draft, content, signal), signal),
    commit: (draft, record) =>
      named(`storing snapshot ${record.id}`, () => store.commit(draft, record)),
    discard: (draft) => named(`discarding snapshot ${draft.id}`, () => store.discard(draft)),
    fetch: (record, signal) =>
      named(`fetching snapshot ${record.id}`, () => store.open(record, record, signal), signal),
    needs: (of, signal) =>
      named(`fetching what snapshot ${of.id} needs`, () => store.needs(of, signal), signal),
  };
}

async function named<Result>(
  doing: string,
  work: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  try {
    signal?.throwIfAborted();
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw fsError(error, doing);
  }
}

class ShelfStore {
  readonly #shelf: SnapshotShelf;
  readonly #sealing: Sealing;
  readonly #scratchParent: string;

  constructor({ shelf, sealing, scratchParent }: SnapshotStoreOptions) {
    this.#shelf = shelf;
    this.#sealing = sealing;
    this.#scratchParent = scratchParent;
  }

  async probe(signal: AbortSignal): Promise<StoreRoom> {
    const room = await this.#shelf.probe(signal);
    if (this.#shelf.fileOf !== undefined) return room;
    const location = this.#scratchParent;
    return { ...room, scratch: { location, freeBytes: await freeBytesOf(location) } };
  }

  async find(id: SnapshotId): Promise<SnapshotRecord | undefined> {
    const text = await this.#shelf.record(id);
    if (text === undefined) return undefined;
    const record = parseRecord(text);
    if (record?.id === id) return this.#placed(record);
    const message = `snapshot ${id}: its record in ${this.#shelf.location} is damaged`;
    throw new PortError('unexpected', message);
  }

  /** By time, then by id. */
  async list(): Promise<readonly SnapshotRecord[]> {
    const found = await Promise.all((await this.#shelf.ids()).map((id) => this.find(id)));
    return found
      .filter((record) => record !== undefined)
      .toSorted((a, b) => compareTexts(a.takenAt, b.takenAt) || compareTexts(a.id, b.id));
  }

  async stage(): Promise<PlainSnapshot> {
    const space = await openScratchSpace(tmpdir(), this.#scratchParent);
    return { file: path.join(space.dataDirectory, plainName), release: () => space.remove() };
  }

  async put(
    { id, file, taken, needs }: Parameters<SnapshotStore['put']>[0],
    signal: AbortSignal,
  ): Promise<SnapshotDraft> {
    const plain = createReadStream(file, { signal });
    try {
      const { content, seal } = await sealContent(this.#sealing, plain);
      const sealed = seal === undefined ? {} : { sealed: seal };
      const what = { id, name: nameOf(seal), note: noteText({ taken, ...sealed }) };
      const { draft, sizeBytes } = await this.#shelf.put(what, content, signal);
      const put = { id, handle: draft, sizeBytes, ...sealed };
      return needs === undefined ? put : await this.#withNeeds(put, needs, signal);
    } finally {
      plain.destroy();
    }
  }

  async resume(
    { id, needs }: Parameters<SnapshotStore['resume']>[0],
    signal: AbortSignal,
  ): Promise<{ readonly draft: SnapshotDraft; readonly taken: TakenSnapshot } | undefined> {
    const resumed = await this.#shelf.resume?.(id, signal);
    const note = resumed === undefined ? undefined : parseNote(resumed.note);
    if (resumed === undefined || note === undefined) return undefined;
    const { taken, ...sealed } = note;
    const put = { id, handle: resumed.draft, sizeBytes: resumed.sizeBytes, ...sealed };
    return { taken, draft: needs === undefined ? put : await this.#withNeeds(put, needs, signal) };
  }

  /** N4. */
  async #withNeeds(
    draft: SnapshotDraft,
    needs: readonly RestoreNeed[],
    signal: AbortSignal,
  ): Promise<SnapshotDraft> {
    const needsCopied = draft.sealed !== undefined;
    if (needsCopied) {
      const copies = Readable.from([needsBundle(needs)]);
      const { content } = await sealContent(this.#sealing, copies);
      await this.#shelf.attach(placeOf(draft), needsName, content, signal);
    }
    return { ...draft, needs: needs.map(needReference), needsCopied };
  }

  /** Of a draft or of a record. */
  async open(
    from: SnapshotDraft | SnapshotRecord,
    wanted: SnapshotContent,
    signal: AbortSignal,
  ): Promise<PlainSnapshot> {
    const place = placeOf(from);
    const file = this.#shelf.fileOf?.(place);
    if (from.sealed === undefined && file !== undefined) {
      await compareFile(wanted, { id: from.id, file, signal });
      return { file, release: () => Promise.resolve() };
    }
    const content = await this.#shelf.open(place);
    const plain = await this.stage();
    try {
      const opened = await openContent(this.#sealing, from.sealed, content).catch(
        (error: unknown) => {
          throw withId(error, from.id);
        },
      );
      const found = await write(opened, plain.file, signal).catch((error: unknown) => {
        throw withId(sealError(error), from.id);
      });
      refuseDifference(wanted, found, `snapshot ${from.id}: ${this.#shelf.locationOf(place)}`);
      return plain;
    } catch (error) {
      await plain.release();
      throw error;
    } finally {
      content.destroy();
      await finished(content).catch(() => undefined);
    }
  }

  /** N4. */
  async needs(
    of: SnapshotDraft | SnapshotRecord,
    signal: AbortSignal,
  ): Promise<readonly RestoreNeed[] | undefined> {
    if (of.needsCopied !== true) return undefined;
    const content = await this.#shelf.open({ ...placeOf(of), name: needsName });
    try {
      const opened = await openContent(this.#sealing, of.sealed, content);
      return needsOf(await text(addAbortSignal(signal, opened)));
    } catch (error) {
      throw withId(sealError(error), of.id);
    } finally {
      content.destroy();
      await finished(content).catch(() => undefined);
    }
  }

  async commit(draft: SnapshotDraft, record: StoredRecord): Promise<SnapshotRecord> {
    const place = placeOf(draft);
    const { sealed, needs, needsCopied } = draft;
    const stored = {
      ...record,
      ...(sealed === undefined ? {} : { sealed }),
      ...(needs === undefined ? {} : { needs }),
      ...(needsCopied === undefined ? {} : { needsCopied }),
      ...(this.#shelf.keepsDrafts ? { handle: draft.handle } : {}),
    };
    const published = await this.#shelf.publish(place, recordText(stored));
    if (published === 'published') return this.#placed(stored);
    // An id is written once, and somebody else was faster: its snapshot is as good as ours.
    await this.#shelf.discard(place);
    const winner = await this.find(record.id);
    if (winner !== undefined) return winner;
    throw new PortError('conflict', `snapshot ${record.id} was removed while it was stored`);
  }

  async discard(draft: SnapshotDraft): Promise<void> {
    await this.#shelf.discard(placeOf(draft));
  }

  #placed(record: StoredRecord): SnapshotRecord {
    return { ...record, location: this.#shelf.locationOf(placeOf(record)) };
  }
}

function nameOf(seal: SnapshotRecord['sealed']): string {
  return seal === undefined ? plainName : sealedName;
}

function placeOf(from: SnapshotDraft): Required<ShelvedContent>;
function placeOf(from: SnapshotDraft | StoredRecord): ShelvedContent;
function placeOf(from: SnapshotDraft | StoredRecord): ShelvedContent {
  const place = { id: from.id, name: nameOf(from.sealed) };
  return from.handle === undefined ? place : { ...place, draft: from.handle };
}

function withId(error: unknown, id: SnapshotId): unknown {
  if (!(error instanceof PortError)) return error;
  return new PortError(error.code, `snapshot ${id}: ${error.message}`, { cause: error });
}

async function write(
  content: Readable,
  file: string,
  signal: AbortSignal,
): Promise<SnapshotContent> {
  const hash = createHash('sha256');
  const output = await open(file, 'wx', 0o600);
  try {
    const sizeBytes = await writeStream(output, content, signal, (chunk) => hash.update(chunk));
    return { sha256: hash.digest('hex'), sizeBytes };
  } finally {
    await output.close();
  }
}

async function compareFile(
  wanted: SnapshotContent,
  at: { readonly id: SnapshotId; readonly file: string; readonly signal: AbortSignal },
): Promise<void> {
  const { id, file, signal } = at;
  const subject = `snapshot ${id}: ${file}`;
  const { size } = await stat(file);
  // Its hash would not say more, and takes long.
  if (size !== wanted.sizeBytes) throw sizeDiffers(wanted, size, subject);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { signal })) hash.update(chunk as Buffer);
  refuseDifference(wanted, { sha256: hash.digest('hex'), sizeBytes: size }, subject);
}

function refuseDifference(wanted: SnapshotContent, found: SnapshotContent, subject: string): void {
  if (found.sizeBytes !== wanted.sizeBytes) throw sizeDiffers(wanted, found.sizeBytes, subject);
  if (found.sha256 === wanted.sha256) return;
  const message = `${subject} has sha256 ${found.sha256}, its record says ${wanted.sha256}`;
  throw new PortError('rejected', message);
}

function sizeDiffers({ sizeBytes }: SnapshotContent, found: number, subject: string): PortError {
  const message = `${subject} has ${found} bytes, its record says ${sizeBytes}`;
  return new PortError('rejected', message);
}
