// Which zones the volumes of pods can be reached from. A volume keeps its zones for life, so they
// are read once, and again only when a claim turns up that nobody knew.

import { claimKey, claimKeysOf } from '../claim-keys';
import type { Clock, KubeApi, PodView, VolumeView } from '../ports';
import { PortError } from '../ports';

/** Between two lists, whatever turns up: a claim may be unbound, and rights may be missing. */
const listEveryMs = 60_000;

export class VolumeZones {
  readonly #kube: Pick<KubeApi, 'listVolumes'>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  /** By claim (`shop/data-db-0`). */
  #volumes: ReadonlyMap<string, VolumeView> = new Map();
  #listedAtMs = -Infinity;

  constructor(kube: Pick<KubeApi, 'listVolumes'>, clock: Pick<Clock, 'nowMs'>) {
    this.#kube = kube;
    this.#clock = clock;
  }

  /** Reads them where one of the pods has a claim that is not known. */
  async learn(pods: Iterable<PodView>, signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#listedAtMs < listEveryMs) return;
    if (!this.#hasUnknown(pods)) return;
    this.#listedAtMs = nowMs;
    try {
      const volumes = await this.#kube.listVolumes(signal);
      this.#volumes = new Map(
        volumes.flatMap((volume) => {
          const { claim } = volume;
          return claim === undefined ? [] : [[claimKey(claim), volume]];
        }),
      );
    } catch (error) {
      // Without the right to list them nobody knows, and the scheduler decides all the same.
      if (!(error instanceof PortError) || signal.aborted) throw error;
    }
  }

  #hasUnknown(pods: Iterable<PodView>): boolean {
    for (const pod of pods) {
      if (claimKeysOf(pod).some((claim) => !this.#volumes.has(claim))) return true;
    }
    return false;
  }

  /** Zones that all of its volumes can be reached from; undefined: any, or not known. */
  of(pod: PodView): readonly string[] | undefined {
    const known = claimKeysOf(pod).flatMap((claim) => {
      const zones = this.#volumes.get(claim)?.zones;
      return zones === undefined ? [] : [zones];
    });
    const [first, ...rest] = known;
    return first?.filter((zone) => rest.every((zones) => zones.includes(zone)));
  }
}
