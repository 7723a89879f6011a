import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import {
  endRecordedProcesses,
  identify,
  isAlive,
  recordedProcess,
  recordProcess,
  signalProcess,
} from '../../lab/process-identity';
import type { ProcessIdentity } from '../../lab/process-identity';

describe('a recorded process', () => {
  let directory: string;
  let child: ChildProcess;
  let identity: ProcessIdentity;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ascent-processes-'));
    child = spawn('sleep', ['60'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const found = identify(child.pid ?? 0);
    if (found === undefined) throw new Error('sleep ended at once');
    identity = found;
  });

  afterEach(async () => {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  it('is found again and ended, and then forgotten', async () => {
    await recordProcess(directory, 'sleeper', identity);
    expect(await recordedProcess(directory, 'sleeper')).toEqual(identity);

    expect(await endRecordedProcesses(directory)).toEqual([]);

    expect(isAlive(identity)).toBe(false);
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    { what: 'started at another time', change: { startTicks: 1 } },
    { what: 'ran before the machine was started again', change: { bootId: 'another' } },
  ])('is not confused with one of the same pid that $what (P1)', async ({ change }) => {
    const other = { ...identity, ...change };
    await recordProcess(directory, 'sleeper', other);

    expect([isAlive(other), signalProcess(other, 'SIGKILL')]).toEqual([false, false]);
    await endRecordedProcesses(directory);

    expect(isAlive(identity)).toBe(true);
  });

  it('whose record was cut short is nobody', async () => {
    await writeFile(path.join(directory, 'sleeper.json'), '{"pid": 1');
    expect(await recordedProcess(directory, 'sleeper')).toBeUndefined();
  });
});
