// What a driver needs of the machines that it works on: adapters/ssh-machines.ts has it by SSH,
// adapters/job-machines.ts by jobs of the cluster.

import type { Readable } from 'node:stream';

import { PortError } from '../ports';

export interface RootScript {
  /** `looking for releases`: begins every message. */
  readonly doing: string;
  /** For sh. */
  readonly script: string;
  readonly args: readonly string[];
  /** What it reads, destroyed at the end. The script is a word of a command then: be short. */
  readonly input?: ScriptInput;
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
}

/** Not every way to a machine tells where it ends: the length is told before. */
export interface ScriptInput {
  readonly stream: Readable;
  readonly bytes: number;
}

export interface ScriptEnd {
  /** Exit code, or the name of the signal that ended it. */
  readonly code: number | string;
  readonly output: Buffer;
  /** Whole last lines of the error output. */
  readonly complaints: readonly string[];
}

/** A machine that has said that it is the one. */
export interface MachineShell {
  /**
   * As root. Throws PortError `unreachable` or `timeout` when nobody knows how it ended, or the
   * signal's reason.
   */
  run(script: RootScript, signal: AbortSignal): Promise<ScriptEnd>;
  /** Safe to repeat. */
  close(): void;
}

export interface Machines {
  /** Those of nodes; others may be reached as well. */
  readonly names: readonly string[];
  /** Nobody reaches them without the API server of their own cluster. */
  readonly needApiServer?: true;
  /**
   * Throws PortError: `rejected` for a name that is not known, and for a machine that calls
   * itself otherwise; `unauthorized` and `forbidden` where it does not let us in, or not as root;
   * `unreachable` and `timeout`.
   */
  connect(name: string, signal: AbortSignal): Promise<MachineShell>;
}

/** It does not answer, which passes by itself or does not; everything else is an answer. */
export function isAway(error: unknown): error is PortError {
  return error instanceof PortError && (error.code === 'unreachable' || error.code === 'timeout');
}
