// What the environment says about where binaries come from and go to.

import { homedir } from 'node:os';
import path from 'node:path';

import type { BinarySource } from './progress';
import { ToolchainError } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ToolchainSettings {
  /** Absolute. */
  readonly cacheDirectory: string;
  /** Takes the place of scheme and host of every official address; without a slash at the end. */
  readonly mirror: string | undefined;
  /** Which sources may be asked; they are always asked in their own order. */
  readonly sources: ReadonlySet<BinarySource>;
}

export const allSources: readonly BinarySource[] = [
  'environment',
  'path',
  'cache',
  'download',
  'build',
];

function isSource(word: string): word is BinarySource {
  return allSources.some((source) => source === word);
}

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

/** Without ASCENT_CACHE_DIR: the XDG cache, where a relative XDG_CACHE_HOME counts as unset. */
function defaultCacheDirectory(env: Environment): string {
  const xdg = env['XDG_CACHE_HOME'];
  const home = env['HOME'] ?? homedir();
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(home, '.cache');
  return path.join(base, 'ascent');
}

/** One check per variable; an empty variable counts as unset. */
const checks = [
  {
    variable: 'ASCENT_CACHE_DIR',
    expected: 'an absolute path',
    accepts: (value: string): boolean => path.isAbsolute(value),
  },
  {
    variable: 'ASCENT_DOWNLOAD_MIRROR',
    expected: 'an http or https address',
    accepts: isHttpUrl,
  },
  {
    variable: 'ASCENT_TOOLCHAIN_SOURCES',
    expected: `a list of ${allSources.join(', ')}`,
    accepts: (value: string): boolean => wordsOf(value).every(isSource),
  },
] as const;

function wordsOf(list: string): readonly string[] {
  return list.split(',').map((word) => word.trim());
}

/**
 * Reads ASCENT_CACHE_DIR, ASCENT_DOWNLOAD_MIRROR and ASCENT_TOOLCHAIN_SOURCES. Throws
 * ToolchainError with every `setting-invalid` at once.
 */
export function readSettings(env: Environment): ToolchainSettings {
  const valueOf = (variable: (typeof checks)[number]['variable']): string => env[variable] ?? '';
  const problems = checks.flatMap(({ variable, expected, accepts }): ToolchainProblem[] => {
    const value = valueOf(variable);
    if (value === '' || accepts(value)) return [];
    return [{ code: 'setting-invalid', variable, value, expected }];
  });
  const [first, ...rest] = problems;
  if (first !== undefined) throw new ToolchainError([first, ...rest]);
  const cache = valueOf('ASCENT_CACHE_DIR');
  const mirror = valueOf('ASCENT_DOWNLOAD_MIRROR');
  const sources = valueOf('ASCENT_TOOLCHAIN_SOURCES');
  return {
    cacheDirectory: cache === '' ? defaultCacheDirectory(env) : path.normalize(cache),
    mirror: mirror === '' ? undefined : mirror.replace(/\/+$/, ''),
    sources: new Set(sources === '' ? allSources : wordsOf(sources).filter(isSource)),
  };
}
