// How far a restore came: one file per restore id, so that a supervisor that dies in the middle
// goes on from there, and a repeated order is recognised.

import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';

import { readJson, writeJsonAtomic } from '../atomic-file';

export const restorePhases = [
  'stopping-control-plane',
  'stopping-etcd',
  'restoring-data',
  'starting-etcd',
  'starting-api-servers',
  'starting-controllers',
  'done',
] as const;

export type RestorePhase = (typeof restorePhases)[number];

/** A member that the restore went on without, and why. */
export interface LostEtcd {
  readonly member: string;
  readonly problem: string;
}

export interface RestoreJournal {
  readonly schema: 'ascent.lab-restore/v1';
  readonly restoreId: string;
  /** The restore's own copy: whoever gave the order may have removed the other meanwhile. */
  readonly snapshotFile: string;
  /** Read from the file itself. */
  readonly snapshotRevision: number;
  readonly version: string;
  /** Of etcd, which took the snapshot; absent: what runs. */
  readonly etcdVersion?: string;
  readonly startedAt: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly phase: RestorePhase;
  /** Of the new etcd cluster. */
  readonly token: string;
  /** Highest revision that was seen before anything was stopped; undefined when none answered. */
  readonly seenRevision?: number;
  /** The restored etcd goes on after this one; chosen once, when nobody can write any more. */
  readonly targetRevision?: number;
  /** Members whose data directory is the restored one. */
  readonly restored: readonly string[];
  /** Absent when none was lost. */
  readonly lost?: readonly LostEtcd[];
  readonly problem?: string;
}

export type RestoreOrder = Pick<
  RestoreJournal,
  'restoreId' | 'snapshotFile' | 'snapshotRevision' | 'version' | 'etcdVersion'
>;

export function newJournal(order: RestoreOrder, nowMs: number): RestoreJournal {
  const startedAt = new Date(nowMs).toISOString();
  return {
    schema: 'ascent.lab-restore/v1',
    ...order,
    startedAt,
    state: 'running',
    phase: 'stopping-control-plane',
    token: `restore-${order.restoreId}-${startedAt}`,
    restored: [],
  };
}

/** Names of files may hold no separators; ids are ours and have none, but who knows. */
function fileOf(directory: string, restoreId: string): string {
  return path.join(directory, `${encodeURIComponent(restoreId)}.json`);
}

export async function readJournal(
  directory: string,
  restoreId: string,
): Promise<RestoreJournal | undefined> {
  return (await readJson(fileOf(directory, restoreId))) as RestoreJournal | undefined;
}

/** Where a restore keeps its own copy of the snapshot until it is done. */
export function snapshotCopy(directory: string, restoreId: string): string {
  return path.join(directory, `${encodeURIComponent(restoreId)}.db`);
}

export async function writeJournal(directory: string, journal: RestoreJournal): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeJsonAtomic(fileOf(directory, journal.restoreId), journal);
}

/** All journals, the latest last. */
export async function listJournals(directory: string): Promise<readonly RestoreJournal[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = (await readdir(directory)).filter((file) => file.endsWith('.json'));
  const journals = await Promise.all(
    files.map(async (file) => (await readJson(path.join(directory, file))) as RestoreJournal),
  );
  return journals.toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
}

/** Room above every revision that was seen: writes that were under way when it was read. */
const knownMargin = 1_000_000;
/** Room when etcd could not be asked any more. */
const unknownMargin = 1_000_000_000;

/**
 * The revision that a restored etcd starts above. It must be higher than any revision that was
 * ever served, in this restore and in those before it: watchers that know a higher one would wait
 * in silence (etcd.io/docs/v3.5/op-guide/recovery, "Restoring with revision bump"). A constant bump
 * fails from the second restore on.
 */
export function targetRevision(known: {
  readonly snapshotRevision: number;
  readonly highestRevision: number;
  readonly seen: number | undefined;
}): number {
  const floor = Math.max(known.snapshotRevision, known.highestRevision, known.seen ?? 0);
  return floor + (known.seen === undefined ? unknownMargin : knownMargin);
}
