import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

import { create } from 'tar';

import { findChecksum } from '../../../lab/toolchain/download';
import { describeProgress } from '../../../lab/toolchain/progress';
import { resolveBinary, resolveToolchain } from '../../../lab/toolchain/resolve';
import type { ToolchainError } from '../../../lab/toolchain/toolchain-problem';
import { deadAddress, sha256, startMirror } from './mirror';
import type { Mirror } from './mirror';
import { makeSandbox, script } from './sandbox';
import type { Sandbox } from './sandbox';

const file = '/greeter/v1.2.3/greeter-amd64';
const archive = '/greeter/v1.2.3/all-amd64.tar.gz';
const body = script('greeter', '1.2.3');

let sandbox: Sandbox;
let mirror: Mirror;

beforeEach(async () => {
  [sandbox, mirror] = await Promise.all([makeSandbox(), startMirror()]);
});

afterEach(async () => {
  await Promise.all([sandbox.remove(), mirror.close()]);
});

function onlyDownload(url: string = mirror.url): ReturnType<Sandbox['options']> {
  return sandbox.options({
    ASCENT_DOWNLOAD_MIRROR: url,
    ASCENT_TOOLCHAIN_SOURCES: 'cache,download',
  });
}

async function refusal(tool: string, url?: string): Promise<ToolchainError> {
  return await resolveBinary(tool, onlyDownload(url)).then(
    () => {
      throw new Error('it was not refused');
    },
    (error: ToolchainError) => error,
  );
}

async function archiveWith(member: string): Promise<Buffer> {
  const folder = path.join(sandbox.directory, 'pack');
  await sandbox.writeExecutable(path.join('pack', member), script('parrot', '1.2.3'));
  const place = path.join(sandbox.directory, 'all.tar.gz');
  await create({ file: place, gzip: true, cwd: folder }, [member]);
  return await readFile(place);
}

describe('a mirror', () => {
  it('gives a verified executable, which is then in the cache', async () => {
    mirror.serve(file, body);
    mirror.serve(`${file}.sha256`, `${sha256(body)}\n`);
    const found = await resolveBinary('greeter', onlyDownload());
    const place = path.join(sandbox.cacheDirectory, 'bin', 'greeter', '1.2.3', 'greeter');
    expect(found).toEqual({
      tool: 'greeter',
      version: '1.2.3',
      pinnedVersion: '1.2.3',
      path: place,
      source: 'download',
      seconds: expect.any(Number) as number,
      passedOver: [],
    });
    await expect(readFile(place, 'utf8')).resolves.toBe(body);
    expect(mirror.requests).toEqual([`${file}.sha256`, file]);
    expect(sandbox.kinds()).toEqual(['downloading', 'done']);
  });

  it('is not asked again for what is in the cache', async () => {
    mirror.serve(file, body);
    mirror.serve(`${file}.sha256`, sha256(body));
    await resolveBinary('greeter', onlyDownload());
    mirror.requests.length = 0;
    const again = await resolveBinary('greeter', onlyDownload());
    expect([again.source, mirror.requests]).toEqual(['cache', []]);
  });

  it('may have a path of its own', async () => {
    mirror.serve(`/k8s${file}`, body);
    mirror.serve(`/k8s${file}.sha256`, sha256(body));
    const found = await resolveBinary('greeter', onlyDownload(`${mirror.url}/k8s/`));
    expect(found.source).toBe('download');
  });

  it('gives a member of an archive', async () => {
    const packed = await archiveWith('all-v1.2.3/parrot');
    mirror.serve(archive, packed);
    mirror.serve('/greeter/v1.2.3/SHA256SUMS', `${sha256(packed)}  all-amd64.tar.gz\n`);
    const found = await resolveBinary('parrot', onlyDownload());
    await expect(readFile(found.path, 'utf8')).resolves.toBe(script('parrot', '1.2.3'));
  });

  it('is refused for an archive without the member', async () => {
    const packed = await archiveWith('elsewhere/parrot');
    mirror.serve(archive, packed);
    mirror.serve('/greeter/v1.2.3/SHA256SUMS', `${sha256(packed)}  all-amd64.tar.gz\n`);
    const { problems } = await refusal('parrot');
    expect(problems).toEqual([
      {
        code: 'archive-unusable',
        url: `${mirror.url}${archive}`,
        why: 'it holds no executable all-v1.2.3/parrot',
      },
    ]);
  });

  it('is refused for an archive that is none', async () => {
    mirror.serve(archive, body);
    mirror.serve('/greeter/v1.2.3/SHA256SUMS', `${sha256(body)} *all-amd64.tar.gz\n`);
    const { problems } = await refusal('parrot');
    expect(problems.map(({ code }) => code)).toEqual(['archive-unusable']);
  });

  it('is refused for a wrong checksum, and nothing of it stays', async () => {
    mirror.serve(file, 'tampered');
    mirror.serve(`${file}.sha256`, sha256(body));
    const error = await refusal('greeter');
    expect(error.problems).toEqual([
      {
        code: 'checksum-mismatch',
        url: `${mirror.url}${file}`,
        expected: sha256(body),
        actual: sha256('tampered'),
        receivedBytes: 8,
      },
    ]);
    expect(error.message).toBe(
      `${mirror.url}${file} (8 bytes) has the SHA-256 ${sha256('tampered')}, but ` +
        `${sha256(body)} is published; it was thrown away - do not use that server or mirror ` +
        'until somebody has found out why',
    );
    expect(mirror.requests).toEqual([`${file}.sha256`, file]);
    expect(existsSync(path.join(sandbox.cacheDirectory, 'bin'))).toBe(false);
    await expect(readdir(path.join(sandbox.cacheDirectory, 'tmp'))).resolves.toEqual([]);
  });

  it('is refused for a truncated file, after a second try', async () => {
    mirror.serveTruncated(file, body, 10);
    mirror.serve(`${file}.sha256`, sha256(body));
    const error = await refusal('greeter');
    expect(error.problems).toEqual([
      {
        code: 'download-truncated',
        url: `${mirror.url}${file}`,
        expectedBytes: body.length,
        // What was on its way when the connection ended may not have been handed over.
        receivedBytes: expect.any(Number) as number,
      },
    ]);
    expect(error.message).toMatch(/greeter-amd64 is truncated: \d+ of 32 bytes arrived; it was/);
    expect(mirror.requests).toEqual([`${file}.sha256`, file, file]);
  });

  it('is refused for a missing file', async () => {
    mirror.serve(`${file}.sha256`, sha256(body));
    const { problems } = await refusal('greeter');
    expect(problems).toEqual([
      { code: 'download-refused', url: `${mirror.url}${file}`, status: 404 },
    ]);
    expect(mirror.requests).toEqual([`${file}.sha256`, file]);
  });

  it('is refused for a file without a published checksum, which is not downloaded', async () => {
    mirror.serve(archive, body);
    mirror.serve('/greeter/v1.2.3/SHA256SUMS', `${sha256(body)}  another.tar.gz\n`);
    const { problems } = await refusal('parrot');
    expect(problems).toEqual([
      {
        code: 'checksum-missing',
        url: `${mirror.url}${archive}`,
        checksumUrl: `${mirror.url}/greeter/v1.2.3/SHA256SUMS`,
      },
    ]);
    expect(mirror.requests).toEqual(['/greeter/v1.2.3/SHA256SUMS']);
  });

  it('is refused for a verified file that is another version', async () => {
    const other = script('greeter', '1.2.4');
    mirror.serve(file, other);
    mirror.serve(`${file}.sha256`, sha256(other));
    const { problems } = await refusal('greeter');
    expect(problems).toEqual([
      {
        code: 'wrong-version',
        tool: 'greeter',
        path: expect.stringContaining('greeter') as string,
        wanted: '1.2.3',
        found: '1.2.4',
      },
    ]);
  });

  it('that cannot be reached is asked once, for all files', async () => {
    const url = await deadAddress();
    const { host } = new URL(url);
    const why = `connect ECONNREFUSED ${host}`;
    const all = resolveToolchain(undefined, onlyDownload(url));
    await expect(all).rejects.toMatchObject({
      problems: [{ code: 'host-unreachable', host, why }],
      message: `${host} cannot be reached from here (${why})`,
    });
    expect(sandbox.kinds()).toEqual(['host-unreachable', 'passed-over', 'passed-over']);
    const lines = sandbox.progress.map(describeProgress);
    expect(lines).toEqual([
      `${host} cannot be reached (${why}); asking the next source`,
      undefined,
      undefined,
    ]);
  });

  it('has no executables for other machines', async () => {
    const options = { ...onlyDownload(), platform: { os: 'darwin', arch: undefined } };
    await expect(resolveBinary('greeter', options)).rejects.toThrow(
      /^there is no official executable for darwin on \w+$/,
    );
    expect(mirror.requests).toEqual([]);
  });
});

it('a partial file of an interrupted download is not used and goes with the next one', async () => {
  const leftover = path.join(sandbox.cacheDirectory, 'tmp', 'greeter-1.2.3-aBc123');
  const unrelated = path.join(sandbox.cacheDirectory, 'tmp', 'greeter-1.2.4-aBc123');
  await sandbox.writeExecutable('cache/tmp/greeter-1.2.3-aBc123/greeter', '#!/bin/sh\nech');
  await mkdir(unrelated, { recursive: true });
  mirror.serve(file, body);
  mirror.serve(`${file}.sha256`, sha256(body));
  const found = await resolveBinary('greeter', onlyDownload());
  expect([found.source, existsSync(leftover), existsSync(unrelated)]).toEqual([
    'download',
    false,
    true,
  ]);
});

it('an interrupt ends a download and leaves nothing', async () => {
  const interrupt = new AbortController();
  mirror.serve(file, Buffer.alloc(8_000_000));
  mirror.serve(`${file}.sha256`, sha256(body));
  const options = {
    ...onlyDownload(),
    signal: interrupt.signal,
    onProgress: () => {
      interrupt.abort(new Error('interrupted'));
    },
  };
  await expect(resolveBinary('greeter', options)).rejects.toThrow('interrupted');
  expect(existsSync(path.join(sandbox.cacheDirectory, 'bin'))).toBe(false);
  await expect(readdir(path.join(sandbox.cacheDirectory, 'tmp'))).resolves.toEqual([]);
  await expect(readdir(path.join(sandbox.cacheDirectory, 'locks'))).resolves.toEqual([]);
});

describe('a checksum file', () => {
  const sum = sha256('x');
  const url = 'https://files.example/v1/tool.tar.gz';

  it.each([
    ['a bare sum', `${sum}\n`, sum],
    ['a bare sum in capitals', sum.toUpperCase(), sum],
    ['lines of text mode', `${sha256('y')}  other\n${sum}  tool.tar.gz\n`, sum],
    ['a line of binary mode', `${sum} *tool.tar.gz\n`, sum],
    ['a line with a folder', `${sum}  ./tool.tar.gz\n`, sum],
    ['a file that is not named', `${sum}  tool.zip\n`, undefined],
    ['a sum of another kind', 'd41d8cd98f00b204e9800998ecf8427e  tool.tar.gz\n', undefined],
    ['a page of a proxy', '<html>login</html>', undefined],
  ])('with %s is understood', (_, text, expected) => {
    expect(findChecksum(text, url)).toBe(expected);
  });
});
