// The Temporal dev server of a lab: the real server with its UI on SQLite, a process of its own
// below the lab's state directory. It can be up without the lab, and the lab without it.
// S1. Data and ports survive: after a crash or a kill, `temporalUp` goes on where it was.
// S2. The WAL pragmas are needed: without them the file store is several times slower.

import { rm } from 'node:fs/promises';
import path from 'node:path';

import { z } from 'zod';

import { allSearchAttributes } from '../domain/search-attributes';
import { readJson, writeJsonAtomic } from './atomic-file';
import { freePortBlock, isListening } from './free-ports';
import { LabError } from './lab-error';
import { labLayout } from './layout';
import {
  endProcess,
  forgetProcess,
  isAlive,
  recordedProcess,
  recordProcess,
  signalProcess,
} from './process-identity';
import type { ProcessIdentity } from './process-identity';
import { spawnDetached } from './spawn-detached';
import { makeStateDirectory } from './state-directory';
import { resolveBinary } from './toolchain/resolve';
import { eventually } from './waiting';

export interface TemporalUpOptions {
  readonly stateDir: string;
  readonly signal?: AbortSignal;
}

export interface TemporalServer {
  /** `127.0.0.1:7233`. */
  readonly address: string;
  readonly uiUrl: string;
  readonly logFile: string;
  readonly wasUp: boolean;
  readonly seconds: number;
}

const portsSchema = z.object({ grpc: z.number().int(), ui: z.number().int() });
type Ports = z.infer<typeof portsSchema>;

const processName = 'temporal';
const host = '127.0.0.1';
const readyMs = 60_000;
const stopMs = 5_000;

async function portsOf(directory: string): Promise<Ports> {
  const file = path.join(directory, 'ports.json');
  const known = portsSchema.safeParse(await readJson(file));
  if (known.success) return known.data;
  const first = await freePortBlock(2);
  const ports = { grpc: first, ui: first + 1 };
  await writeJsonAtomic(file, ports);
  return ports;
}

function serverArguments(directory: string, ports: Ports): readonly string[] {
  return [
    'server',
    'start-dev',
    '--ip',
    host,
    '--port',
    String(ports.grpc),
    '--ui-port',
    String(ports.ui),
    '--db-filename',
    path.join(directory, 'temporal.db'),
    '--sqlite-pragma',
    'journal_mode=wal',
    '--sqlite-pragma',
    'synchronous=normal',
    '--log-level',
    'warn',
    ...allSearchAttributes.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
  ];
}

async function spawnServer(directory: string, ports: Ports): Promise<ProcessIdentity> {
  const { path: executable } = await resolveBinary('temporal');
  return spawnDetached({
    what: 'Temporal',
    file: executable,
    args: serverArguments(directory, ports),
    directory,
    logFile: path.join(directory, 'server.log'),
  });
}

/** Resolves when the server accepts connections. Ends it again when that fails (LabError). */
export async function temporalUp(options: TemporalUpOptions): Promise<TemporalServer> {
  const startedMs = performance.now();
  const directory = labLayout(options.stateDir).temporal;
  await makeStateDirectory(directory);
  const ports = await portsOf(directory);
  const found = await recordedProcess(directory, processName);
  const wasUp = found !== undefined && isAlive(found);
  const server = wasUp ? found : await spawnServer(directory, ports);
  await recordProcess(directory, processName, server);
  const waiting = { timeoutMs: readyMs, everyMs: 50, ...signalOf(options) };
  const isReady = await eventually(async () => {
    if (!isAlive(server)) {
      throw new LabError('lab-failed', `Temporal ended; see ${directory}/server.log`);
    }
    return (await isListening(ports.grpc)) && (await isListening(ports.ui));
  }, waiting).catch(async (error: unknown) => {
    await endProcess(server, stopMs);
    throw error;
  });
  if (!isReady) {
    await endProcess(server, stopMs);
    throw new LabError('lab-failed', `Temporal was not ready in ${readyMs / 1_000} s`);
  }
  return {
    address: `${host}:${ports.grpc}`,
    uiUrl: `http://${host}:${ports.ui}`,
    logFile: path.join(directory, 'server.log'),
    wasUp,
    seconds: (performance.now() - startedMs) / 1_000,
  };
}

function signalOf({ signal }: TemporalUpOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** Ends the server; removes its data unless `keepData`. Nothing to end is fine. */
export async function temporalDown(options: {
  readonly stateDir: string;
  readonly keepData?: boolean;
}): Promise<{ readonly wasUp: boolean }> {
  const directory = labLayout(options.stateDir).temporal;
  const server = await recordedProcess(directory, processName);
  const wasUp = server !== undefined && isAlive(server);
  if (server !== undefined && wasUp) {
    signalProcess(server, 'SIGTERM');
    const isGone = await eventually(() => Promise.resolve(!isAlive(server)), {
      timeoutMs: stopMs,
      everyMs: 20,
    });
    if (!isGone) await endProcess(server, stopMs);
  }
  await forgetProcess(directory, processName);
  if (options.keepData !== true) await rm(directory, { recursive: true, force: true });
  return { wasUp };
}

/** SIGKILL, for tests of what survives it. Throws LabError `lab-down` when it is not up. */
export async function killTemporal(options: { readonly stateDir: string }): Promise<void> {
  const directory = labLayout(options.stateDir).temporal;
  const server = await recordedProcess(directory, processName);
  if (server === undefined || !isAlive(server)) {
    throw new LabError('lab-down', `no Temporal server runs in ${directory}`);
  }
  await endProcess(server, stopMs);
}
