// A lock between processes: a file that names its holder.
// L1. A lock file appears with its content (link), so that nobody sees one without a holder.
// L2. A lock whose holder is gone is taken over.
// L3. The lock saves work, it does not keep results whole: that is cache.ts (K1). So a race between
//     two processes that take over the same lock costs at most a second build.

import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';

import { errnoOf } from '../lab-error';
import { identify, isAlive } from '../process-identity';
import type { ProcessIdentity } from '../process-identity';
import { sleep } from '../waiting';

interface Holder {
  readonly pid: number;
  /** Undefined where the system has no /proc to tell it. */
  readonly identity: ProcessIdentity | undefined;
}

export interface LockOptions {
  /** Told once for each holder that is waited for. */
  readonly onWait: (pid: number) => void;
  readonly signal?: AbortSignal;
}

const pollMs = 200;

/**
 * Runs `work` while holding the lock at `file`, whose directory must exist. Waits for a living
 * holder without limit, because what it does has none either.
 */
export async function withLock<T>(
  file: string,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  let told: number | undefined;
  while (!(await create(file))) {
    const holder = await readHolder(file);
    if (holder === 'gone') continue;
    if (holder === 'unreadable' || !lives(holder)) {
      await takeAway(file, holder);
      continue;
    }
    if (told !== holder.pid) {
      told = holder.pid;
      options.onWait(holder.pid);
    }
    await sleep(pollMs, options.signal);
  }
  const release = (): void => {
    rmSync(file, { force: true });
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/** L1. False when there is a lock already. */
async function create(file: string): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  const holder: Holder = { pid: process.pid, identity: identify(process.pid) };
  await writeFile(draft, JSON.stringify(holder));
  try {
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

async function readHolder(file: string): Promise<Holder | 'gone' | 'unreadable'> {
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
function lives({ pid, identity }: Holder): boolean {
  if (identity !== undefined) return isAlive(identity);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

/** L2. Of several processes that try, rename lets one win; a lock taken meanwhile is given back. */
async function takeAway(file: string, stale: Holder | 'unreadable'): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readHolder(aside);
  const isStale =
    typeof moved === 'string' ||
    (stale !== 'unreadable' && moved.pid === stale.pid) ||
    !lives(moved);
  if (!isStale) await link(aside, file).catch(() => undefined);
  await rm(aside, { force: true });
}
