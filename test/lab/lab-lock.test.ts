import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { lockLab } from '../../lab/lab-lock';
import { identify } from '../../lab/process-identity';

describe('the lock of a lab', () => {
  let directory: string;
  let file: string;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ascent-lock-'));
    file = path.join(directory, 'up.lock');
  });

  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const busy = (pid: number) => ({
    code: 'lab-busy',
    message: `another command (pid ${pid}) is bringing this lab up or down`,
  });
  const dead = { pid: process.pid, identity: { ...identify(process.pid), startTicks: 1 } };

  it('names its holder, and leaves nothing when it is released', async () => {
    const release = await lockLab(file);

    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      pid: process.pid,
      identity: identify(process.pid),
    });
    await release();
    await release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is refused while a living process holds it, and had when that has ended', async () => {
    const holder = spawn('sleep', ['60'], { stdio: 'ignore' });
    const pid = holder.pid ?? 0;
    await writeFile(file, JSON.stringify({ pid, identity: identify(pid) }));

    await expect(lockLab(file)).rejects.toMatchObject(busy(pid));
    const ended = once(holder, 'exit');
    holder.kill('SIGKILL');
    await ended;
    await (
      await lockLab(file)
    )();
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    ['another process with the same pid', JSON.stringify(dead)],
    ['nobody: it is half written', '{"pid":1'],
    ['nobody: it is no lock', '[]'],
  ])('is taken over from %s', async (_, content) => {
    await writeFile(file, content);
    const release = await lockLab(file);

    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: process.pid });
    await release();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is taken over by one of many, also when one of them died on it', async () => {
    await writeFile(file, JSON.stringify(dead));
    await writeFile(`${file}.after-${process.pid}-1`, JSON.stringify(dead));
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => lockLab(file)));

    const refused = attempts.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(refused).toHaveLength(19);
    for (const reason of refused) expect(reason).toMatchObject(busy(process.pid));
    expect(await readdir(directory)).toEqual(['up.lock']);
  });

  it('is not to be had in a directory that is missing', async () => {
    await expect(lockLab(path.join(directory, 'none', 'up.lock'))).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});
