// Whether a snapshot that was restored into a scratch etcd is what it was when it was taken (R6).

export interface SnapshotExpectation {
  readonly revision: number;
  /** HashKV at that revision: of the member it was taken from, or as its record tells it. */
  readonly hashKv: string;
  /** Absent when it was not counted before. */
  readonly keys?: number;
}

/** Why it cannot be relied on; undefined when it can. */
export function snapshotDifference(
  expected: SnapshotExpectation,
  restored: { readonly hashKv: string; readonly keys: number },
): string | undefined {
  if (restored.keys === 0) return 'it holds no key';
  if (restored.hashKv !== expected.hashKv) {
    return (
      `restored, it has hash ${restored.hashKv} at revision ${expected.revision},` +
      ` the member it was taken from has ${expected.hashKv}`
    );
  }
  if (expected.keys === undefined || restored.keys === expected.keys) return undefined;
  return `restored, it has ${restored.keys} keys, its record says ${expected.keys}`;
}
