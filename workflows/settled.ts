// A promise that can be looked at: workflows wait for its end together with other conditions, and
// never leave it behind unobserved.

import { CancellationScope, condition } from '@temporalio/workflow';

export type Settled<Value> =
  | { readonly kind: 'resolved'; readonly value: Value }
  | { readonly kind: 'rejected'; readonly error: unknown };

export interface Watched<Value> {
  /** Undefined while it is under way. */
  end: Settled<Value> | undefined;
}

/** Watches a promise; it can no longer cause an unhandled rejection. */
export function watch<Value>(promise: Promise<Value>): Watched<Value> {
  const watched: Watched<Value> = { end: undefined };
  promise.then(
    (value) => {
      watched.end = { kind: 'resolved', value };
    },
    (error: unknown) => {
      watched.end = { kind: 'rejected', error };
    },
  );
  return watched;
}

/** Waits for its end, whatever is cancelled meanwhile. */
export async function endOf<Value>(watched: Watched<Value>): Promise<Settled<Value>> {
  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      await condition(() => watched.end !== undefined);
      if (watched.end !== undefined) return watched.end;
    }
  });
}

/** Its value, or its error thrown. */
export function valueOf<Value>(settled: Settled<Value>): Value {
  if (settled.kind === 'resolved') return settled.value;
  throw settled.error;
}
