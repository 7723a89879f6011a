// Runs one program to its end and keeps the last of what it printed.

import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable } from 'node:stream';

import { errnoOf } from '../lab-error';
import type { Environment } from './settings';

export interface ProgramRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** The last so many are kept; default: enough for a compiler's errors. */
  readonly outputCharactersMax?: number;
  /** Interrupts the program. */
  readonly signal?: AbortSignal;
}

export type ProgramResult =
  | { readonly kind: 'ended'; readonly ok: boolean; readonly exit: string; readonly output: string }
  /** There is no such executable, or it is of another machine. */
  | { readonly kind: 'not-started'; readonly why: string };

/** A build may print megabytes. */
const outputCharactersMax = 8_000;

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : `ended by ${signal}`;
}

/** `go build` cleans up after an interrupt; what does not go within this time is killed. */
const graceMs = 5_000;

/**
 * stdout and stderr together, in the order of arrival. Rejects with the signal's reason when that
 * is what ended the program; a timeout shows as `ended by SIGKILL`.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramResult> {
  run.signal?.throwIfAborted();
  // In the process group of its parent: Ctrl-C in a terminal reaches compilers, too.
  const child = spawn(run.file, run.args, {
    env: { ...run.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
  });
  const timers: NodeJS.Timeout[] = [];
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  const interrupt = (): void => {
    child.kill('SIGINT');
    timers.push(setTimeout(kill, graceMs));
  };
  if (run.timeoutMs !== undefined) timers.push(setTimeout(kill, run.timeoutMs));
  run.signal?.addEventListener('abort', interrupt, { once: true });
  try {
    const result = await ended(child, run.outputCharactersMax ?? outputCharactersMax);
    run.signal?.throwIfAborted();
    return result;
  } finally {
    timers.forEach(clearTimeout);
    run.signal?.removeEventListener('abort', interrupt);
  }
}

function ended(
  child: ChildProcessByStdio<null, Readable, Readable>,
  charactersMax: number,
): Promise<ProgramResult> {
  let output = '';
  const keep = (chunk: string): void => {
    output = (output + chunk).slice(-charactersMax);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve({ kind: 'not-started', why: errnoOf(error) ?? error.message });
    });
    child.once('exit', (_, signal) => {
      // What it started may hold the pipes open for long.
      if (signal === null) return;
      child.stdout.destroy();
      child.stderr.destroy();
    });
    child.once('close', (code, signal) => {
      resolve({ kind: 'ended', ok: code === 0, exit: describeExit(code, signal), output });
    });
  });
}

/** The last lines, for an error message. */
export function lastLines(output: string, count: number = 20): string {
  return output.trimEnd().split('\n').slice(-count).join('\n');
}
