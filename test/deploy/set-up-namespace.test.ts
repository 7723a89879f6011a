// The script that prepares a server for Ascent, run with a `temporal` that keeps its arguments.

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

/** What the script asked of a server that has these attributes; one line a call. */
function callsFor(server: {
  readonly hasNamespace: boolean;
  readonly attributes: readonly string[];
}): readonly string[] {
  const calls = join(folder, 'calls');
  const table = ['Name Type', ...server.attributes.map((name) => `${name} Keyword`)].join('\n');
  writeFileSync(join(folder, 'table'), `${table}\n`);
  const fake = [
    '#!/bin/sh',
    'echo "$*" >> "$CALLS"',
    'case "$*" in',
    `  *"namespace describe"*) exit ${server.hasNamespace ? 0 : 1} ;;`,
    '  *"search-attribute list"*) cat "$TABLE" ;;',
    'esac',
  ].join('\n');
  writeFileSync(join(folder, 'temporal'), fake);
  chmodSync(join(folder, 'temporal'), 0o755);
  const { status, stderr } = spawnSync('sh', [script], {
    encoding: 'utf8',
    env: {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      CALLS: calls,
      TABLE: join(folder, 'table'),
      TEMPORAL_NAMESPACE: 'default',
      TEMPORAL_RETENTION: '720h',
    },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return readFileSync(calls, 'utf8').trimEnd().split('\n');
}

const look = 'operator namespace describe --namespace default';
const list = 'operator search-attribute list --namespace default';
const create = (name: string): string =>
  `operator search-attribute create --namespace default --name ${name} --type Keyword`;

describe('set-up-namespace.sh', () => {
  it('creates the namespace and every attribute that the workflows set', () => {
    expect(callsFor({ hasNamespace: false, attributes: [] })).toEqual([
      look,
      'operator namespace create --namespace default --retention 720h',
      list,
      ...allSearchAttributes.map(create),
    ]);
  });

  it('creates nothing that is there', () => {
    const calls = callsFor({ hasNamespace: true, attributes: allSearchAttributes });
    expect(calls).toEqual([look, list]);
  });

  it('is not misled by an attribute whose name only begins the same', () => {
    const calls = callsFor({ hasNamespace: true, attributes: ['AscentTotal', 'AscentPhases'] });
    expect(calls.slice(2)).toEqual(allSearchAttributes.map(create));
  });
});
