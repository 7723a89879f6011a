// Faults that strike in the middle of a restore, and disks that are gone: what tests and rehearsals
// plan beforehand, because no hand is quick enough for a phase of milliseconds.

import { sleep } from '../waiting';
import type { RestorePhase } from './restore-journal';

const holdPollMs = 20;

export class PlannedFaults {
  private readonly strikes: { readonly phase: RestorePhase; readonly strike: () => void }[] = [];
  private readonly gone = new Map<string, number>();
  private heldUntilMs = 0;

  /** `strike` runs once, when a restore has written down that it begins the phase. */
  plan(phase: RestorePhase, strike: () => void): void {
    this.strikes.push({ phase, strike });
  }

  /** Resolves when the restore may go on with the phase. */
  async reached(phase: RestorePhase): Promise<void> {
    const due = this.strikes.filter((one) => one.phase === phase);
    for (const one of due) this.strikes.splice(this.strikes.indexOf(one), 1);
    for (const { strike } of due) strike();
    while (this.heldUntilMs > performance.now()) await sleep(holdPollMs);
  }

  /** Restores stand still before their next phase for so many seconds, counted from now. */
  holdRestores(seconds: number): void {
    this.heldUntilMs = performance.now() + seconds * 1_000;
  }

  /** The member's disk for etcd does not answer for so many seconds. */
  loseDisk(member: string, seconds: number): void {
    this.gone.set(member, performance.now() + seconds * 1_000);
  }

  /** Throws while the disk is gone. */
  requireDisk(member: string): void {
    if ((this.gone.get(member) ?? 0) <= performance.now()) return;
    throw new Error(`the disk of ${member} does not answer (fault on purpose)`);
  }
}
