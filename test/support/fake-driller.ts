// A restore that is tried beside the cluster, in memory: each phase takes two seconds.

import type { PortError } from '../../activities/ports';
import type { Drilled, ServeOrder, SnapshotDriller } from '../../activities/snapshot-ports';
import type { DrillPhase } from '../../domain/rollback/drill';
import type { UnservedReason } from '../../domain/snapshots/served';
import { version } from './builders';
import type { FakeClock } from './fake-clock';

export class FakeDriller implements SnapshotDriller {
  readonly location = '/scratch';
  readonly members = (): Promise<number> => Promise.resolve(3);
  free = 1_000_000;
  /** Why no API server reads it. */
  reason: UnservedReason | undefined;
  /** Thrown in the phase. */
  failure: { readonly phase: DrillPhase; readonly error: PortError } | undefined;
  drilled: Drilled = {
    keys: 321,
    hashKv: '77',
    apiServer: {
      version: version('1.28.15'),
      objects: { namespaces: 4, nodes: 3, secrets: 2 },
    },
  };
  readonly orders: ServeOrder[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async freeBytes(): Promise<number> {
    return this.free;
  }

  unserved(): UnservedReason | undefined {
    return this.reason;
  }

  async drill(
    _file: string,
    order: ServeOrder,
    onPhase: (phase: DrillPhase) => void,
    signal: AbortSignal,
  ): Promise<Drilled> {
    this.orders.push(order);
    for (const phase of ['restore', 'start-etcd', 'compare', 'start-api-server'] as const) {
      signal.throwIfAborted();
      onPhase(phase);
      if (this.failure?.phase === phase) throw this.failure.error;
      this.#clock.advance(2_000);
    }
    return this.drilled;
  }
}
