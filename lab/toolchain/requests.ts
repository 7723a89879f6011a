// From what somebody asks for to rows of the catalogue.

import type { Release, Tool } from './catalogue';
import { ToolchainError } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

export interface ToolRequest {
  readonly tool: string;
  /**
   * `1.28.15` or just the minor, `1.28`. Without one, every version is meant that is not installed
   * on demand only; every version of what is installed in no other way.
   */
  readonly version?: string;
}

/** A program of one release. */
export interface WantedTool {
  readonly tool: Tool;
  readonly release: Release;
}

function isVersion(release: Release, version: string): boolean {
  return release.version === version || release.version.startsWith(`${version}.`);
}

/** Everything that is not installed on demand only. */
export function everyTool(catalogue: readonly Release[]): readonly WantedTool[] {
  return catalogue.flatMap((release) =>
    release.tools.filter((tool) => !tool.onDemand).map((tool) => ({ tool, release })),
  );
}

function findOne(
  { tool: name, version }: ToolRequest,
  catalogue: readonly Release[],
): readonly WantedTool[] | ToolchainProblem {
  const all = catalogue.flatMap((release) => release.tools.map((tool) => ({ tool, release })));
  const named = all.filter(({ tool }) => tool.name === name);
  if (named.length === 0) {
    const known = [...new Set(all.map(({ tool }) => tool.name))];
    return { code: 'unknown-tool', tool: name, known };
  }
  if (version === undefined) {
    const usual = named.filter(({ tool }) => !tool.onDemand);
    return usual.length > 0 ? usual : named;
  }
  const found = named.filter(({ release }) => isVersion(release, version));
  if (found.length > 0) return found;
  const known = named.map(({ release }) => release.version);
  return { code: 'unknown-version', tool: name, version, known };
}

/**
 * Each row once, in the order of the catalogue. Throws ToolchainError with every `unknown-tool` and
 * `unknown-version`.
 */
export function findRequests(
  requests: readonly ToolRequest[],
  catalogue: readonly Release[],
): readonly WantedTool[] {
  const answers = requests.map((request) => findOne(request, catalogue));
  const problems = answers.flatMap((answer) => ('code' in answer ? [answer] : []));
  const [first, ...rest] = problems;
  if (first !== undefined) throw new ToolchainError([first, ...rest]);
  const wanted = new Set(answers.flatMap((answer) => ('code' in answer ? [] : answer)).map(keyOf));
  return catalogue
    .flatMap((release) => release.tools.map((tool) => ({ tool, release })))
    .filter((row) => wanted.has(keyOf(row)));
}

function keyOf({ tool, release }: WantedTool): string {
  return `${tool.name} ${release.version}`;
}
