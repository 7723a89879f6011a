// What an activity hands to the driver that it asks, whatever is to be changed.

import type { RebootPolicy } from '../domain/spec';
import type { KubeVersion } from '../domain/versions';

export interface DriverContext {
  readonly signal: AbortSignal;
  /**
   * Of the call, not of the attempt: an attempt that goes on after a crash has that of the one
   * before. A call that somebody asks for again has another one.
   */
  readonly operationId: string;
  /** What ran before the first attempt; absent where there is no such thing. */
  readonly from?: KubeVersion;
  /** The attempt ends a little later; milliseconds. */
  readonly limitMs: number;
  /** Called at every change of phase; the activity heartbeats it. */
  onPhase(phase: string): void;
  /** For the log of the worker; nothing else keeps it. */
  log(line: string): void;
}

export interface NodeChangeContext extends DriverContext {
  /** Its machine starts again as a part of it; only for drivers that say they can (`drives`). */
  readonly reboot?: RebootPolicy;
}
