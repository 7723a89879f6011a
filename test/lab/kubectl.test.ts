import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { findKubectl } from '../../lab/kubectl';

describe('the kubectl to look at a lab with', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-kubectl-'));
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  async function place(folder: string, version: string): Promise<string> {
    const file = path.join(root, folder, 'kubectl');
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\necho 'Client Version: v${version}'\n`);
    await chmod(file, 0o755);
    return file;
  }

  const find = () =>
    findKubectl({
      PATH: path.join(root, 'path'),
      ASCENT_CACHE_DIR: path.join(root, 'cache'),
    });

  it('is the one on the PATH, of whatever version', async () => {
    await place('path', '1.33.0');
    await place('cache/bin/kubectl/1.29.15', '1.29.15');
    expect(await find()).toBe('kubectl');
  });

  it('is the one that is installed, in the middle of the releases', async () => {
    await place('cache/bin/kubectl/1.28.15', '1.28.15');
    expect(await find()).toBe(path.join(root, 'cache/bin/kubectl/1.28.15/kubectl'));
    const middle = await place('cache/bin/kubectl/1.29.15', '1.29.15');
    expect(await find()).toBe(middle);
  });

  it('is none where there is none: nothing is fetched for it', async () => {
    expect(await find()).toBeUndefined();
  });
});
