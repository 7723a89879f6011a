// Which members may get new connections, and in which order they are tried.
// L1. Check timeouts alone never empty the pool: a slow member is better than none, and on a busy
//     machine all of them are slow at once (Envoy's panic threshold is this rule, too).
// L2. A drained member gets no new connection, even when it is the only one.
// L3. A member that was ready and says that it is not any more is the very last resort: all of
//     them say so while etcd elects a leader. One that has not been ready yet gets nothing.

export interface Backend {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** Outcome of one health check. */
export type CheckResult = 'ready' | 'unready' | 'refused' | 'timeout';

/** `slow`: it has not answered in time, nothing else is known. `unready`: see L3. */
type Health = 'up' | 'slow' | 'unready' | 'down';

interface Entry {
  readonly backend: Backend;
  health: Health;
  isDrained: boolean;
  timeouts: number;
}

/** Timeouts in a row before a member counts as slow. */
const timeoutsToSlow = 2;

export class BalancerPool {
  private readonly entries: readonly Entry[];
  private readonly initialHealth: Health;
  private turn = 0;

  constructor(backends: readonly Backend[], initiallyUp: boolean) {
    this.initialHealth = initiallyUp ? 'up' : 'down';
    this.entries = backends.map((backend) => ({
      backend,
      health: this.initialHealth,
      isDrained: false,
      timeouts: 0,
    }));
  }

  backends(): readonly Backend[] {
    return this.entries.map((entry) => entry.backend);
  }

  drain(name: string): void {
    this.entry(name).isDrained = true;
  }

  admit(name: string): void {
    const entry = this.entry(name);
    entry.isDrained = false;
    entry.health = this.initialHealth;
  }

  isServing(name: string): boolean {
    const entry = this.entry(name);
    return !entry.isDrained && (entry.health === 'up' || entry.health === 'slow');
  }

  report(name: string, result: CheckResult): void {
    const entry = this.entry(name);
    if (result === 'timeout') {
      entry.timeouts += 1;
      if (entry.health === 'up' && entry.timeouts >= timeoutsToSlow) entry.health = 'slow';
      return;
    }
    entry.timeouts = 0;
    if (result === 'ready') entry.health = 'up';
    else if (result === 'refused') entry.health = 'down';
    else if (entry.health !== 'down') entry.health = 'unready';
  }

  /** A connection was refused, reset or ended before an answer: known before the next check. */
  reportRefused(name: string): void {
    const entry = this.entry(name);
    if (entry.health === 'up') entry.health = 'slow';
  }

  /** Round robin over healthy members, then the slow, then the unready ones (L1, L2, L3). */
  candidates(): readonly Backend[] {
    this.turn = (this.turn + 1) % this.entries.length;
    const turned = [...this.entries.slice(this.turn), ...this.entries.slice(0, this.turn)];
    const usable = turned.filter((entry) => !entry.isDrained);
    return (['up', 'slow', 'unready'] as const).flatMap((health) =>
      usable.filter((entry) => entry.health === health).map((entry) => entry.backend),
    );
  }

  private entry(name: string): Entry {
    const entry = this.entries.find((candidate) => candidate.backend.name === name);
    if (entry === undefined) throw new Error(`the load balancer knows no member ${name}`);
    return entry;
  }
}
