// A disk that is full soon: a file system in memory, which only root can mount.

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface SmallDisk {
  readonly directory: string;
  /** Until nothing more fits; the returned function makes the room again. */
  fill(): () => void;
  /** Whatever lay there before is there again. Safe to repeat. */
  unmount(): void;
}

/** Undefined, and told, where this process may not mount. `size` as tmpfs takes it. */
export function mountSmall(directory: string, size = '64k'): SmallDisk | undefined {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'ascent-test', directory];
    execFileSync('mount', options, { stdio: 'ignore' });
  } catch {
    process.stderr.write('skipped: only root can mount a small file system\n');
    return undefined;
  }
  let isMounted = true;
  return {
    directory,
    fill() {
      const { bavail, bsize } = statfsSync(directory);
      const ballast = path.join(directory, 'ballast');
      writeFileSync(ballast, Buffer.alloc(bavail * bsize));
      return () => rmSync(ballast);
    },
    unmount() {
      if (!isMounted) return;
      // A process may still close its last file there.
      execFileSync('umount', ['--lazy', directory]);
      isMounted = false;
    },
  };
}
