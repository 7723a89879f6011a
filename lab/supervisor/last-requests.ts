// The last requests over connections that an API server has when it stops. It answers them until
// its shutdown delay is over, then says GOAWAY over each connection; what reaches it in between it
// refuses with 503. So connections are held for that moment (load-balancer.ts, B3): what is held
// comes after the GOAWAY, was read by nobody, and every transport of HTTP/2 sends it again.

import { shutdownDelaySeconds } from '../flags';
import { isListening } from '../free-ports';
import type { LabMember } from '../lab-file';
import type { LoadBalancer } from '../load-balancer';
import { eventually, sleep } from '../waiting';

/** So long before the delay is over: what was passed on has to be on its way through by then. */
const earlyMs = 100;
/** On a busy machine it hears the order to stop later than it was given. */
const holdMsMax = 3_000;
/** It listens no more right before it says GOAWAY. */
const goAwayMs = 200;

interface Ending {
  readonly member: LabMember;
  readonly balancer: Pick<LoadBalancer, 'hold' | 'release'>;
  /** Its shutdown delay, where that is another one than of flags.ts. */
  readonly delayMs?: number;
}

/** `stop` tells the API server to end, and resolves when it has. */
export async function whileLastAreHeld(ending: Ending, stop: () => Promise<void>): Promise<void> {
  const stopped = new AbortController();
  const holding = holdLast(ending, stopped.signal);
  try {
    await stop();
  } finally {
    stopped.abort();
    await holding;
  }
}

async function holdLast(
  { member: { name, ports }, balancer, delayMs = shutdownDelaySeconds * 1_000 }: Ending,
  stopped: AbortSignal,
): Promise<void> {
  try {
    await sleep(delayMs - earlyMs, stopped);
    balancer.hold(name);
    const isDeaf = async (): Promise<boolean> => !(await isListening(ports.apiServer));
    await eventually(isDeaf, { timeoutMs: holdMsMax, everyMs: 25, signal: stopped });
    await sleep(goAwayMs, stopped);
  } catch (error) {
    if (!stopped.aborted) throw error;
  } finally {
    balancer.release(name);
  }
}
