// What every npm script relies on: exit codes and signals pass through, and two preparations of one
// checkout never run at the same time. The scripts are run as they are, in processes of their own.

import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const tools = resolve(__dirname, '../../tools/bootstrap');
const moduleUrl = (name: string): string => JSON.stringify(pathToFileURL(join(tools, name)).href);

let folder: string;
const started: ChildProcessWithoutNullStreams[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ascent-bootstrap-'));
});

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Starts Node on a piece of ES module code, apart from the terminal that the tests may run in:
 * there SIGINT is not passed on, because Ctrl-C reaches the whole group.
 */
function start(source: string): ChildProcessWithoutNullStreams {
  const args = ['--input-type=module', '-e', source];
  const child = spawn(process.execPath, args, { detached: true });
  started.push(child);
  return child;
}

async function codeOf(child: ChildProcessWithoutNullStreams): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}

/** Waits until the child has printed the text. */
async function printed(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  let seen = '';
  for await (const chunk of child.stdout) {
    seen += String(chunk);
    if (seen.includes(text)) return;
  }
  throw new Error(`the process ended without printing "${text}": ${seen}`);
}

describe('run', () => {
  const runs = (program: string): string => `
    import { run } from ${moduleUrl('run.mjs')};
    process.exitCode = await run(process.execPath, ['-e', ${JSON.stringify(program)}]);`;

  it("returns the program's exit code", async () => {
    expect(await codeOf(start(runs('process.exit(7)')))).toBe(7);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('passes %s on and waits', async (signal) => {
    const child = start(
      runs(`process.on('${signal}', () => setTimeout(() => process.exit(9), 50));
        setInterval(() => {}, 1000); console.log('ready')`),
    );
    await printed(child, 'ready');
    child.kill(signal);
    expect(await codeOf(child)).toBe(9);
  });

  it('returns 128 and the number of the signal that ended the program', async () => {
    expect(await codeOf(start(runs(`process.kill(process.pid, 'SIGTERM')`)))).toBe(143);
  });
});

describe('withLock', () => {
  const holds = (path: string, work: string): string => `
    import { withLock } from ${moduleUrl('lock.mjs')};
    await withLock(${JSON.stringify(path)}, console.log, async () => { ${work} });`;
  const untilTold =
    "console.log('holding'); await new Promise((go) => process.stdin.once('data', go));";

  it('lets one process work at a time', async () => {
    const path = join(folder, 'lock');
    const first = start(holds(path, `${untilTold} process.stdin.destroy();`));
    await printed(first, 'holding');
    const second = start(holds(path, `console.log('second works')`));
    await printed(second, `waiting for process ${String(first.pid)}`);
    expect(second.exitCode).toBeNull();
    first.stdin.write('go');
    expect(await Promise.all([codeOf(first), codeOf(second)])).toEqual([0, 0]);
    expect(existsSync(path)).toBe(false);
  });

  it('takes over from a process that was killed', async () => {
    const path = join(folder, 'lock');
    const first = start(holds(path, untilTold));
    await printed(first, 'holding');
    first.kill('SIGKILL');
    await codeOf(first);
    expect(readFileSync(path, 'utf8')).toBe(String(first.pid));
    expect(await codeOf(start(holds(path, '')))).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('gives the lock back when the work fails', async () => {
    const path = join(folder, 'lock');
    expect(await codeOf(start(holds(path, `throw new Error('no')`)))).toBe(1);
    expect(existsSync(path)).toBe(false);
  });
});

describe('bootstrap', () => {
  it('names the tasks there are when asked for another', () => {
    const args = [join(tools, 'bootstrap.mjs'), 'fly'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'ascent: no task "fly"; there are demo, ascent, bench, test, verify, arch, build\n',
    });
  });
});

describe('print-totals', () => {
  const printer = resolve(tools, '../test/print-totals.mjs');

  function print(text: string): { readonly status: number | null; readonly stdout: string } {
    const path = join(folder, 'totals.json');
    writeFileSync(path, text);
    const { status, stdout } = spawnSync(process.execPath, [printer, path], { encoding: 'utf8' });
    return { status, stdout };
  }

  it('prints the sums on a line of their own', () => {
    const stdout = '12 passed, 1 failed\n';
    expect(print('{"code":1,"passed":12,"failed":1,"skipped":0}')).toEqual({ status: 0, stdout });
  });

  it('fails when no test ran or the run did not end', () => {
    expect(print('{"code":0,"passed":0,"failed":0,"skipped":0}')).toEqual({
      status: 1,
      stdout: '',
    });
    expect(print('')).toEqual({ status: 1, stdout: '' });
  });
});
