// Connections to machines by SSH: the only module that speaks it.
// S1. No connection without a known host key: it is looked up before anything is sent to the host,
//     who we are included.
// S2. A command's output is bounded, and so is its time.
// S3. Messages name the machine and what was being done; never a key, nor what was sent.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { Client, type ClientChannel, type ClientErrorExtensions, utils } from 'ssh2';
import type { ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2';

import type { SshAccess } from '../access';
import { Tail } from '../drivers/command-output';
import { PortError } from '../ports';
import { networkError } from './bounded-call';
import { errorCode } from './node-errors';
import { type HostKeys, hostKeysOf } from './ssh-known-hosts';

export interface SshTarget {
  /** For people: `machine worker-1`. */
  readonly what: string;
  readonly host: string;
  readonly port: number;
}

export interface SshCommand {
  /** `upgrading worker-1`: begins every message. */
  readonly doing: string;
  /** For the shell of the user there. */
  readonly command: string;
  /** A stream is destroyed at the end. */
  readonly input: string | Readable;
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
}

interface Running {
  readonly channel: ClientChannel;
  readonly ended: Promise<SshEnd>;
}

export interface SshEnd {
  /** Exit code, or the name of the signal that ended it. */
  readonly code: number | string;
  readonly output: Buffer;
  /** Whole last lines of the error output. */
  readonly complaints: readonly string[];
}

export interface SshConnection {
  /** Throws PortError `unreachable`, `timeout` or `unexpected`, or the signal's reason. */
  run(command: SshCommand, signal: AbortSignal): Promise<SshEnd>;
  /** Safe to repeat. */
  close(): void;
}

export interface SshOptions {
  readonly access: SshAccess;
  readonly target: SshTarget;
  /** Of the worker's environment: the socket of its agent. */
  readonly agentSocket: string | undefined;
  readonly connectMs?: number;
}

const defaultConnectMs = 15_000;
/** A host that is silent for as long as three of these is away. */
const keepAliveMs = 5_000;
const keepAlivesMissed = 3;
const complaintBytesMax = 4_096;

/**
 * Throws PortError: `unauthorized` for a host key that is not the known one and for a key that is
 * not let in, `unreachable` or `timeout` where nobody answers; or the signal's reason.
 */
export async function connectSsh(options: SshOptions, signal: AbortSignal): Promise<SshConnection> {
  signal.throwIfAborted();
  const { access, target } = options;
  const { jump } = access;
  if (jump === undefined) return await dial(options, access.user, undefined, signal);
  const where = { what: `jump host ${jump.host}`, host: jump.host, port: jump.port };
  const first = await dial(
    { ...options, target: where },
    jump.user ?? access.user,
    undefined,
    signal,
  );
  try {
    const socket = await first.forward(target);
    const second = await dial(options, access.user, socket, signal);
    return {
      run: (command, aborted) => second.run(command, aborted),
      close: () => {
        second.close();
        first.close();
      },
    };
  } catch (error) {
    first.close();
    throw error;
  }
}

async function dial(
  { access, target, agentSocket, connectMs = defaultConnectMs }: SshOptions,
  user: string,
  socket: Readable | undefined,
  signal: AbortSignal,
): Promise<Session> {
  const doing = `connecting to ${target.what} (${user}@${target.host}:${target.port})`;
  const known = await knownKeys(access.knownHosts, target, doing);
  let refusal: PortError | undefined;
  const config: ConnectConfig = {
    host: target.host,
    port: target.port,
    username: user,
    readyTimeout: connectMs,
    keepaliveInterval: keepAliveMs,
    keepaliveCountMax: keepAlivesMissed,
    algorithms: { serverHostKey: keyAlgorithms(known) },
    hostVerifier: (key: Buffer) => {
      refusal = hostRefusal(known, key, { doing, file: access.knownHosts });
      return refusal === undefined;
    },
    ...(await credentials(access, agentSocket, doing)),
    ...(socket === undefined ? {} : { sock: socket }),
  };
  const client = new Client();
  try {
    await ready(client, config, signal);
  } catch (error) {
    client.destroy();
    signal.throwIfAborted();
    throw refusal ?? connectError(error as Error & ClientErrorExtensions, doing, connectMs);
  }
  return new Session(client, target);
}

async function knownKeys(
  file: string,
  { host, port }: SshTarget,
  doing: string,
): Promise<HostKeys> {
  return hostKeysOf(await readText(file, doing), host, port);
}

async function readText(file: string, doing: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = errorCode(error) ?? 'unknown error';
    throw new PortError('rejected', `${doing}: ${file} cannot be read (${why})`);
  }
}

/** The host sends one key only, so those that can be compared are asked for first. */
function keyAlgorithms({ types }: HostKeys): ServerHostKeyAlgorithm[] {
  const all: readonly ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ];
  const isKnown = (one: string): boolean =>
    types.includes(one.startsWith('rsa-sha2-') ? 'ssh-rsa' : one);
  return [...all.filter(isKnown), ...all.filter((one) => !isKnown(one))];
}

/** S1. */
function hostRefusal(
  known: HostKeys,
  key: Buffer,
  { doing, file }: { readonly doing: string; readonly file: string },
): PortError | undefined {
  const verdict = known.judge(key);
  if (verdict === 'known') return undefined;
  const hash = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
  const texts = {
    'unknown-host': `${file} has no key of it; add it when it is the right one`,
    'other-key': `${file} has another key of it: it is another machine, or was installed anew`,
    revoked: `${file} says that this key is revoked`,
  };
  const message = `${doing}: its host key is SHA256:${hash}, and ${texts[verdict]}`;
  return new PortError('unauthorized', message);
}

async function credentials(
  access: SshAccess,
  agentSocket: string | undefined,
  doing: string,
): Promise<Pick<ConnectConfig, 'agent' | 'privateKey'>> {
  if (access.key === undefined) {
    if (agentSocket !== undefined) return { agent: agentSocket };
    const message = `${doing}: the worker has no agent: SSH_AUTH_SOCK is not set`;
    throw new PortError('rejected', message);
  }
  const text = await readText(access.key, doing);
  const parsed = utils.parseKey(text);
  if (!(parsed instanceof Error) && parsed.isPrivateKey()) return { privateKey: text };
  const message =
    `${doing}: ${access.key} is no private key that can be used as it is` +
    ' - one with a passphrase is used by way of an agent';
  throw new PortError('rejected', message);
}

function ready(client: Client, config: ConnectConfig, signal: AbortSignal): Promise<void> {
  let onAbort = (): void => undefined;
  return new Promise<void>((resolve, reject) => {
    signal.throwIfAborted();
    onAbort = () => reject(new Error('aborted'));
    signal.addEventListener('abort', onAbort, { once: true });
    client
      .on('ready', resolve)
      // Stays: what happens to a connection later is told by the commands on it.
      .on('error', reject)
      .on('close', () => reject(new Error('the connection was closed')))
      .connect(config);
  }).finally(() => signal.removeEventListener('abort', onAbort));
}

function connectError(
  error: Error & ClientErrorExtensions,
  doing: string,
  connectMs: number,
): PortError {
  switch (error.level) {
    case 'client-authentication':
      return new PortError('unauthorized', `${doing}: it does not let this key in`);
    case 'agent':
      return new PortError('unauthorized', `${doing}: the agent does not help: ${error.message}`);
    case 'client-timeout': {
      const message = `${doing}: no answer within ${connectMs / 1_000} s`;
      return new PortError('timeout', message);
    }
    case undefined:
      return new PortError('unreachable', `${doing}: ${error.message}`);
    default:
      return errorCode(error) === undefined
        ? new PortError('unreachable', `${doing}: ${error.message}`)
        : networkError(error, doing);
  }
}

class Session implements SshConnection {
  readonly #client: Client;
  readonly #target: SshTarget;

  constructor(client: Client, target: SshTarget) {
    this.#client = client;
    this.#target = target;
  }

  close(): void {
    this.#client.destroy();
  }

  /** A way from there to `to`. */
  async forward({ what, host, port }: SshTarget): Promise<Readable> {
    return await new Promise((resolve, reject) => {
      this.#client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(this.#lost(`connecting to ${what} (${host}:${port})`, error.message));
      });
    });
  }

  async run(command: SshCommand, signal: AbortSignal): Promise<SshEnd> {
    signal.throwIfAborted();
    const { doing, timeoutMs, input } = command;
    // One that fails before it is read.
    if (typeof input !== 'string') input.on('error', () => undefined);
    const { channel, ended } = await this.#open(command);
    const unread = ({ errored }: Readable): PortError => {
      const why = errorCode(errored) ?? 'unknown error';
      return new PortError('unexpected', `${doing}: what is to be sent cannot be read (${why})`);
    };
    const late = `${doing} on ${this.#target.what}: no end within ${timeoutMs / 1_000} s`;
    let onAbort = (): void => undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        signal.throwIfAborted();
        onAbort = () => reject(signal.reason as Error);
        signal.addEventListener('abort', onAbort, { once: true });
        timer = setTimeout(() => reject(new PortError('timeout', late)), timeoutMs);
        ended.then(resolve, reject);
        if (typeof input === 'string') channel.end(input);
        // Where the command ends first, it says why; what else goes wrong is ours.
        else pipeline(input, channel).catch(() => input.errored !== null && reject(unread(input)));
      });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      channel.close();
      if (typeof input !== 'string') input.destroy();
    }
  }

  async #open(asked: SshCommand): Promise<Running> {
    const { doing, command } = asked;
    let onClose = (): void => undefined;
    return await new Promise<Running>((resolve, reject) => {
      onClose = () => reject(this.#lost(doing, 'the connection was lost'));
      this.#client.once('close', onClose);
      try {
        this.#client.exec(command, (error, channel) => {
          // Listened to here: one that ends at once tells so before anybody can await the channel.
          if (error === undefined) resolve({ channel, ended: this.#collect(channel, asked) });
          else reject(this.#lost(doing, error.message));
        });
      } catch {
        // ssh2 throws when the connection has ended already.
        onClose();
      }
    }).finally(() => this.#client.removeListener('close', onClose));
  }

  #collect(channel: ClientChannel, { doing, outputBytesMax }: SshCommand): Promise<SshEnd> {
    const parts: Buffer[] = [];
    const complaints = new Tail(complaintBytesMax);
    let bytes = 0;
    let code: number | string | undefined;
    channel.stderr.on('data', (part: Buffer) => complaints.write(part));
    channel.on('exit', (exit: number | null, signal?: string) => {
      code = exit ?? signal;
    });
    // A write to a host that has gone; `close` tells.
    channel.on('error', () => undefined);
    const ended = new Promise<SshEnd>((resolve, reject) => {
      channel.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes <= outputBytesMax) parts.push(part);
        else reject(this.#unexpected(doing, `it printed more than ${outputBytesMax} bytes`));
      });
      channel.on('close', () => {
        if (code === undefined) reject(this.#lost(doing, 'the connection was lost'));
        else resolve({ code, output: Buffer.concat(parts), complaints: complaints.lines() });
      });
    });
    // Whoever gives up before waiting for it is told otherwise.
    ended.catch(() => undefined);
    return ended;
  }

  #lost(doing: string, why: string): PortError {
    return new PortError('unreachable', `${doing} on ${this.#target.what}: ${why}`);
  }

  #unexpected(doing: string, why: string): PortError {
    return new PortError('unexpected', `${doing} on ${this.#target.what}: ${why}`);
  }
}
