// What was changed counts as good when it was seen good three times in a row (R2), by this activity
// or by the next one.

import type { FailureCode } from '../domain/failures';
import type { ActivityRun } from './activity-run';
import { terminalFailure } from './failure-mapping';
import { type Mismatch, type MismatchDetails, mismatchesText } from './mismatches';
import { type PassesResult, watchUntilGood } from './passes';
import type { Clock } from './ports';

const usualPasses = 3;
const lookEveryMs = 500;
/** Good looks that are this far apart are no luck of one moment, and cost a way back no second. */
const confirmEveryMs = 200;

export interface MismatchWatch {
  readonly clock: Clock;
  readonly run: ActivityRun;
  /** How long something may differ without a break, and all of it may take. */
  readonly patienceMs: number;
  /** Good looks in a row that count; three unless said. */
  readonly passes?: number;
  /** One look: everything that differs now. */
  readonly look: () => Promise<readonly Mismatch[]>;
  readonly beat: (phase: string) => void;
}

/** Looks until nothing differs any more, or something does for too long. Heartbeats each look. */
export function watchUntilMatched(watch: MismatchWatch): Promise<PassesResult<Mismatch>> {
  const { clock, run, look, beat, passes = usualPasses } = watch;
  const patienceMs = run.boundedMs(watch.patienceMs);
  return watchUntilGood<Mismatch>({
    clock,
    signal: run.signal,
    passes,
    soakMs: 0,
    patienceMs,
    limitMs: patienceMs,
    everyMs: lookEveryMs,
    confirmEveryMs,
    look,
    onLook: ({ goodInARow, wrong }) => {
      const seen = wrong.length === 0 ? `good ${goodInARow} of ${passes}` : mismatchesText(wrong);
      beat(`verifying: ${seen}`);
    },
  });
}

/** The same, satisfied by one good look, and told to nobody: what is waited for is no result. */
export function watchUntilSeen({
  clock,
  run,
  look,
  ...watch
}: Omit<MismatchWatch, 'beat' | 'passes'>): Promise<PassesResult<Mismatch>> {
  const patienceMs = run.boundedMs(watch.patienceMs);
  return watchUntilGood<Mismatch>({
    clock,
    signal: run.signal,
    passes: 1,
    soakMs: 0,
    patienceMs,
    limitMs: patienceMs,
    everyMs: lookEveryMs,
    look,
  });
}

/** A failure with what differs as its data. */
export function mismatchFailure(
  code: FailureCode,
  message: string,
  mismatches: readonly Mismatch[],
): Error {
  const details: MismatchDetails = { mismatches };
  return terminalFailure({ code, message, details });
}
