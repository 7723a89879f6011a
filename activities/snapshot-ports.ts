// What activities need in order to take, keep, verify and give back snapshots of etcd. What is said
// of the interfaces in ports.ts holds here as well.

import type { SnapshotNeed, SnapshotRecord } from '../domain/activity-contract';
import type { SnapshotSeal } from '../domain/snapshots/order';
import type { SnapshotId } from '../domain/names';
import type { ObjectGroup } from '../domain/rollback/key-diff';
import type { Tally } from '../domain/rollback/key-tally';
import type { DrillPhase, DrillReport } from '../domain/rollback/drill';
import type { ReportLimits } from '../domain/rollback/report-limits';
import type { ServeOutcome, UnservedReason } from '../domain/snapshots/served';
import type { KubeMinor, KubeVersion } from '../domain/versions';

export interface EtcdSnapshotFacts {
  /** etcd's own id of its cluster, hexadecimal; and the member that was asked. */
  readonly clusterId: string;
  readonly member: string;
  readonly etcdVersion: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly revision: number;
  readonly hashKv: string;
}

/** That an API server is to read the snapshot, too. */
export interface ServeOrder {
  /** Of the API servers when it was taken. */
  readonly version: KubeVersion;
  /** What is known of how its objects are read: arguments and encryption config. */
  readonly needs?: readonly RestoreNeed[];
  /** An encryption config belongs to it, of which no copy was kept. */
  readonly needsAreLost?: boolean;
}

/** Restores a snapshot file into a throw-away etcd and tells what is in it (R6). */
export interface SnapshotVerifier {
  /** Those whose snapshots an API server can read here. */
  readonly minors: readonly KubeMinor[];
  /** Release of the etcd that it restores into; undefined when that does not tell. */
  etcdVersion(signal: AbortSignal): Promise<KubeVersion | undefined>;
  /** `served` is told where there is an order. */
  verify(
    file: string,
    atRevision: number,
    signal: AbortSignal,
    order?: ServeOrder,
  ): Promise<{
    readonly hashKv: string;
    readonly keys: number;
    readonly seconds: number;
    readonly served?: ServeOutcome;
  }>;
}

/** Tries a restore beside the cluster, with as many members as it has. */
export interface SnapshotDriller {
  readonly location: string;
  members(signal: AbortSignal): Promise<number>;
  /** Of the disk that the members are restored to. */
  freeBytes(): Promise<number>;
  /** What keeps an API server from reading it; undefined when nothing does. */
  unserved(order: ServeOrder): UnservedReason | undefined;
  /** `onPhase` is told each phase as it begins. A PortError is about the phase told last. */
  drill(
    file: string,
    order: ServeOrder,
    onPhase: (phase: DrillPhase) => void,
    signal: AbortSignal,
  ): Promise<Drilled>;
}

export interface Drilled {
  readonly keys: number;
  readonly hashKv: string;
  readonly apiServer: DrillReport['apiServer'];
}

/** What was written to etcd since a snapshot: what a restore would undo. */
export interface SnapshotComparer {
  /**
   * Reads the keys of the snapshot, restored into a throw-away etcd, and those of the cluster side
   * by side. Ends early at a limit, and says which. `onKeys` is told how many were compared.
   */
  compare(
    file: string,
    limits: ReportLimits,
    onKeys: (keys: number) => void,
    signal: AbortSignal,
  ): Promise<KeyComparison>;
}

export interface KeyComparison {
  /** By resource, then by namespace. */
  readonly groups: readonly ObjectGroup[];
  readonly comparedKeys: number;
  /** Of the keys that were compared. */
  readonly tally: Tally;
  /** Absent when every key of both sides was seen. */
  readonly cutShortBy?: keyof ReportLimits;
}

/**
 * A snapshot in the clear on this machine's disk. It may lie in a private place that goes away with
 * `release`, and with this process: another fetch names another file of the same content.
 */
export interface PlainSnapshot {
  readonly file: string;
  /** To be called once the file is not needed any more; safe to repeat, and never throws. */
  release(): Promise<void>;
}

/** May be a private key: it goes nowhere but sealed into a store. */
export interface RestoreNeed extends Omit<SnapshotNeed, 'fingerprint'> {
  readonly content: Buffer;
}

/** What a snapshot is in the clear. */
export type SnapshotContent = Pick<SnapshotRecord, 'sha256' | 'sizeBytes'>;

/** Content that a store keeps and that no record names yet. */
export interface SnapshotDraft {
  readonly id: SnapshotId;
  /** Names it in the store. */
  readonly handle: string;
  /** As it lies there. */
  readonly sizeBytes: number;
  readonly sealed?: SnapshotSeal;
  readonly needs?: readonly SnapshotNeed[];
  readonly needsCopied?: boolean;
}

/** A snapshot as it was taken from its member; an interrupted `put` is continued with it. */
export interface TakenSnapshot extends EtcdSnapshotFacts {
  readonly takenAt: string;
}

/** What is not told is not known, or no place of its own. */
export interface StoreRoom {
  readonly freeBytes?: number;
  /** Where snapshots are made and verified, on this machine. */
  readonly scratch?: { readonly location: string; readonly freeBytes: number };
}

/** Keeps snapshots and their records. Writes are atomic; an id is written once. */
export interface SnapshotStore {
  readonly location: string;
  /** How many snapshots of the cluster are to stay; undefined: all. */
  readonly keep: number | undefined;
  /** Writes, reads back and removes a probe; tells how much room there is. */
  probe(signal: AbortSignal): Promise<StoreRoom>;
  /** Fingerprints of the keys that can open snapshots; empty where they stay in the clear. */
  keys(): Promise<readonly string[]>;
  find(id: SnapshotId): Promise<SnapshotRecord | undefined>;
  list(): Promise<readonly SnapshotRecord[]>;
  /** A private place on this machine for a file in the clear, which is not there yet. */
  stage(id: SnapshotId): Promise<PlainSnapshot>;
  /**
   * Seals the file and keeps it; nobody else sees it until `commit`. Copies of `needs` are kept
   * beside it only where they are sealed; else the draft tells them by reference.
   */
  put(
    staged: {
      readonly id: SnapshotId;
      readonly file: string;
      readonly taken: TakenSnapshot;
      readonly needs?: readonly RestoreNeed[];
    },
    signal: AbortSignal,
  ): Promise<SnapshotDraft>;
  /**
   * Goes on with a `put` of that id that was interrupted, also by the end of its process; undefined
   * where there is none that can be continued, so that the snapshot is to be taken anew.
   */
  resume(
    what: { readonly id: SnapshotId; readonly needs?: readonly RestoreNeed[] },
    signal: AbortSignal,
  ): Promise<{ readonly draft: SnapshotDraft; readonly taken: TakenSnapshot } | undefined>;
  /** What the store holds of the draft, in the clear; compared with `content` just now. */
  open(draft: SnapshotDraft, content: SnapshotContent, signal: AbortSignal): Promise<PlainSnapshot>;
  /** The first record of an id stays: whoever comes second is given that one. */
  commit(draft: SnapshotDraft, record: Omit<SnapshotRecord, 'location'>): Promise<SnapshotRecord>;
  discard(draft: SnapshotDraft): Promise<void>;
  /** The copies of what a restore needs; undefined where none were made. */
  needs(
    of: SnapshotDraft | SnapshotRecord,
    signal: AbortSignal,
  ): Promise<readonly RestoreNeed[] | undefined>;
  /** With everything beside it. One that is not there is removed. */
  remove(id: SnapshotId): Promise<void>;
  /** What the store holds, in the clear; compared with the record just now. */
  fetch(record: SnapshotRecord, signal: AbortSignal): Promise<PlainSnapshot>;
}
