// The worker's connection to Temporal. Address, namespace, TLS and API key come from
// @temporalio/envconfig: profiles made for the `temporal` command work here as they are.
// C1. At its start a worker waits for Temporal, but not for ever, and says what it waits for.
// C2. A namespace that does not exist is found here, not by a worker that fails later.

import dns from 'node:dns/promises';
import net from 'node:net';

import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';

import { givenVariables } from '../domain/temporal-variables';
import { grpcCodeOf } from './grpc-codes';
import { WorkerError } from './worker-error';

/** Where Temporal is, beyond what profile and environment say. */
export interface TemporalSource {
  /** Profile of the configuration file; default: TEMPORAL_PROFILE, else `default`. */
  readonly profile?: string | undefined;
  /** Configuration file (TOML); default: TEMPORAL_CONFIG_FILE, else the platform's own place. */
  readonly configFile?: string | undefined;
  /** `host:port`; wins over profile and environment. */
  readonly address?: string | undefined;
  /** Wins over profile and environment; default `default`. */
  readonly namespace?: string | undefined;
}

export interface WorkerConnection {
  readonly connection: NativeConnection;
  readonly address: string;
  readonly namespace: string;
}

type Dial = (
  options: NativeConnectionOptions & { readonly address: string },
) => Promise<NativeConnection>;

const dialTemporal: Dial = (options) => NativeConnection.connect(options);

const defaultAddress = 'localhost:7233';
const firstRetryMs = 250;
const slowestRetryMs = 2_000;
const callTimeoutMs = 10_000;
const diagnosisTimeoutMs = 2_000;

/**
 * Connects and sees that the namespace exists. Tries again for `timeoutMs`.
 * Throws WorkerError: connection-invalid, temporal-unreachable, temporal-refused,
 * namespace-missing.
 */
export async function connectToTemporal(options: {
  readonly source: TemporalSource;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told once, when Temporal does not answer at first. */
  onWaiting(address: string): void;
  /** Instead of NativeConnection.connect, for tests. */
  readonly dial?: Dial;
}): Promise<WorkerConnection> {
  const { source, signal } = options;
  const config = readConnectConfig(source, options.env);
  const address = source.address ?? config.connectionOptions.address ?? defaultAddress;
  const namespace = source.namespace ?? config.namespace ?? 'default';
  const target = { options: { ...config.connectionOptions, address }, namespace };
  const endsAtMs = performance.now() + options.timeoutMs;
  let hasWaited = false;
  for (let delayMs = firstRetryMs; ; delayMs = Math.min(slowestRetryMs, delayMs * 2)) {
    const result = await tryToConnect(target, options.dial ?? dialTemporal);
    if (result.kind === 'connected') return { connection: result.connection, address, namespace };
    if (performance.now() + delayMs > endsAtMs) {
      throw await unreachable(address, options.timeoutMs, result.cause);
    }
    if (!hasWaited) options.onWaiting(address);
    hasWaited = true;
    await sleep(delayMs, signal);
  }
}

function readConnectConfig(
  { profile, configFile }: TemporalSource,
  env: Readonly<Record<string, string | undefined>>,
): ClientConnectConfig {
  try {
    return loadClientConnectConfig({
      ...(profile === undefined ? {} : { profile }),
      ...(configFile === undefined ? {} : { configSource: { path: configFile } }),
      overrideEnvVars: givenVariables(env),
    });
  } catch (error) {
    throw new WorkerError({
      code: 'connection-invalid',
      message: `the connection settings of Temporal cannot be used: ${messageOf(error)}`,
      remedy: 'correct the profile, its file or the TEMPORAL_ variables',
      cause: error,
    });
  }
}

type Attempt =
  | { readonly kind: 'connected'; readonly connection: NativeConnection }
  | { readonly kind: 'failed'; readonly cause: unknown };

interface Target {
  readonly options: Parameters<Dial>[0];
  readonly namespace: string;
}

async function tryToConnect(target: Target, dial: Dial): Promise<Attempt> {
  const { options, namespace } = target;
  let connection: NativeConnection;
  try {
    connection = await dial(options);
  } catch (cause) {
    refuseForGood(cause, target);
    return { kind: 'failed', cause };
  }
  try {
    await connection.withDeadline(Date.now() + callTimeoutMs, () =>
      connection.workflowService.describeNamespace({ namespace }),
    );
    return { kind: 'connected', connection };
  } catch (cause) {
    await connection.close();
    refuseForGood(cause, target);
    return { kind: 'failed', cause };
  }
}

/** Throws when asking again cannot help. */
function refuseForGood(error: unknown, { options: { address }, namespace }: Target): void {
  switch (grpcCodeOf(error)) {
    case 'NOT_FOUND':
      throw new WorkerError({
        code: 'namespace-missing',
        message: `Temporal at ${address} has no namespace ${namespace}`,
        remedy: `create it: temporal operator namespace create --namespace ${namespace}`,
        cause: error,
      });
    case 'PERMISSION_DENIED':
    case 'UNAUTHENTICATED':
      throw new WorkerError({
        code: 'temporal-refused',
        message: `Temporal at ${address} refuses the worker in namespace ${namespace}`,
        remedy: 'see the API key or the certificate of the profile, and its rights',
        cause: error,
      });
    case 'INVALID_ARGUMENT':
      throw new WorkerError({
        code: 'connection-invalid',
        message: `Temporal at ${address} does not accept namespace ${namespace}`,
        remedy: 'correct the namespace of the profile, or TEMPORAL_NAMESPACE',
        cause: error,
      });
    case undefined:
      break;
  }
}

async function unreachable(address: string, timeoutMs: number, cause: unknown): Promise<Error> {
  const waited = timeoutMs === 0 ? '' : ` within ${Math.round(timeoutMs / 1_000)} s`;
  return new WorkerError({
    code: 'temporal-unreachable',
    message: `Temporal did not answer at ${address}${waited}: ${await diagnose(address)}`,
    remedy: 'see that it runs there, and set TEMPORAL_ADDRESS or a profile when it runs elsewhere',
    cause,
  });
}

/** What a person would try first. The SDK's own error is a text in the words of its transport. */
export async function diagnose(address: string): Promise<string> {
  const separator = address.lastIndexOf(':');
  const host = address.slice(0, separator).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(separator + 1));
  const isAddress = separator > 0 && Number.isInteger(port) && port > 0 && port <= 65_535;
  if (!isAddress) return 'this is not HOST:PORT';
  try {
    await dns.lookup(host);
  } catch {
    return `the name ${host} is not known`;
  }
  const code = await tryTcp(host, port);
  if (code === undefined) {
    return 'something accepts connections there, but it does not answer as Temporal (TLS or not?)';
  }
  return code === 'ECONNREFUSED' ? 'nothing listens there' : `no connection (${code})`;
}

/** The error code of a TCP connection; undefined when it opens. */
function tryTcp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: diagnosisTimeoutMs });
    const settle = (code: string | undefined): void => {
      socket.destroy();
      resolve(code);
    };
    socket.once('connect', () => settle(undefined));
    socket.once('timeout', () => settle('ETIMEDOUT'));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? 'EUNKNOWN'));
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
