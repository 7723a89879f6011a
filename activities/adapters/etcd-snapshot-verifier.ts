// The SnapshotVerifier port: restores a file with etcdutl, starts an etcd on it that nobody else
// can reach, and asks it what it holds (R6).
// V1. The scratch etcd listens on Unix sockets in a directory of mode 0700: no port can collide,
//     and no other user of the machine can read the Secrets in it.
// V2. Nothing is left behind, whatever happens (scratch-space.ts).

import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { type KubeVersion, parseMinor, parseVersion } from '../../domain/versions';
import { PortError } from '../ports';
import type { SnapshotVerifier } from '../snapshot-ports';
import { boundedCall } from './bounded-call';
import { type EtcdClient, openEtcdClient } from './etcd-client';
import { runScratchTool, startScratchProcess, untilAnswers } from './scratch-process';
import { openScratchSpace, type ScratchSpace } from './scratch-space';
import { serveSnapshot } from './snapshot-serving';
import { runTool } from './tool-process';

export interface SnapshotVerifierOptions {
  /** Paths, or names that are looked up on PATH. */
  readonly etcd: string;
  readonly etcdutl: string;
  /** Where the restored database goes; as large as the snapshot. */
  readonly dataParent: string;
  /** Where sockets and logs of a verification are; default: the system's temporary directory. */
  readonly runParent?: string;
  /** Executables of kube-apiserver by minor; see ClusterAccess. */
  readonly apiServers?: Readonly<Record<string, string>>;
  /** Bound of one verification. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 15 * 60_000;
const healthyTimeoutMs = 120_000;
const versionTimeoutMs = 10_000;
/** Nobody dials it: the only member has no peers. etcd wants a host and a port all the same. */
const peerUrl = 'http://localhost:2380';
const memberName = 'verify';
/** Above every database that etcd supports (8 GiB), so that a full one raises no alarm here. */
export const scratchQuotaBytes = 16 * 1024 ** 3;

/** Where a scratch etcd runs. */
interface ScratchPlace {
  readonly space: ScratchSpace;
  /** It listens on this Unix socket. */
  readonly socket: string;
}

interface Scratch {
  readonly options: SnapshotVerifierOptions;
  readonly space: ScratchSpace;
  readonly file: string;
  readonly signal: AbortSignal;
}

export function createSnapshotVerifier(options: SnapshotVerifierOptions): SnapshotVerifier {
  const apiServers = options.apiServers ?? {};
  return {
    minors: Object.keys(apiServers)
      .map((text) => parseMinor(text))
      .filter((minor) => minor !== undefined),
    etcdVersion: (signal) => etcdVersion(options, signal),
    verify(file, atRevision, signal, order) {
      const doing = `verifying the snapshot file ${file}`;
      const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
      return boundedCall({ doing, timeoutMs, signal }, async (inner) => {
        const startedAtMs = performance.now();
        const read = { options, file, signal: inner };
        const found = await withScratchEtcd(read, async (client, place) => {
          const [hash, count] = await Promise.all([
            client.hashKv(atRevision, inner),
            client.countKeys(atRevision, inner),
          ]);
          const seen = { hashKv: hash.hash, keys: count };
          if (order === undefined) return seen;
          const serving = { ...place, client, order, apiServers, atRevision, signal: inner };
          return { ...seen, served: await serveSnapshot(serving) };
        });
        return { ...found, seconds: (performance.now() - startedAtMs) / 1_000 };
      });
    },
  };
}

/** An executable that cannot be run is for the verification to tell. */
async function etcdVersion(
  { etcd }: SnapshotVerifierOptions,
  signal: AbortSignal,
): Promise<KubeVersion | undefined> {
  const doing = `asking ${etcd} for its version`;
  const asking = { tool: etcd, args: ['--version'], doing, timeoutMs: versionTimeoutMs, signal };
  const said = await runTool(asking).catch(() => '');
  signal.throwIfAborted();
  const version = /^etcd Version: (\S+)$/m.exec(said)?.[1];
  return version === undefined ? undefined : parseVersion(version);
}

/**
 * Restores the file into a throw-away etcd and hands a client of it over, and where it is; all is
 * gone when this returns (V2). Not bounded in time: whoever calls it is.
 */
export async function withScratchEtcd<Result>(
  scratch: Omit<Scratch, 'space'>,
  use: (client: EtcdClient, place: ScratchPlace) => Promise<Result>,
): Promise<Result> {
  const { runParent = tmpdir(), dataParent } = scratch.options;
  const space = await openScratchSpace(runParent, dataParent);
  try {
    await restore({ ...scratch, space });
    return await readBack({ ...scratch, space }, use);
  } finally {
    await space.remove();
  }
}

function dataDirectory({ dataDirectory: parent }: ScratchSpace): string {
  // etcdutl refuses a directory that exists.
  return path.join(parent, 'data');
}

async function restore({ options, space, file, signal }: Scratch): Promise<void> {
  await runScratchTool(space, {
    tool: options.etcdutl,
    args: ['snapshot', 'restore', file, ...restoreFlags(space)],
    doing: `restoring ${file} into a scratch directory`,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    signal,
  });
}

async function readBack<Result>(
  scratch: Scratch,
  use: (client: EtcdClient, place: ScratchPlace) => Promise<Result>,
): Promise<Result> {
  const { options, space, signal } = scratch;
  const socket = path.join(space.runDirectory, 'client');
  const running = await startScratchProcess(space, {
    name: 'etcd',
    executable: options.etcd,
    args: etcdFlags(space, socket),
  });
  try {
    const client = openEtcdClient(`unix:${socket}`, undefined);
    try {
      await untilAnswers(running, {
        what: 'the scratch etcd',
        timeoutMs: healthyTimeoutMs,
        signal,
        answers: (inner) => etcdAnswers(client, inner),
      });
      return await use(client, { space, socket });
    } finally {
      client.close();
    }
  } finally {
    await running.stop();
  }
}

const memberFlags = [
  `--name=${memberName}`,
  `--initial-cluster=${memberName}=${peerUrl}`,
  `--initial-advertise-peer-urls=${peerUrl}`,
] as const;

function restoreFlags(space: ScratchSpace): readonly string[] {
  return [
    ...memberFlags,
    `--data-dir=${dataDirectory(space)}`,
    `--initial-cluster-token=${randomBytes(16).toString('hex')}`,
  ];
}

function etcdFlags(space: ScratchSpace, socket: string): readonly string[] {
  return [
    ...memberFlags,
    `--data-dir=${dataDirectory(space)}`,
    `--listen-client-urls=unix://${socket}`,
    `--advertise-client-urls=${peerUrl}`,
    `--listen-peer-urls=unix://${path.join(space.runDirectory, 'peer')}`,
    `--quota-backend-bytes=${scratchQuotaBytes}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ];
}

/** Whether it elected itself and answers a linearizable read. */
export async function etcdAnswers(client: EtcdClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.catchUp(signal);
    return true;
  } catch (error) {
    if (error instanceof PortError) return false;
    throw error;
  }
}
