// Two demos of one name: the second one must not take the first one's lab away.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { killAll, processesOf, small, start } from '../support/command';

jest.setTimeout(300_000);

const demo = ['demo', '--name', 'small', ...small, '--yes', '--report', 'report.json'];

describe('a second demo', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'ascent-second-'));
  });

  afterEach(() => {
    killAll(root);
    rmSync(root, { recursive: true, force: true });
  });

  it('is refused while the first one runs, and has its place when that was killed', async () => {
    const first = start(root, demo);
    await first.until(/starting etcd/);
    const running = processesOf(root).filter((line) => line.includes('supervisor'));
    expect(running).toHaveLength(1);

    const second = start(root, demo);
    expect(await second.code).toBe(1);
    expect(second.said()).toContain(`belongs to a demo that runs: process ${first.pid}`);
    expect(second.said()).toContain('--name other');
    expect(processesOf(root)).toEqual(expect.arrayContaining([...running]));

    // What it started stays: it had no chance to take it down.
    process.kill(first.pid, 'SIGKILL');
    await first.code;
    expect(processesOf(root)).not.toEqual([]);
    const third = start(root, demo);
    await third.until(/ending the demo that was left in .*small/);
    await third.until(/making lab/);
    third.press('SIGINT');
    expect(await third.code).toBe(130);
    expect(processesOf(root)).toEqual([]);
  });
});
