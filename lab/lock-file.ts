// A lock between processes: a file that names its holder. What to do while somebody else holds it
// is decided by who asks: refuse (takeLock) or wait (toolchain/lock.ts).
// L1. A lock file appears with its content (link), so that nobody sees one without a holder.
// L2. A lock whose holder is gone is taken away by one process only: the one that holds the claim
//     to the lock of this very holder, and has then seen that it is still there. Without the claim
//     a slow process would take away the new lock of a quicker one.

import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';

import { errnoOf, LabError, type LabErrorCode } from './lab-error';
import { identify, isAlive } from './process-identity';
import type { ProcessIdentity } from './process-identity';
import { eventually } from './waiting';

interface Holder {
  readonly pid: number;
  /** Undefined where the system has no /proc to tell it. */
  readonly identity?: ProcessIdentity | undefined;
}

type Found = Holder | 'gone' | 'unreadable';

/** How long a lock of somebody who died may take to go away. */
const takeOverMs = 5_000;

/** `tried`: nobody living held it; try again. */
export type LockAttempt =
  | { readonly kind: 'mine' | 'tried' }
  | { readonly kind: 'held'; readonly pid: number };

/** Makes the lock at `file`, whose directory must exist, or takes a dead one out of the way. */
export async function tryLock(file: string): Promise<LockAttempt> {
  if (await create(file)) return { kind: 'mine' };
  const holder = await readHolder(file);
  if (isLiving(holder)) return { kind: 'held', pid: holder.pid };
  if (holder !== 'gone') await takeAway(file, holder);
  return { kind: 'tried' };
}

/** What to say when the lock is somebody else's. */
export interface LockRefusal {
  readonly code: LabErrorCode;
  readonly heldBy: (pid: number) => string;
  /** Somebody died and left the lock, and it cannot be taken away. */
  readonly leftBehind: string;
}

/** Makes the lock at `file`, or throws LabError; waits for nobody who lives. */
export async function takeLock(file: string, refusal: LockRefusal): Promise<void> {
  const isMine = await eventually(
    async () => {
      const attempt = await tryLock(file);
      if (attempt.kind !== 'held') return attempt.kind === 'mine';
      throw new LabError(refusal.code, refusal.heldBy(attempt.pid));
    },
    { timeoutMs: takeOverMs, everyMs: 10 },
  );
  if (!isMine) throw new LabError(refusal.code, refusal.leftBehind);
}

/** The living process that holds the lock; undefined when nobody does. */
export async function livingHolder(file: string): Promise<number | undefined> {
  const holder = await readHolder(file);
  return isLiving(holder) ? holder.pid : undefined;
}

/** L1. False when there is a lock already. */
async function create(file: string): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  const holder: Holder = { pid: process.pid, identity: identify(process.pid) };
  try {
    await writeFile(draft, JSON.stringify(holder), { mode: 0o600 });
    await link(draft, file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function isHolder(value: unknown): value is Holder {
  return (
    typeof value === 'object' && value !== null && 'pid' in value && typeof value.pid === 'number'
  );
}

async function readHolder(file: string): Promise<Found> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isHolder(value) ? value : 'unreadable';
  } catch {
    // Half a file: the machine went down before its content reached the disk.
    return 'unreadable';
  }
}

/** A process of another user counts as living. */
function isLiving(holder: Found): holder is Holder {
  if (typeof holder === 'string') return false;
  if (holder.identity !== undefined) return isAlive(holder.identity);
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

function nameOf(holder: Found): string {
  if (typeof holder === 'string') return holder;
  return `${holder.pid}-${holder.identity?.startTicks ?? 0}`;
}

/** L2. Does nothing when another process is about to. */
async function takeAway(file: string, stale: Holder | 'unreadable'): Promise<void> {
  const claim = `${file}.after-${nameOf(stale)}`;
  if (!(await create(claim))) {
    // It died between two file operations; the next attempt claims anew. Two processes that come
    // upon this at the same moment are the one race that is left.
    if (!isLiving(await readHolder(claim))) await rm(claim, { force: true });
    return;
  }
  try {
    if (nameOf(await readHolder(file)) === nameOf(stale)) await rm(file, { force: true });
  } finally {
    await rm(claim, { force: true });
  }
}
