// Has an API server of its minor read what a scratch etcd holds of a snapshot.
// S1. Nothing of the real cluster is touched: what would have the API server call others is removed
//     from the scratch etcd first, after everything was compared (scratch-api-server.ts, A2).
// S2. What it counts is compared with the keys at the same revision: an object that is left out is
//     found, not only one that cannot be read.

import { parse } from 'yaml';

import {
  servedDifference,
  type ServedObjects,
  type ServeOutcome,
  type UnservedReason,
} from '../../domain/snapshots/served';
import { minorOf } from '../../domain/versions';
import { PortError } from '../ports';
import type { RestoreNeed, ServeOrder } from '../snapshot-ports';
import type { EtcdClient } from './etcd-client';
import { type ScratchApiServer, startScratchApiServer } from './scratch-api-server';
import type { ScratchSpace } from './scratch-space';

export interface Serving {
  readonly space: ScratchSpace;
  /** Of the scratch etcd. */
  readonly socket: string;
  readonly client: EtcdClient;
  readonly order: ServeOrder;
  /** Executables by minor. */
  readonly apiServers: Readonly<Record<string, string>>;
  readonly atRevision: number;
  readonly signal: AbortSignal;
}

/** Throws the signal's reason; whatever else goes wrong is told in the outcome. */
export async function serveSnapshot(serving: Serving): Promise<ServeOutcome> {
  const { order, apiServers, signal } = serving;
  const executable = apiServers[minorOf(order.version)];
  const reason = executable === undefined ? 'no-api-server' : unservedReason(order);
  if (executable === undefined || reason !== undefined) {
    return { by: 'nobody', reason: reason ?? 'no-api-server' };
  }
  const startedAtMs = performance.now();
  try {
    const { version, objects } = await serve(serving, executable);
    const seconds = (performance.now() - startedAtMs) / 1_000;
    return { by: 'kube-apiserver', version, objects, seconds };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PortError) return { by: 'refused', problem: error.message };
    throw error;
  }
}

export function unservedReason({ needs, needsAreLost }: ServeOrder): UnservedReason | undefined {
  if (needsAreLost === true) return 'encryption-config-not-kept';
  const config = encryptionConfigIn(needs);
  return config !== undefined && usesKms(config) ? 'kms' : undefined;
}

async function serve(
  { space, socket, client, order, atRevision: at, signal }: Serving,
  executable: string,
): Promise<Served> {
  const keys = await countServed(client, order, at, signal);
  const options = { space, sockets: [socket], client, order, executable, signal };
  return withScratchApiServer(options, async (server) => {
    const objects = await listServed(server, at, signal);
    const difference = servedDifference(keys, objects);
    if (difference !== undefined) throw new PortError('rejected', difference);
    await server.untilReady(signal);
    return { version: server.version, objects };
  });
}

interface Served {
  readonly version: ScratchApiServer['version'];
  readonly objects: ServedObjects;
}

/** S1. Throws PortError `rejected` when the executable is of another minor. */
export async function withScratchApiServer<Result>(
  options: {
    readonly space: ScratchSpace;
    readonly sockets: readonly string[];
    /** Of any member. */
    readonly client: EtcdClient;
    readonly order: ServeOrder;
    readonly executable: string;
    readonly signal: AbortSignal;
  },
  use: (server: ScratchApiServer) => Promise<Result>,
): Promise<Result> {
  const { space, sockets, client, order, executable, signal } = options;
  const { etcdPrefix, serviceRange } = flagsIn(order.needs);
  await removeCallers(client, etcdPrefix, signal);
  const server = await startScratchApiServer({
    space,
    executable,
    etcd: sockets,
    etcdPrefix,
    serviceRange,
    encryptionConfig: encryptionConfigIn(order.needs),
    signal,
  });
  try {
    const { version } = server;
    if (minorOf(version) !== minorOf(order.version)) {
      const message = `${executable} is an API server ${version}, not one of ${order.version}`;
      throw new PortError('rejected', message);
    }
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** As the API server lists them at a revision. */
export async function listServed(
  server: ScratchApiServer,
  at: number,
  signal: AbortSignal,
): Promise<ServedObjects> {
  return {
    namespaces: await server.count('namespaces', at, signal),
    nodes: await server.count('nodes', at, signal),
    secrets: await server.count('secrets', at, signal),
  };
}

const defaultPrefix = '/registry';

/** By their keys at a revision. */
export async function countServed(
  client: EtcdClient,
  { needs }: ServeOrder,
  atRevision: number,
  signal: AbortSignal,
): Promise<ServedObjects> {
  const { etcdPrefix = defaultPrefix } = flagsIn(needs);
  const of = (folder: string): Promise<number> =>
    client.countKeys(atRevision, signal, `${etcdPrefix}/${folder}/`);
  const [namespaces, nodes, secrets] = await Promise.all([
    of('namespaces'),
    of('minions'),
    of('secrets'),
  ]);
  return { namespaces, nodes, secrets };
}

/** S1: aggregated API servers and webhooks. */
async function removeCallers(
  client: EtcdClient,
  etcdPrefix: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const prefix = etcdPrefix ?? defaultPrefix;
  await client.deletePrefix(`${prefix}/apiregistration.k8s.io/apiservices/`, signal);
  for (const kind of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']) {
    await client.deletePrefix(`${prefix}/${kind}/`, signal);
  }
}

/** The API servers of a cluster share one; so any member's does. */
function encryptionConfigIn(needs: readonly RestoreNeed[] = []): Buffer | undefined {
  return needs.find(({ kind }) => kind === 'encryption-config')?.content;
}

/** One that cannot be read is left to the API server, which says why. */
function usesKms(config: Buffer): boolean {
  try {
    const { resources } = parse(config.toString(), { logLevel: 'silent' }) as {
      readonly resources?: readonly { readonly providers?: readonly object[] }[];
    };
    return (resources ?? []).some(({ providers = [] }) => providers.some((one) => 'kms' in one));
  } catch {
    return false;
  }
}

/** Those of the cluster's own arguments that say how its data is read. */
function flagsIn(needs: readonly RestoreNeed[] = []): {
  readonly etcdPrefix: string | undefined;
  readonly serviceRange: string | undefined;
} {
  const flags = needs.find(({ kind, name }) => kind === 'flags' && name === 'kube-apiserver');
  const lines = flags?.content.toString().split('\n') ?? [];
  const valueOf = (flag: string): string | undefined =>
    lines.find((line) => line.startsWith(`${flag}=`))?.slice(flag.length + 1);
  return {
    etcdPrefix: valueOf('--etcd-prefix'),
    serviceRange: valueOf('--service-cluster-ip-range'),
  };
}
