// Resume point of activities that change a version: without it an attempt that finds the work of
// its dead predecessor would report that nothing had to be done.

import type { PhaseProgress } from '../domain/activity-contract';
import { type KubeVersion, parseVersion } from '../domain/versions';

export interface ChangeCheckpoint extends PhaseProgress {
  /** What ran before the first attempt. */
  readonly before: KubeVersion;
  readonly startedAtMs: number;
  /** The driver was asked to change it. */
  readonly driven: boolean;
}

/** The checkpoint in heartbeat details; undefined when there is none that can be trusted. */
export function readChangeCheckpoint(details: unknown): ChangeCheckpoint | undefined {
  if (typeof details !== 'object' || details === null) return undefined;
  const { before, startedAtMs, driven, phase } = details as Partial<ChangeCheckpoint>;
  const version = typeof before === 'string' ? parseVersion(before) : undefined;
  if (version === undefined || typeof startedAtMs !== 'number') return undefined;
  return {
    phase: typeof phase === 'string' ? phase : '',
    before: version,
    startedAtMs,
    driven: driven === true,
  };
}
