// One component of one member changes its version: the driver does it, what is seen afterwards
// counts (R2). What may be changed, and what is to be seen, is for whoever asks to say.

import type { ChangeResult } from '../domain/activity-contract';
import type { KubeVersion } from '../domain/versions';
import type { ActivityDependencies, ActivityRun } from './activity-run';
import { readChangeCheckpoint } from './change-checkpoint';
import { secondsBetween } from './passes';
import type { DriverContext } from './driver-context';

type Beat = (phase: string) => void;

export interface ChangeOfMember {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly to: KubeVersion;
  /** What it runs now; what the plan expects where nothing answers. */
  readonly before: KubeVersion;
  /** Whether the driver has something to do. */
  readonly isNeeded: boolean;
  /** The phase while the driver works. */
  readonly phase: string;
  /** Bound of the driver where the attempt's own is longer. Milliseconds. */
  readonly driverLimitMs: number;
  /** Throws when the driver must not be asked. */
  readonly prepare: (beat: Beat) => Promise<void>;
  readonly drive: (context: DriverContext) => Promise<void>;
  /** Throws when it is not good in the new version in time. */
  readonly verify: (startedAtMs: number, beat: Beat) => Promise<void>;
}

/** Goes on with an attempt that died: what that one has begun counts as its own. */
export async function changeMember(change: ChangeOfMember): Promise<ChangeResult> {
  const { deps, run, to, isNeeded } = change;
  const { clock } = deps.ports;
  const resumed = readChangeCheckpoint(run.resume);
  const startedAtMs = resumed?.startedAtMs ?? clock.nowMs();
  const before = resumed?.before ?? change.before;
  const driven = isNeeded || resumed?.driven === true;
  const beat = (phase: string): void => run.beat({ phase, before, startedAtMs, driven });
  if (isNeeded) {
    await change.prepare(beat);
    beat(change.phase);
    await driveWithin(change, before, beat);
  }
  await change.verify(startedAtMs, beat);
  const seconds = secondsBetween(startedAtMs, clock.nowMs());
  return { before, after: to, changed: driven, seconds };
}

/** A driver that needs too long is left to itself: what is seen is the failure then. */
async function driveWithin(
  { run, driverLimitMs, drive }: ChangeOfMember,
  from: KubeVersion,
  onPhase: Beat,
): Promise<void> {
  const late = AbortSignal.timeout(run.boundedMs(driverLimitMs));
  const signal = AbortSignal.any([run.signal, late]);
  try {
    await drive({ ...run.driving(), signal, from, onPhase });
  } catch (error) {
    if (!late.aborted || run.signal.aborted) throw error;
  }
}
