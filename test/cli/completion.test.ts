// The scripts that make shells complete; that of bash is run by bash.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { runCli } from '../../cli/program';
import { FakeTerminal } from './support/fake-terminal';

async function scriptFor(shell: string): Promise<string> {
  const terminal = new FakeTerminal();
  const code = await runCli(['completion', shell], terminal.context, [
    (program) => {
      const lab = program.command('lab').description('a lab');
      lab.command('up').description("isn't it").option('--nodes <number>', 'how many');
      lab.command('down').description('end it');
    },
  ]);
  expect(code).toBe(0);
  return terminal.stdout;
}

describe('completion in bash', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'ascent-completion-'));

  beforeAll(async () => {
    writeFileSync(path.join(directory, 'script.bash'), await scriptFor('bash'));
    writeFileSync(path.join(directory, 'upgrade.yaml'), '');
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  /** Candidates for the last of the words, as bash finds them. */
  function complete(...words: readonly string[]): readonly string[] {
    const run = spawnSync(
      'bash',
      [
        '--norc',
        '-c',
        'source script.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ascent;' +
          ' printf "%s\\n" "${COMPREPLY[@]}"',
        'bash',
        'ascent',
        ...words,
      ],
      { cwd: directory, encoding: 'utf8' },
    );
    expect(run.stderr).toBe('');
    return run.stdout.split('\n').filter((line) => line !== '');
  }

  it.each([
    { line: ['st'], is: ['start', 'status'] },
    { line: ['lab', ''], is: ['up', 'down'] },
    { line: ['lab', 'up', '--no'], is: ['--nodes'] },
    { line: ['plan', '--obs'], is: ['--observation'] },
    { line: ['plan', '--spec', 'upg'], is: ['upgrade.yaml'] },
    { line: ['status', '-o', ''], is: ['human', 'json'] },
    { line: ['completion', ''], is: ['bash', 'zsh', 'fish'] },
    { line: ['pause', '--reason', ''], is: [] },
    { line: ['approve', 'prod', '--di'], is: ['--digest'] },
    { line: ['drain', 'web-1', '--dr'], is: ['--dry-run'] },
    { line: ['drain', '--unmanaged-pods', ''], is: ['evict', 'refuse'] },
  ])('$line', ({ line, is }) => {
    expect(complete(...line)).toEqual(is);
  });
});

describe('completion in fish', () => {
  it('has every command, option, choice and file', async () => {
    const lines = (await scriptFor('fish')).split('\n');

    expect(lines).toEqual(
      expect.arrayContaining([
        'complete -c ascent -f',
        "complete -c ascent -l output -s o -x -a 'human json' -d 'how to answer'",
        "complete -c ascent -n __fish_use_subcommand -a lab -d 'a lab'",
        "complete -c ascent -n '__fish_seen_subcommand_from lab; and not" +
          " __fish_seen_subcommand_from up down' -a up -d 'isn'\\''t it'",
        "complete -c ascent -n '__fish_seen_subcommand_from plan' -l spec -s s -r -F" +
          " -d 'the upgrade that is wanted (YAML)'",
      ]),
    );
  });
});

describe('completion in zsh', () => {
  it('describes every command and completes files and choices', async () => {
    const script = await scriptFor('zsh');

    expect(script).toMatch(/^#compdef ascent\n/);
    expect(script).toContain("'start:start an upgrade, now or later'");
    expect(script).toContain("'lab up') candidates=(); options=('--nodes:how many'");
    expect(script).toMatch(/--spec\|-s\|.*\) _files; return ;;/);
    expect(script).toContain('--output|-o) compadd human json; return ;;');
  });
});

it('completion refuses other shells and names the ones it knows', async () => {
  const terminal = new FakeTerminal();

  await expect(runCli(['completion', 'tcsh'], terminal.context)).resolves.toBe(2);

  expect(terminal.stderr).toContain('Allowed choices are bash, zsh, fish.');
});
