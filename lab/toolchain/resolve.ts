// Finds or gets the binaries of the lab, each in the order: environment variable, PATH, cache,
// official download, build from the pinned Go module.
// T1. A variable is an explicit choice: when it cannot be used, that is an error and not a reason
//     to ask the next source.
// T2. Every other source that has nothing usable hands over to the next one; why is told as
//     `passed-over` and kept in the result. So after a wrong checksum the program is built, which
//     is safe (go.sum vouches for what is built), and said plainly.
// T3. All problems at once: a tool that is not to be had does not keep the others from being
//     installed, and the error names every one.

import { catalogue as pinned } from './catalogue';
import type { Release } from './catalogue';
import { openContext } from './context';
import type { ToolchainContext, ToolchainOptions } from './context';
import { estimateMinutes, installByBuild, installByDownload, takeFromCache } from './install';
import { fromPath, fromVariable } from './installed';
import { allSources } from './settings';
import { everyTool, findRequests } from './requests';
import type { ToolRequest } from './requests';
import { Search } from './search';
import type { ResolvedBinary } from './search';
import { Slots } from '../../activities/at-once';
import { ToolchainError } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

export interface ResolveOptions extends ToolchainOptions {
  /** Default: the pinned one. */
  readonly catalogue?: readonly Release[];
}

export interface Toolchain {
  /** In the order of the catalogue. */
  readonly binaries: readonly ResolvedBinary[];
  /**
   * The executable of a tool; `version` is a whole one or a minor, and without one the newest of
   * the catalogue is meant. Undefined when it was not asked for.
   */
  readonly pathOf: (tool: string, version?: string) => string | undefined;
}

/**
 * Resolves tools in parallel; without `requests`, all that the lab needs. Throws ToolchainError
 * with every problem of every tool (T3), or the signal's reason.
 */
export async function resolveToolchain(
  requests?: readonly ToolRequest[],
  options: ResolveOptions = {},
): Promise<Toolchain> {
  const catalogue = options.catalogue ?? pinned;
  const wanted = requests === undefined ? everyTool(catalogue) : findRequests(requests, catalogue);
  const context = openContext(options);
  const searches = wanted.map((row) => new Search(row, context.onProgress));
  await settled(searches.map((search) => lookAround(search, context)));
  if (context.allows('download')) await downloadMissing(searches, context);
  if (context.allows('build')) await buildMissing(searches, context);
  const tried = allSources.filter((source) => context.allows(source));
  throwProblems(searches.flatMap((s) => (s.found === undefined ? s.problems(tried) : [])));
  return toolchainOf(searches.flatMap(({ found }) => (found === undefined ? [] : [found])));
}

/** One tool; without a version, the newest of the catalogue. Throws like `resolveToolchain`. */
export async function resolveBinary(
  tool: string,
  options: ResolveOptions & { readonly version?: string } = {},
): Promise<ResolvedBinary> {
  const catalogue = options.catalogue ?? pinned;
  const request = options.version === undefined ? { tool } : { tool, version: options.version };
  const newest = findRequests([request], catalogue).at(-1);
  if (newest === undefined) throw new Error(`the catalogue has no row for ${tool}`);
  const { version } = newest.release;
  const { binaries } = await resolveToolchain([{ tool, version }], options);
  const [binary] = binaries;
  if (binary === undefined) throw new Error(`${tool} ${version} was neither found nor refused`);
  return binary;
}

function toolchainOf(binaries: readonly ResolvedBinary[]): Toolchain {
  const isMeant = (binary: ResolvedBinary, version: string | undefined): boolean =>
    version === undefined ||
    binary.pinnedVersion === version ||
    binary.pinnedVersion.startsWith(`${version}.`);
  return {
    binaries,
    pathOf: (tool, version) =>
      binaries.findLast((binary) => binary.tool === tool && isMeant(binary, version))?.path,
  };
}

/** Waits for all of them even when one fails: nothing goes on unattended after an error. */
async function settled(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** The sources that cost next to nothing (T1, T2). */
async function lookAround(search: Search, context: ToolchainContext): Promise<void> {
  const { tool, release } = search.wanted;
  const { env } = context;
  if (context.allows('environment')) {
    try {
      const found = await fromVariable(tool, release, env);
      if (found !== undefined) {
        search.succeed('environment', found.path, found.version);
        return;
      }
    } catch (error) {
      if (!(error instanceof ToolchainError)) throw error;
      search.errors.push(...error.problems);
      return;
    }
  }
  if (context.allows('path')) {
    const { found, problems } = await fromPath(tool, release, env);
    problems.forEach((problem) => {
      search.passOver('path', problem);
    });
    if (found !== undefined) {
      search.succeed('path', found.path, found.version);
      return;
    }
  }
  await takeFromCache(search, context);
}

interface OpenRelease {
  readonly release: Release;
  readonly searches: readonly Search[];
}

function openReleases(searches: readonly Search[]): readonly OpenRelease[] {
  const open = searches.filter(({ isOpen }) => isOpen);
  const releases = new Set(open.map(({ wanted }) => wanted.release));
  return [...releases].map((release) => ({
    release,
    searches: open.filter(({ wanted }) => wanted.release === release),
  }));
}

async function downloadMissing(all: readonly Search[], context: ToolchainContext): Promise<void> {
  await settled(
    openReleases(all).map(({ release, searches }) => installByDownload(release, searches, context)),
  );
}

async function buildMissing(all: readonly Search[], context: ToolchainContext): Promise<void> {
  const open = openReleases(all);
  if (open.length === 0 || context.modulesDirectory === undefined) return;
  const minutes = open.reduce((sum, { release }) => sum + release.buildMinutes, 0);
  const slots = new Slots(context.buildsAtOnce);
  context.onProgress({
    kind: 'builds-planned',
    releases: open.map(({ release }) => `${release.id} ${release.version}`),
    estimateMinutes: estimateMinutes(minutes),
    parallel: context.buildsAtOnce,
  });
  await settled(
    open.map(({ release, searches }) => installByBuild(release, searches, slots, context)),
  );
}

/** Each problem once: one unreachable host or a missing Go concerns many tools. */
function throwProblems(problems: readonly ToolchainProblem[]): void {
  const distinct = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  const [first, ...rest] = distinct.values();
  if (first !== undefined) throw new ToolchainError([first, ...rest]);
}
