import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { create } from 'tar';

import { testServer } from '../../../lab/toolchain/catalogue';
import { resolveTestServer } from '../../../lab/toolchain/test-server';
import type { ToolchainError } from '../../../lab/toolchain/toolchain-problem';
import { deadAddress, startMirror } from './mirror';
import type { Mirror } from './mirror';
import { makeSandbox } from './sandbox';
import type { Sandbox } from './sandbox';

const lookup =
  '/temporal-test-server/default?arch=amd64&platform=linux&sdk-name=sdk-typescript' +
  `&sdk-version=${testServer.sdkVersion}`;
const serverScript = '#!/bin/sh\necho serving "$@"\n';

let sandbox: Sandbox;
let mirror: Mirror;

beforeEach(async () => {
  [sandbox, mirror] = await Promise.all([makeSandbox(), startMirror()]);
});

afterEach(async () => {
  await Promise.all([sandbox.remove(), mirror.close()]);
});

function place(version: string): string {
  const folder = path.join(sandbox.cacheDirectory, 'bin', testServer.name, version);
  return path.join(folder, testServer.name);
}

async function refusal(env: Readonly<Record<string, string>>): Promise<ToolchainError> {
  return await resolveTestServer(sandbox.options(env)).then(
    () => {
      throw new Error('it was not refused');
    },
    (error: ToolchainError) => error,
  );
}

async function packedServer(): Promise<Buffer> {
  await sandbox.writeExecutable('pack/server_1.0/temporal-test-server', serverScript);
  const file = path.join(sandbox.directory, 'server.tar.gz');
  await create({ file, gzip: true, cwd: path.join(sandbox.directory, 'pack') }, ['server_1.0']);
  return await readFile(file);
}

it('a variable is obeyed', async () => {
  const chosen = await sandbox.writeExecutable('mine/server', serverScript);
  const found = await resolveTestServer(
    sandbox.options({ ASCENT_BIN_TEMPORAL_TEST_SERVER: chosen }),
  );
  expect(found).toMatchObject({ source: 'environment', path: chosen, version: 'unknown' });
});

it('a variable that points to nothing is an error that names it', async () => {
  const error = await refusal({ ASCENT_BIN_TEMPORAL_TEST_SERVER: '/nowhere' });
  expect(error.message).toMatch(
    /^ASCENT_BIN_TEMPORAL_TEST_SERVER points to \/nowhere, which is no/,
  );
});

it('the download of the SDK is taken where it works, and kept', async () => {
  mirror.serve('/files/server.tar.gz', await packedServer());
  const answer = {
    archiveUrl: 'https://files.example/files/server.tar.gz',
    fileToExtract: 'server_1.0/temporal-test-server',
  };
  mirror.serve(lookup, JSON.stringify(answer));
  const env = { ASCENT_DOWNLOAD_MIRROR: mirror.url };
  const found = await resolveTestServer(sandbox.options(env));
  const version = `sdk-${testServer.sdkVersion}`;
  expect(found).toMatchObject({ source: 'download', version, path: place(version) });
  await expect(readFile(found.path, 'utf8')).resolves.toBe(serverScript);
  mirror.requests.length = 0;
  const again = await resolveTestServer(sandbox.options(env));
  expect([again.source, again.path, mirror.requests]).toEqual(['cache', place(version), []]);
});

it.each([
  ['a page of a proxy', '<html>', 'no JSON'],
  ['another answer', '{"archiveUrl": 1}', 'no archiveUrl and fileToExtract'],
])('%s instead of the download is refused', async (_, text, why) => {
  mirror.serve(lookup, text);
  const error = await refusal({
    ASCENT_DOWNLOAD_MIRROR: mirror.url,
    ASCENT_TOOLCHAIN_SOURCES: 'download',
  });
  expect(error.problems).toEqual([{ code: 'answer-unusable', url: `${mirror.url}${lookup}`, why }]);
});

it('Maven is asked last, and its jars get a script that runs them from anywhere', async () => {
  await sandbox.writeExecutable('path/java', '#!/bin/sh\necho java "$@"\n');
  await sandbox.writeExecutable(
    'path/mvn',
    '#!/bin/sh\nfor a; do case $a in -DoutputDirectory=*) : > "${a#*=}/server.jar";; esac; done\n',
  );
  const found = await resolveTestServer(
    sandbox.options({ ASCENT_DOWNLOAD_MIRROR: await deadAddress() }),
  );
  expect(found).toMatchObject({
    source: 'build',
    version: testServer.version,
    path: place(testServer.version),
    passedOver: [{ code: 'host-unreachable' }],
  });
  const folder = path.dirname(found.path);
  expect(existsSync(path.join(folder, 'lib', 'server.jar'))).toBe(true);
  const PATH = `${path.join(sandbox.directory, 'path')}:/usr/bin:/bin`;
  const run = spawnSync(found.path, ['7233'], { env: { PATH }, encoding: 'utf8', cwd: '/' });
  expect(run.stdout).toBe(`java -cp ${folder}/lib/* ${testServer.mainClass} 7233\n`);
});

it('jars without their script, of an interrupted installation, are replaced', async () => {
  const lib = `cache/bin/${testServer.name}/${testServer.version}/lib`;
  const old = await sandbox.writeExecutable(`${lib}/old.jar`, '');
  await sandbox.writeExecutable('path/java', '#!/bin/sh\n');
  await sandbox.writeExecutable('path/mvn', '#!/bin/sh\n');
  await resolveTestServer(sandbox.options({ ASCENT_TOOLCHAIN_SOURCES: 'cache,build' }));
  expect([existsSync(old), existsSync(place(testServer.version))]).toEqual([false, true]);
});

it('without Java and Maven both are named, and the failed download too', async () => {
  const url = await deadAddress();
  const error = await refusal({ ASCENT_DOWNLOAD_MIRROR: url });
  expect(error.message.split('\n')).toEqual([
    `${new URL(url).host} cannot be reached from here (connect ECONNREFUSED ${new URL(url).host})`,
    'java is not on the PATH: install a Java runtime, version 11 or newer',
    'mvn is not on the PATH: install Apache Maven, version 3.6 or newer',
  ]);
});

it('a Maven that fails shows what it said', async () => {
  await sandbox.writeExecutable('path/java', '#!/bin/sh\n');
  await sandbox.writeExecutable('path/mvn', '#!/bin/sh\necho no such artifact >&2\nexit 1\n');
  const error = await refusal({ ASCENT_TOOLCHAIN_SOURCES: 'build' });
  expect(error.problems).toEqual([
    { code: 'maven-failed', exit: 'exit code 1', output: 'no such artifact' },
  ]);
});
