// A command of the built program as a process of its own, with labs of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { Hopeless, untilTrue } from '../../support/lab-until';

const dist = path.resolve(__dirname, '../../../dist');
/** What npm scripts start. */
const programs = { ascent: `${dist}/bin/ascent.js`, bench: `${dist}/bench/main.js` } as const;

/** A small lab is up in seconds. */
export const small = ['--members', '1', '--nodes', '2'] as const;

export interface RunningCommand {
  readonly pid: number;
  /** Everything on stdout and stderr so far. */
  said(): string;
  until(moment: RegExp): Promise<void>;
  press(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void;
  /** Nobody reads what it says from now on. */
  stopReading(): void;
  readonly code: Promise<number | null>;
}

/** Labs of the command, and of every process that it starts, are below `root`. */
export function start(
  root: string,
  args: readonly string[],
  program: keyof typeof programs = 'ascent',
): RunningCommand {
  const child = spawn(process.execPath, [programs[program], ...args], {
    cwd: root,
    env: { ...process.env, XDG_STATE_HOME: root },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  return {
    pid: child.pid ?? 0,
    said: () => said,
    until: (moment) =>
      untilTrue(`${args.join(' ')} says ${moment.source}`, () => {
        if (moment.test(said)) return Promise.resolve(true);
        if (child.exitCode !== null) throw new Hopeless(`ended with ${child.exitCode}: ${said}`);
        return Promise.resolve(false);
      }),
    press: (signal) => void child.kill(signal),
    stopReading: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    code: closed.then(([code]) => code as number | null),
  };
}

/** Processes that were started below `root`: all inherit its variable. Zombies have none. */
export function processesOf(root: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
        if (!environment.includes(`XDG_STATE_HOME=${root}`)) return [];
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
      } catch {
        return [];
      }
    });
}

export function killAll(root: string): void {
  for (const line of processesOf(root)) process.kill(Number.parseInt(line, 10), 'SIGKILL');
}
