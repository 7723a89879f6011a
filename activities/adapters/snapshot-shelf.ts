// What differs between kinds of snapshot stores: where content and records lie. A shelf knows
// nothing of what it keeps; snapshot-store.ts seals it, opens it and reads the records.
// F1. Content is put first and seen by nobody; publishing its record is one step, and happens once.
// F2. An id is one path component that can neither climb nor hide.

import type { Readable } from 'node:stream';

import type { SnapshotId } from '../../domain/names';
import { PortError } from '../ports';

export interface ShelvedContent {
  readonly id: SnapshotId;
  /** Name of the content, within its snapshot. */
  readonly name: string;
  /** As `put` has named it; absent once its record is published, unless the shelf keeps it. */
  readonly draft?: string;
}

export interface PutContent {
  readonly id: SnapshotId;
  readonly name: string;
  /** What whoever continues is given back; no secret. */
  readonly note: string;
}

/** Content whose putting was interrupted, and which is whole now. */
export interface ResumedContent {
  readonly draft: string;
  readonly sizeBytes: number;
  readonly note: string;
}

/** Methods throw PortError, what the file system or a client throws, or the signal's reason. */
export interface SnapshotShelf {
  /** For people: a path or URL without credentials. */
  readonly location: string;
  /** Whether published content is still named by its draft. */
  readonly keepsDrafts: boolean;
  locationOf(content: ShelvedContent): string;
  /** Writes, reads back and removes a probe; what is not told is not known. */
  probe(signal: AbortSignal): Promise<{ readonly freeBytes?: number }>;
  /** Of every published record, in no order. */
  ids(): Promise<readonly SnapshotId[]>;
  /** The text of a published record. */
  record(id: SnapshotId): Promise<string | undefined>;
  /** Removes drafts that nobody will publish any more, then keeps `content` as a new one. */
  put(
    what: PutContent,
    content: Readable,
    signal: AbortSignal,
  ): Promise<{ readonly draft: string; readonly sizeBytes: number }>;
  /** Goes on where a `put` of that id was interrupted; undefined where there is none. */
  resume?(id: SnapshotId, signal: AbortSignal): Promise<ResumedContent | undefined>;
  /** Keeps something small beside the content of a draft. */
  attach(
    content: Required<ShelvedContent>,
    name: string,
    attachment: Readable,
    signal: AbortSignal,
  ): Promise<void>;
  /** PortError `not-found` when it is not there. */
  open(content: ShelvedContent): Promise<Readable>;
  /** Its path, where it is a file of this machine. */
  fileOf?(content: ShelvedContent): string;
  /** `occupied`: a record of that id is published already, and stays as it is. */
  publish(content: Required<ShelvedContent>, record: string): Promise<'published' | 'occupied'>;
  discard(content: Required<ShelvedContent>): Promise<void>;
  /** Record first: what is half removed is not found any more. */
  remove(id: SnapshotId): Promise<void>;
}

/** F2. Throws PortError `rejected`. */
export function assertUsableId(id: SnapshotId): void {
  if (idPattern.test(id)) return;
  throw new PortError('rejected', `snapshot id ${JSON.stringify(id)} is not usable as a name`);
}

export const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}$/;
