// Installs everything that the lab (and with --tests, the tests) runs, and says where each binary
// came from: `node dist/lab/toolchain/main.js [--tests] [--releases] [--machines]`. Exit codes: 0
// all there, 1 something is not to be had, 2 wrong arguments, 130 interrupted.

import { parseArgs } from 'node:util';

import { kubeRequests } from '../binaries';
import { LabError, messageOf } from '../lab-error';
import { installPackages } from '../machines/host-packages';
import { machineReleases, machineRequests } from '../machines/releases';
import { laterKubernetes } from './catalogue';
import { describeProgress, describeSeconds } from './progress';
import type { ToolchainProgress } from './progress';
import { resolveBinary, resolveToolchain } from './resolve';
import type { ResolvedBinary } from './search';
import { resolveTestServer } from './test-server';
import { ToolchainError, describeProblem } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

const usage = `usage: main.js [--tests] [--releases] [--machines]
Installs the lab's binaries. Each comes from the first that has it: the variable
ASCENT_BIN_<NAME>, the PATH, the cache, the official release, a build from source.
  --tests     also Temporal's time-skipping test server, and an S3 server
  --releases  also Kubernetes ${laterKubernetes.join(', ')}
  --machines  also what labs of real machines run; as root on Debian, its packages too
  --help      this text
ASCENT_CACHE_DIR          where to keep them (default ~/.cache/ascent)
ASCENT_DOWNLOAD_MIRROR    address that replaces scheme and host of official addresses
ASCENT_TOOLCHAIN_SOURCES  which to ask: environment,path,cache,download,build`;

/** Columns as wide as their widest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

function rowOf({ tool, version, source, seconds, path }: ResolvedBinary): readonly string[] {
  const isQuick = source === 'environment' || source === 'path' || source === 'cache';
  return [tool, version, source, isQuick ? '' : describeSeconds(seconds), path];
}

interface Outcome {
  readonly binaries: readonly ResolvedBinary[];
  readonly problems: readonly ToolchainProblem[];
}

async function collect(work: Promise<readonly ResolvedBinary[]>): Promise<Outcome> {
  try {
    return { binaries: await work, problems: [] };
  } catch (error) {
    if (error instanceof ToolchainError) return { binaries: [], problems: error.problems };
    throw error;
  }
}

interface Wanted {
  readonly tests?: boolean;
  readonly releases?: boolean;
  readonly machines?: boolean;
}

/** What is missing of the host's own packages, as lines. */
async function missingOnHost(signal: AbortSignal): Promise<readonly string[]> {
  try {
    const missing = await installPackages(signal);
    if (missing.length === 0) return [];
    return [`machines need these Debian packages, installed as root: ${missing.join(' ')}`];
  } catch (error) {
    if (error instanceof LabError) return [error.message];
    throw error;
  }
}

async function installAll(
  { tests = false, releases = false, machines = false }: Wanted,
  signal: AbortSignal,
): Promise<number> {
  const onProgress = (event: ToolchainProgress): void => {
    const line = describeProgress(event);
    if (line !== undefined) console.error(`toolchain: ${line}`);
  };
  const options = { onProgress, signal };
  const outcomes = await Promise.all([
    collect(resolveToolchain(undefined, options).then(({ binaries }) => binaries)),
    ...(tests
      ? [
          collect(resolveTestServer(options).then((binary) => [binary])),
          collect(resolveBinary('versitygw', options).then((binary) => [binary])),
        ]
      : []),
  ]);
  if (releases) {
    // One build after the other: each fills the machine.
    const later = resolveToolchain(kubeRequests(laterKubernetes), options);
    outcomes.push(await collect(later.then(({ binaries }) => binaries)));
  }
  if (machines) {
    const wanted = resolveToolchain(machineRequests(machineReleases), options);
    outcomes.push(await collect(wanted.then(({ binaries }) => binaries)));
  }
  const ofHost = machines ? await missingOnHost(signal) : [];
  const problems = new Set([
    ...outcomes.flatMap((outcome) => outcome.problems.map(describeProblem)),
    ...ofHost,
  ]);
  for (const problem of problems) console.error(`toolchain: ${problem}`);
  const binaries = outcomes.flatMap((outcome) => outcome.binaries);
  if (binaries.length > 0) {
    console.error(table([['tool', 'version', 'from', 'in', 'path'], ...binaries.map(rowOf)]));
  }
  return problems.size === 0 ? 0 : 1;
}

async function main(argv: readonly string[]): Promise<number> {
  let values: Wanted & { readonly help?: boolean };
  try {
    const flag = { type: 'boolean' } as const;
    const options = { tests: flag, releases: flag, machines: flag, help: flag };
    ({ values } = parseArgs({ args: [...argv], options }));
  } catch (error) {
    console.error(`toolchain: ${messageOf(error)}\n${usage}`);
    return 2;
  }
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const interrupted = new AbortController();
  const interrupt = (): void => {
    interrupted.abort(new Error('interrupted'));
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await installAll(values, interrupted.signal);
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    console.error('toolchain: interrupted; the next time continues where this one stopped');
    return 130;
  }
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
