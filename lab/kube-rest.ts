// A small client of the Kubernetes API for the lab itself: it registers machines, applies the
// workloads and clears leases. The engine's own client is activities/adapters/.

import { Agent, request } from 'node:https';
import { readFile } from 'node:fs/promises';

import { pkiOf } from './certificates';
import { errnoOf, messageOf } from './lab-error';
import type { LabLayout } from './layout';

export interface KubeAnswer {
  readonly status: number;
  /** Parsed JSON, or the text when it is none. */
  readonly body: unknown;
}

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Path with query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** Thrown for every answer of 400 and above that the caller did not allow. */
export class KubeRestError extends Error {
  readonly status: number;

  constructor(what: KubeRequest, answer: KubeAnswer) {
    super(`${what.method} ${what.path} answered ${answer.status}: ${reasonOf(answer.body)}`);
    this.name = 'KubeRestError';
    this.status = answer.status;
  }
}

const requestTimeoutMs = 15_000;
/** A kept connection may have been closed while the request was on its way. */
const sendAttempts = 3;
const retriableErrnos = new Set(['ECONNRESET', 'EPIPE', 'ECONNREFUSED']);

function reasonOf(body: unknown): string {
  if (typeof body === 'object' && body !== null && 'message' in body) return String(body.message);
  return typeof body === 'string' ? body.slice(0, 200) : 'no reason given';
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export class KubeRest {
  private readonly base: URL;
  private readonly agent: Agent;

  constructor(options: {
    readonly url: string;
    readonly ca: string;
    readonly certificate: string;
    readonly key: string;
  }) {
    this.base = new URL(options.url);
    this.agent = new Agent({
      keepAlive: true,
      maxSockets: 16,
      ca: options.ca,
      cert: options.certificate,
      key: options.key,
    });
  }

  /** As the lab's administrator, at the balancer or at one member. */
  static async admin(layout: LabLayout, url: string): Promise<KubeRest> {
    const pki = pkiOf(layout.pki);
    const [ca, certificate, key] = await Promise.all([
      readFile(pki.certificate('ca'), 'utf8'),
      readFile(pki.certificate('admin'), 'utf8'),
      readFile(pki.key('admin'), 'utf8'),
    ]);
    return new KubeRest({ url, ca, certificate, key });
  }

  close(): void {
    this.agent.destroy();
  }

  /** Any answer, refusals included. Throws only when none came. */
  async ask(what: KubeRequest): Promise<KubeAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.send(what);
      } catch (error) {
        what.signal?.throwIfAborted();
        const errno = errnoOf(error);
        const mayRetry = errno !== undefined && retriableErrnos.has(errno);
        if (!mayRetry || attempt >= sendAttempts) {
          throw new Error(`${what.method} ${what.path} failed: ${messageOf(error)}`, {
            cause: error,
          });
        }
      }
    }
  }

  /** Throws KubeRestError for answers of 400 and above, except those in `allowed`. */
  async must(what: KubeRequest, allowed: readonly number[] = []): Promise<KubeAnswer> {
    const answer = await this.ask(what);
    if (answer.status >= 400 && !allowed.includes(answer.status)) {
      throw new KubeRestError(what, answer);
    }
    return answer;
  }

  /** Server-side apply: may be repeated, takes over fields of the same names. */
  async apply(path: string, object: unknown, signal?: AbortSignal): Promise<void> {
    await this.must({
      method: 'PATCH',
      path: `${path}?fieldManager=ascent-lab&force=true`,
      body: object,
      contentType: 'application/apply-patch+yaml',
      ...(signal === undefined ? {} : { signal }),
    });
  }

  private async send(what: KubeRequest): Promise<KubeAnswer> {
    const payload = what.body === undefined ? undefined : JSON.stringify(what.body);
    const timeout = AbortSignal.timeout(requestTimeoutMs);
    const signal = what.signal === undefined ? timeout : AbortSignal.any([what.signal, timeout]);
    return await new Promise<KubeAnswer>((resolve, reject) => {
      const asked = request(
        {
          host: this.base.hostname,
          port: this.base.port,
          method: what.method,
          path: what.path,
          agent: this.agent,
          signal,
          headers: {
            accept: 'application/json',
            ...(payload === undefined
              ? {}
              : {
                  'content-type': what.contentType ?? 'application/json',
                  'content-length': Buffer.byteLength(payload),
                }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            resolve({
              status: response.statusCode ?? 0,
              body: parse(Buffer.concat(chunks).toString('utf8')),
            });
          });
        },
      );
      asked.on('error', reject);
      asked.end(payload);
    });
  }
}
