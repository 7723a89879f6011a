// Temporal's time-skipping server as a process of ours, and its clock. The SDK would start one too,
// but gives it 5 s to answer, and a JVM on a busy machine needs many times that.

import { Client as GrpcClient, credentials } from '@grpc/grpc-js';
import { temporal } from '@temporalio/proto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { freePortBesideLabs, isListening } from '../../lab/free-ports';
import { resolveTestServer } from '../../lab/toolchain/test-server';
import { until } from './lab-until';

const host = '127.0.0.1';

/**
 * For the server where it is a JVM. It lives for about a minute, in which its second compiler and
 * the threads of its parallel collector cost more than they gain.
 */
const javaOptions = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC';

/** What somebody asked of every JVM goes last, where it wins. */
function environmentOfServer(): NodeJS.ProcessEnv {
  const asked = process.env['JAVA_TOOL_OPTIONS'];
  const options = asked === undefined ? javaOptions : `${javaOptions} ${asked}`;
  return { ...process.env, JAVA_TOOL_OPTIONS: options };
}

export interface TimeSkippingServer {
  /** `127.0.0.1:21456`. */
  readonly address: string;
  readonly clock: SkippingClock;
  stop(): Promise<void>;
}

/** Starts a server whose time is locked. Throws, with its last words, when it ends by itself. */
export async function startTimeSkippingServer(): Promise<TimeSkippingServer> {
  const { path } = await resolveTestServer();
  const port = await freePortBesideLabs();
  const server = spawn(path, [String(port)], {
    env: environmentOfServer(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(server, 'close');
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  let words = '';
  server.stderr.on('data', (chunk: Buffer) => {
    words = `${words}${chunk.toString('utf8')}`.slice(-2_000);
  });
  const address = `${host}:${port}`;
  const isOver = await until(`the test server on ${address}`, async () => {
    if (server.exitCode !== null) return true;
    return (await isListening(port)) ? false : undefined;
  });
  if (isOver) throw new Error(`the test server ended by itself: ${words}`);
  const clock = openClock(address);
  return {
    address,
    clock,
    stop: async () => {
      clock.close();
      process.off('exit', kill);
      kill();
      await ended;
    },
  };
}

export interface SkippingClock {
  /** Lets so much time go by, and no more; ends when it has. */
  skip(ms: number): Promise<void>;
  /** Time skips from timer to timer until the action ends. */
  skippingWhile<Result>(action: () => Promise<Result>): Promise<Result>;
  close(): void;
}

function openClock(address: string): SkippingClock {
  const grpc = new GrpcClient(address, credentials.createInsecure());
  const { TestService } = temporal.api.testservice.v1;
  const service = TestService.create((method, request, callback) => {
    const path = `/temporal.api.testservice.v1.TestService/${method.name}`;
    const asIs = (bytes: Buffer): Buffer => bytes;
    grpc.makeUnaryRequest(path, asIs, asIs, Buffer.from(request), (error, answer) => {
      callback(error, answer);
    });
  });
  return {
    skip: async (ms) => {
      const seconds = Math.floor(ms / 1_000);
      const nanos = (ms - seconds * 1_000) * 1_000_000;
      await service.unlockTimeSkippingWithSleep(
        temporal.api.testservice.v1.SleepRequest.fromObject({ duration: { seconds, nanos } }),
      );
    },
    skippingWhile: async (action) => {
      await service.unlockTimeSkipping({});
      try {
        return await action();
      } finally {
        await service.lockTimeSkipping({});
      }
    },
    close: () => grpc.close(),
  };
}
