// The script that prepares a server for Ascent creates the search attributes that the workflows
// set. It is run with a `temporal` that keeps its arguments and knows some attributes.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { allSearchAttributes } from '../../domain/search-attributes';

const script = join(__dirname, '..', '..', 'deploy', 'temporal', 'set-up-namespace.sh');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ascent-namespace-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Name and type of what the script creates on a server that has these attributes. */
function createdWhere(known: readonly string[]): readonly string[] {
  const [calls, table] = [join(folder, 'calls'), join(folder, 'table')];
  const rows = ['Name Type', ...known.map((name) => `${name} Keyword`)];
  writeFileSync(table, `${rows.join('\n')}\n`);
  const fake = [
    '#!/bin/sh',
    'echo "$*" >> "$CALLS"',
    'case "$*" in *"search-attribute list"*) cat "$TABLE" ;; esac',
  ].join('\n');
  writeFileSync(join(folder, 'temporal'), fake);
  chmodSync(join(folder, 'temporal'), 0o755);
  const { status, stderr } = spawnSync('sh', [script], {
    encoding: 'utf8',
    env: {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      CALLS: calls,
      TABLE: table,
      TEMPORAL_ADDRESS: 'temporal:7233',
      TEMPORAL_NAMESPACE: 'default',
      TEMPORAL_RETENTION: '720h',
    },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const creation = /search-attribute create .*--name (\S+) --type (\S+)$/gm;
  return [...readFileSync(calls, 'utf8').matchAll(creation)].map(
    ([, name, type]) => `${name} ${type}`,
  );
}

const all = allSearchAttributes.map((name) => `${name} Keyword`);

describe('set-up-namespace.sh', () => {
  it('creates every search attribute that the workflows set', () => {
    expect(createdWhere([])).toEqual(all);
  });

  it('creates none that is there', () => {
    expect(createdWhere(allSearchAttributes)).toEqual([]);
  });

  it('is not misled by an attribute whose name only begins the same', () => {
    expect(createdWhere(['AscentTotal', 'AscentPhases'])).toEqual(all);
  });
});
