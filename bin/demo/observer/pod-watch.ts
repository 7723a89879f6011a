// Follows every pod of a cluster, or every object of another kind. A listener sees each change
// once, or is told that it missed some.
// W1. A watch that breaks off goes on from its last version: nothing is lost, nothing comes twice.
// W2. A server that does not know that version any more says 410, as a status or as an event (API
//     concepts, "410 Gone responses"). Then all are listed, and the listener judges the gap.
// W3. Any other refusal is asked again after a moment, from the same version.

import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Connection } from './connection';
import { open, send } from './connection';

export interface Pod {
  readonly metadata: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly lastTransitionTime?: string;
    }[];
  };
}

/** What the watch itself reads of an object. */
export interface Watched {
  readonly metadata: { readonly resourceVersion: string };
}

export interface Listener<Item> {
  changed(type: 'ADDED' | 'MODIFIED' | 'DELETED', item: Item): void;
  /**
   * Everything that is there after a gap, as of this version of the list: what changed since the
   * last call went unseen (W2).
   */
  relisted(items: readonly Item[], version: string): void;
}

export type PodListener = Listener<Pod>;

export interface PodWatch {
  /** The listener is told nothing more. */
  stop(): void;
}

export interface List<Item> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Item[];
}

type WatchEvent<Item> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: Item }
  | { readonly type: 'ERROR'; readonly object: { readonly code?: number } };

interface Following<Item extends Watched> {
  readonly connection: Connection;
  readonly path: string;
  readonly listener: Listener<Item>;
  readonly stopped: AbortSignal;
  /** To go on from; undefined when everything must be listed first. */
  version: string | undefined;
}

const podsPath = '/api/v1/pods';
const listTimeoutMs = 30_000;
const retryMs = 100;
const gone = 410;

/** Throws when the answer is not 200. */
export async function listAll<Item>(connection: Connection, path: string): Promise<List<Item>> {
  const reply = await send(connection, { method: 'GET', path, timeoutMs: listTimeoutMs });
  if (reply.status !== 200) throw new Error(`GET ${path}: ${reply.status}`);
  return JSON.parse(reply.body) as List<Item>;
}

function refused<Item extends Watched>(following: Following<Item>, code: number | undefined): void {
  if (code !== gone) throw new Error(`watching ${following.path} was answered with ${code}`);
  following.version = undefined;
}

/** False when the watch is over. */
function take<Item extends Watched>(following: Following<Item>, line: string): boolean {
  const event = JSON.parse(line) as WatchEvent<Item>;
  if (event.type === 'ERROR') {
    refused(following, event.object.code);
    return false;
  }
  following.version = event.object.metadata.resourceVersion;
  if (event.type !== 'BOOKMARK') following.listener.changed(event.type, event.object);
  return true;
}

async function read<Item extends Watched>(
  following: Following<Item>,
  response: IncomingMessage,
): Promise<void> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (following.stopped.aborted || !take(following, line)) return;
    }
  }
}

/** One watch until it ends. */
async function followOnce<Item extends Watched>(
  following: Following<Item>,
  from: string,
): Promise<void> {
  const { connection, path, stopped } = following;
  const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${from}`;
  const response = await open(connection, { method: 'GET', path: `${path}?${query}` });
  const end = (): void => void response.destroy();
  stopped.addEventListener('abort', end, { once: true });
  try {
    if (response.statusCode !== 200) refused(following, response.statusCode);
    else await read(following, response);
  } finally {
    stopped.removeEventListener('abort', end);
    end();
  }
}

async function follow<Item extends Watched>(following: Following<Item>): Promise<void> {
  const { connection, path, listener, stopped } = following;
  while (!stopped.aborted) {
    try {
      if (following.version === undefined) {
        const { metadata, items } = await listAll<Item>(connection, path);
        if (stopped.aborted) return;
        listener.relisted(items, metadata.resourceVersion);
        following.version = metadata.resourceVersion;
      }
      await followOnce(following, following.version);
    } catch {
      // A member that stops cuts its watches off; the next connection goes to another one (W1).
      await sleep(retryMs);
    }
  }
}

/** Hands over all objects of the path as of now, then every change to what `begin` made of them. */
export async function watchObjects<Item extends Watched>(
  connection: Connection,
  path: string,
  begin: (items: readonly Item[]) => Listener<Item>,
): Promise<PodWatch> {
  const { metadata, items } = await listAll<Item>(connection, path);
  const stopped = new AbortController();
  void follow({
    connection,
    path,
    listener: begin(items),
    stopped: stopped.signal,
    version: metadata.resourceVersion,
  });
  return { stop: () => stopped.abort() };
}

/** All pods of the cluster. */
export function watchPods(
  connection: Connection,
  begin: (pods: readonly Pod[]) => PodListener,
): Promise<PodWatch> {
  return watchObjects<Pod>(connection, podsPath, begin);
}
