// The benchmark's side of the clients of a hop: starts them, and asks for what they counted. They
// die with the benchmark, because their process channel closes.

import { type ChildProcess, fork } from 'node:child_process';

import { builtFile } from '../../bin/demo/built-file';
import type { LoadMessage, LoadReport } from './load';

export interface HopLoad {
  /** Ends them. */
  report(): Promise<readonly LoadReport[]>;
  /** Without asking. Safe to repeat. */
  kill(): void;
}

/** Resolves when requests are under way. */
export async function startHopLoad(kubeconfig: string): Promise<HopLoad> {
  const child = fork(builtFile('bench/hop-load/main.js'), [kubeconfig], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await nextMessage(child);
  return {
    async report() {
      const message = nextMessage(child);
      child.send('report');
      const answer = await message;
      if (answer.kind !== 'report') throw new Error('the clients answered out of turn');
      return answer.reports;
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}

function nextMessage(child: ChildProcess): Promise<LoadMessage> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      reject(new Error(`the clients ended by themselves with exit code ${code}`));
    };
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as LoadMessage);
    });
  });
}
