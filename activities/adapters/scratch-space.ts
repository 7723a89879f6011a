// Directories and processes that must be gone afterwards, even when this process is killed: what
// is restored here holds Secrets.
// X1. A small shell guards them. It waits for the end of its standard input, which comes when we
//     close it or when we die, then kills what is left and removes the directories.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { fsError } from './durable-files';

export interface ScratchSpace {
  /** Short enough for Unix sockets; mode 0700. */
  readonly runDirectory: string;
  /** Where the bytes go; mode 0700. */
  readonly dataDirectory: string;
  /** The guard kills this process if we cannot. */
  adopt(pid: number): Promise<void>;
  /** The process has ended: its id may belong to somebody else from now on. */
  release(pid: number): Promise<void>;
  /** Kills what was adopted and removes everything; returns when it is gone. */
  remove(): Promise<void>;
}

// Removing is repeated: a process that was just killed may still create a file.
const guardScript = `
cat >/dev/null
for file in "$1"/pid-*; do
  [ -e "$file" ] && kill -KILL "\${file##*/pid-}" 2>/dev/null
done
tries=0
while [ -e "$1" ] || [ -e "$2" ]; do
  rm -rf "$1" "$2" 2>/dev/null
  tries=$((tries + 1))
  [ "$tries" -ge 100 ] && break
  [ -e "$1" ] || [ -e "$2" ] && sleep 0.1
done
`;

/**
 * `runParent`: usually the system's temporary directory; `dataParent`: where there is room. Both
 * must exist or be creatable. Throws PortError when they cannot be used.
 */
export async function openScratchSpace(
  runParent: string,
  dataParent: string,
): Promise<ScratchSpace> {
  const [runDirectory, dataDirectory] = await Promise.all([
    makeDirectory(runParent, 'ascent-verify-'),
    makeDirectory(dataParent, '.ascent-verify-'),
  ]);
  const guard = spawn('/bin/sh', ['-c', guardScript, 'sh', runDirectory, dataDirectory], {
    cwd: '/',
    // A session of its own: a Ctrl-C in the terminal must not end the guard first.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Removing falls back on us; a guard that could not be started must not end the process.
  guard.on('error', () => undefined);
  guard.stdin?.on('error', () => undefined);
  const pidFile = (pid: number): string => path.join(runDirectory, `pid-${pid}`);
  return {
    runDirectory,
    dataDirectory,
    adopt: (pid) => writeFile(pidFile(pid), ''),
    release: (pid) => rm(pidFile(pid), { force: true }),
    remove: () => endGuard(guard, [runDirectory, dataDirectory]),
  };
}

async function makeDirectory(parent: string, prefix: string): Promise<string> {
  try {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    const directory = await mkdtemp(path.join(parent, prefix));
    await chmod(directory, 0o700);
    return directory;
  } catch (error) {
    throw fsError(error, `creating a scratch directory in ${parent}`);
  }
}

async function endGuard(guard: ChildProcess, directories: readonly string[]): Promise<void> {
  if (guard.exitCode === null && guard.signalCode === null && guard.pid !== undefined) {
    const ended = once(guard, 'exit');
    guard.stdin?.end();
    await ended;
  }
  // Without the guard (somebody killed it) it is up to us.
  await Promise.all(directories.map((item) => rm(item, { recursive: true, force: true })));
}
