// Lets the pods of a node that have attached volumes leave one after the other: the next one when
// the volumes of the one before are detached, so that they can be attached where its successor is.
// X1. Detached is what no VolumeAttachment says of this node, and what its kubelet does not report
//     as in use. Volumes that nobody attaches (local, hostPath, NFS) have no VolumeAttachment; pods
//     that have no others are like those without volumes.
// X2. A pod runs when its volumes are attached: the attachments are listed once for the pods that
//     run, and again for one that did not yet. Nothing is asked for pods without claims.
// X3. A volume that another pod of the node uses stays attached: it is waited for when that one is
//     gone, too.
// X4. Heartbeats name the pods with attached volumes before they are evicted: whatever a dead
//     worker did not tell any more, the next attempt waits for their volumes.
// X5. Without the rights for that it is told, and pods leave as if they had no volumes.

import type { DrainBlocker } from '../../domain/blockers';
import type { NodeName, PodRef } from '../../domain/names';
import { forEachAtOnce } from '../at-once';
import { claimKey, claimKeysOf } from '../claim-keys';
import type { NodePods } from './drain-looks';
import {
  type Clock,
  type KubeApi,
  type NodeFollower,
  type PodView,
  PortError,
  type VolumeView,
} from '../ports';

/** A volume of a pod, attached to the node of the drain. */
interface AttachedVolume {
  readonly attachment: string;
  readonly volume: string;
  readonly claim: string;
  /** As kubelets report it in use; absent when that is not known. */
  readonly inUseAs?: string;
}

interface VolumePod {
  readonly uid: string;
  readonly pod: PodRef;
  /** Those that were not seen detached since the pod has left. */
  readonly volumes: readonly AttachedVolume[];
  /** Since when it is to leave and another one is in the way; epoch milliseconds. */
  readonly heldSinceMs?: number;
  /** Epoch milliseconds; absent while it is on the node. */
  readonly goneSinceMs?: number;
}

/** Part of the heartbeat of drainNode; absent when there is nothing to tell (X4). */
export interface VolumesCheckpoint {
  readonly volumePods?: readonly VolumePod[];
}

export interface DrainVolumesOptions {
  readonly kube: Pick<KubeApi, 'listAttachments' | 'isAttached' | 'findVolume'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly follower: Pick<NodeFollower, 'node'>;
  readonly node: NodeName;
  readonly signal: AbortSignal;
  /** Heartbeat details of the attempt before, as they came. */
  readonly resume: unknown;
}

/** What of the pods that are due is asked for. */
export interface DepartureOrder {
  readonly free: readonly PodView[];
  /** One after the other, until one of them is evicted. */
  readonly inTurn: readonly PodView[];
}

/** PersistentVolumes asked for at the same time. */
const volumesAtOnce = 10;
const firstCheckMs = 200;
/** Longest time between two looks whether a volume is detached. */
const slowestCheckMs = 2_000;

export class DrainVolumes {
  readonly #options: DrainVolumesOptions;
  readonly #pods = new Map<string, VolumePod>();
  /** What is known of volumes, by name; undefined: it does not exist. */
  readonly #volumes = new Map<string, VolumeView | undefined>();
  /** Pods that ran when attachments were listed (X2). */
  readonly #known = new Set<string>();
  /** Pods whose eviction was asked for with success. */
  readonly #evicted = new Set<string>();
  #present: ReadonlyMap<string, PodView> = new Map();
  #toEvict: ReadonlySet<string> = new Set();
  #usedClaims: ReadonlySet<string> = new Set();
  #checks = 0;
  #nextCheckMs = -Infinity;
  #unobserved: DrainBlocker | undefined;
  #toldAs = '[]';

  constructor(options: DrainVolumesOptions) {
    this.#options = options;
    for (const pod of volumePodsIn(options.resume)) this.#pods.set(pod.uid, pod);
  }

  /** Takes over what is on the node, and looks whether volumes of pods that left are detached. */
  async look({ evict, later, wait, skip }: NodePods, isLast: boolean): Promise<void> {
    const pods = [...evict, ...later, ...wait.map(({ pod }) => pod), ...skip];
    this.#present = new Map(pods.map((pod) => [pod.uid, pod]));
    this.#toEvict = new Set(evict.map(({ uid }) => uid));
    this.#usedClaims = new Set(pods.flatMap(claimKeysOf));
    const nowMs = this.#options.clock.nowMs();
    for (const pod of this.#pods.values()) {
      if (this.#present.has(pod.uid) || pod.goneSinceMs !== undefined) continue;
      this.#pods.set(pod.uid, { ...pod, goneSinceMs: nowMs });
      this.#checks = 0;
      this.#nextCheckMs = nowMs;
    }
    if (isLast || nowMs >= this.#nextCheckMs) await this.#orUnobserved(() => this.#check(nowMs));
    this.#noteHeld();
  }

  /** Asks the API only when a pod is due whose claims have not been looked at (X2). */
  async order(due: readonly PodView[]): Promise<DepartureOrder> {
    const asking = due.filter(({ claims }) => claims !== undefined);
    if (asking.some(({ uid }) => !this.#known.has(uid))) {
      await this.#orUnobserved(() => this.#learn(asking), asking[0]);
      this.#noteHeld();
    }
    return {
      free: due.filter(({ uid }) => !this.#pods.has(uid)),
      inTurn: due.filter((pod) => this.#pods.has(pod.uid) && !this.isHeldBack(pod)),
    };
  }

  noteEvicted({ uid }: PodView): void {
    this.#evicted.add(uid);
    this.#noteHeld();
  }

  /** Whether the pod is to stay until another one, or its volumes, have left. */
  isHeldBack({ uid }: PodView): boolean {
    return this.#pods.has(uid) && this.#before(uid) !== undefined;
  }

  /** Whether no volume is waited for. */
  get areDetached(): boolean {
    return ![...this.#pods.values()].some((pod) => this.#isLeaving(pod));
  }

  /** Milliseconds until it is to be looked again; undefined when nothing is waited for. */
  msUntilCheck(nowMs: number): number | undefined {
    const isAwaited = this.#awaited().length > 0;
    return isAwaited ? Math.max(0, this.#nextCheckMs - nowMs) : undefined;
  }

  blockers(): readonly DrainBlocker[] {
    const attached = this.#awaited().flatMap(({ pod, volumes, goneSinceMs: sinceMs = 0 }) =>
      volumes
        .filter(({ claim }) => !this.#isUsed(pod, claim))
        .map(({ volume, claim, attachment }): DrainBlocker => {
          return { code: 'volume-attached', pod, volume, claim, attachment, sinceMs };
        }),
    );
    const held = [...this.#pods.values()].flatMap((one): readonly DrainBlocker[] => {
      const { uid, pod, heldSinceMs: sinceMs } = one;
      const before = sinceMs === undefined ? undefined : this.#before(uid)?.pod;
      if (sinceMs === undefined || before === undefined) return [];
      return [{ code: 'volume-awaited', pod, before, sinceMs }];
    });
    const others = this.#unobserved === undefined ? [] : [this.#unobserved];
    return [...attached, ...held, ...others];
  }

  /** Whether there is more to tell than at the last call of this method. */
  hasChanged(): boolean {
    const tellsAs = JSON.stringify([...this.#pods.values(), ...this.blockers()]);
    const isNews = tellsAs !== this.#toldAs;
    this.#toldAs = tellsAs;
    return isNews;
  }

  checkpoint(): VolumesCheckpoint {
    return this.#pods.size === 0 ? {} : { volumePods: [...this.#pods.values()] };
  }

  /** The first one that leaves, or has volumes that are waited for, but for this one. */
  #before(uid: string): VolumePod | undefined {
    return [...this.#pods.values()].find((pod) => pod.uid !== uid && this.#isLeaving(pod));
  }

  #noteHeld(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const pod of this.#pods.values()) {
      const { uid, heldSinceMs = nowMs, ...rest } = pod;
      const isStaying = this.#toEvict.has(uid) && !this.#isLeaving(pod);
      const isHeld = isStaying && this.#before(uid) !== undefined;
      this.#pods.set(uid, isHeld ? { ...rest, uid, heldSinceMs } : { ...rest, uid });
    }
  }

  /** It was evicted and is there, or is gone and has a volume that is waited for (X3). */
  #isLeaving({ uid, pod, volumes }: VolumePod): boolean {
    const present = this.#present.get(uid);
    if (present === undefined) return volumes.some(({ claim }) => !this.#isUsed(pod, claim));
    return this.#evicted.has(uid) || present.deletionTimestampMs !== undefined;
  }

  #awaited(): readonly VolumePod[] {
    return [...this.#pods.values()].filter(
      (pod) => !this.#present.has(pod.uid) && this.#isLeaving(pod),
    );
  }

  #isUsed({ namespace }: PodRef, claim: string): boolean {
    return this.#usedClaims.has(claimKey({ namespace, name: claim }));
  }

  async #check(nowMs: number): Promise<void> {
    for (const pod of this.#awaited()) {
      const { uid, volumes } = pod;
      const checked = await Promise.all(
        volumes.map(async (one) => {
          const stays = this.#isUsed(pod.pod, one.claim) || (await this.#isAttached(one));
          return stays ? [one] : [];
        }),
      );
      const left = checked.flat();
      if (left.length === 0) this.#pods.delete(uid);
      else this.#pods.set(uid, { ...pod, volumes: left });
    }
    this.#nextCheckMs = nowMs + Math.min(slowestCheckMs, firstCheckMs * 2 ** this.#checks);
    this.#checks += 1;
  }

  /** X1. What the kubelet says costs no request, and changes first. */
  async #isAttached({ attachment, inUseAs }: AttachedVolume): Promise<boolean> {
    const { kube, follower, signal } = this.#options;
    const node = follower.node();
    const inUse = node === undefined || node === 'missing' ? [] : (node.volumesInUse ?? []);
    if (inUseAs !== undefined && inUse.includes(inUseAs)) return true;
    return kube.isAttached(attachment, signal);
  }

  async #learn(asking: readonly PodView[]): Promise<void> {
    const { kube, node, signal } = this.#options;
    const attachments = await kube.listAttachments(node, signal);
    const unknown = attachments.filter(({ volume }) => !this.#volumes.has(volume));
    await forEachAtOnce(unknown, volumesAtOnce, async ({ volume }) => {
      this.#volumes.set(volume, await kube.findVolume(volume, signal));
    });
    for (const pod of asking) {
      if (pod.phase === 'Running') this.#known.add(pod.uid);
      const claims = new Set(claimKeysOf(pod));
      const volumes = attachments.flatMap(({ name, volume }): readonly AttachedVolume[] => {
        const { claim, inUseAs } = this.#volumes.get(volume) ?? {};
        if (claim === undefined || !claims.has(claimKey(claim))) return [];
        const known = { attachment: name, volume, claim: claim.name };
        return [inUseAs === undefined ? known : { ...known, inUseAs }];
      });
      const known = { ...this.#pods.get(pod.uid), uid: pod.uid, pod: pod.ref };
      if (volumes.length > 0) this.#pods.set(pod.uid, { ...known, volumes });
    }
  }

  /** X5. */
  async #orUnobserved(ask: () => Promise<void>, asking?: PodView): Promise<void> {
    if (this.#unobserved !== undefined) return;
    try {
      await ask();
    } catch (error) {
      if (!(error instanceof PortError) || error.code !== 'forbidden') throw error;
      const pod = asking?.ref ?? this.#awaited()[0]?.pod;
      if (pod === undefined) throw error;
      const sinceMs = this.#options.clock.nowMs();
      this.#unobserved = { code: 'volumes-unobserved', pod, message: error.message, sinceMs };
      this.#pods.clear();
    }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Of an attempt before, as far as it can be trusted: another release may have sent it. */
function volumePodsIn(details: unknown): readonly VolumePod[] {
  const pods = isRecord(details) ? details['volumePods'] : undefined;
  return Array.isArray(pods) ? pods.filter(isVolumePod) : [];
}

function isVolumePod(value: unknown): value is VolumePod {
  if (!isRecord(value)) return false;
  const { uid, pod, volumes } = value;
  return typeof uid === 'string' && isRecord(pod) && Array.isArray(volumes);
}
