// Builds the programs of one release from its pinned Go module.
// B1. The module decides every version: -mod=readonly, so that a build changes nothing in the
//     checkout and fails where go.sum does not vouch for what was fetched.
// B2. An interrupted build loses little: what was compiled stays in Go's own build cache.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { Release, Tool } from './catalogue';
import { onPath } from './installed';
import { lastLines, runProgram } from './run-program';
import type { Environment } from './settings';
import { ToolchainError } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

export interface BuildOptions {
  /** The folder that holds one Go module per release. */
  readonly modulesDirectory: string;
  /** Where the executables go. */
  readonly scratch: string;
  readonly env: Environment;
  readonly signal: AbortSignal | undefined;
}

function fail(problem: ToolchainProblem): never {
  throw new ToolchainError([problem]);
}

function buildEnvironment(env: Environment): Environment {
  return {
    ...env,
    // Static executables, for any Linux; and nothing of the user's that would change the build.
    CGO_ENABLED: '0',
    GOFLAGS: '',
    GOWORK: 'off',
    GO111MODULE: 'on',
    GOOS: undefined,
    GOARCH: undefined,
  };
}

/** The executable that `go build -o DIRECTORY/` writes: the last element that is no version. */
function outputName(goPackage: string): string {
  const elements = goPackage.split('/').filter((element) => !/^v\d+$/.test(element));
  return elements.at(-1) ?? goPackage;
}

/** `1.23.0` of the module's go line: the oldest Go that can build it. */
async function neededGo(moduleDirectory: string): Promise<string> {
  const text = await readFile(path.join(moduleDirectory, 'go.mod'), 'utf8');
  return /^go (\S+)$/m.exec(text)?.[1] ?? '1';
}

function isAtLeast(found: string, needed: string): boolean {
  const [a = [], b = []] = [found, needed].map((version) => version.split('.').map(Number));
  const [major = 0, minor = 0] = a;
  const [neededMajor = 0, neededMinor = 0] = b;
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}

/**
 * Throws ToolchainError `go-missing` or `go-too-old`. Asked in the module's folder, because there
 * Go (with GOTOOLCHAIN=auto, its default) takes the newer toolchain that the module needs.
 */
async function requireGo(moduleDirectory: string, env: Environment): Promise<string> {
  const needed = await neededGo(moduleDirectory);
  const [go] = await onPath('go', env);
  if (go === undefined) return fail({ code: 'go-missing', needed });
  const result = await runProgram({ file: go, args: ['version'], env, cwd: moduleDirectory });
  if (result.kind === 'not-started') return fail({ code: 'go-missing', needed });
  const found = /\bgo(\d+\.\d+)/.exec(result.output)?.[1];
  if (!result.ok || found === undefined || !isAtLeast(found, needed)) {
    return fail({ code: 'go-too-old', needed, found: found ?? lastLines(result.output, 1) });
  }
  return go;
}

/**
 * Answers the path of each tool's executable, in the order of `tools`. Throws ToolchainError
 * `go-missing`, `go-too-old` or `build-failed`.
 */
export async function buildTools(
  release: Release,
  tools: readonly Tool[],
  options: BuildOptions,
): Promise<readonly string[]> {
  const moduleDirectory = path.join(options.modulesDirectory, release.id);
  const env = buildEnvironment(options.env);
  const go = await requireGo(moduleDirectory, env);
  const { signal } = options;
  const result = await runProgram({
    file: go,
    args: [
      'build',
      '-mod=readonly',
      // Nothing of this machine's directories and nothing of this checkout's commits in the result.
      '-trimpath',
      '-buildvcs=false',
      '-ldflags',
      ['-s', '-w', ...release.linkerFlags].join(' '),
      '-o',
      `${options.scratch}${path.sep}`,
      ...tools.map(({ goPackage }) => goPackage),
    ],
    env,
    cwd: moduleDirectory,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.kind === 'not-started') return fail({ code: 'go-missing', needed: '' });
  if (!result.ok) {
    const output = lastLines(result.output);
    return fail({ code: 'build-failed', release: release.id, exit: result.exit, output });
  }
  return tools.map(({ goPackage }) => path.join(options.scratch, outputName(goPackage)));
}
