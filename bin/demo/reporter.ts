// A child process that watches, or calls, a cluster by itself and counts: starts it, waits until it
// is under way, asks for its report. It dies with its parent, because its process channel closes.
// Its own side is observer/reporting.ts.

import { type ChildProcess, fork } from 'node:child_process';

import { builtFile } from './built-file';
import type { ReporterMessage } from './observer/reporting';

export interface Reporter<Report> {
  /** Ends what it does. */
  report(): Promise<Report>;
  /** Ends the process without asking. Safe to repeat. */
  kill(): void;
}

export interface ReporterOptions {
  /** For people: `the observer`. */
  readonly name: string;
  /** Its program, from the root of dist/. */
  readonly file: string;
  /** What it is about, its only argument: a kubeconfig, or an address. */
  readonly about: string;
  /** A process in whose network it runs, as root; absent: in ours. */
  readonly networkOf?: number;
}

/** Resolves when it is under way. */
export async function startReporter<Report>({
  name,
  file,
  about,
  networkOf,
}: ReporterOptions): Promise<Reporter<Report>> {
  const there = { execPath: 'nsenter', execArgv: ['-t', `${networkOf}`, '-n', process.execPath] };
  const child = fork(builtFile(file), [about], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...(networkOf === undefined ? {} : there),
  });
  await nextMessage(child, name);
  return {
    async report() {
      const message = nextMessage<Report>(child, name);
      child.send('report');
      const answer = await message;
      if (answer.kind !== 'report') throw new Error(`${name} answered out of turn`);
      return answer.report;
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}

function nextMessage<Report>(child: ChildProcess, name: string): Promise<ReporterMessage<Report>> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      reject(new Error(`${name} ended by itself with exit code ${code}`));
    };
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message as ReporterMessage<Report>);
    });
  });
}
