// Programs of the host that a lab of machines uses: what fails is told with what it printed.

import { LabError } from '../lab-error';
import { lastLines, runProgram } from '../toolchain/run-program';

export interface HostCommand {
  /** For people: `joining worker-1`. */
  readonly doing: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const defaultTimeoutMs = 30_000;

/** A list of objects may be long; half of one is worth nothing. */
const outputCharactersMax = 20_000_000;

/** Clean: nothing of whoever started the lab reaches the machines. */
export const cleanEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
} as const;

/** What it printed. Throws LabError `lab-failed` when it does not end with 0. */
export async function runHere(command: HostCommand): Promise<string> {
  const { doing, file, args, timeoutMs = defaultTimeoutMs, signal } = command;
  const result = await runProgram({
    file,
    args,
    env: cleanEnvironment,
    timeoutMs,
    outputCharactersMax,
    ...(signal === undefined ? {} : { signal }),
  });
  if (result.kind === 'ended' && result.ok) return result.output;
  const why =
    result.kind === 'ended'
      ? `${result.exit}: ${lastLines(result.output, 30)}`
      : `does not start (${result.why})`;
  throw new LabError('lab-failed', `${doing}: ${file} ${args[0] ?? ''}: ${why}`);
}
