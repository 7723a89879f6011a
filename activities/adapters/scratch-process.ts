// A server that runs in a scratch space: what it says is kept there, and its end is that of the
// space at the latest (scratch-space.ts).

import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { PortError } from '../ports';
import { boundedCall } from './bounded-call';
import type { ScratchSpace } from './scratch-space';
import { runTool, type ToolRun } from './tool-process';

export interface ScratchProcess {
  /** Undefined while it runs; then the end of its log. */
  ended(): Promise<string | undefined>;
  /** Kills it: nothing in a scratch space is wanted any more. */
  stop(): Promise<void>;
}

const logCharsMax = 400;
const pollMs = 50;

/** Paths in `args` may be relative to the run directory of the space. */
export async function startScratchProcess(
  space: ScratchSpace,
  {
    name,
    executable,
    args,
  }: {
    /** Of its log. */
    readonly name: string;
    readonly executable: string;
    readonly args: readonly string[];
  },
): Promise<ScratchProcess> {
  const logFile = path.join(space.runDirectory, `${name}.log`);
  const log = await open(logFile, 'w', 0o600);
  const child = spawn(executable, args, {
    cwd: space.runDirectory,
    // What the environment says (ETCD_*, proxies) is meant for others.
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', log.fd, log.fd],
  });
  let failure: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', (error) => {
      failure = error.message;
      resolve();
    });
  });
  // Not before somebody listens: an executable that is not there is told at once.
  await log.close();
  const { pid } = child;
  if (pid !== undefined) await space.adopt(pid);
  const hasEnded = (): boolean =>
    pid === undefined || child.exitCode !== null || child.signalCode !== null;
  return {
    async ended() {
      if (!hasEnded()) return undefined;
      const said = (await readFile(logFile, 'utf8')).trim().slice(-logCharsMax);
      return failure ?? (said || 'no output');
    },
    async stop() {
      if (!hasEnded()) child.kill('SIGKILL');
      await ended;
      if (pid !== undefined) await space.release(pid);
    },
  };
}

/**
 * Asks again and again until the process answers. Throws PortError `unexpected` with the end of its
 * log when it ends before, `timeout` when it does not answer in time.
 */
export async function untilAnswers(
  process: ScratchProcess,
  options: {
    /** `the scratch etcd`. */
    readonly what: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    answers(signal: AbortSignal): Promise<boolean>;
  },
): Promise<void> {
  const { what, timeoutMs, signal } = options;
  await boundedCall({ doing: `waiting for ${what}`, timeoutMs, signal }, async (inner) => {
    for (;;) {
      const end = await process.ended();
      if (end !== undefined) throw new PortError('unexpected', `${what} ended: ${end}`);
      if (await options.answers(inner)) return;
      await delay(pollMs, undefined, { signal: inner });
    }
  });
}

/** Runs a tool to its end as runTool does; the space ends it when nobody else can. */
export async function runScratchTool(
  space: ScratchSpace,
  run: Omit<ToolRun, 'onStart'>,
): Promise<void> {
  let pid: number | undefined;
  let adopted: Promise<void> | undefined;
  const onStart = (started: number): void => {
    pid = started;
    adopted = space.adopt(started);
  };
  try {
    await runTool({ ...run, onStart });
  } finally {
    await adopted;
    if (pid !== undefined) await space.release(pid);
  }
}
