// Watches who leads the controllers of a lab while something else happens, and how long nobody did.

import { openCluster } from '../../activities/adapters/open-cluster';
import type { ClusterAccess } from '../../activities/access';
import type { LeaseObservation } from '../../domain/observation';
import { sleep } from '../../lab/waiting';

export interface Handover {
  readonly component: LeaseObservation['component'];
  /** Members. */
  readonly from: string;
  readonly to: string;
  /** From the last renewal by the old leader until the new one was seen. */
  readonly seconds: number;
}

interface Held {
  readonly holder: string;
  readonly renewedAtMs: number;
}

const everyMs = 200;

function memberOf(holder: string): string {
  return holder.split('_', 1)[0] ?? '';
}

/** Looks until `stop`, which tells every change of a leader that was seen. */
export function watchLeaders(access: ClusterAccess): { stop(): Promise<readonly Handover[]> } {
  const ports = openCluster(access);
  const ending = new AbortController();
  const handovers: Handover[] = [];
  const held = new Map<string, Held>();
  const note = ({ component, holder, renewedSecondsAgo }: LeaseObservation): void => {
    if (holder === '') return;
    const nowMs = Date.now();
    const before = held.get(component);
    if (before !== undefined && before.holder !== holder) {
      const seconds = (nowMs - before.renewedAtMs) / 1_000;
      const [from, to] = [memberOf(before.holder), memberOf(holder)];
      handovers.push({ component, from, to, seconds });
    }
    held.set(component, { holder, renewedAtMs: nowMs - renewedSecondsAgo * 1_000 });
  };
  const looking = (async () => {
    while (!ending.signal.aborted) {
      // An API server that leaves may cut a look short; the next one is soon.
      const leases = await ports.kube.listLeaderLeases(ending.signal).catch(() => []);
      for (const lease of leases) note(lease);
      await sleep(everyMs, ending.signal).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      ending.abort();
      await looking;
      await ports.close();
      return handovers;
    },
  };
}
