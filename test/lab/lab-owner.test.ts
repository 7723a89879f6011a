import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { labDown } from '../../lab/lab';
import { designLab, writeLabFile } from '../../lab/lab-file';
import { ownLab } from '../../lab/lab-owner';
import { labLayout } from '../../lab/layout';
import { identify } from '../../lab/process-identity';

const shape = {
  name: 'side',
  version: '1.28.15',
  members: 1,
  nodes: 2,
  zones: 1,
  workloads: 'none',
  pods: 0,
} as const;

describe('the owner of a lab', () => {
  let root: string;
  let stateDir: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-owner-'));
    stateDir = path.join(root, 'lab');
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  it('leaves nothing when it lets go, and may let go twice', async () => {
    const letGo = await ownLab(stateDir);
    expect(await readdir(stateDir)).toEqual(['owner.lock']);
    await letGo();
    await letGo();
    expect(await readdir(root)).toEqual([]);
  });

  it('keeps everybody else away while it lives, and nobody when it has ended', async () => {
    const owner = spawn('sleep', ['60'], { stdio: 'ignore' });
    const pid = owner.pid ?? 0;
    await mkdir(stateDir);
    const { ownerFile } = labLayout(stateDir);
    await writeFile(ownerFile, JSON.stringify({ pid, identity: identify(pid) }));

    await expect(ownLab(stateDir)).rejects.toMatchObject({
      code: 'lab-owned',
      message: `the lab in ${stateDir} belongs to a demo that runs: process ${pid}`,
    });
    const ended = once(owner, 'exit');
    owner.kill('SIGKILL');
    await ended;
    const letGo = await ownLab(stateDir);
    await letGo();
    expect(await readdir(root)).toEqual([]);
  });

  it('still owns the directory when its lab was taken down', async () => {
    const letGo = await ownLab(stateDir);
    await writeLabFile(labLayout(stateDir).labFile, await designLab(shape, 0, new Set()));
    await labDown({ stateDir });
    expect(await readdir(stateDir)).toEqual(['owner.lock']);
    await expect(ownLab(stateDir)).rejects.toMatchObject({ code: 'lab-owned' });
    await letGo();
    expect(await readdir(root)).toEqual([]);
  });
});
