// Sees every eviction of a cluster by itself: the API server marks a pod that the Eviction API lets
// go with the condition DisruptionTarget, reason EvictionByEvictionAPI, before it is deleted.
// E1. A pod counts once, by its uid, whatever the engine counts.
// E2. A watch that breaks off goes on from its last version. An API server that has just started
//     does not know it any more: then all pods are listed, and `unexplained` tells of those that
//     went meanwhile without anybody seeing why.

import { setTimeout as sleep } from 'node:timers/promises';

import type { Connection } from '../../bin/demo/observer/connection';
import { connect, open, send } from '../../bin/demo/observer/connection';

export interface SeenEviction {
  readonly uid: string;
  /** `shop/cart-1`. */
  readonly pod: string;
  readonly node: string;
  readonly atMs: number;
}

export interface EvictionWatch {
  readonly evictions: readonly SeenEviction[];
  /** Pods that may have been evicted unseen (E2). */
  readonly unexplained: readonly string[];
  stop(): void;
}

interface Pod {
  readonly metadata: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly resourceVersion: string;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly reason?: string }[];
  };
}

interface PodList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly Pod[];
}

interface Watching {
  readonly connection: Connection;
  readonly stopped: AbortController;
  /** Pods that are there, by uid. */
  readonly known: Map<string, string>;
  readonly evicted: Set<string>;
  readonly evictions: SeenEviction[];
  readonly unexplained: string[];
}

const podsPath = '/api/v1/pods';
const listTimeoutMs = 30_000;
const retryMs = 100;

function podName({ metadata }: Pod): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function note({ known, evicted, evictions }: Watching, type: string, pod: Pod): void {
  const { uid } = pod.metadata;
  if (type === 'DELETED') known.delete(uid);
  else known.set(uid, podName(pod));
  const isEvicted = pod.status?.conditions?.some(
    (one) => one.type === 'DisruptionTarget' && one.reason === 'EvictionByEvictionAPI',
  );
  if (isEvicted !== true || evicted.has(uid)) return;
  evicted.add(uid);
  evictions.push({ uid, pod: podName(pod), node: pod.spec.nodeName ?? '', atMs: Date.now() });
}

/** Returns the version to watch from. */
async function listAll(watching: Watching): Promise<string> {
  const { connection, known, evicted, unexplained } = watching;
  const call = { method: 'GET', path: podsPath, timeoutMs: listTimeoutMs };
  const reply = await send(connection, call);
  if (reply.status !== 200) throw new Error(`GET ${podsPath}: ${reply.status}`);
  const { metadata, items } = JSON.parse(reply.body) as PodList;
  const before = new Map(known);
  known.clear();
  for (const pod of items) note(watching, 'LISTED', pod);
  for (const [uid, name] of before) {
    if (!known.has(uid) && !evicted.has(uid)) unexplained.push(name);
  }
  return metadata.resourceVersion;
}

/** One watch until it ends; returns the version to go on from, undefined when it is too old. */
async function follow(watching: Watching, from: string): Promise<string | undefined> {
  const { connection, stopped } = watching;
  const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${from}`;
  const response = await open(connection, { method: 'GET', path: `${podsPath}?${query}` });
  if (response.statusCode !== 200) {
    response.resume();
    if (response.statusCode === 410) return undefined;
    throw new Error(`watching pods was answered with ${response.statusCode}`);
  }
  const end = (): void => void response.destroy();
  stopped.signal.addEventListener('abort', end, { once: true });
  let version = from;
  let rest = '';
  try {
    response.setEncoding('utf8');
    for await (const chunk of response) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const event = JSON.parse(line) as { readonly type: string; readonly object: Pod };
        if (event.type === 'ERROR') return undefined;
        version = event.object.metadata.resourceVersion;
        if (event.type !== 'BOOKMARK') note(watching, event.type, event.object);
      }
    }
  } catch {
    // A member that stops cuts its watches off: the next one goes on from here.
  } finally {
    stopped.signal.removeEventListener('abort', end);
  }
  return version;
}

/** Begins to watch; evictions from now on are seen. */
export async function watchEvictions(kubeconfig: string): Promise<EvictionWatch> {
  const connection = connect(kubeconfig, 2);
  const stopped = new AbortController();
  const evictions: SeenEviction[] = [];
  const unexplained: string[] = [];
  const seen = { known: new Map<string, string>(), evicted: new Set<string>() };
  const watching: Watching = { connection, stopped, ...seen, evictions, unexplained };
  let version: string | undefined = await listAll(watching);
  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        version = await follow(watching, version ?? (await listAll(watching)));
      } catch {
        await sleep(retryMs);
      }
    }
  };
  void run();
  return {
    evictions,
    unexplained,
    stop() {
      stopped.abort();
      connection.agent.destroy();
    },
  };
}
