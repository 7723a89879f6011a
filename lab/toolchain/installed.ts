// Looks for executables that are there already: named by a variable, or on the PATH.

import path from 'node:path';

import { sleep } from '../waiting';
import { isExecutableFile } from './cache';
import type { Release, Tool } from './catalogue';
import { runProgram } from './run-program';
import type { ProgramResult } from './run-program';
import type { Environment } from './settings';
import { ToolchainError } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

/** An API server answers within 0.2 s; a wrapper that fetches something first takes longer. */
const versionTimeoutMs = 10_000;

const busyTriesMax = 20;

function isBusy(result: ProgramResult): boolean {
  return result.kind === 'not-started' && result.why === 'ETXTBSY';
}

export interface InstalledTool {
  readonly path: string;
  readonly version: string;
}

export type VersionAsked =
  | { readonly kind: 'version'; readonly version: string }
  | { readonly kind: 'none'; readonly why: string };

/** Runs the executable to ask it. */
export async function askVersion(
  tool: Pick<Tool, 'versionArguments' | 'versionPattern'>,
  file: string,
  env: Environment,
): Promise<VersionAsked> {
  const args = tool.versionArguments;
  let result = await runProgram({ file, args, env, timeoutMs: versionTimeoutMs });
  // A file that was just written is busy while another child, forked meanwhile, has not yet begun.
  for (let i = 0; i < busyTriesMax && isBusy(result); i += 1) {
    await sleep(50);
    result = await runProgram({ file, args, env, timeoutMs: versionTimeoutMs });
  }
  if (result.kind === 'not-started') return { kind: 'none', why: `does not run (${result.why})` };
  const version = tool.versionPattern.exec(result.output)?.[1];
  if (version !== undefined) return { kind: 'version', version };
  return { kind: 'none', why: `does not answer \`${args.join(' ')}\` with a version` };
}

function isSameMinor(a: string, b: string): boolean {
  const minor = (version: string): string => version.split('.').slice(0, 2).join('.');
  return minor(a) === minor(b);
}

/**
 * Undefined when the variable is unset or empty. Throws ToolchainError `variable-unusable`: an
 * explicit choice is never replaced by another one.
 */
export async function fromVariable(
  tool: Tool,
  release: Release,
  env: Environment,
): Promise<InstalledTool | undefined> {
  const variable = tool.environmentVariable;
  const file = env[variable] ?? '';
  if (file === '') return undefined;
  const refuse = (why: string): never => {
    throw new ToolchainError([{ code: 'variable-unusable', variable, path: file, why }]);
  };
  if (!(await isExecutableFile(file))) return refuse('is no executable file');
  const asked = await askVersion(tool, file, env);
  if (asked.kind === 'none') return refuse(asked.why);
  const { version } = asked;
  if (tool.variableAccepts === 'same-minor' && !isSameMinor(version, release.version)) {
    return refuse(`is ${tool.name} ${version}, not ${release.version}`);
  }
  return { path: path.resolve(file), version };
}

/** Every executable of that name on the PATH, in its order. */
export async function onPath(name: string, env: Environment): Promise<readonly string[]> {
  const folders = (env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const files = [...new Set(folders)].map((folder) => path.join(folder, name));
  const found = await Promise.all(
    files.map(async (file) => ((await isExecutableFile(file)) ? [file] : [])),
  );
  return found.flat();
}

/** The first one on the PATH that is exactly of the release's version, and why others are not. */
export async function fromPath(
  tool: Tool,
  release: Release,
  env: Environment,
): Promise<{
  readonly found: InstalledTool | undefined;
  readonly problems: readonly ToolchainProblem[];
}> {
  const problems: ToolchainProblem[] = [];
  for (const file of await onPath(tool.name, env)) {
    const asked = await askVersion(tool, file, env);
    const version = asked.kind === 'version' ? asked.version : undefined;
    if (version === release.version) return { found: { path: file, version }, problems };
    const wanted = release.version;
    problems.push({ code: 'wrong-version', tool: tool.name, path: file, wanted, found: version });
  }
  return { found: undefined, problems };
}
