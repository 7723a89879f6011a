// How much room a snapshot takes until it is verified, and where.

/**
 * As a multiple of the database: the snapshot as it is stored, what it is opened into, and what
 * that is restored into.
 */
const whereVerified = 3;

export interface SnapshotRooms {
  readonly location: string;
  /** Undefined where the store does not tell. */
  readonly freeBytes: number | undefined;
  /** Where it is made and verified; undefined: in the store. */
  readonly scratch: { readonly location: string; readonly freeBytes: number } | undefined;
}

export interface NeededRoom {
  readonly location: string;
  readonly freeBytes: number;
  readonly neededBytes: number;
}

/** Each place that tells its room. `databaseBytes`: that of the largest member of etcd. */
export function roomsFor(databaseBytes: number, rooms: SnapshotRooms): readonly NeededRoom[] {
  const { location, freeBytes, scratch } = rooms;
  const inStore = databaseBytes * (scratch === undefined ? whereVerified : 1);
  return [
    ...(freeBytes === undefined ? [] : [{ location, freeBytes, neededBytes: inStore }]),
    ...(scratch === undefined ? [] : [{ ...scratch, neededBytes: databaseBytes * whereVerified }]),
  ];
}
