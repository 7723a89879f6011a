import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { resolveBinary, resolveToolchain } from '../../../lab/toolchain/resolve';
import { describeProgress } from '../../../lab/toolchain/progress';
import { eventually } from '../../../lab/waiting';
import type { ToolchainError } from '../../../lab/toolchain/toolchain-problem';
import { deadAddress, sha256, startMirror } from './mirror';
import { greeter, makeSandbox, script } from './sandbox';
import type { Sandbox } from './sandbox';

/** With Go, and whatever it needs, on the PATH; nothing official can be reached. */
const realPath = { PATH: process.env['PATH'] ?? '', ASCENT_TOOLCHAIN_SOURCES: 'cache,build' };

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await makeSandbox();
});

afterEach(async () => {
  await sandbox.remove();
});

function place(tool: string): string {
  return path.join(sandbox.cacheDirectory, 'bin', tool, '1.2.3', tool);
}

async function problemsOf(work: Promise<unknown>): Promise<ToolchainError['problems']> {
  return await work.then(
    () => {
      throw new Error('it was not refused');
    },
    (error: ToolchainError) => error.problems,
  );
}

describe('a variable', () => {
  it('is obeyed before everything else', async () => {
    const chosen = await sandbox.writeExecutable('mine/greeter', script('greeter', '1.2.9'));
    await sandbox.writeExecutable('path/greeter', script('greeter', '1.2.3'));
    const found = await resolveBinary('greeter', sandbox.options({ ASCENT_BIN_GREETER: chosen }));
    expect(found).toMatchObject({
      version: '1.2.9',
      pinnedVersion: '1.2.3',
      path: chosen,
      source: 'environment',
    });
  });

  it('that points to nothing is an error that names it, and nothing else is tried', async () => {
    await sandbox.writeExecutable('path/greeter', script('greeter', '1.2.3'));
    const options = sandbox.options({ ASCENT_BIN_GREETER: '/nowhere/greeter' });
    const refused = resolveBinary('greeter', options);
    await expect(refused).rejects.toThrow(
      'ASCENT_BIN_GREETER points to /nowhere/greeter, which is no executable file; ' +
        'correct the variable, or unset it to let the toolchain choose',
    );
    expect(sandbox.kinds()).toEqual([]);
  });

  it('that points to another minor is an error', async () => {
    const chosen = await sandbox.writeExecutable('mine/greeter', script('greeter', '1.3.0'));
    const options = sandbox.options({ ASCENT_BIN_GREETER: chosen });
    await expect(problemsOf(resolveBinary('greeter', options))).resolves.toEqual([
      {
        code: 'variable-unusable',
        variable: 'ASCENT_BIN_GREETER',
        path: chosen,
        why: 'is greeter 1.3.0, not 1.2.3',
      },
    ]);
  });

  it('that points to something without a version is an error', async () => {
    const chosen = await sandbox.writeExecutable('mine/greeter', '#!/bin/sh\necho hello\n');
    const options = sandbox.options({ ASCENT_BIN_GREETER: chosen });
    await expect(problemsOf(resolveBinary('greeter', options))).resolves.toMatchObject([
      { code: 'variable-unusable', why: 'does not answer `--version` with a version' },
    ]);
  });

  it('that is empty counts as unset', async () => {
    const onPath = await sandbox.writeExecutable('path/greeter', script('greeter', '1.2.3'));
    const found = await resolveBinary('greeter', sandbox.options({ ASCENT_BIN_GREETER: '' }));
    expect(found.path).toBe(onPath);
  });
});

describe('the PATH', () => {
  it('gives an executable of exactly the version', async () => {
    const onPath = await sandbox.writeExecutable('path/greeter', script('greeter', '1.2.3'));
    const found = await resolveBinary('greeter', sandbox.options());
    expect(found).toMatchObject({ path: onPath, source: 'path', passedOver: [] });
    expect(existsSync(sandbox.cacheDirectory)).toBe(false);
  });

  it('is searched beyond an executable of another version', async () => {
    const old = await sandbox.writeExecutable('old/greeter', script('greeter', '1.1.0'));
    const right = await sandbox.writeExecutable('right/greeter', script('greeter', '1.2.3'));
    const PATH = [path.dirname(old), path.dirname(right)].join(path.delimiter);
    const found = await resolveBinary('greeter', sandbox.options({ PATH }));
    expect(found).toMatchObject({
      path: right,
      passedOver: [
        { code: 'wrong-version', tool: 'greeter', path: old, wanted: '1.2.3', found: '1.1.0' },
      ],
    });
  });

  it('is left for the cache when it has another patch only', async () => {
    await sandbox.writeExecutable('path/greeter', script('greeter', '1.2.4'));
    await sandbox.writeExecutable('cache/bin/greeter/1.2.3/greeter', script('greeter', '1.2.3'));
    const found = await resolveBinary('greeter', sandbox.options());
    expect([found.source, found.path]).toEqual(['cache', place('greeter')]);
  });

  it('is not asked when the sources do not name it', async () => {
    await sandbox.writeExecutable('path/greeter', script('greeter', '1.2.3'));
    const options = sandbox.options({ ASCENT_TOOLCHAIN_SOURCES: 'environment, cache' });
    await expect(problemsOf(resolveBinary('greeter', options))).resolves.toEqual([
      {
        code: 'no-source-left',
        tool: 'greeter',
        version: '1.2.3',
        tried: ['environment', 'cache'],
        variable: 'ASCENT_BIN_GREETER',
      },
    ]);
  });
});

describe('the cache', () => {
  it('is used without asking any host and without writing anything', async () => {
    const mirror = await startMirror();
    try {
      await sandbox.writeExecutable('cache/bin/greeter/1.2.3/greeter', script('greeter', '1.2.3'));
      const options = sandbox.options({ ASCENT_DOWNLOAD_MIRROR: mirror.url });
      const found = await resolveBinary('greeter', options);
      expect([found.source, mirror.requests]).toEqual(['cache', []]);
      expect(existsSync(path.join(sandbox.cacheDirectory, 'locks'))).toBe(false);
    } finally {
      await mirror.close();
    }
  });

  it('that cannot be written says which variable moves it', async () => {
    await sandbox.writeExecutable('cache', 'a file');
    const error = resolveBinary('greeter', sandbox.options(realPath));
    await expect(error).rejects.toThrow(
      /^the cache cannot be used \(.*cache\/locks: .*\); set ASCENT_CACHE_DIR to a directory/,
    );
  });
});

describe('a build', () => {
  it('makes all missing programs of a release at once, stamped with their version', async () => {
    const all = await resolveToolchain(undefined, sandbox.options(realPath));
    expect(all.binaries).toMatchObject([
      { tool: 'greeter', version: '1.2.3', source: 'build', path: place('greeter') },
      { tool: 'parrot', version: '1.2.3', source: 'build', path: place('parrot') },
    ]);
    expect(['', '1.2', '1.2.3'].map((at) => all.pathOf('parrot', at || undefined))).toEqual([
      place('parrot'),
      place('parrot'),
      place('parrot'),
    ]);
    expect([all.pathOf('parrot', '1.3'), all.pathOf('parrot', '1'), all.pathOf('cat')]).toEqual([
      undefined,
      place('parrot'),
      undefined,
    ]);
    expect(sandbox.kinds()).toEqual(['builds-planned', 'building', 'done', 'done']);
    expect(describeProgress(sandbox.progress[0] as never)).toMatch(
      /^building greeter 1\.2\.3 from source, \d+ at a time: about a minute, once; safe to/,
    );
    expect(sandbox.progress[1]).toEqual({
      kind: 'building',
      release: 'greeter',
      version: '1.2.3',
      tools: ['greeter', 'parrot'],
      estimateMinutes: 1,
      elapsedSeconds: 0,
    });
  });

  it('replaces a download that cannot be had', async () => {
    const ASCENT_DOWNLOAD_MIRROR = await deadAddress();
    const sources = { ASCENT_TOOLCHAIN_SOURCES: 'download,build' };
    const options = sandbox.options({ ...realPath, ...sources, ASCENT_DOWNLOAD_MIRROR });
    const found = await resolveBinary('greeter', options);
    expect(found).toMatchObject({ source: 'build', passedOver: [{ code: 'host-unreachable' }] });
  });

  it('replaces a download with a wrong checksum, which is said plainly', async () => {
    const mirror = await startMirror();
    try {
      mirror.serve('/greeter/v1.2.3/greeter-amd64', 'tampered');
      mirror.serve('/greeter/v1.2.3/greeter-amd64.sha256', sha256('good'));
      const options = sandbox.options({
        ...realPath,
        ASCENT_TOOLCHAIN_SOURCES: 'cache,download,build',
        ASCENT_DOWNLOAD_MIRROR: mirror.url,
      });
      const found = await resolveBinary('greeter', options);
      expect(found).toMatchObject({ source: 'build', passedOver: [{ code: 'checksum-mismatch' }] });
      const told = sandbox.progress.find(({ kind }) => kind === 'passed-over');
      expect(describeProgress(told as never)).toMatch(
        /^greeter 1\.2\.3: .* is published; it was thrown away - .*; asking the next source$/,
      );
    } finally {
      await mirror.close();
    }
  });

  it('without Go says what to install, once for all programs', async () => {
    const options = sandbox.options({ ASCENT_TOOLCHAIN_SOURCES: 'build' });
    const refused = resolveToolchain(undefined, options);
    await expect(refused).rejects.toThrow(
      /^Go is not on the PATH: install Go 1\.21 or newer \(https:\/\/go\.dev\/dl\)$/,
    );
  });

  it('with a Go that is too old says both versions', async () => {
    await sandbox.writeExecutable('path/go', '#!/bin/sh\necho go version go1.20.14 linux/amd64\n');
    const options = sandbox.options({ ASCENT_TOOLCHAIN_SOURCES: 'build' });
    await expect(problemsOf(resolveBinary('greeter', options))).resolves.toEqual([
      { code: 'go-too-old', needed: '1.21', found: '1.20' },
    ]);
  });

  it('takes a newer Go, also one between releases', async () => {
    const go = '#!/bin/sh\n[ "$1" = version ] && echo go version devel go1.30-0c9b9f linux/amd64\n';
    await sandbox.writeExecutable('path/go', go);
    const options = sandbox.options({ ASCENT_TOOLCHAIN_SOURCES: 'build' });
    await expect(problemsOf(resolveBinary('greeter', options))).resolves.toEqual([
      { code: 'build-failed', release: 'greeter', exit: 'exit code 1', output: '' },
    ]);
  });

  it('that fails shows what the compiler said, and leaves nothing', async () => {
    await sandbox.writeExecutable('modules/go/greeter/greeter/main.go', 'package main\n\nfunc x\n');
    const problems = await problemsOf(resolveBinary('greeter', sandbox.options(realPath)));
    expect(problems).toMatchObject([
      { code: 'build-failed', output: expect.stringContaining('main.go:3') as string },
    ]);
    expect(existsSync(place('greeter'))).toBe(false);
  });

  it('by two at the same time happens once', async () => {
    const twice = [1, 2].map(() => resolveBinary('greeter', sandbox.options(realPath)));
    const found = await Promise.all(twice);
    expect(found.map(({ source }) => source).toSorted()).toEqual(['build', 'cache']);
    expect(sandbox.progress.filter(({ kind }) => kind === 'waiting')).toEqual([
      { kind: 'waiting', release: 'greeter', pid: process.pid },
    ]);
  });

  it('that is interrupted ends its programs, begins no other, and rejects', async () => {
    const started = path.join(sandbox.directory, 'started');
    const go =
      '#!/bin/sh\n[ "$1" = version ] && echo go version go1.26 && exit\n' +
      `trap 'exit 1' INT\necho $$ > ${started}.part && mv ${started}.part ${started}\n` +
      'while :; do :; done\n';
    await sandbox.writeExecutable('path/go', go);
    const interrupt = new AbortController();
    const options = {
      ...sandbox.options({
        ASCENT_TOOLCHAIN_SOURCES: 'build',
        PATH: `${path.join(sandbox.directory, 'path')}:/usr/bin:/bin`,
      }),
      signal: interrupt.signal,
      // More than one machine builds at a time.
      catalogue: Array.from({ length: 40 }, (_, patch) => ({
        ...greeter,
        version: `1.2.${patch}`,
      })),
    };
    const whenStarted = async (): Promise<void> => {
      await eventually(() => Promise.resolve(existsSync(started)), { timeoutMs: 10_000 });
      interrupt.abort(new Error('interrupted'));
    };
    const building = Promise.all([resolveToolchain(undefined, options), whenStarted()]);
    await expect(building).rejects.toThrow('interrupted');
    const begun = sandbox.progress.filter(({ kind }) => kind === 'building');
    expect(begun.length).toBeLessThan(40);
    const pid = Number(await readFile(started, 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

describe('a request', () => {
  it('for something unknown is refused with everything that is known, all at once', async () => {
    const requests = [{ tool: 'greeter', version: '1.9' }, { tool: 'grater' }, { tool: 'parrot' }];
    const problems = await problemsOf(resolveToolchain(requests, sandbox.options()));
    expect(problems).toEqual([
      { code: 'unknown-version', tool: 'greeter', version: '1.9', known: ['1.2.3'] },
      { code: 'unknown-tool', tool: 'grater', known: ['greeter', 'parrot'] },
    ]);
  });

  it('without a version means the newest for one binary, and each for a toolchain', async () => {
    const newer = { ...greeter, version: '1.3.0' };
    for (const version of ['1.2.3', '1.3.0']) {
      const file = `cache/bin/greeter/${version}/greeter`;
      await sandbox.writeExecutable(file, script('greeter', version));
    }
    const options = { ...sandbox.options(), catalogue: [greeter, newer] };
    const one = await resolveBinary('greeter', options);
    const all = await resolveToolchain([{ tool: 'greeter' }], options);
    expect(one.version).toBe('1.3.0');
    expect(all.binaries.map(({ version }) => version)).toEqual(['1.2.3', '1.3.0']);
    expect(all.pathOf('greeter')).toBe(one.path);
    expect(all.pathOf('greeter', '1.2')).toBe(all.binaries[0]?.path);
  });

  it('that fails for one tool still installs the others', async () => {
    const chosen = { ASCENT_BIN_PARROT: '/nowhere/parrot' };
    const sources = { ASCENT_TOOLCHAIN_SOURCES: 'environment,build' };
    const options = sandbox.options({ ...realPath, ...chosen, ...sources });
    await expect(problemsOf(resolveToolchain(undefined, options))).resolves.toMatchObject([
      { code: 'variable-unusable', variable: 'ASCENT_BIN_PARROT' },
    ]);
    expect(existsSync(place('greeter'))).toBe(true);
  });
});
