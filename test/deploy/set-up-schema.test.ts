// The job that prepares PostgreSQL: which commands of Temporal's tool it runs, where it ends, and
// that it prints no password. The tool is a stand-in that keeps its arguments and plays one answer.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const script = join(__dirname, '..', '..', 'deploy', 'temporal', 'set-up-schema.sh');
const password = 'only-in-this-test';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ascent-schema-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Tool {
  readonly password?: string;
  /** The command that fails, and what the tool logs then. */
  readonly fails?: { readonly command: string; readonly log: string };
}

function setUpWith(tool: Tool) {
  const calls = join(folder, 'calls');
  const fake = [
    '#!/bin/sh',
    'echo "$*" >> "$CALLS"',
    'echo "DEBUG a hundred lines of log"',
    'case "$*" in *"$FAILS"*) echo "$LOG" >&2; exit 1 ;; esac',
  ].join('\n');
  writeFileSync(join(folder, 'temporal-sql-tool'), fake);
  chmodSync(join(folder, 'temporal-sql-tool'), 0o755);
  const { status, stdout, stderr } = spawnSync('sh', [script], {
    encoding: 'utf8',
    env: {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      CALLS: calls,
      FAILS: tool.fails?.command ?? 'nothing fails',
      LOG: tool.fails?.log ?? '',
      SQL_PLUGIN: 'postgres12',
      SQL_HOST: 'postgresql',
      SQL_PORT: '5432',
      SQL_USER: 'temporal',
      SQL_PASSWORD: tool.password ?? password,
    },
  });
  expect(`${stdout}${stderr}`).not.toContain(tool.password ?? password);
  const lines = existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
  return { status, stdout, stderr, calls: lines };
}

const place = 'PostgreSQL at postgresql:5432 as user temporal';

describe('set-up-schema.sh', () => {
  it('creates both databases, brings each to its schema and says so', () => {
    const schemas = '/etc/temporal/schema/postgresql/v12';
    expect(setUpWith({})).toEqual({
      status: 0,
      stdout: [
        "set-up-schema: temporal is at this version's schema",
        "set-up-schema: temporal_visibility is at this version's schema",
        '',
      ].join('\n'),
      stderr: '',
      calls: [
        '--database temporal create-database',
        '--database temporal setup-schema --version 0.0',
        `--database temporal update-schema --schema-dir ${schemas}/temporal/versioned`,
        '--database temporal_visibility create-database',
        '--database temporal_visibility setup-schema --version 0.0',
        `--database temporal_visibility update-schema --schema-dir ${schemas}/visibility/versioned`,
      ],
    });
  });

  it.each([
    {
      log: 'pq: password authentication failed for user "temporal"',
      reason:
        'the password is wrong: PostgreSQL keeps the one of its first start, whatever .env says',
    },
    { log: 'dial tcp 10.0.0.5:5432: connect: connection refused', reason: 'nothing listens there' },
    { log: 'dial tcp: lookup postgresql: no such host', reason: 'that host is not known' },
    { log: 'pq: permission denied to create database', reason: 'that user lacks the right' },
    { log: 'pq: no space left on device', reason: 'the log above says why' },
  ])('ends at the first failure and tells the reason: $reason', ({ log, reason }) => {
    const { status, stdout, stderr, calls } = setUpWith({
      fails: { command: 'create-database', log },
    });
    expect({ status, stdout, calls }).toEqual({
      status: 1,
      stdout: '',
      calls: ['--database temporal create-database'],
    });
    expect(stderr).toBe(
      `DEBUG a hundred lines of log\n${log}\n` +
        `set-up-schema: cannot create database temporal (${place}): ${reason}\n`,
    );
  });

  it('says that the schema, not the database, is what failed', () => {
    const { status, stderr } = setUpWith({
      fails: { command: 'temporal_visibility update-schema', log: 'unmatched END' },
    });
    expect(status).toBe(1);
    expect(stderr).toContain(`cannot bring temporal_visibility to this version (${place})`);
  });

  it.each(['two words', 'double"quote', 'back\\slash', 'dollar$sign', 'umlaut-ä'])(
    'refuses a password that the server would misread, before it asks anybody: %s',
    (odd) => {
      const { status, stderr, calls } = setUpWith({ password: odd });
      expect({ status, calls }).toEqual({ status: 1, calls: [] });
      expect(stderr).toContain('POSTGRES_PASSWORD may hold letters, digits and . _ ~ - only');
    },
  );
});
