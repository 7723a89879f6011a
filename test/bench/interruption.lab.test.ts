// A signal to a benchmark that runs: its lab goes with it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { killAll, processesOf, start } from '../bin/support/command';

jest.setTimeout(300_000);

describe('a benchmark', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'ascent-bench-'));
  });

  afterEach(() => {
    killAll(root);
    rmSync(root, { recursive: true, force: true });
  });

  it('takes its lab down when its terminal is closed', async () => {
    const benchmark = start(root, ['drain', '--runs', '1'], 'bench');
    await benchmark.until(/30 pods/);
    benchmark.press('SIGHUP');
    const code = await benchmark.code;

    expect(processesOf(root)).toEqual([]);
    expect(code).toBe(143);
    expect(benchmark.said()).toContain('stopping: lab bench-drain is taken down first');
  });
});
