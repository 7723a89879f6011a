// Gets Temporal's time-skipping test server, which only tests need: variable, cache, the download
// that the Temporal SDK itself would make, and last the Java artifact from Maven.
// S1. The SDK's download comes without a checksum, so TLS vouches for it, as it does for the SDK.
// S2. The Java server is a script beside its jars; the jars are there before the script is.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { isExecutableFile } from './cache';
import { testServer } from './catalogue';
import { openContext } from './context';
import type { ToolchainContext, ToolchainOptions } from './context';
import { unpackMember } from './fetch-tool';
import { onPath } from './installed';
import { fillIn } from './platform';
import { lastLines, runProgram } from './run-program';
import type { ResolvedBinary } from './search';
import { Search } from './search';
import { allSources } from './settings';
import { ToolchainError } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

const { name } = testServer;
/** The two variants are kept apart: which one it is shows in the path. */
const sdkVersion = `sdk-${testServer.sdkVersion}`;
const mavenVersion = testServer.version;

function fail(problem: ToolchainProblem): never {
  throw new ToolchainError([problem]);
}

/**
 * Give the path to the SDK as `{type: 'existing-path', path}`. Throws ToolchainError with the
 * reasons of every source (`variable-unusable`, problems of the download, `java-missing`,
 * `maven-missing`, `maven-failed`), or the signal's reason.
 */
export async function resolveTestServer(options: ToolchainOptions = {}): Promise<ResolvedBinary> {
  const context = openContext(options);
  const search = new Search(wanted, context.onProgress);
  await findInstalled(search, context);
  if (search.isOpen && context.allows('download')) {
    await attempt(search, () => download(search, context), 'download');
  }
  if (search.isOpen && context.allows('build')) {
    await attempt(search, () => buildFromMaven(search, context), 'build');
  }
  if (search.found !== undefined) return search.found;
  const [first, ...rest] = search.problems(allSources.filter((source) => context.allows(source)));
  if (first === undefined) throw new Error(`${name} was neither found nor refused`);
  throw new ToolchainError([first, ...rest]);
}

/** As far as a search needs it: it is no row of the catalogue, because Go has no part in it. */
const wanted = {
  tool: {
    name,
    environmentVariable: testServer.environmentVariable,
    variableAccepts: 'any-version',
    onDemand: true,
    versionArguments: [],
    versionPattern: /(?!)/,
    goPackage: '',
  },
  release: { id: name, version: mavenVersion, buildMinutes: 1, linkerFlags: [], tools: [] },
} as const;

async function findInstalled(search: Search, context: ToolchainContext): Promise<void> {
  const variable = testServer.environmentVariable;
  const file = context.env[variable] ?? '';
  if (file !== '' && context.allows('environment')) {
    // It has no way to be asked for its version.
    if (await isExecutableFile(file)) search.succeed('environment', path.resolve(file), 'unknown');
    else {
      const why = 'is no executable file';
      search.errors.push({ code: 'variable-unusable', variable, path: file, why });
    }
    return;
  }
  if (!context.allows('cache')) return;
  for (const version of [sdkVersion, mavenVersion]) {
    if (!(await context.cache.has(name, version))) continue;
    search.succeed('cache', context.cache.binary(name, version), version);
    return;
  }
}

async function attempt(
  search: Search,
  work: () => Promise<void>,
  source: 'download' | 'build',
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ToolchainError)) throw error;
    for (const problem of error.problems) {
      if (source === 'download') search.passOver(source, problem);
      else search.errors.push(problem);
    }
  }
}

async function install(
  search: Search,
  version: string,
  context: ToolchainContext,
  work: (scratch: string) => Promise<void>,
): Promise<void> {
  const { signal, onProgress, cache } = context;
  const onWait = (pid: number): void => {
    onProgress({ kind: 'waiting', release: name, pid });
  };
  const lock = { onWait, ...(signal === undefined ? {} : { signal }) };
  await cache.install(name, lock, async (scratch) => {
    // Another process may have installed it while this one waited.
    if (context.allows('cache') && (await cache.has(name, version))) {
      search.succeed('cache', cache.binary(name, version), version);
      return;
    }
    search.restartClock();
    await work(scratch);
  });
}

interface LookedUp {
  readonly archiveUrl: string;
  readonly fileToExtract: string;
}

function isLookedUp(answer: unknown): answer is LookedUp {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'archiveUrl' in answer &&
    typeof answer.archiveUrl === 'string' &&
    'fileToExtract' in answer &&
    typeof answer.fileToExtract === 'string'
  );
}

function parseLookedUp(url: string, text: string): LookedUp {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return fail({ code: 'answer-unusable', url, why: 'no JSON' });
  }
  if (isLookedUp(answer) && URL.canParse(answer.archiveUrl)) return answer;
  return fail({ code: 'answer-unusable', url, why: 'no archiveUrl and fileToExtract' });
}

/** S1. */
async function download(search: Search, context: ToolchainContext): Promise<void> {
  const { platform, downloader, signal, onProgress } = context;
  if (platform.arch === undefined) {
    return fail({ code: 'platform-unsupported', platform: platform.os });
  }
  const lookupUrl = fillIn(testServer.lookupUrl, testServer.sdkVersion, platform.arch);
  const answer = await downloader.text(lookupUrl, signal);
  const { archiveUrl: url, fileToExtract } = parseLookedUp(downloader.locate(lookupUrl), answer);
  await install(search, sdkVersion, context, async (scratch) => {
    const archive = path.join(scratch, 'archive.tar.gz');
    let isTold = false;
    const onBytes = (receivedBytes: number, totalBytes: number | undefined): void => {
      const transfer = { url, receivedBytes, totalBytes };
      if (!isTold)
        onProgress({ kind: 'downloading', tool: name, version: sdkVersion, ...transfer });
      isTold = true;
    };
    const target = { url, file: archive, onBytes, ...(signal === undefined ? {} : { signal }) };
    await downloader.unverified(target);
    const file = path.join(scratch, name);
    await unpackMember(downloader.locate(url), archive, fileToExtract, file);
    const published = await context.cache.publish(file, name, sdkVersion);
    search.succeed('download', published, sdkVersion);
  });
}

/** S2. */
async function buildFromMaven(search: Search, context: ToolchainContext): Promise<void> {
  const { modulesDirectory } = context;
  if (modulesDirectory === undefined) return;
  const mvn = await requirePrograms(context);
  await install(search, mavenVersion, context, async (scratch) => {
    const release = name;
    const progress = { release, version: mavenVersion, tools: [name], estimateMinutes: 1 };
    context.onProgress({ kind: 'building', ...progress, elapsedSeconds: 0 });
    const jars = path.join(scratch, 'lib');
    await mkdir(jars);
    await copyJars(mvn, path.join(modulesDirectory, 'maven', 'pom.xml'), jars, context);
    const script = path.join(scratch, name);
    await writeFile(script, startScript);
    await context.cache.publishDirectory(jars, name, mavenVersion);
    search.succeed('build', await context.cache.publish(script, name, mavenVersion));
  });
}

const startScript = `#!/bin/sh
# Temporal's time-skipping test server ${mavenVersion}.
exec java -cp "$(dirname "$0")/lib/*" ${testServer.mainClass} "$@"
`;

/** Both at once: the path of mvn. java runs Maven as well as the server. */
async function requirePrograms({ env }: ToolchainContext): Promise<string> {
  const [[java], [mvn]] = await Promise.all([onPath('java', env), onPath('mvn', env)]);
  const missing: ToolchainProblem[] = [];
  if (java === undefined) missing.push({ code: 'java-missing' });
  if (mvn === undefined) missing.push({ code: 'maven-missing' });
  const [first, ...rest] = missing;
  if (first !== undefined) throw new ToolchainError([first, ...rest]);
  return mvn ?? 'mvn';
}

async function copyJars(
  mvn: string,
  pom: string,
  jars: string,
  { env, signal }: ToolchainContext,
): Promise<void> {
  const result = await runProgram({
    file: mvn,
    args: [
      '--quiet',
      '--batch-mode',
      // A jar that does not match the repository's checksum is an error, not a warning.
      '--strict-checksums',
      '--file',
      pom,
      'dependency:copy-dependencies',
      '-DincludeScope=runtime',
      `-DoutputDirectory=${jars}`,
    ],
    env,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.kind === 'not-started') return fail({ code: 'maven-missing' });
  if (result.ok) return;
  return fail({ code: 'maven-failed', exit: result.exit, output: lastLines(result.output) });
}
