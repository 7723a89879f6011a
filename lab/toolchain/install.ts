// Puts programs of one release into the cache, by download or by build. What cannot be got is noted
// in its search; only what nobody expects (a full disk, an interrupt) is thrown.

import { chmod } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';

import type { Release } from './catalogue';
import type { ToolchainContext } from './context';
import { fetchTool } from './fetch-tool';
import type { ArchiveMemory } from './fetch-tool';
import { buildTools } from './go-build';
import { askVersion } from './installed';
import type { Search } from './search';
import type { Slots } from '../../activities/at-once';
import { ToolchainError } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

const byteReportEveryMs = 2_000;
const buildReportEveryMs = 30_000;

/** The note of `work`'s problems; rethrows everything else. */
async function noting(
  note: (problem: ToolchainProblem) => void,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ToolchainError)) throw error;
    error.problems.forEach(note);
  }
}

/** One process at a time; what another one has installed meanwhile is taken from the cache. */
async function installMissing(
  release: Release,
  searches: readonly Search[],
  context: ToolchainContext,
  work: (missing: readonly Search[], scratch: string) => Promise<void>,
): Promise<void> {
  const { cache, signal, onProgress } = context;
  // It may have waited for its turn for long.
  signal?.throwIfAborted();
  const lock = {
    onWait: (pid: number): void => {
      onProgress({ kind: 'waiting', release: release.id, pid });
    },
    ...(signal === undefined ? {} : { signal }),
  };
  await cache.install(`${release.id}-${release.version}`, lock, async (scratch) => {
    await Promise.all(searches.map((search) => takeFromCache(search, context)));
    const missing = searches.filter(({ isOpen }) => isOpen);
    if (missing.length > 0) await work(missing, scratch);
  });
}

export async function takeFromCache(search: Search, context: ToolchainContext): Promise<void> {
  const { tool, release } = search.wanted;
  if (!context.allows('cache')) return;
  if (!(await context.cache.has(tool.name, release.version))) return;
  search.succeed('cache', context.cache.binary(tool.name, release.version));
}

/** A file that passed every check before may still be of another machine, or wrongly built. */
async function publish(search: Search, file: string, context: ToolchainContext): Promise<string> {
  const { tool, release } = search.wanted;
  await chmod(file, 0o755);
  const asked = await askVersion(tool, file, context.env);
  const found = asked.kind === 'version' ? asked.version : undefined;
  if (found !== release.version) {
    const wanted = release.version;
    throw new ToolchainError([
      { code: 'wrong-version', tool: tool.name, path: file, wanted, found },
    ]);
  }
  return await context.cache.publish(file, tool.name, release.version);
}

/** What cannot be downloaded is passed over, for the build. */
export async function installByDownload(
  release: Release,
  searches: readonly Search[],
  context: ToolchainContext,
): Promise<void> {
  const official = searches.filter(({ wanted }) => wanted.tool.download !== undefined);
  if (official.length === 0) return;
  const passOver = (problem: ToolchainProblem): void => {
    for (const search of official) if (search.isOpen) search.passOver('download', problem);
  };
  const { arch, os } = context.platform;
  if (arch === undefined) {
    passOver({ code: 'platform-unsupported', platform: `${os} on ${process.arch}` });
    return;
  }
  const archives: ArchiveMemory = new Map();
  await noting(passOver, () =>
    installMissing(release, official, context, async (missing, scratch) => {
      await Promise.all(
        missing.map((search) =>
          context.downloadSlots.run(() =>
            downloadOne(search, { archives, arch, scratch }, context),
          ),
        ),
      );
    }),
  );
}

interface DownloadPlace {
  readonly archives: ArchiveMemory;
  readonly arch: string;
  readonly scratch: string;
}

async function downloadOne(
  search: Search,
  { archives, arch, scratch }: DownloadPlace,
  context: ToolchainContext,
): Promise<void> {
  const { tool, release } = search.wanted;
  const { download } = tool;
  if (download === undefined) return;
  const { downloader, onProgress, signal } = context;
  let toldMs = -Infinity;
  const onBytes = (url: string, receivedBytes: number, totalBytes: number | undefined): void => {
    if (performance.now() - toldMs < byteReportEveryMs) return;
    toldMs = performance.now();
    const { version } = release;
    const transfer = { url, receivedBytes, totalBytes };
    onProgress({ kind: 'downloading', tool: tool.name, version, ...transfer });
  };
  const note = (problem: ToolchainProblem): void => {
    search.passOver('download', problem);
  };
  await noting(note, async () => {
    search.restartClock();
    const options = { downloader, arch, scratch, onBytes, signal };
    const file = await fetchTool(tool, download, release, archives, options);
    search.succeed('download', await publish(search, file, context));
  });
}

/** Minutes on this machine: builds scale with the cores, up to about eight of them. */
export function estimateMinutes(twoCoreMinutes: number): number {
  return Math.max(1, Math.ceil((twoCoreMinutes * 2) / Math.min(availableParallelism(), 8)));
}

/** The last source: what cannot be built is an error. */
export async function installByBuild(
  release: Release,
  searches: readonly Search[],
  slots: Slots,
  context: ToolchainContext,
): Promise<void> {
  const { modulesDirectory } = context;
  if (modulesDirectory === undefined) return;
  const fail = (problem: ToolchainProblem): void => {
    for (const search of searches) if (search.isOpen) search.errors.push(problem);
  };
  // The slot first: a process that waits for another one's build starts none beside it.
  await noting(fail, () =>
    slots.run(() =>
      installMissing(release, searches, context, async (missing, scratch) => {
        const stopReports = reportBuild(release, missing, context);
        try {
          await buildAll(release, missing, path.join(modulesDirectory, 'go'), scratch, context);
        } finally {
          stopReports();
        }
      }),
    ),
  );
}

async function buildAll(
  release: Release,
  searches: readonly Search[],
  modulesDirectory: string,
  scratch: string,
  context: ToolchainContext,
): Promise<void> {
  const tools = searches.map(({ wanted }) => wanted.tool);
  for (const search of searches) search.restartClock();
  const { env, signal } = context;
  const files = await buildTools(release, tools, { modulesDirectory, scratch, env, signal });
  await Promise.all(
    searches.map(async (search, index) => {
      const file = files[index];
      if (file !== undefined) search.succeed('build', await publish(search, file, context));
    }),
  );
}

/** Tells at once and then every 30 s that the build goes on; answers how to stop that. */
function reportBuild(
  release: Release,
  searches: readonly Search[],
  context: ToolchainContext,
): () => void {
  const startedMs = performance.now();
  const report = (): void => {
    context.onProgress({
      kind: 'building',
      release: release.id,
      version: release.version,
      tools: searches.map(({ wanted }) => wanted.tool.name),
      estimateMinutes: estimateMinutes(release.buildMinutes),
      elapsedSeconds: Math.round((performance.now() - startedMs) / 1000),
    });
  };
  report();
  const timer = setInterval(report, buildReportEveryMs);
  return () => {
    clearInterval(timer);
  };
}
