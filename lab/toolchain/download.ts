// Fetches files from official servers or a mirror, and believes only what is whole and verified.
// D1. Nothing is answered as downloaded whose SHA-256 is not the published one.
// D2. Whether a host can be reached is found out once per run, within 3 s: a machine without
//     internet access waits once, not once per file.
// D3. A file that stops arriving is tried once more; a wrong checksum is not, because a second
//     answer from a server that gave a wrong one is worth nothing.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

import { errnoOf, messageOf } from '../lab-error';
import { ToolchainError } from './toolchain-problem';
import type { ToolchainProblem } from './toolchain-problem';

const reachTimeoutMs = 3_000;
/** Without a single byte for so long, a download is broken. */
const stallTimeoutMs = 30_000;
const attemptsMax = 2;

interface DownloadTarget {
  readonly url: string;
  /** Where to write; overwritten. */
  readonly file: string;
  readonly onBytes: (receivedBytes: number, totalBytes: number | undefined) => void;
  readonly signal?: AbortSignal;
}

export interface Downloader {
  /** Where an official address is really fetched from. */
  locate(url: string): string;
  /** Up to about a megabyte. Throws ToolchainError with a problem about the download. */
  text(url: string, signal?: AbortSignal): Promise<string>;
  /** D1, against the checksum at `checksumUrl`. Throws like `text`. */
  verified(target: DownloadTarget, checksumUrl: string): Promise<void>;
  /** Only for a file for which nobody publishes a checksum: TLS is all that vouches for it. */
  unverified(target: DownloadTarget): Promise<void>;
}

function fail(problem: ToolchainProblem, cause?: unknown): never {
  throw new ToolchainError([problem], { cause });
}

function causeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
}

/** fetch says only "fetch failed"; the reason is in its cause, one per address of the host. */
function reasonOf(error: unknown): string {
  const cause = causeOf(error);
  if (cause === undefined) return messageOf(error);
  const isMany = typeof cause === 'object' && cause !== null && 'errors' in cause;
  if (isMany && Array.isArray(cause.errors)) return cause.errors.map(messageOf).join(', ');
  return messageOf(cause);
}

/** Ends a transfer in which nothing has happened for a while, or that nobody wants any more. */
interface Watch {
  readonly signal: AbortSignal;
  /** Something has arrived. */
  refresh(): void;
  stop(): void;
}

function watch(signal: AbortSignal | undefined): Watch {
  const stalled = new AbortController();
  const timer = setTimeout(() => {
    stalled.abort(new DOMException(`nothing arrived for ${stallTimeoutMs} ms`, 'TimeoutError'));
  }, stallTimeoutMs);
  return {
    signal: signal === undefined ? stalled.signal : AbortSignal.any([stalled.signal, signal]),
    refresh: () => {
      timer.refresh();
    },
    stop: () => {
      clearTimeout(timer);
    },
  };
}

export interface DownloaderOptions {
  /**
   * Replaces scheme and host of each address; its own path comes first: with `http://mirror/k8s`,
   * `https://host/a/b` is fetched from `http://mirror/k8s/a/b`.
   */
  readonly mirror: string | undefined;
  /** Told once for each host. */
  readonly onUnreachable: (host: string, why: string) => void;
}

export function openDownloader(options: DownloaderOptions): Downloader {
  return new VerdictKeepingDownloader(options);
}

class VerdictKeepingDownloader implements Downloader {
  private readonly options: DownloaderOptions;
  /** D2. By origin; undefined when it can be reached, else why not. */
  private readonly verdicts = new Map<string, Promise<string | undefined>>();

  constructor(options: DownloaderOptions) {
    this.options = options;
  }

  locate(url: string): string {
    if (this.options.mirror === undefined) return url;
    const { pathname, search } = new URL(url);
    return `${this.options.mirror}${pathname}${search}`;
  }

  async text(url: string, signal?: AbortSignal): Promise<string> {
    const from = this.locate(url);
    const transfer = watch(signal);
    try {
      const response = await this.request(from, transfer, signal);
      return await response.text();
    } catch (error) {
      signal?.throwIfAborted();
      return rethrow(error, from);
    } finally {
      transfer.stop();
    }
  }

  async verified(target: DownloadTarget, checksumUrl: string): Promise<void> {
    const url = this.locate(target.url);
    const expected = findChecksum(await this.text(checksumUrl, target.signal), url);
    if (expected === undefined) {
      return fail({ code: 'checksum-missing', url, checksumUrl: this.locate(checksumUrl) });
    }
    const { sha256: actual, receivedBytes } = await this.save(target);
    if (actual === expected) return;
    return fail({ code: 'checksum-mismatch', url, expected, actual, receivedBytes });
  }

  async unverified(target: DownloadTarget): Promise<void> {
    await this.save(target);
  }

  /** D3. */
  private async save(target: DownloadTarget): Promise<Received> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.saveOnce(target);
      } catch (error) {
        if (attempt === attemptsMax || !isPassing(error)) throw error;
      }
    }
  }

  private async saveOnce(target: DownloadTarget): Promise<Received> {
    const url = this.locate(target.url);
    const transfer = watch(target.signal);
    try {
      const response = await this.request(url, transfer, target.signal);
      return await receive(response, { ...target, url }, transfer);
    } catch (error) {
      target.signal?.throwIfAborted();
      return rethrow(error, url);
    } finally {
      transfer.stop();
    }
  }

  private async request(
    url: string,
    transfer: Watch,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    const { origin, host } = new URL(url);
    const why = await this.reach(origin);
    signal?.throwIfAborted();
    if (why !== undefined) return fail({ code: 'host-unreachable', host, why });
    const response = await fetch(url, {
      signal: transfer.signal,
      // A compressed transfer has no length to compare with.
      headers: { 'accept-encoding': 'identity', 'user-agent': 'ascent-toolchain' },
    });
    if (response.ok) return response;
    await response.body?.cancel();
    return fail({ code: 'download-refused', url, status: response.status });
  }

  private reach(origin: string): Promise<string | undefined> {
    const known = this.verdicts.get(origin);
    if (known !== undefined) return known;
    const verdict = askHost(origin).then((why) => {
      if (why !== undefined) this.options.onUnreachable(new URL(origin).host, why);
      return why;
    });
    this.verdicts.set(origin, verdict);
    return verdict;
  }
}

function rethrow(error: unknown, url: string): never {
  if (error instanceof ToolchainError) throw error;
  return fail({ code: 'download-interrupted', url, why: reasonOf(error) }, error);
}

/** Any answer at all will do: servers refuse `/` in many ways. */
async function askHost(origin: string): Promise<string | undefined> {
  try {
    const response = await fetch(origin, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(reachTimeoutMs),
    });
    await response.body?.cancel();
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** D3. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof ToolchainError)) return false;
  const [problem] = error.problems;
  if (problem.code === 'download-refused') return problem.status >= 500;
  return problem.code === 'download-truncated' || problem.code === 'download-interrupted';
}

interface Received {
  readonly sha256: string;
  readonly receivedBytes: number;
}

function announcedBytes(response: Response): number | undefined {
  const header = response.headers.get('content-length');
  return header === null ? undefined : Number(header);
}

/** Writes the body to the file and hashes it on the way. */
async function receive(
  response: Response,
  target: DownloadTarget,
  transfer: Watch,
): Promise<Received> {
  const { url } = target;
  const totalBytes = announcedBytes(response);
  const hash = createHash('sha256');
  let receivedBytes = 0;
  const out = await open(target.file, 'w');
  try {
    for await (const chunk of response.body ?? []) {
      transfer.refresh();
      hash.update(chunk);
      await out.writeFile(chunk);
      receivedBytes += chunk.byteLength;
      target.onBytes(receivedBytes, totalBytes);
    }
  } catch (error) {
    // A connection that ends early shows as an error of the body, not as a short one.
    const isShort = totalBytes !== undefined && receivedBytes < totalBytes;
    if (!isShort || transfer.signal.aborted || errnoOf(error) !== undefined) throw error;
  } finally {
    await out.close();
  }
  if (totalBytes !== undefined && receivedBytes !== totalBytes) {
    return fail({ code: 'download-truncated', url, expectedBytes: totalBytes, receivedBytes });
  }
  return { sha256: hash.digest('hex'), receivedBytes };
}

/**
 * The SHA-256 of the file at `url` in the text of a checksum file: one bare sum, or lines of
 * `<sum>  <name>` (sha256sum(1), where a `*` before the name means binary mode).
 */
export function findChecksum(text: string, url: string): string | undefined {
  const bare = /^\s*([0-9a-f]{64})\s*$/i.exec(text);
  if (bare?.[1] !== undefined) return bare[1].toLowerCase();
  const name = new URL(url).pathname.split('/').at(-1);
  for (const line of text.split('\n')) {
    const [sum = '', file = ''] = line.trim().split(/\s+/);
    const isIt = file.replace(/^\*/, '').split('/').at(-1) === name;
    if (isIt && /^[0-9a-f]{64}$/i.test(sum)) return sum.toLowerCase();
  }
  return undefined;
}
