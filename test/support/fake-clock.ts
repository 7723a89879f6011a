// A clock that stands still until somebody sleeps: hours pass in microseconds, in order.

import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

import type { Clock } from '../../activities/ports';

export class FakeClock implements Clock {
  private now: number;
  private readonly alarms: { readonly atMs: number; readonly ring: () => void }[] = [];

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.now = startMs;
  }

  nowMs(): number {
    return this.now;
  }

  /** Runs `ring` when the time comes; alarms of the same time ring in the order they were set. */
  after(ms: number, ring: () => void): void {
    this.alarms.push({ atMs: this.now + ms, ring });
    this.alarms.sort((a, b) => a.atMs - b.atMs);
  }

  advance(ms: number): void {
    const untilMs = this.now + ms;
    for (let next = this.alarms[0]; next !== undefined && next.atMs <= untilMs;) {
      this.alarms.shift();
      this.now = Math.max(this.now, next.atMs);
      next.ring();
      next = this.alarms[0];
    }
    this.now = untilMs;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.advance(ms);
    await yieldToEventLoop();
    signal.throwIfAborted();
  }
}
