// Snapshots outside of hops, as they are asked for; and how a snapshot is sealed.

import type { ClusterName, SnapshotId } from '../names';

/** Why there is a snapshot that is of no hop. */
export interface SnapshotOrder {
  readonly reason: string;
  /** By a schedule. `keep`: how many of these stay; absent: as many as of others. */
  readonly routine?: { readonly keep?: number };
}

export interface PruneInput {
  readonly cluster: ClusterName;
  /** Tells what would go, and removes nothing. */
  readonly dryRun: boolean;
}

export interface PruneResult {
  readonly location: string;
  /** Those that are gone; with `dryRun` those that would go. */
  readonly removed: readonly SnapshotId[];
  /** Those of the cluster that stay. */
  readonly stay: number;
}

/** How the content of a snapshot is sealed where it is stored. */
export interface SnapshotSeal {
  readonly by: 'age';
  /** Fingerprint of the key, never the key: `sha256:` and 16 hexadecimal digits. */
  readonly key: string;
}
