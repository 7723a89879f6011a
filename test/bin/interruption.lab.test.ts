// Ctrl-C on real processes: however often and whenever it is pressed, nothing of the lab is left.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { killAll, processesOf, small, start } from './support/command';

jest.setTimeout(300_000);

const labUp = ['lab', 'up', '--name', 'small', ...small, '--workloads', 'none', '--temporal'];
const demo = ['demo', '--name', 'small', ...small, '--yes', '--report', 'report.json'];

describe('Ctrl-C', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'ascent-ctrl-c-'));
  });

  afterEach(() => {
    killAll(root);
    rmSync(root, { recursive: true, force: true });
  });

  it.each([
    ['pressed twice when lab up begins', labUp, /making lab/, [300]],
    ['pressed three times while etcd starts', labUp, /starting etcd/, [300, 1_000]],
    ['pressed twice while nodes become Ready', labUp, /nodes Ready/, [500]],
    ['pressed three times when the demo begins', demo, /making lab/, [300, 300]],
    ['pressed twice when the upgrade begins', demo, /hop-1\.29/, [300]],
    ['pressed four times in the upgrade', demo, /worker-0?1/, [500, 1_000, 3_000]],
  ] as const)('%s leaves nothing running', async (_, args, moment, pausesMs) => {
    const command = start(root, args);
    await command.until(moment);
    command.press('SIGINT');
    for (const ms of pausesMs) {
      // The fingers of a person, not a race that is waited out.
      await pause(ms);
      command.press('SIGINT');
    }
    const code = await command.code;

    expect(processesOf(root)).toEqual([]);
    expect(code).toBe(130);
    expect(command.said()).toContain('stopping: lab small is taken down first');
  });

  it.each([
    ['lab up', labUp],
    ['the demo', demo],
  ] as const)('pressed without end while %s begins ends with its code', async (_, args) => {
    const command = start(root, args);
    await command.until(/making lab/);
    // Up to the last moment of the process: a key that is kept down.
    const key = setInterval(() => command.press('SIGINT'), 5);
    const code = await command.code;
    clearInterval(key);

    expect(processesOf(root)).toEqual([]);
    expect(code).toBe(130);
  });

  it('is what a reader that goes away means', async () => {
    const command = start(root, labUp);
    await command.until(/making lab/);
    command.stopReading();
    const code = await command.code;

    expect(processesOf(root)).toEqual([]);
    expect(code).toBe(130);
  });
});
