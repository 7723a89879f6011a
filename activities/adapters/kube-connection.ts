// One cluster's credentials and connections: what a kubeconfig says, as one pool that the
// Kubernetes client and the member probe share.
// N1. Servers are verified against the kubeconfig's CA. Nothing switches that off, also not
//     NODE_TLS_REJECT_UNAUTHORIZED.
// N2. Connections are pooled here: the client library would open a new pool for every request.
// N3. Credentials are read again for every request, so rotated files and tokens take effect;
//     requests that come together share one reading, which may be the run of a credential plugin.
// N4. No error repeats what a kubeconfig or a plugin says, nor carries it as its cause: failures
//     are kept in Temporal. The first line of a plugin's error output is the exception.

import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';

import {
  type Configuration,
  createConfiguration,
  KubeConfig,
  type SecurityAuthentication,
  ServerConfiguration,
} from '@kubernetes/client-node';
import { Agent, type Dispatcher, request, WebSocket } from 'undici';

import type { CertificateObservation } from '../../domain/observation';
import { PortError } from '../ports';
import { boundedCall } from './bounded-call';
import { errorCode, isError } from './node-errors';
import { servingCertificate } from './serving-certificate';

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
  /** What the server of any address shows; undefined when it shows nothing that we trust. */
  certificate(url: string, signal: AbortSignal): Promise<CertificateObservation | undefined>;
  /**
   * GET of a path of the API server, or of any address, whose answer comes line by line, as things
   * happen; resolves when it begins. Only the signal bounds it. Throws HttpRefusal when it is not
   * 200.
   */
  lines(pathOrUrl: string, signal: AbortSignal): Promise<AsyncIterable<string>>;
  /** A WebSocket of a path of the API server, on its way; whoever asks for it closes it. */
  socket(path: string, protocol: string): Promise<WebSocket>;
  /** Ends every connection; no request may be made afterwards. */
  close(): Promise<void>;
}

/** An answer that is not the stream that was asked for; its body is not told. */
export class HttpRefusal extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`HTTP ${status}`);
    this.name = 'HttpRefusal';
    this.status = status;
  }
}

/** Requests under way at the same time, for each address. */
const connectionsPerOrigin = 32;
/** A metrics page of a busy controller-manager is about 2 MB. */
const bodyBytesMax = 32 * 1024 * 1024;
/** A credential plugin asks a server of its own; people are not waited for. */
const defaultCredentialsTimeoutMs = 20_000;

/**
 * Reads the kubeconfig's current context; one request waits `credentialsTimeoutMs` for credentials
 * at the most. Throws PortError `rejected` when the file cannot be used: unreadable, no current
 * context, not https, or verification of the server switched off (N1).
 */
export function openKubeConnection(
  kubeconfig: string,
  credentialsTimeoutMs: number = defaultCredentialsTimeoutMs,
): KubeConnection {
  const config = readKubeconfig(kubeconfig);
  const server = checkedServer(config, kubeconfig);
  const pool = new CredentialPool(config, credentialsTimeoutMs);
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
    async certificate(url, signal) {
      const { tls } = await pool.current();
      return servingCertificate({ url, tls, signal });
    },
    async lines(pathOrUrl, signal) {
      const { headers, dispatcher } = await pool.current();
      const url = pathOrUrl.startsWith('/') ? `${server}${pathOrUrl}` : pathOrUrl;
      const answer = await request(url, { dispatcher, headers, signal, bodyTimeout: 0 });
      if (answer.statusCode === 200) return linesOf(answer.body);
      await answer.body.dump();
      throw new HttpRefusal(answer.statusCode);
    },
    async socket(path, protocol) {
      const { headers, dispatcher } = await pool.current();
      const url = `${server.replace(/^https:/, 'wss:')}${path}`;
      return new WebSocket(url, { protocols: [protocol], headers, dispatcher });
    },
    close: () => pool.close(),
  };
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
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
  } catch (error) {
    // Its parser quotes the lines around a mistake (N4).
    const why = errorCode(error) ?? 'it is no kubeconfig';
    throw new PortError('rejected', `kubeconfig ${file} cannot be read (${why})`);
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

/** Requests come and go while credentials are read for all of them. */
const neverAborted = new AbortController().signal;

interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
  readonly tls: TlsOptions;
}

const obtaining = "the kubeconfig's credentials cannot be obtained";
const pluginCharsMax = 300;

/** What a kubeconfig's files or its plugin failed with (N4). */
function credentialsError(error: unknown): PortError {
  const refused = (why: string): PortError => new PortError('unauthorized', `${obtaining}: ${why}`);
  if (!isError(error)) return refused('unknown error');
  if (error.name === 'SyntaxError') return refused('its answer is no JSON');
  const [line = ''] = error.message.trim().split('\n', 1);
  return refused(line.slice(0, pluginCharsMax) || 'the plugin failed and said nothing');
}

/** Keeps one pool of connections for as long as the TLS material stays the same. */
class CredentialPool {
  readonly #config: KubeConfig;
  readonly #timeoutMs: number;
  #reading: Promise<RequestOptions> | undefined;
  #pool: { readonly fingerprint: string; readonly agent: Agent } | undefined;
  /** Pools of earlier credentials, ending when their last request has. */
  readonly #leaving = new Set<Promise<void>>();
  #isClosed = false;

  constructor(config: KubeConfig, timeoutMs: number) {
    this.#config = config;
    this.#timeoutMs = timeoutMs;
  }

  async current(): Promise<Credentials> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    const options = await this.#reading;
    if (this.#isClosed) throw new PortError('unexpected', 'the cluster connection is closed');
    const dispatcher = this.#agentFor(options);
    return { headers: headersOf(options), dispatcher, tls: tlsOptionsOf(options) };
  }

  /** The client library knows no limit: what hangs is left to itself, and the next one begins. */
  #read(): Promise<RequestOptions> {
    const options: RequestOptions = {};
    const call = { doing: obtaining, timeoutMs: this.#timeoutMs, signal: neverAborted };
    return boundedCall(
      call,
      (signal) =>
        new Promise<RequestOptions>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
          this.#config.applyToHTTPSOptions(options).then(() => resolve(options), reject);
        }),
      credentialsError,
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    // destroy, not close: nobody waits for answers any more, and a slow one must not hold us.
    await this.#pool?.agent.destroy();
    await Promise.all(this.#leaving);
  }

  #agentFor(options: RequestOptions): Agent {
    const { ca, cert, key, servername } = options;
    const fingerprint = fingerprintOf([ca, cert, key, servername]);
    if (this.#pool?.fingerprint === fingerprint) return this.#pool.agent;
    if (this.#pool !== undefined) this.#leave(this.#pool.agent);
    const agent = new Agent({
      connections: connectionsPerOrigin,
      // One request a connection at a time: a member that goes away takes few of them along.
      allowH2: false,
      connect: tlsOptionsOf(options),
    });
    this.#pool = { fingerprint, agent };
    return agent;
  }

  #leave(agent: Agent): void {
    const leaving = agent.close().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}

type TlsOptions = Pick<
  ConnectionOptions,
  'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'
>;

/** What of the client library's options a connection is made with (N1). */
export function tlsOptionsOf({ ca, cert, key, servername }: RequestOptions): TlsOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: true,
  };
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
