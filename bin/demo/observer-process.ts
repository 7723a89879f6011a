// The demo's side of the independent observer: starts it, waits until it watches, asks for its
// report. It dies with the demo, because its process channel closes.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

import { builtFile } from './built-file';
import type { ObserverMessage, ObserverReport } from './observer/main';

export interface Observer {
  /** Ends the observation. */
  report(): Promise<ObserverReport>;
  /** Ends the process without asking. Safe to repeat. */
  kill(): void;
}

function nextMessage(child: ChildProcess): Promise<ObserverMessage> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      reject(new Error(`the observer ended by itself with exit code ${code}`));
    };
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as ObserverMessage);
    });
  });
}

/** Resolves when every budget and pod is being watched and requests are under way. */
export async function startObserver(kubeconfig: string): Promise<Observer> {
  const child = fork(builtFile('bin/demo/observer/main.js'), [kubeconfig], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await nextMessage(child);
  return {
    async report() {
      const message = nextMessage(child);
      child.send('report');
      const answer = await message;
      if (answer.kind !== 'report') throw new Error('the observer answered out of turn');
      return answer.report;
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}
