// Commands in containers: the exec subresource of pods, by WebSocket.
// X1. Protocol v4.channel.k8s.io, which API servers of every minor speak: each message begins with
//     the number of its stream. It cannot end the input, so a command is told how long that is.
// X2. Whoever opens a WebSocket is not told why it was refused; asked without one, the server says.
// X3. Output is bounded, and so is time. A command may go on when its connection has ended.

import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import * as z from 'zod';

import { Tail } from '../drivers/command-output';
import type { ScriptEnd } from '../drivers/machine-shell';
import { PortError } from '../ports';
import { boundedCall } from './bounded-call';
import { parseJson } from './json';
import type { HttpAnswer, KubeConnection } from './kube-connection';

export interface PodExec {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** A stream is destroyed at the end. */
  readonly input: string | Readable;
  /** `looking for releases on machine worker-1`: begins every message. */
  readonly doing: string;
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
}

const protocol = 'v4.channel.k8s.io';
/** Of pkg/apis/core and remotecommand: streams by number. */
const stream = { input: 0, output: 1, complaints: 2, status: 3 } as const;
const inputBytesMax = 16 * 1024;
/** Of what is on its way: a snapshot is not read into memory. */
const unsentBytesMax = 1024 * 1024;
const unsentPollMs = 5;
const complaintBytesMax = 4_096;
/** Of WebSockets. */
const openState = 1;
const rights = 'docs/kubeadm.md lists the rights that node jobs need';

/**
 * Throws PortError: `unreachable` or `timeout` when nobody knows how it ended, `unauthorized` and
 * `forbidden` where the API server does not let us, `unexpected` for too much output; or the
 * signal's reason.
 */
export function execInPod(
  connection: KubeConnection,
  exec: PodExec,
  signal: AbortSignal,
): Promise<ScriptEnd> {
  const { doing, timeoutMs } = exec;
  return boundedCall({ doing, timeoutMs, signal }, async (inner) => {
    const { input } = exec;
    // It may fail before anything of it is wanted; who reads it is told then.
    if (typeof input !== 'string') input.on('error', () => undefined);
    try {
      const path = pathOf(exec);
      const end = await sessionEnd(await connection.socket(path, protocol), exec, inner);
      if (end !== undefined) return end;
      throw refusalOf(await connection.get(`${connection.server}${path}`, inner), doing);
    } finally {
      if (typeof input !== 'string') input.destroy();
    }
  });
}

async function sessionEnd(
  socket: Socket,
  exec: PodExec,
  signal: AbortSignal,
): Promise<ScriptEnd | undefined> {
  socket.binaryType = 'arraybuffer';
  try {
    return await new ExecSession(socket, exec).end(signal);
  } finally {
    socket.close();
  }
}

function pathOf({ namespace, pod, container, command }: PodExec): string {
  const query = new URLSearchParams({ container, stdin: 'true', stdout: 'true', stderr: 'true' });
  for (const word of command) query.append('command', word);
  const words = [namespace, pod].map(encodeURIComponent);
  return `/api/v1/namespaces/${words[0]}/pods/${words[1]}/exec?${query.toString()}`;
}

/** X2. A server that would have let us in says 400: this is no WebSocket. */
function refusalOf({ status, body }: HttpAnswer, doing: string): PortError {
  const parsed = statusSchema.safeParse(parseJson(body));
  const said = parsed.data?.message ?? `HTTP ${status}`;
  if (status === 401) return new PortError('unauthorized', `${doing}: ${said}`);
  if (status === 403) return new PortError('forbidden', `${doing}: ${said} - ${rights}`);
  const why = status === 400 ? 'its kubelet does not answer' : said;
  return new PortError('unreachable', `${doing}: ${why}`);
}

const statusSchema = z.object({
  status: z.string().optional(),
  message: z.string().optional(),
  details: z
    .object({ causes: z.array(z.object({ reason: z.string(), message: z.string() })).optional() })
    .optional(),
});

type Socket = Awaited<ReturnType<KubeConnection['socket']>>;

class ExecSession {
  readonly #socket: Socket;
  readonly #exec: PodExec;
  readonly #output: Buffer[] = [];
  readonly #complaints = new Tail(complaintBytesMax);
  #bytes = 0;
  #isOpen = false;

  constructor(socket: Socket, exec: PodExec) {
    this.#socket = socket;
    this.#exec = exec;
  }

  /** Undefined when it was not let in. */
  async end(signal: AbortSignal): Promise<ScriptEnd | undefined> {
    let onAbort = (): void => undefined;
    return await new Promise<ScriptEnd | undefined>((resolve, reject) => {
      signal.throwIfAborted();
      onAbort = () => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      const socket = this.#socket;
      socket.addEventListener('open', () => {
        this.#isOpen = true;
        this.#send().catch((error: unknown) => {
          reject(this.#error('unexpected', `its input cannot be read: ${String(error)}`));
        });
      });
      // `close` follows.
      socket.addEventListener('error', () => undefined);
      socket.addEventListener('close', () => {
        if (this.#isOpen) reject(this.#error('unreachable', 'the connection was lost'));
        else resolve(undefined);
      });
      socket.addEventListener('message', ({ data }) => {
        try {
          const end = this.#take(Buffer.from(data as ArrayBuffer));
          if (end !== undefined) resolve(end);
        } catch (error) {
          reject(error);
        }
      });
    }).finally(() => signal.removeEventListener('abort', onAbort));
  }

  async #send(): Promise<void> {
    const { input } = this.#exec;
    const parts = typeof input === 'string' ? [Buffer.from(input)] : input;
    for await (const part of parts) await this.#sendPart(part as Buffer);
  }

  async #sendPart(input: Buffer): Promise<void> {
    for (let at = 0; at < input.length; at += inputBytesMax) {
      const part = input.subarray(at, at + inputBytesMax);
      this.#socket.send(Buffer.concat([Buffer.of(stream.input), part]));
      while (this.#socket.bufferedAmount > unsentBytesMax) {
        if (this.#socket.readyState !== openState) return;
        await delay(unsentPollMs);
      }
    }
  }

  /** Its end, with the message that tells it. */
  #take(message: Buffer): ScriptEnd | undefined {
    const part = message.subarray(1);
    const { output, complaints, status } = stream;
    if (message[0] === status) return this.#judge(part.toString('utf8'));
    if (message[0] === complaints) this.#complaints.write(part);
    if (message[0] === output) this.#print(part);
    return undefined;
  }

  #print(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#exec.outputBytesMax) {
      const why = `it printed more than ${this.#exec.outputBytesMax} bytes`;
      throw this.#error('unexpected', why);
    }
    this.#output.push(part);
  }

  /** Any failure but an exit code is one of kubelet or container runtime. */
  #judge(text: string): ScriptEnd {
    const { data } = statusSchema.safeParse(parseJson(text));
    const cause = data?.details?.causes?.find(({ reason }) => reason === 'ExitCode');
    const code = data?.status === 'Success' ? 0 : Number(cause?.message);
    if (!Number.isInteger(code)) {
      throw this.#error('unreachable', data?.message ?? 'it ended, and nobody says how');
    }
    const output = Buffer.concat(this.#output);
    return { code, output, complaints: this.#complaints.lines() };
  }

  #error(code: PortError['code'], why: string): PortError {
    return new PortError(code, `${this.#exec.doing}: ${why}`);
  }
}
