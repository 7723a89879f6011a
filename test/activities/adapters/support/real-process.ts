// A real server process for one test: started, waited for, and gone afterwards.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { eventually } from '../../../../lab/waiting';

export interface RealProcess {
  /** SIGKILL; returns when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: the process is there, but answers nothing. */
  freeze(): void;
}

const startTimeoutMs = 30_000;

export async function startProcess(options: {
  readonly name: string;
  readonly executable: string;
  readonly args: readonly string[];
  readonly directory: string;
  isReady(): Promise<boolean>;
}): Promise<RealProcess> {
  const { name, executable, args, directory } = options;
  const logFile = path.join(directory, `${name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn(executable, args, { stdio: ['ignore', log, log] });
  closeSync(log);
  const exited = once(child, 'exit');
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const kill = async (): Promise<void> => {
    if (hasExited()) return;
    child.kill('SIGKILL');
    await exited;
  };
  const isReady = async (): Promise<boolean> => hasExited() || options.isReady();
  const isUp = await eventually(isReady, { timeoutMs: startTimeoutMs, everyMs: 50 });
  if (isUp && !hasExited()) return { kill, freeze: () => child.kill('SIGSTOP') };
  await kill();
  throw new Error(`${name} did not start:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`);
}
