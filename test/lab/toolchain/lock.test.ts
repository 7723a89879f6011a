import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { identify } from '../../../lab/process-identity';
import { withLock } from '../../../lab/toolchain/lock';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'ascent-lock-'));
  file = path.join(directory, 'release.lock');
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const never = (pid: number): void => {
  throw new Error(`waited for ${pid}`);
};

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'exit');
  return child.pid ?? 0;
}

it('a lock names its holder while the work goes on, and is gone afterwards', async () => {
  const text = await withLock(file, { onWait: never }, () => readFile(file, 'utf8'));
  expect(JSON.parse(text)).toMatchObject({ pid: process.pid });
  await expect(readdir(directory)).resolves.toEqual([]);
});

it('a lock is gone after work that failed', async () => {
  const failing = withLock(file, { onWait: never }, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(existsSync(file)).toBe(false);
});

it('a second one waits for the first, and says for whom', async () => {
  const order: string[] = [];
  let onWait: (pid: number) => void = never;
  const waited = new Promise<number>((resolve) => {
    onWait = resolve;
  });
  let first: Promise<void> = Promise.resolve();
  // Both would race for a free lock: the second asks when the first holds it.
  await new Promise<void>((resolve) => {
    first = withLock(file, { onWait: never }, async () => {
      order.push('first begins');
      resolve();
      await waited;
      order.push('first ends');
    });
  });
  const second = withLock(file, { onWait }, () => Promise.resolve(order.push('second')));
  await Promise.all([first, second]);
  expect(order).toEqual(['first begins', 'first ends', 'second']);
  await expect(waited).resolves.toBe(process.pid);
});

it('a lock of a process that has ended is taken over', async () => {
  await writeFile(file, JSON.stringify({ pid: await deadPid() }));
  await expect(withLock(file, { onWait: never }, () => Promise.resolve('mine'))).resolves.toBe(
    'mine',
  );
  await expect(readdir(directory)).resolves.toEqual([]);
});

it('a lock of a process whose id belongs to another one by now is taken over', async () => {
  const identity = { ...identify(process.pid), startTicks: 1 };
  await writeFile(file, JSON.stringify({ pid: process.pid, identity }));
  await expect(withLock(file, { onWait: never }, () => Promise.resolve('mine'))).resolves.toBe(
    'mine',
  );
});

it('a lock from before the machine went down, half written, is taken over', async () => {
  await writeFile(file, '{"pid":');
  await expect(withLock(file, { onWait: never }, () => Promise.resolve('mine'))).resolves.toBe(
    'mine',
  );
});

it('waiting ends when nobody wants the lock any more', async () => {
  const interrupt = new AbortController();
  const onWait = (): void => {
    interrupt.abort(new Error('interrupted'));
  };
  await withLock(file, { onWait: never }, async () => {
    const options = { onWait, signal: interrupt.signal };
    const second = withLock(file, options, () => Promise.resolve('mine'));
    await expect(second).rejects.toThrow('interrupted');
  });
});
