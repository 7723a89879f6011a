// Lists and watches of one kind of object, as a reflector asks for them.
// Authority: kubernetes.io/docs/reference/using-api/api-concepts, "Efficient detection of changes".

import type { ConfigurationOptions } from '@kubernetes/client-node';

import { PortError } from '../ports';
import { HttpRefusal, type KubeConnection } from './kube-connection';
import type { KubeRequests, Page, PageRequest } from './kube-requests';
import { parseJson } from './json';
import type { Reflected, WatchEvent } from './reflector';

/** The server ends each watch after this long, and the next goes on where it ended. */
const watchSeconds = 300;

export interface WatchedKind<Item, View> {
  /** `pods`: what lists and watches are called in messages. */
  readonly what: string;
  /** `/api/v1/pods`. */
  readonly path: string;
  readonly request: (page: PageRequest, options: ConfigurationOptions) => Promise<Page<Item>>;
  /** Of an item of a list, and of an object of a watch, whose times are texts. */
  readonly view: (item: Item) => View;
}

/** One API server, asked with requests and by streams. */
export interface Reach {
  readonly requests: KubeRequests;
  readonly connection: KubeConnection;
}

export function reflectedKind<Item, View>(
  { requests, connection }: Reach,
  { what, path, request, view }: WatchedKind<Item, View>,
): Reflected<View> {
  return {
    list: (signal) =>
      requests.listVersioned({ doing: `listing ${what}`, signal }, { request, view }),

    async currentVersion(signal) {
      const asking = { doing: `asking for the version of ${what}`, signal };
      const page = await requests.read(asking, (options) => request({ limit: 1 }, options));
      return page.metadata?.resourceVersion ?? '';
    },

    async watch(version, signal) {
      const query = new URLSearchParams({
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(watchSeconds),
        resourceVersion: version,
      });
      try {
        return eventsOf(await connection.lines(`${path}?${query.toString()}`, signal), view);
      } catch (error) {
        if (error instanceof HttpRefusal && error.status === 410) return onlyExpired();
        throw error;
      }
    },
  };
}

interface WatchedObject {
  readonly metadata?: { readonly resourceVersion?: string };
  /** Of a Status, which comes in place of an object. */
  readonly code?: number;
}

async function* eventsOf<Item, View>(
  lines: AsyncIterable<string>,
  view: (item: Item) => View,
): AsyncIterable<WatchEvent<View>> {
  for await (const line of lines) yield eventOf(line, view);
}

function eventOf<Item, View>(line: string, view: (item: Item) => View): WatchEvent<View> {
  const { type = 'nothing', object } = (parseJson(line) ?? {}) as {
    readonly type?: string;
    readonly object?: Item & WatchedObject;
  };
  if (object?.code === 410) return { kind: 'expired' };
  const version = object?.metadata?.resourceVersion;
  // A Status, or a line that was cut.
  if (object === undefined || version === undefined) {
    throw new PortError('unexpected', `the watch says ${type}, and no object`);
  }
  if (type === 'BOOKMARK') return { kind: 'bookmark', version };
  return { kind: type === 'DELETED' ? 'remove' : 'put', view: view(object), version };
}

async function* onlyExpired(): AsyncIterable<{ readonly kind: 'expired' }> {
  yield { kind: 'expired' };
}
