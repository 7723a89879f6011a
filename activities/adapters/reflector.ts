// Keeps one kind of object in step with the cluster: a list from etcd, then a watch that goes on
// where the list ended.
// W1. What is kept never goes back in time: a watch that breaks goes on at the version it had
//     reached, at whatever API server answers. (A list at an API server's memory may go back.)
// W2. Before a watch goes on, its version is compared with etcd's. An etcd that was restored is
//     behind it, and the watch would hang without a word (tried on 1.30); everything is then listed
//     again. So it is when the version has been compacted (410).
// W3. A watch is never silent for long: bookmarks come about once a minute (API concepts). One that
//     is has stalled, whatever TCP says.
// W4. What is kept is told to be live only while a watch is open.

import type { Clock } from '../ports';

/** What a watch tells, one line each; `version` is the resource version to go on from. */
export type WatchEvent<View> =
  | { readonly kind: 'put' | 'remove'; readonly view: View; readonly version: string }
  | { readonly kind: 'bookmark'; readonly version: string }
  | { readonly kind: 'expired' };

/** How one kind of object is read. Every method throws PortError, or the signal's reason. */
export interface Reflected<View> {
  /** All objects as etcd has them, and the resource version of that moment. */
  list(signal: AbortSignal): Promise<{ readonly views: readonly View[]; readonly version: string }>;
  /** The resource version of etcd now. */
  currentVersion(signal: AbortSignal): Promise<string>;
  /** Once open: everything after `version`, until the server ends it; throws when it breaks. */
  watch(version: string, signal: AbortSignal): Promise<AsyncIterable<WatchEvent<View>>>;
}

/** Where the objects are kept. */
export interface ReflectorStore<View> {
  /** Instead of all that was kept. */
  replace(views: readonly View[]): void;
  put(view: View): void;
  remove(view: View): void;
}

export interface ReflectorOptions<View> {
  readonly source: Reflected<View>;
  readonly store: ReflectorStore<View>;
  readonly clock: Clock;
  /** Told at every change: what is kept is in step with the cluster, or not any more. */
  readonly onLive: (isLive: boolean) => void;
  /** W3; 90 s unless said. */
  readonly silentMs?: number;
}

/** Bookmarks come every minute, plus a quarter of it at the most (apiserver, bookmarkFrequency). */
const defaultSilentMs = 90_000;
const firstPauseMs = 200;
const longestPauseMs = 5_000;

/** How far a round has come; `version` undefined: everything is to be listed. */
interface Round {
  readonly version: string | undefined;
  readonly wasLive: boolean;
}

/** Reflects until `signal` is aborted; nothing that the cluster does ends it. Never rejects. */
export async function reflect<View>(
  options: ReflectorOptions<View>,
  signal: AbortSignal,
): Promise<void> {
  let pauseMs = firstPauseMs;
  let version: string | undefined;
  while (!signal.aborted) {
    const round = await takeRound(options, version, signal);
    ({ version } = round);
    if (round.wasLive) pauseMs = firstPauseMs;
    // Also after a good end: a server that ends every watch at once is not asked without a pause.
    await options.clock.sleep(pauseMs, signal).catch(() => undefined);
    pauseMs = Math.min(longestPauseMs, pauseMs * 2);
  }
}

async function takeRound<View>(
  options: ReflectorOptions<View>,
  version: string | undefined,
  signal: AbortSignal,
): Promise<Round> {
  let from: string;
  try {
    from = await onward(options, version, signal);
  } catch {
    return { version, wasLive: false };
  }
  return follow(options, from, signal);
}

/** W2. The version to watch from. */
async function onward<View>(
  { source, store }: ReflectorOptions<View>,
  version: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  if (version !== undefined && !isBefore(await source.currentVersion(signal), version)) {
    return version;
  }
  const listed = await source.list(signal);
  store.replace(listed.views);
  return listed.version;
}

/** Resource versions grow and may be compared as numbers (KEP-5504; etcd revisions before it). */
function isBefore(one: string, other: string): boolean {
  return BigInt(one) < BigInt(other);
}

async function follow<View>(
  { source, store, onLive, silentMs = defaultSilentMs }: ReflectorOptions<View>,
  from: string,
  signal: AbortSignal,
): Promise<Round> {
  let version = from;
  let wasLive = false;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error('the watch is silent')), silentMs);
  try {
    const events = await source.watch(from, AbortSignal.any([signal, silence.signal]));
    wasLive = true;
    onLive(true);
    for await (const event of events) {
      timer.refresh();
      if (event.kind === 'expired') return { version: undefined, wasLive };
      if (event.kind === 'put') store.put(event.view);
      if (event.kind === 'remove') store.remove(event.view);
      version = event.version;
    }
    return { version, wasLive };
  } catch {
    return { version, wasLive };
  } finally {
    clearTimeout(timer);
    onLive(false);
  }
}
