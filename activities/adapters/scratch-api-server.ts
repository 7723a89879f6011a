// A kube-apiserver on a scratch etcd: whether what was restored can be read as objects.
// A1. It listens on loopback; its certificate, its token and its keys are made for it and go with
//     the scratch space.
// A2. It asks nobody but its etcd: webhooks are off, nothing is authorized elsewhere, and whoever
//     starts it has removed what would have it call aggregated API servers.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';

import { Agent, request } from 'undici';

import { type KubeVersion, parseVersion } from '../../domain/versions';
import { PortError } from '../ports';
import { boundedCall } from './bounded-call';
import { parseJson } from './json';
import { errorCode } from './node-errors';
import { type ScratchProcess, startScratchProcess, untilAnswers } from './scratch-process';
import type { ScratchSpace } from './scratch-space';

export interface ScratchApiServerOptions {
  readonly space: ScratchSpace;
  /** Path, or a name that is looked up on PATH. */
  readonly executable: string;
  /** Unix sockets of the members of its etcd. */
  readonly etcd: readonly string[];
  /** As the API servers of the cluster say it: where in etcd, and with which services. */
  readonly etcdPrefix?: string | undefined;
  readonly serviceRange?: string | undefined;
  /** An EncryptionConfiguration, which may hold keys. */
  readonly encryptionConfig?: Buffer | undefined;
  readonly signal: AbortSignal;
}

export interface ScratchApiServer {
  readonly version: KubeVersion;
  /** Names of nothing, contents of nothing: only how many there were at exactly that revision. */
  count(resource: string, atRevision: number, signal: AbortSignal): Promise<number>;
  /** Throws PortError `unexpected` with the end of its log, `timeout` with its failing checks. */
  untilReady(signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const answerTimeoutMs = 120_000;
const readyTimeoutMs = 120_000;
const listTimeoutMs = 60_000;
const pageItems = 500;
const startsMax = 3;
const messageCharsMax = 300;
const loopback = '127.0.0.1';
const what = 'the scratch API server';

/** Only metadata crosses the wire; the server has read, and decrypted, the whole object for it. */
const metadataOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

/**
 * It answers when this resolves, and is not ready yet: what it cannot read keeps it from becoming
 * ready for ever, and is told by a listing. Throws PortError: `unexpected` with the end of its log
 * when it ends, `timeout`.
 */
export async function startScratchApiServer(
  options: ScratchApiServerOptions,
): Promise<ScratchApiServer> {
  const token = randomBytes(32).toString('hex');
  const files = await writeFiles(options, token);
  for (let start = 1; ; start += 1) {
    const port = await freePort();
    try {
      return await startOn(port, { options, files, token });
    } catch (error) {
      // Somebody else was given the port between our asking and its listening.
      const isTaken =
        error instanceof PortError && error.message.includes('address already in use');
      if (!isTaken || start >= startsMax) throw error;
    }
  }
}

interface Files {
  readonly tokens: string;
  readonly serviceAccounts: string;
  readonly certificates: string;
  readonly encryption: string | undefined;
}

async function writeFiles(
  { space, encryptionConfig }: ScratchApiServerOptions,
  token: string,
): Promise<Files> {
  const at = (name: string): string => path.join(space.runDirectory, name);
  const keep = async (name: string, content: string | Buffer): Promise<string> => {
    await writeFile(at(name), content, { mode: 0o600 });
    return at(name);
  };
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const pem = accounts.export({ format: 'pem', type: 'sec1' });
  return {
    tokens: await keep('tokens', `${token},ascent,ascent,system:masters\n`),
    serviceAccounts: await keep('service-accounts.key', pem),
    certificates: at('certificates'),
    encryption:
      encryptionConfig === undefined ? undefined : await keep('encryption', encryptionConfig),
  };
}

/** Authority for each flag: `--help` of 1.28.15, 1.29.15 and 1.30.14. */
function flagsOf(options: ScratchApiServerOptions, files: Files, port: number): readonly string[] {
  const { etcd, etcdPrefix, serviceRange = '10.96.0.0/16' } = options;
  return [
    `--etcd-servers=${etcd.map((socket) => `unix://${socket}`).join(',')}`,
    ...(etcdPrefix === undefined ? [] : [`--etcd-prefix=${etcdPrefix}`]),
    ...(files.encryption === undefined ? [] : [`--encryption-provider-config=${files.encryption}`]),
    // What is listed at the snapshot's revision must not be compacted meanwhile.
    '--etcd-compaction-interval=0',
    // Without it nothing is read that nobody asks for.
    '--watch-cache=false',
    `--bind-address=${loopback}`,
    `--advertise-address=${loopback}`,
    `--secure-port=${port}`,
    `--cert-dir=${files.certificates}`,
    `--token-auth-file=${files.tokens}`,
    '--anonymous-auth=false',
    '--authorization-mode=AlwaysAllow',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.serviceAccounts}`,
    `--service-account-signing-key-file=${files.serviceAccounts}`,
    `--service-cluster-ip-range=${serviceRange}`,
    '--endpoint-reconciler-type=none',
    '--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook',
    '--profiling=false',
  ];
}

async function startOn(
  port: number,
  {
    options,
    files,
    token,
  }: {
    readonly options: ScratchApiServerOptions;
    readonly files: Files;
    readonly token: string;
  },
): Promise<ScratchApiServer> {
  const { space, executable, signal } = options;
  const child = await startScratchProcess(space, {
    name: 'kube-apiserver',
    executable,
    args: flagsOf(options, files, port),
  });
  const origin = `https://${loopback}:${port}`;
  let client: Client | undefined;
  const stop = async (): Promise<void> => {
    await child.stop();
    await client?.agent.destroy();
  };
  try {
    await untilAnswers(child, {
      what,
      timeoutMs: answerTimeoutMs,
      signal,
      async answers(inner) {
        client ??= await openClient(origin, files, token);
        return client !== undefined && (await probe(client, '/version', inner)) === undefined;
      },
    });
    if (client === undefined) throw new PortError('unexpected', `${origin} has no client`);
    const open = client;
    return {
      version: await versionOf(open, signal),
      count: (resource, at, inner) => countObjects(open, resource, at, inner),
      untilReady: (inner) => untilReady(child, open, inner),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Client {
  readonly origin: string;
  readonly agent: Agent;
  readonly token: string;
}

/** Undefined until it has made its certificate: nothing else is trusted. */
async function openClient(
  origin: string,
  { certificates }: Files,
  token: string,
): Promise<Client | undefined> {
  try {
    const ca = await readFile(path.join(certificates, 'apiserver.crt'), 'utf8');
    if (!ca.trimEnd().endsWith('-----END CERTIFICATE-----')) return undefined;
    return { origin, agent: new Agent({ connect: { ca } }), token };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function get(
  { origin, agent, token }: Client,
  url: string,
  signal: AbortSignal,
): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, accept: metadataOnly };
  const answer = await request(`${origin}${url}`, { dispatcher: agent, headers, signal });
  return { status: answer.statusCode, body: parseJson(await answer.body.text()) };
}

/** Undefined when it answers 200; else what it says instead. */
async function probe(
  { origin, agent, token }: Client,
  url: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${token}` };
  try {
    const answer = await request(`${origin}${url}`, { dispatcher: agent, headers, signal });
    const body = await answer.body.text();
    return answer.statusCode === 200 ? undefined : body;
  } catch (error) {
    signal.throwIfAborted();
    // It does not listen yet, or has ended, which is seen by itself.
    if (errorCode(error) !== undefined) return 'it does not answer';
    throw error;
  }
}

async function untilReady(
  child: ScratchProcess,
  client: Client,
  signal: AbortSignal,
): Promise<void> {
  let said = '';
  const answers = async (inner: AbortSignal): Promise<boolean> => {
    const body = await probe(client, '/readyz', inner);
    said = body ?? '';
    return body === undefined;
  };
  try {
    await untilAnswers(child, { what, timeoutMs: readyTimeoutMs, signal, answers });
  } catch (error) {
    if (!(error instanceof PortError) || error.code !== 'timeout') throw error;
    const checks = [...said.matchAll(/^\[-\](\S+)/gm)].map(([, name]) => name).join(', ');
    const seconds = readyTimeoutMs / 1_000;
    const message = `${what} is not ready after ${seconds} s; failing checks: ${checks || 'none'}`;
    throw new PortError('timeout', message, { cause: error });
  }
}

async function versionOf(client: Client, signal: AbortSignal): Promise<KubeVersion> {
  const doing = 'asking the scratch API server for its version';
  const bounds = { doing, timeoutMs: listTimeoutMs, signal };
  const { body } = await boundedCall(bounds, (inner) => get(client, '/version', inner));
  const text = textIn(body, 'gitVersion') ?? '';
  const version = parseVersion(text);
  if (version !== undefined) return version;
  throw new PortError('unexpected', `${doing}: "${text}" is none`);
}

/** Throws PortError `rejected` when an object of it cannot be read. */
async function countObjects(
  client: Client,
  resource: string,
  atRevision: number,
  signal: AbortSignal,
): Promise<number> {
  const doing = `listing ${resource}`;
  let found = 0;
  let more = `&resourceVersion=${atRevision}&resourceVersionMatch=Exact`;
  for (;;) {
    const url = `/api/v1/${resource}?limit=${pageItems}${more}`;
    const bounds = { doing, timeoutMs: listTimeoutMs, signal };
    const { status, body } = await boundedCall(bounds, (inner) => get(client, url, inner));
    if (status !== 200) throw refusal(doing, status, body);
    found += itemsIn(body);
    const next = textIn(fieldOf(body, 'metadata'), 'continue') ?? '';
    if (next === '') return found;
    more = `&continue=${encodeURIComponent(next)}`;
  }
}

/** Such messages name the key and what is wrong with it, not what is in it. */
function refusal(doing: string, status: number, body: unknown): PortError {
  const message = (textIn(body, 'message') ?? 'no message').slice(0, messageCharsMax);
  return new PortError('rejected', `${doing}: HTTP ${status}: ${message}`);
}

function itemsIn(body: unknown): number {
  const items = fieldOf(body, 'items');
  return Array.isArray(items) ? items.length : 0;
}

function textIn(body: unknown, name: string): string | undefined {
  const value = fieldOf(body, name);
  return typeof value === 'string' ? value : undefined;
}

function fieldOf(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null) return undefined;
  return (body as Readonly<Record<string, unknown>>)[name];
}

async function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, loopback, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
