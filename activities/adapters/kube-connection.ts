// One cluster's credentials and connections: what a kubeconfig says, as one pool that the
// Kubernetes client and the member probe share.
// N1. Servers are verified against the kubeconfig's CA. There is no way to switch that off.
// N2. Connections are pooled here: the client library would open a new pool for every request.
// N3. Credentials are read again for every request, so rotated files and tokens take effect.

import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';

import {
  type Configuration,
  createConfiguration,
  KubeConfig,
  type SecurityAuthentication,
  ServerConfiguration,
} from '@kubernetes/client-node';
import { Agent, type Dispatcher, request } from 'undici';

import { PortError } from '../ports';
import { isError } from './node-errors';

/** A plain HTTP answer; the body is text. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface KubeConnection {
  /** Address of the current context's cluster. */
  readonly server: string;
  /** One of the client library's typed APIs on this connection. */
  client<Api>(type: new (configuration: Configuration) => Api): Api;
  /** GET of any address with the same credentials, for members that are asked directly. */
  get(url: string, signal: AbortSignal): Promise<HttpAnswer>;
  /** Ends every connection; no request may be made afterwards. */
  close(): Promise<void>;
}

/** Requests under way at the same time, for each address. */
const connectionsPerOrigin = 32;
/** A metrics page of a busy controller-manager is about 2 MB. */
const bodyBytesMax = 32 * 1024 * 1024;

/**
 * Reads the kubeconfig's current context. Throws PortError `rejected` when the file cannot be used:
 * unreadable, no current context, not https, or verification of the server switched off (N1).
 */
export function openKubeConnection(kubeconfig: string): KubeConnection {
  const config = readKubeconfig(kubeconfig);
  const server = checkedServer(config, kubeconfig);
  const pool = new CredentialPool(config);
  const authentication: SecurityAuthentication = {
    getName: () => 'kubeconfig',
    async applySecurityAuthentication(context) {
      const { headers, dispatcher } = await pool.current();
      for (const [name, value] of Object.entries(headers)) context.setHeaderParam(name, value);
      context.setDispatcher(dispatcher);
    },
  };
  const configuration = createConfiguration({
    baseServer: new ServerConfiguration(server, {}),
    authMethods: { default: authentication },
  });
  return {
    server,
    client: (type) => new type(configuration),
    async get(url, signal) {
      const { headers, dispatcher } = await pool.current();
      const answer = await request(url, { dispatcher, headers, signal });
      return { status: answer.statusCode, body: await textOf(answer.body, url) };
    },
    close: () => pool.close(),
  };
}

async function textOf(body: AsyncIterable<Buffer>, url: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) {
      throw new PortError('unexpected', `${url} answers with more than ${bodyBytesMax} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readKubeconfig(file: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (cause) {
    throw new PortError('rejected', `kubeconfig ${file} cannot be read`, { cause });
  }
  return config;
}

function checkedServer(config: KubeConfig, file: string): string {
  const cluster = config.getCurrentCluster();
  if (cluster === null || config.getCurrentUser() === null) {
    const message = `kubeconfig ${file} has no current context with a cluster and a user`;
    throw new PortError('rejected', message);
  }
  if (cluster.skipTLSVerify) {
    const message = `kubeconfig ${file} switches off verification of the server`;
    throw new PortError('rejected', `${message} (insecure-skip-tls-verify)`);
  }
  if (!cluster.server.startsWith('https://')) {
    const message = `kubeconfig ${file} names server ${cluster.server}, expected https://`;
    throw new PortError('rejected', message);
  }
  return cluster.server;
}

interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** Keeps one pool of connections for as long as the TLS material stays the same. */
class CredentialPool {
  readonly #config: KubeConfig;
  #pool: { readonly fingerprint: string; readonly agent: Agent } | undefined;
  /** Pools of earlier credentials, ending when their last request has. */
  readonly #leaving = new Set<Promise<void>>();
  #isClosed = false;

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  async current(): Promise<Credentials> {
    const options: RequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (cause) {
      const why = isError(cause) ? cause.message : String(cause);
      const message = `the kubeconfig's credentials cannot be obtained: ${why}`;
      throw new PortError('unauthorized', message, { cause });
    }
    if (this.#isClosed) throw new PortError('unexpected', 'the cluster connection is closed');
    return { headers: headersOf(options), dispatcher: this.#agentFor(options) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // destroy, not close: nobody waits for answers any more, and a slow one must not hold us.
    await this.#pool?.agent.destroy();
    await Promise.all(this.#leaving);
  }

  #agentFor({ ca, cert, key, servername }: RequestOptions): Agent {
    const fingerprint = fingerprintOf([ca, cert, key, servername]);
    if (this.#pool?.fingerprint === fingerprint) return this.#pool.agent;
    if (this.#pool !== undefined) this.#leave(this.#pool.agent);
    const agent = new Agent({
      connections: connectionsPerOrigin,
      // One request a connection at a time: a member that goes away takes few of them along.
      allowH2: false,
      connect: {
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(servername === undefined ? {} : { servername }),
      },
    });
    this.#pool = { fingerprint, agent };
    return agent;
  }

  #leave(agent: Agent): void {
    const leaving = agent.close().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}

function fingerprintOf(parts: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(typeof part === 'string' || Buffer.isBuffer(part) ? part : '');
    hash.update('\0');
  }
  return hash.digest('hex');
}

function headersOf({ headers, auth }: RequestOptions): Readonly<Record<string, string>> {
  const named = Object.entries(headers ?? {}).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  );
  const basic =
    auth === undefined || auth === null ? [] : [['Authorization', basicOf(auth)] as const];
  return Object.fromEntries([...basic, ...named]);
}

function basicOf(auth: string): string {
  return `Basic ${Buffer.from(auth).toString('base64')}`;
}
