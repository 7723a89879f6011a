import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { labLayout } from '../../lab/layout';
import { makeStateDirectory, requireNothingForeign } from '../../lab/state-directory';

describe('the directory of a lab', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'ascent-state-'));
    await writeFile(path.join(root, 'file'), '');
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  it('is made with its parents, for its owner only, and may be there already', async () => {
    const directory = path.join(root, 'a', 'b', 'c');
    await Promise.all([makeStateDirectory(directory), makeStateDirectory(directory)]);
    await makeStateDirectory(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  it('is refused when the end of a lab would remove what is in it', async () => {
    const layout = labLayout(path.join(root, 'project'));
    await makeStateDirectory(layout.config);
    await makeStateDirectory(layout.logs);
    await writeFile(path.join(layout.stateDir, 'package.json'), '{}');
    await expect(requireNothingForeign(layout)).rejects.toMatchObject({
      code: 'state-directory-unusable',
      message:
        `${layout.stateDir} holds what is not of a lab, and would be removed with one: ` +
        'logs, config',
    });
  });

  it('may hold what no lab makes, the data of Temporal, and locks', async () => {
    const layout = labLayout(path.join(root, 'project'));
    await makeStateDirectory(layout.temporal);
    await Promise.all(
      ['notes.txt', 'up.lock', 'owner.lock'].map((name) =>
        writeFile(path.join(layout.stateDir, name), ''),
      ),
    );
    await expect(requireNothingForeign(layout)).resolves.toBeUndefined();
  });

  it.each([
    ['in /proc', '/proc/ascent/labs/lab', 'ENOENT'],
    ['in /sys', '/sys/ascent', 'mkdir'],
    ['a file', 'file', 'is no directory'],
    ['below a file', 'file/lab', 'ENOTDIR'],
  ])('is refused %s, and nobody waits for it', async (_, where, why) => {
    const directory = path.resolve(root, where);
    await expect(makeStateDirectory(directory)).rejects.toMatchObject({
      code: 'state-directory-unusable',
      message: expect.stringMatching(`^${directory} cannot be used: .*${why}`) as string,
    });
  });
});
