// A directory of its own for one test: a cache, a PATH, and a release of two made-up programs that
// can be had from every source.

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Release, Tool } from '../../../lab/toolchain/catalogue';
import type { ToolchainProgress } from '../../../lab/toolchain/progress';
import type { ResolveOptions } from '../../../lab/toolchain/resolve';

function madeUpTool(name: string, member?: string): Tool {
  const folder = 'https://files.example/greeter/v{version}';
  return {
    name,
    environmentVariable: `ASCENT_BIN_${name.toUpperCase()}`,
    variableAccepts: 'same-minor',
    onDemand: false,
    versionArguments: ['--version'],
    versionPattern: new RegExp(`^${name} v(\\S+)$`, 'm'),
    goPackage: `example/greeter/${name}`,
    download:
      member === undefined
        ? { url: `${folder}/${name}-{arch}`, checksumUrl: `${folder}/${name}-{arch}.sha256` }
        : { url: `${folder}/all-{arch}.tar.gz`, checksumUrl: `${folder}/SHA256SUMS`, member },
  };
}

/** `greeter` is published as it is, `parrot` in an archive. */
export const greeter: Release = {
  id: 'greeter',
  version: '1.2.3',
  buildMinutes: 1,
  linkerFlags: ['-X main.version=v1.2.3'],
  tools: [madeUpTool('greeter'), madeUpTool('parrot', 'all-v{version}/parrot')],
};

/** A shell script that answers `--version` as the program would. */
export function script(name: string, version: string): string {
  return `#!/bin/sh\necho '${name} v${version}'\n`;
}

export interface Sandbox {
  readonly directory: string;
  readonly cacheDirectory: string;
  readonly modulesDirectory: string;
  readonly progress: ToolchainProgress[];
  /** Only a folder of this sandbox is on the PATH unless `PATH` is given. */
  options(env?: Readonly<Record<string, string>>): ResolveOptions;
  /** Answers its path. */
  writeExecutable(file: string, text: string): Promise<string>;
  kinds(): readonly string[];
  remove(): Promise<void>;
}

export async function makeSandbox(): Promise<Sandbox> {
  const directory = await mkdtemp(path.join(tmpdir(), 'ascent-toolchain-'));
  const cacheDirectory = path.join(directory, 'cache');
  const modulesDirectory = path.join(directory, 'modules');
  const progress: ToolchainProgress[] = [];
  await writeGoModule(path.join(modulesDirectory, 'go', 'greeter'));
  return {
    directory,
    cacheDirectory,
    modulesDirectory,
    progress,
    options: (env = {}) => ({
      env: {
        HOME: process.env['HOME'],
        PATH: path.join(directory, 'path'),
        ASCENT_CACHE_DIR: cacheDirectory,
        ...env,
      },
      catalogue: [greeter],
      modulesDirectory,
      platform: { os: 'linux', arch: 'amd64' },
      onProgress: (event) => progress.push(event),
    }),
    writeExecutable: async (file, text) => {
      const place = path.join(directory, file);
      await mkdir(path.dirname(place), { recursive: true });
      await writeFile(place, text);
      await chmod(place, 0o755);
      return place;
    },
    kinds: () => progress.map(({ kind }) => kind),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** No import at all, so that even a first build takes only a moment. */
async function writeGoModule(folder: string): Promise<void> {
  const program = (name: string): string =>
    `package main\n\nvar version = "unknown"\n\nfunc main() { println("${name}", version) }\n`;
  for (const name of ['greeter', 'parrot']) {
    await mkdir(path.join(folder, name), { recursive: true });
    await writeFile(path.join(folder, name, 'main.go'), program(name));
  }
  await writeFile(path.join(folder, 'go.mod'), 'module example/greeter\n\ngo 1.21\n');
}
