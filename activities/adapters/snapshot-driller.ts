// The SnapshotDriller port: the restore of a rollback, with the flags of a rollback, for as many
// members as the cluster has, in a scratch space.
// D1. Members speak to each other and to us over Unix sockets in a directory of mode 0700: they
//     cannot meet the cluster, nor be met.
// D2. Nothing is left behind, whatever happens (scratch-space.ts).

import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { DrillPhase } from '../../domain/rollback/drill';
import { servedDifference } from '../../domain/snapshots/served';
import { minorOf } from '../../domain/versions';
import { PortError } from '../ports';
import type { Drilled, ServeOrder, SnapshotDriller } from '../snapshot-ports';
import { boundedCall } from './bounded-call';
import { fsError } from './durable-files';
import { type EtcdClient, openEtcdClient } from './etcd-client';
import {
  etcdAnswers,
  scratchQuotaBytes,
  type SnapshotVerifierOptions,
} from './etcd-snapshot-verifier';
import { freeBytesOf } from './free-bytes';
import {
  runScratchTool,
  type ScratchProcess,
  startScratchProcess,
  untilAnswers,
} from './scratch-process';
import { openScratchSpace, type ScratchSpace } from './scratch-space';
import { countServed, listServed, unservedReason, withScratchApiServer } from './snapshot-serving';

export interface SnapshotDrillerOptions extends SnapshotVerifierOptions {
  readonly apiServers: Readonly<Record<string, string>>;
  /** Names of the cluster's etcd members. */
  readonly members: (signal: AbortSignal) => Promise<readonly string[]>;
}

const defaultTimeoutMs = 25 * 60_000;
const healthyTimeoutMs = 120_000;
/** As a rollback does: revisions only ever grow, so it skips more than were ever served. */
const bumpRevision = 1_000_000_000;

interface Drilling {
  readonly options: SnapshotDrillerOptions;
  readonly space: ScratchSpace;
  readonly file: string;
  readonly order: ServeOrder;
  readonly onPhase: (phase: DrillPhase) => void;
  readonly signal: AbortSignal;
}

interface Member {
  readonly name: string;
  readonly dataDirectory: string;
  /** For clients: a path. */
  readonly socket: string;
  /** For the others: relative to the run directory, where every member runs. */
  readonly peerUrl: string;
}

/** Methods throw PortError, or the signal's reason. */
export function createSnapshotDriller(options: SnapshotDrillerOptions): SnapshotDriller {
  const { dataParent, members } = options;
  return {
    location: dataParent,
    members: async (signal) => (await members(signal)).length,
    async freeBytes() {
      try {
        return await freeBytesOf(dataParent);
      } catch (error) {
        throw fsError(error, `looking for room in ${dataParent}`);
      }
    },
    unserved: unservedReason,
    drill(file, order, onPhase, signal) {
      const doing = `trying a restore of ${file}`;
      const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
      return boundedCall({ doing, timeoutMs, signal }, async (inner) => {
        const space = await openScratchSpace(tmpdir(), dataParent);
        try {
          return await drill({ options, space, file, order, onPhase, signal: inner });
        } finally {
          await space.remove();
        }
      });
    },
  };
}

async function drill(drilling: Drilling): Promise<Drilled> {
  const { options, space, onPhase, signal } = drilling;
  const names = await options.members(signal);
  const members = names.map((name, index): Member => {
    const short = `m${index}`;
    return {
      name,
      dataDirectory: path.join(space.dataDirectory, short),
      socket: path.join(space.runDirectory, short),
      peerUrl: `unix://peer-${short}:0`,
    };
  });
  onPhase('restore');
  const token = randomBytes(16).toString('hex');
  await Promise.all(members.map((member) => restore(drilling, member, members, token)));
  onPhase('start-etcd');
  const running: ScratchProcess[] = [];
  const clients: EtcdClient[] = [];
  try {
    for (const member of members) {
      running.push(await start(drilling, member, members));
      clients.push(openEtcdClient(`unix:${member.socket}`, undefined));
    }
    await Promise.all(
      clients.map((client, index) => healthy(drilling, client, running[index], members[index])),
    );
    const sockets = members.map(({ socket }) => socket);
    return await compareAndServe(drilling, clients, sockets);
  } finally {
    for (const client of clients) client.close();
    await Promise.all(running.map((one) => one.stop()));
  }
}

function memberFlags({ name, peerUrl }: Member, all: readonly Member[]): readonly string[] {
  return [
    `--name=${name}`,
    `--initial-cluster=${all.map((one) => `${one.name}=${one.peerUrl}`).join(',')}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
  ];
}

async function restore(
  { options, space, file, signal }: Drilling,
  member: Member,
  all: readonly Member[],
  token: string,
): Promise<void> {
  await runScratchTool(space, {
    tool: options.etcdutl,
    args: [
      'snapshot',
      'restore',
      file,
      ...memberFlags(member, all),
      `--data-dir=${member.dataDirectory}`,
      `--initial-cluster-token=${token}`,
      `--bump-revision=${bumpRevision}`,
      '--mark-compacted',
    ],
    doing: `restoring etcd of ${member.name} in a scratch directory`,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    signal,
  });
}

function start(
  { options, space }: Drilling,
  member: Member,
  all: readonly Member[],
): Promise<ScratchProcess> {
  return startScratchProcess(space, {
    name: `etcd-${path.basename(member.socket)}`,
    executable: options.etcd,
    args: [
      ...memberFlags(member, all),
      `--data-dir=${member.dataDirectory}`,
      `--listen-client-urls=unix://${member.socket}`,
      // Nobody dials it; etcd wants one all the same.
      '--advertise-client-urls=http://localhost:2379',
      `--listen-peer-urls=${member.peerUrl}`,
      `--quota-backend-bytes=${scratchQuotaBytes}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ],
  });
}

async function healthy(
  { signal }: Drilling,
  client: EtcdClient,
  running: ScratchProcess | undefined,
  member: Member | undefined,
): Promise<void> {
  if (running === undefined || member === undefined) return;
  await untilAnswers(running, {
    what: `the scratch etcd of ${member.name}`,
    timeoutMs: healthyTimeoutMs,
    signal,
    answers: (inner) => etcdAnswers(client, inner),
  });
}

async function compareAndServe(
  { options, space, order, onPhase, signal }: Drilling,
  clients: readonly EtcdClient[],
  sockets: readonly string[],
): Promise<Drilled> {
  onPhase('compare');
  const [client] = clients;
  const executable = options.apiServers[minorOf(order.version)];
  if (client === undefined || executable === undefined) {
    throw new PortError('rejected', 'there is no member, or no API server, to try it with');
  }
  const hashes = await Promise.all(clients.map((one) => one.hashKv(0, signal)));
  const distinct = [...new Set(hashes.map(({ hash }) => hash))];
  const [hashKv = '', ...others] = distinct;
  if (others.length > 0) {
    throw new PortError('rejected', `the members differ: their hashes are ${distinct.join(', ')}`);
  }
  // As it was restored: an API server writes, too.
  const at = Math.max(...hashes.map(({ revision }) => revision));
  const keys = await client.countKeys(at, signal);
  const held = await countServed(client, order, at, signal);
  onPhase('start-api-server');
  const serving = { space, sockets, client, order, executable, signal };
  return withScratchApiServer(serving, async (server) => {
    // What it cannot read keeps it from becoming ready, too; a listing tells what that is.
    const [objects] = await Promise.all([
      listServed(server, at, signal),
      server.untilReady(signal),
    ]);
    const difference = servedDifference(held, objects);
    if (difference !== undefined) throw new PortError('rejected', difference);
    return { keys, hashKv, apiServer: { version: server.version, objects } };
  });
}
