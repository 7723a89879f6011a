// What every part of one search for binaries shares.

import { existsSync } from 'node:fs';
import { availableParallelism, freemem } from 'node:os';
import path from 'node:path';

import { openCache } from './cache';
import type { Cache } from './cache';
import { openDownloader } from './download';
import type { Downloader } from './download';
import { currentPlatform } from './platform';
import type { Platform } from './platform';
import type { BinarySource, OnToolchainProgress } from './progress';
import { readSettings } from './settings';
import type { Environment } from './settings';
import { Slots } from '../../activities/at-once';

export interface ToolchainOptions {
  /** Default: this process's. */
  readonly env?: Environment;
  readonly onProgress?: OnToolchainProgress;
  /** Ends downloads and builds; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The folder with go/ and maven/. Default: tools/toolchain of this checkout. */
  readonly modulesDirectory?: string;
  /** Default: this machine's. */
  readonly platform?: Platform;
}

export interface ToolchainContext {
  readonly env: Environment;
  readonly cache: Cache;
  readonly downloader: Downloader;
  readonly platform: Platform;
  /** Undefined where the modules are not shipped, as in an installed package. */
  readonly modulesDirectory: string | undefined;
  readonly onProgress: OnToolchainProgress;
  readonly signal: AbortSignal | undefined;
  readonly downloadSlots: Slots;
  readonly buildsAtOnce: number;
  allows(source: BinarySource): boolean;
}

const downloadsAtOnce = 4;
const gibibyte = 2 ** 30;

/** Linking kube-apiserver takes about 2 GiB, and compiling beside it as much again. */
export function parallelBuilds(cpus: number, freeBytes: number): number {
  return Math.max(1, Math.min(Math.floor(cpus / 2), Math.floor(freeBytes / (4 * gibibyte))));
}

/** The same file lies at different depths in the sources and in dist/. */
function findModules(): string | undefined {
  for (let folder = __dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'tools', 'toolchain');
    if (existsSync(path.join(candidate, 'go'))) return candidate;
    if (folder === path.dirname(folder)) return undefined;
  }
}

/** Reads the environment; throws ToolchainError `setting-invalid`. Touches no file. */
export function openContext(options: ToolchainOptions): ToolchainContext {
  const env = options.env ?? process.env;
  const settings = readSettings(env);
  const onProgress = options.onProgress ?? ((): void => undefined);
  return {
    env,
    cache: openCache(settings.cacheDirectory),
    downloader: openDownloader({
      mirror: settings.mirror,
      onUnreachable: (host, why) => {
        onProgress({ kind: 'host-unreachable', host, why });
      },
    }),
    platform: options.platform ?? currentPlatform(),
    modulesDirectory: options.modulesDirectory ?? findModules(),
    onProgress,
    signal: options.signal,
    downloadSlots: new Slots(downloadsAtOnce),
    buildsAtOnce: parallelBuilds(availableParallelism(), freemem()),
    allows: (source) => settings.sources.has(source),
  };
}
