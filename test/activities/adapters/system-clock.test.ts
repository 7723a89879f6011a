import { systemClock } from '../../../activities/adapters/system-clock';

describe('the system clock', () => {
  it('sleeps at least as long as asked', async () => {
    const startedAtMs = systemClock.nowMs();
    await systemClock.sleep(20, new AbortController().signal);
    // A timer may fire a fraction of a millisecond early.
    expect(systemClock.nowMs() - startedAtMs).toBeGreaterThanOrEqual(19);
  });

  it('wakes up with the reason of a cancellation', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    const sleeping = systemClock.sleep(60_000, controller.signal);
    controller.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
  });

  it('does not fall asleep after a cancellation', async () => {
    const reason = new Error('cancelled');
    await expect(systemClock.sleep(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
