// The Clock port on the machine's own time.

import { setTimeout as delay } from 'node:timers/promises';

import type { Clock } from '../ports';

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  async sleep(ms, signal) {
    signal.throwIfAborted();
    try {
      await delay(ms, undefined, { signal });
    } catch (error) {
      // delay rejects with an AbortError of its own; the port promises the signal's reason.
      signal.throwIfAborted();
      throw error;
    }
  },
};
