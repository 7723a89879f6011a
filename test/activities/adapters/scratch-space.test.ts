// What is restored or opened in a scratch space holds Secrets: it must be gone when nobody can
// remove it any more.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { openScratchSpace } from '../../../activities/adapters/scratch-space';
import { eventually } from '../../../lab/waiting';
import { temporaryDirectory } from './support/temporary-directory';

jest.setTimeout(300_000);

const root = path.resolve(__dirname, '../../..');
const parent = temporaryDirectory();

interface Told {
  readonly runDirectory: string;
  readonly dataDirectory: string;
  readonly adopted: number;
}

/** Sources run as they are: Node is taught to read them, and to find them without an extension. */
const worker = `
  const { readFileSync, writeFileSync } = require('node:fs');
  const { spawn } = require('node:child_process');
  const { transformSync } = require('@swc/core');
  require.extensions['.ts'] = (module, filename) => {
    const { code } = transformSync(readFileSync(filename, 'utf8'), {
      filename,
      module: { type: 'commonjs' },
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    });
    module._compile(code, filename);
  };
  const { openScratchSpace } = require('./activities/adapters/scratch-space');
  openScratchSpace(process.argv[1], process.argv[1]).then(async (space) => {
    writeFileSync(space.dataDirectory + '/snapshot.db', 'a secret');
    const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
    await space.adopt(child.pid);
    console.log(JSON.stringify({ ...space, adopted: child.pid }));
    setInterval(() => undefined, 60_000);
  });
`;

async function started(): Promise<{ readonly child: ChildProcess; readonly told: Told }> {
  const child = spawn(process.execPath, ['-e', worker, parent], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  lines.close();
  return { child, told: JSON.parse(line) as Told };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a scratch space', () => {
  it('is its owner’s only, and gone with everything in it once it is removed', async () => {
    const space = await openScratchSpace(parent, path.join(parent, 'made/on/the/way'));
    const { runDirectory, dataDirectory } = space;
    const modes = [runDirectory, dataDirectory].map((one) => statSync(one).mode & 0o777);
    expect(modes).toEqual([0o700, 0o700]);
    mkdirSync(path.join(dataDirectory, 'deep'));
    writeFileSync(path.join(dataDirectory, 'deep', 'snapshot.db'), 'a secret');
    await space.remove();
    await space.remove();
    expect([existsSync(runDirectory), existsSync(dataDirectory)]).toEqual([false, false]);
  });

  it('goes with the worker that is killed, and so do its processes', async () => {
    const { child, told } = await started();
    expect(readdirSync(told.dataDirectory)).toEqual(['snapshot.db']);
    expect(isAlive(told.adopted)).toBe(true);

    child.kill('SIGKILL');
    const isClean = (): Promise<boolean> =>
      Promise.resolve(
        !existsSync(told.dataDirectory) && !existsSync(told.runDirectory) && !isAlive(told.adopted),
      );
    expect(await eventually(isClean, { timeoutMs: 30_000, everyMs: 50 })).toBe(true);
  });
});
