import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Command, Probe } from '../../lab/isolation';
import { isolated, requireIsolation } from '../../lab/isolation';
import { LabError } from '../../lab/lab-error';

function problemsOf(work: () => unknown): LabError {
  try {
    work();
  } catch (error) {
    if (error instanceof LabError) return error;
  }
  throw new Error('nothing was refused');
}

const answering =
  (works: (command: Command) => boolean): Probe =>
  (command) =>
    works(command);

describe('a machine for labs', () => {
  it('must run Linux, which is said before anything is tried', () => {
    const refusal = problemsOf(() =>
      requireIsolation('darwin', () => {
        throw new Error('something was tried');
      }),
    );

    expect([refusal.code, refusal.problems]).toEqual(['lab-unsupported', ['Linux']]);
    expect(refusal.message).toContain('this is darwin');
  });

  it('uses namespaces of root, and of users where there is no root', () => {
    const all = answering(() => true);
    const noRoot = answering(({ args }) => args.includes('--user') || args[0] !== '--uts');

    expect(requireIsolation('linux', all)).toBe('root');
    expect(requireIsolation('linux', noRoot)).toBe('user-namespace');
  });

  it('is told everything that it lacks at once', () => {
    const bare = problemsOf(() =>
      requireIsolation(
        'linux',
        answering(() => false),
      ),
    );
    const locked = problemsOf(() =>
      requireIsolation(
        'linux',
        answering(({ args }) => !args.includes('--uts')),
      ),
    );

    expect(bare.problems).toEqual([
      'setpriv with --pdeathsig (package util-linux, 2.33 or newer)',
      'unshare (package util-linux)',
    ]);
    expect(locked.problems).toHaveLength(1);
    expect(locked.message).toContain('user.max_user_namespaces');
  });
});

describe('an isolated process', () => {
  const run = async (command: Command): Promise<{ code: number | null; output: string }> => {
    const child = spawn(command.file, [...command.args], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output: output.trim() };
  };

  it('has the pid that was spawned, and its arguments as they were', async () => {
    const script = { file: 'sh', args: ['-c', 'echo $$ "$1"', 'sh', 'two words; $HOME'] };
    const { file, args } = isolated(script, { parentPid: process.pid });
    const child = spawn(file, [...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];

    expect(output).toBe(`${child.pid} two words; $HOME\n`);
  });

  it('does not begin when its parent is gone already (I1)', async () => {
    const command = isolated({ file: 'echo', args: ['begun'] }, { parentPid: 1 });

    expect(await run(command)).toEqual({ code: 86, output: '' });
  });

  it('has a hostname of its own (I2)', async () => {
    const mode = requireIsolation();
    const command = isolated(
      { file: 'hostname', args: [] },
      { parentPid: process.pid, hostname: { name: 'cp-1', mode } },
    );

    expect(await run(command)).toEqual({ code: 0, output: 'cp-1' });
  });
});
