// Runs work under a lock between processes (lock-file.ts), waiting for whoever holds it.
// The lock saves work, it does not keep results whole: that is cache.ts (K1).

import { rmSync } from 'node:fs';

import { tryLock } from '../lock-file';
import { sleep } from '../waiting';

export interface LockOptions {
  /** Told once for each holder that is waited for. */
  readonly onWait: (pid: number) => void;
  readonly signal?: AbortSignal;
}

const pollMs = 200;
const retryMs = 5;

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
  for (;;) {
    const attempt = await tryLock(file);
    if (attempt.kind === 'mine') break;
    if (attempt.kind === 'held' && told !== attempt.pid) {
      told = attempt.pid;
      options.onWait(attempt.pid);
    }
    await sleep(attempt.kind === 'held' ? pollMs : retryMs, options.signal);
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
