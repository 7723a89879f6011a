// How to reach Temporal: profiles, TLS and API keys are those of @temporalio/envconfig, so that a
// profile made for the `temporal` command works here as it is. One thing is added: an empty
// variable counts as absent. Compose files and CI set those that nobody gave a value, and envconfig
// would take an empty address for an address, and an empty TEMPORAL_TLS for "no TLS".

import type { ConnectionOptions } from '@temporalio/client';
import { Client, Connection } from '@temporalio/client';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { loadClientConnectConfig } from '@temporalio/envconfig';

import { givenVariables } from '../domain/temporal-variables';
import { AscentError, TemporalUnreachableError } from './errors';
import { denialOf, messageOf } from './temporal-errors';

export interface ConnectOptions {
  /** Profile of the configuration file; default: TEMPORAL_PROFILE, else `default`. */
  readonly profile?: string;
  /** Configuration file (TOML); default: TEMPORAL_CONFIG_FILE, else the platform's own place. */
  readonly configFile?: string;
  /** `host:port`; wins over profile and environment. */
  readonly address?: string;
  /** Wins over profile and environment; default `default`. */
  readonly namespace?: string;
  /** Instead of the process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long to try, in milliseconds; default 10 s. */
  readonly timeoutMs?: number;
  /** How long one question to an upgrade may take, in milliseconds; default 15 s. */
  readonly callTimeoutMs?: number;
}

export interface TemporalConnection {
  readonly client: Client;
  readonly address: string;
  readonly close: () => Promise<void>;
}

const defaultAddress = 'localhost:7233';
const defaultTimeoutMs = 10_000;

/**
 * Connects and asks the server who it is, so that a wrong address or key is found here and not at
 * the first use. Throws AscentError: connection-invalid, temporal-unreachable, temporal-refused.
 */
export async function connectTemporal(options: ConnectOptions = {}): Promise<TemporalConnection> {
  const config = readConfig(options);
  const address = options.address ?? config.connectionOptions.address ?? defaultAddress;
  const namespace = options.namespace ?? config.namespace ?? 'default';
  const connection = makeConnection({
    ...config.connectionOptions,
    address,
    connectTimeout: options.timeoutMs ?? defaultTimeoutMs,
  });
  try {
    await connection.ensureConnected();
  } catch (error) {
    await connection.close().catch(() => undefined);
    throw denialOf(error) ?? new TemporalUnreachableError(address, error);
  }
  return {
    client: new Client({ connection, namespace }),
    address,
    close: () => connection.close(),
  };
}

/** Reads certificates; nothing is sent yet. */
function makeConnection(options: ConnectionOptions & { readonly address: string }): Connection {
  try {
    return Connection.lazy(options);
  } catch (error) {
    throw new AscentError({
      code: 'connection-invalid',
      message: `the connection to ${options.address} cannot be made: ${messageOf(error)}`,
      remedy: 'see the address, the certificate files and the key of the profile',
      cause: error,
    });
  }
}

function readConfig(options: ConnectOptions): ClientConnectConfig {
  try {
    return loadClientConnectConfig({
      ...(options.profile === undefined ? {} : { profile: options.profile }),
      ...(options.configFile === undefined ? {} : { configSource: { path: options.configFile } }),
      overrideEnvVars: givenVariables(options.env ?? process.env),
    });
  } catch (error) {
    throw new AscentError({
      code: 'connection-invalid',
      message: `the connection settings cannot be used: ${messageOf(error)}`,
      remedy: 'correct the profile or the configuration file of Temporal',
      cause: error,
    });
  }
}
