// A lock between processes, kept as a file that names its holder. Plain JavaScript without
// dependencies, because it runs before any is installed (and so on Node 20).
//
// L1. At most one living process holds a lock.
// L2. A lock whose holder is gone is taken over; the taking over is itself atomic (rename).
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Whether a process with this id lives; a process of another user counts as living. */
function lives(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Tries once to create the lock file. A link appears with its content, or fails if one is there.
 */
function create(path) {
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, `${process.pid}`);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The process named by the lock file, or undefined when the file is gone by now. */
function holderOf(path) {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Moves a dead holder's file away; of several processes that try, rename lets one win (L2). */
function removeStale(path, pid) {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  // Between reading and renaming another process may have taken over: then give its lock back.
  const moved = holderOf(aside);
  if (moved !== pid && moved !== undefined && lives(moved)) renameSync(aside, path);
  else rmSync(aside, { force: true });
}

/**
 * Runs `work` while holding the lock at `path`. Waits for another holder without limit, because an
 * installation has none either; says once, through `say`, whom it waits for.
 */
export async function withLock(path, say, work) {
  let told = false;
  while (!create(path)) {
    const holder = holderOf(path);
    if (holder !== undefined && !lives(holder)) {
      removeStale(path, holder);
      continue;
    }
    if (!told && holder !== undefined) {
      say(`waiting for process ${holder}, which prepares this checkout`);
      told = true;
    }
    await delay(200);
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}
