// docs/cli.md and docs/json-output.md say what the program does: nothing is missing in them.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { exitCodes } from '../../cli/exit-codes';
import { buildProgram } from '../../cli/program';
import { CommandRun } from '../../cli/session';
import { ascentErrorCodes } from '../../client';
import { commandRefusalCodes } from '../../domain/status/control';
import { drainRefusalCodes } from '../../domain/drain/node-drain';
import { FakeTerminal } from './support/fake-terminal';

const root = path.resolve(__dirname, '../..');
const cliPage = readFileSync(path.join(root, 'docs/cli.md'), 'utf8');
const jsonPage = readFileSync(path.join(root, 'docs/json-output.md'), 'utf8');

function sourceOf(folder: string): string {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(path.join(root, folder, file), 'utf8'))
    .join('\n');
}

describe('docs/cli.md', () => {
  it('has every command', () => {
    const run = new CommandRun(new FakeTerminal().context, []);
    const names = buildProgram(run, []).commands.map((command) => command.name());

    expect(names.filter((name) => !cliPage.includes(`\`${name}\``))).toEqual([]);
  });

  it('has every exit code', () => {
    const rows = [...cliPage.matchAll(/^\| (\d+) +\|/gm)];
    const listed = new Set(rows.map(([, code]) => Number(code)));
    const missing = Object.values(exitCodes).filter((code) => !listed.has(code));

    expect(missing).toEqual([]);
  });
});

describe('docs/json-output.md', () => {
  it('has every schema that cli/ and bin/ print', () => {
    const schemas = new Set(
      `${sourceOf('cli')}\n${sourceOf('bin')}`.match(/(?<=')ascent\.[a-z-]+\/v\d+(?=')/g),
    );

    expect(schemas.size).toBeGreaterThan(12);
    expect([...schemas].filter((schema) => !jsonPage.includes(schema))).toEqual([]);
  });

  it('has every code of errors and refusals', () => {
    const codes = [...ascentErrorCodes, ...commandRefusalCodes, ...drainRefusalCodes];

    expect(codes.filter((code) => !jsonPage.includes(`\`${code}\``))).toEqual([]);
  });
});
