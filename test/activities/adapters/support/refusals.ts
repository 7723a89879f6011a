// What adapters are called with and throw.

import { PortError } from '../../../../activities/ports';

/** A signal that is never aborted. */
export const never = new AbortController().signal;

export interface Refusal {
  readonly code: PortError['code'];
  readonly message: string;
  readonly retryAfterSeconds?: number;
}

/** What was thrown. Work that succeeds, and whatever is no PortError, fails the test. */
export async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    const { code, message, retryAfterSeconds } = error;
    return retryAfterSeconds === undefined
      ? { code, message }
      : { code, message, retryAfterSeconds };
  }
  throw new Error('nothing was refused');
}
