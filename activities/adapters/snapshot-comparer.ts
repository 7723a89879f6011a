// The SnapshotComparer port: a throw-away etcd with the snapshot beside the etcd of the cluster,
// both read page by page, by key and revision alone. No value is read, so no Secret.

import { KeyDiff, type KeyAt } from '../../domain/rollback/key-diff';
import { KeyTally } from '../../domain/rollback/key-tally';
import type { ReportLimits } from '../../domain/rollback/report-limits';
import type { KeyComparison, SnapshotComparer } from '../snapshot-ports';
import { type EtcdReach, withHealthyMember } from './etcd-api';
import type { EtcdClient } from './etcd-client';
import { type SnapshotVerifierOptions, withScratchEtcd } from './etcd-snapshot-verifier';

export interface SnapshotComparerOptions extends SnapshotVerifierOptions, EtcdReach {}

/** Methods throw PortError, or the signal's reason. */
export function createSnapshotComparer(options: SnapshotComparerOptions): SnapshotComparer {
  return {
    compare: (file, limits, onKeys, signal) =>
      withScratchEtcd({ options, file, signal }, (before) =>
        withHealthyMember(options, signal, (now) =>
          compareKeys({ before, now, limits, onKeys, signal }),
        ),
      ),
  };
}

async function compareKeys({
  before,
  now,
  limits,
  onKeys,
  signal,
}: {
  readonly before: EtcdClient;
  readonly now: EtcdClient;
  readonly limits: ReportLimits;
  readonly onKeys: (keys: number) => void;
  readonly signal: AbortSignal;
}): Promise<KeyComparison> {
  const diff = new KeyDiff();
  const tally = new KeyTally();
  const untilMs = performance.now() + limits.seconds * 1_000;
  const sides = {
    before: new Side(before.keys(0, signal), () => undefined),
    now: new Side(now.keys(0, signal), onKeys),
  };
  let cutShortBy: keyof ReportLimits | undefined;
  try {
    for (;;) {
      const [before, now] = [await sides.before.head(), await sides.now.head()];
      const next = diff.take(before, now);
      if (next === 'end') break;
      tellTally(tally, next, { before, now });
      if (next !== 'now') sides.before.move();
      if (next !== 'before') sides.now.move();
      if (sides.now.taken > limits.keys) cutShortBy = 'keys';
      else if (performance.now() >= untilMs) cutShortBy = 'seconds';
      if (cutShortBy !== undefined) break;
    }
  } finally {
    await Promise.all([sides.before.close(), sides.now.close()]);
  }
  const comparedKeys = sides.now.taken;
  const tallied = tally.result();
  return {
    groups: diff.result(),
    comparedKeys,
    tally: tallied,
    ...(cutShortBy && { cutShortBy }),
  };
}

/** One key, told with the side that it is on. */
function tellTally(
  tally: KeyTally,
  next: 'before' | 'now' | 'both',
  heads: { readonly before: KeyAt | undefined; readonly now: KeyAt | undefined },
): void {
  const at = next === 'now' ? heads.now : heads.before;
  if (at === undefined) return;
  tally.take(at.key, next === 'both' ? 'both' : next === 'now' ? 'cluster' : 'snapshot');
}

/** One page of keys at a time. */
class Side {
  taken = 0;
  readonly #pages: AsyncIterator<readonly KeyAt[]>;
  readonly #onKeys: (keys: number) => void;
  #page: readonly KeyAt[] = [];
  #at = 0;
  #isEnd = false;

  constructor(pages: AsyncIterable<readonly KeyAt[]>, onKeys: (keys: number) => void) {
    this.#pages = pages[Symbol.asyncIterator]();
    this.#onKeys = onKeys;
  }

  /** Undefined at the end. */
  async head(): Promise<KeyAt | undefined> {
    while (this.#at >= this.#page.length && !this.#isEnd) {
      const next = await this.#pages.next();
      this.#isEnd = next.done === true;
      this.#page = next.done === true ? [] : next.value;
      this.#at = 0;
      this.#onKeys(this.taken);
    }
    return this.#page[this.#at];
  }

  move(): void {
    this.#at += 1;
    this.taken += 1;
  }

  async close(): Promise<void> {
    await this.#pages.return?.();
  }
}
