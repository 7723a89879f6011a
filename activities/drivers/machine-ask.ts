// Asks a machine something that takes no step: a connection, a short script, its answer.

import { setTimeout as delay } from 'node:timers/promises';

import { PortError } from '../ports';
import { isAway, type Machines, type ScriptEnd, type ScriptInput } from './machine-shell';
import { createMask } from './secret-mask';

/** Machines that are asked at the same time. */
export const askedAtOnce = 10;

const askMs = 60_000;
const answerBytesMax = 64 * 1024;
const pollMs = 1_000;

export interface MachineQuestion {
  readonly machine: string;
  /** `looking for releases`: begins every message. */
  readonly doing: string;
  readonly script: string;
  readonly args?: readonly string[];
  /** Default: 64 KiB. */
  readonly outputBytesMax?: number;
  /** Default: a minute. */
  readonly timeoutMs?: number;
  /** What the script reads; made anew for every attempt. */
  readonly input?: () => ScriptInput;
  /** For how long a machine that is away is asked again; absent: not at all. */
  readonly awayMs?: number;
}

/** Throws PortError as Machines do, `unexpected` where the script fails, or the signal's reason. */
export async function askMachine(
  machines: Machines,
  question: MachineQuestion,
  signal: AbortSignal,
): Promise<string> {
  const ran = await endOf(machines, question, signal);
  if (ran.code === 0) return ran.output.toString('utf8');
  const { doing, machine } = question;
  const said = createMask({})(ran.complaints.join(' ')) || `it ended with ${ran.code}`;
  throw new PortError('unexpected', `${doing} on machine ${machine}: ${said}`);
}

/** Whether the script ends well. Throws as askMachine where nobody knows. */
export async function isSo(
  machines: Machines,
  question: MachineQuestion,
  signal: AbortSignal,
): Promise<boolean> {
  return (await endOf(machines, question, signal)).code === 0;
}

async function endOf(
  machines: Machines,
  question: MachineQuestion,
  signal: AbortSignal,
): Promise<ScriptEnd> {
  const { awayMs = 0 } = question;
  const sinceMs = performance.now();
  for (;;) {
    try {
      return await askOnce(machines, question, signal);
    } catch (error) {
      if (!isAway(error) || performance.now() - sinceMs >= awayMs) throw error;
    }
    await delay(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function askOnce(
  machines: Machines,
  question: MachineQuestion,
  signal: AbortSignal,
): Promise<ScriptEnd> {
  const { machine, doing, script, args = [], timeoutMs = askMs, input } = question;
  const { outputBytesMax = answerBytesMax } = question;
  const shell = await machines.connect(machine, signal);
  try {
    const data = input?.();
    const asked = { doing, script, args, timeoutMs, outputBytesMax };
    return await shell.run(data === undefined ? asked : { ...asked, input: data }, signal);
  } finally {
    shell.close();
  }
}
