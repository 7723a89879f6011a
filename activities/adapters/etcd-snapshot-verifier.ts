// The SnapshotVerifier port: restores a file with etcdutl, starts an etcd on it that nobody else
// can reach, and asks it what it holds (R6).
// V1. The scratch etcd listens on Unix sockets in a directory of mode 0700: no port can collide,
//     and no other user of the machine can read the Secrets in it.
// V2. Nothing is left behind, whatever happens (scratch-space.ts).

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { PortError } from '../ports';
import type { SnapshotVerifier } from '../snapshot-ports';
import { boundedCall } from './bounded-call';
import { type EtcdClient, openEtcdClient } from './etcd-client';
import { openScratchSpace, type ScratchSpace } from './scratch-space';
import { runTool } from './tool-process';

export interface SnapshotVerifierOptions {
  /** Paths, or names that are looked up on PATH. */
  readonly etcd: string;
  readonly etcdutl: string;
  /** Where the restored database goes; as large as the snapshot. */
  readonly dataParent: string;
  /** Bound of one verification. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 15 * 60_000;
const healthyTimeoutMs = 120_000;
const pollMs = 50;
const logCharsMax = 400;
/** Nobody dials it: the only member has no peers. etcd wants a host and a port all the same. */
const peerUrl = 'http://localhost:2380';
const memberName = 'verify';
/** Above every database that etcd supports (8 GiB), so that a full one raises no alarm here. */
const quotaBytes = 16 * 1024 ** 3;

interface Scratch {
  readonly options: SnapshotVerifierOptions;
  readonly space: ScratchSpace;
  readonly file: string;
  readonly signal: AbortSignal;
}

export function createSnapshotVerifier(options: SnapshotVerifierOptions): SnapshotVerifier {
  return {
    verify(file, atRevision, signal) {
      const doing = `verifying the snapshot file ${file}`;
      const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
      return boundedCall({ doing, timeoutMs, signal }, async (inner) => {
        const startedAtMs = performance.now();
        const read = { options, file, signal: inner };
        const { hashKv, keys } = await withScratchEtcd(read, async (client) => {
          const [hash, count] = await Promise.all([
            client.hashKv(atRevision, inner),
            client.countKeys(atRevision, inner),
          ]);
          return { hashKv: hash.hash, keys: count };
        });
        return { hashKv, keys, seconds: (performance.now() - startedAtMs) / 1_000 };
      });
    },
  };
}

/**
 * Restores the file into a throw-away etcd and hands a client of it over; both are gone when this
 * returns (V2). Not bounded in time: whoever calls it is.
 */
export async function withScratchEtcd<Result>(
  scratch: Omit<Scratch, 'space'>,
  use: (client: EtcdClient) => Promise<Result>,
): Promise<Result> {
  const space = await openScratchSpace(tmpdir(), scratch.options.dataParent);
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
  let pid: number | undefined;
  let adopted: Promise<void> | undefined;
  try {
    await runTool({
      tool: options.etcdutl,
      args: ['snapshot', 'restore', file, ...restoreFlags(space)],
      doing: `restoring ${file} into a scratch directory`,
      timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
      signal,
      onStart: (started) => {
        pid = started;
        adopted = space.adopt(started);
      },
    });
  } finally {
    await adopted;
    if (pid !== undefined) await space.release(pid);
  }
}

async function readBack<Result>(
  scratch: Scratch,
  use: (client: EtcdClient) => Promise<Result>,
): Promise<Result> {
  const { signal } = scratch;
  const running = await startEtcd(scratch);
  try {
    const client = openEtcdClient(`unix:${running.socket}`, undefined);
    try {
      await untilHealthy(client, running, signal);
      return await use(client);
    } finally {
      client.close();
    }
  } finally {
    await running.stop();
  }
}

interface RunningEtcd {
  readonly socket: string;
  /** Undefined while it runs; then the end of its log. */
  ended(): Promise<string | undefined>;
  stop(): Promise<void>;
}

async function startEtcd({ options, space }: Scratch): Promise<RunningEtcd> {
  const socket = path.join(space.runDirectory, 'client');
  const logFile = path.join(space.runDirectory, 'etcd.log');
  const log = await open(logFile, 'w', 0o600);
  const child = spawn(options.etcd, etcdFlags(space, socket), {
    // What the environment says of ETCD_* is meant for another etcd.
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', log.fd, log.fd],
  });
  await log.close();
  let failure: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      failure = error.message;
      resolve();
    });
  });
  const { pid } = child;
  if (pid !== undefined) await space.adopt(pid);
  const hasEnded = (): boolean =>
    pid === undefined || child.exitCode !== null || child.signalCode !== null;
  return {
    socket,
    async ended() {
      if (!hasEnded()) return undefined;
      const said = (await readFile(logFile, 'utf8')).trim().slice(-logCharsMax);
      return failure ?? (said || 'no output');
    },
    async stop() {
      // Nothing in it is wanted any more, so there is nothing to flush.
      if (!hasEnded()) child.kill('SIGKILL');
      await ended;
      if (pid !== undefined) await space.release(pid);
    },
  };
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
    `--quota-backend-bytes=${quotaBytes}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ];
}

/** Healthy: it elected itself and answers a linearizable read. */
async function untilHealthy(
  client: EtcdClient,
  running: RunningEtcd,
  signal: AbortSignal,
): Promise<void> {
  const doing = 'waiting for the scratch etcd';
  await boundedCall({ doing, timeoutMs: healthyTimeoutMs, signal }, async (inner) => {
    for (;;) {
      const end = await running.ended();
      if (end !== undefined) throw new PortError('unexpected', `the scratch etcd ended: ${end}`);
      if (await answers(client, inner)) return;
      await delay(pollMs, undefined, { signal: inner });
    }
  });
}

async function answers(client: EtcdClient, signal: AbortSignal): Promise<boolean> {
  try {
    await client.catchUp(signal);
    return true;
  } catch (error) {
    if (error instanceof PortError) return false;
    throw error;
  }
}
