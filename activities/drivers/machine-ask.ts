// Asks a machine something that takes no step: a connection, a short script, its answer.

import { PortError } from '../ports';
import type { Machines } from './machine-shell';
import { createMask } from './secret-mask';

const askMs = 60_000;

export interface MachineQuestion {
  readonly machine: string;
  /** `looking for releases`: begins every message. */
  readonly doing: string;
  readonly script: string;
  readonly args: readonly string[];
  readonly outputBytesMax: number;
}

/** Throws PortError as Machines do, `unexpected` where the script fails, or the signal's reason. */
export async function askMachine(
  machines: Machines,
  { machine, doing, ...asked }: MachineQuestion,
  signal: AbortSignal,
): Promise<string> {
  const shell = await machines.connect(machine, signal);
  try {
    const ran = await shell.run({ doing, ...asked, timeoutMs: askMs }, signal);
    if (ran.code === 0) return ran.output.toString('utf8');
    const said = createMask({})(ran.complaints.join(' ')) || `it ended with ${ran.code}`;
    throw new PortError('unexpected', `${doing} on machine ${machine}: ${said}`);
  } finally {
    shell.close();
  }
}
