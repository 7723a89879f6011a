// A short script on a machine whose answer counts, and that changes little or nothing: without a
// journal. A machine that is away is asked again for a while.

import { setTimeout as delay } from 'node:timers/promises';

import { PortError } from '../ports';
import type { Machines, RootScript } from './machine-shell';

export interface MachineQuestion {
  readonly machine: string;
  /** Begins every message. */
  readonly doing: string;
  readonly script: string;
  readonly args?: readonly string[];
  /** Made anew for every attempt. */
  readonly input?: () => RootScript['input'];
  readonly timeoutMs?: number;
  /** Default: 64 KiB. */
  readonly outputBytesMax?: number;
}

export interface AskOptions {
  readonly machines: Machines;
  /** How long a machine may be away. */
  readonly awayMs: number;
  readonly pollMs?: number;
}

const usualLimits = { timeoutMs: 60_000, outputBytesMax: 64 * 1024 };

/** What it printed. Throws PortError, or the signal's reason. */
export async function askMachine(
  options: AskOptions,
  question: MachineQuestion,
  signal: AbortSignal,
): Promise<string> {
  const { machine, doing } = question;
  const { code, output, complaints } = await answerOf(options, question, signal);
  if (code === 0) return output;
  const why = complaints.at(-1) ?? output.trim().split('\n').at(-1) ?? '';
  throw new PortError('unexpected', `${doing} on machine ${machine} failed with ${code}: ${why}`);
}

/** Whether it ended with 0. */
export async function isSo(
  options: AskOptions,
  question: MachineQuestion,
  signal: AbortSignal,
): Promise<boolean> {
  return (await answerOf(options, question, signal)).code === 0;
}

interface Answer {
  readonly code: number | string;
  readonly output: string;
  readonly complaints: readonly string[];
}

async function answerOf(
  options: AskOptions,
  question: MachineQuestion,
  signal: AbortSignal,
): Promise<Answer> {
  const { awayMs, pollMs = 1_000 } = options;
  const sinceMs = performance.now();
  for (;;) {
    try {
      return await answerOnce(options, question, signal);
    } catch (error) {
      const isAway =
        error instanceof PortError && (error.code === 'unreachable' || error.code === 'timeout');
      if (!isAway || performance.now() - sinceMs >= awayMs) throw error;
    }
    await delay(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function answerOnce(
  { machines }: AskOptions,
  { machine, doing, script, args = [], input, ...limits }: MachineQuestion,
  signal: AbortSignal,
): Promise<Answer> {
  const shell = await machines.connect(machine, signal);
  try {
    const stream = input?.();
    const reads = stream === undefined ? {} : { input: stream };
    const asked = { doing, script, args, ...usualLimits, ...limits, ...reads };
    const { code, output, complaints } = await shell.run(asked, signal);
    return { code, output: output.toString('utf8'), complaints };
  } finally {
    shell.close();
  }
}
