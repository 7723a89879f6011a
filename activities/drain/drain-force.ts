// What a named person has a drain force, pod by pod (domain/drain/force.ts): those pods leave by a
// deletion of their own, and the drain waits for them like for others that are leaving.
// G1. Nothing but these very pods is deleted; the uid is a precondition of each deletion.
// G2. A pod that cannot be deleted is told and tried again, also where the worker has no right to:
//     the others go on meanwhile, and a right may be granted.
// G3. What was forced is kept in the heartbeat: the next attempt does not tell it as evicted.

import type { DrainBlocker } from '../../domain/blockers';
import type { ForcedPod } from '../../domain/drain/force';
import { isOverdue } from '../../domain/drain/stuck-terminating';
import type { NodePods } from './drain-looks';
import { type Clock, type KubeApi, type PodView, PortError } from '../ports';

/** Between two deletions of one pod: watches tell later than the API server knows. */
const againMs = 10_000;

export class DrainForce {
  readonly #asked: ReadonlyMap<string, ForcedPod>;
  readonly #forced: Map<string, ForcedPod>;
  readonly #askedAtMs = new Map<string, number>();
  readonly #failing = new Map<string, DrainBlocker>();
  #due: readonly PodView[] = [];

  /** `before`: what the attempt before has forced. */
  constructor(asked: readonly ForcedPod[], before: readonly ForcedPod[]) {
    this.#asked = byUid(asked);
    this.#forced = byUid(before);
  }

  /** The pods of the node with those that are deleted as leaving already: nothing refuses them. */
  take(seen: NodePods, nowMs: number): NodePods {
    const { evict, later, wait, skip, refuse } = seen;
    const all = [
      ...evict,
      ...later,
      ...wait.map(({ pod }) => pod),
      ...refuse.map(({ pod }) => pod),
    ];
    const mine = all.filter((pod) => this.#isDeleted(pod));
    const over = all.filter((pod) => this.#isRemoved(pod, nowMs));
    this.#due = [...mine, ...over].filter(
      ({ uid }) => (this.#askedAtMs.get(uid) ?? -Infinity) + againMs <= nowMs,
    );
    const there = new Set(all.map(({ uid }) => uid));
    for (const uid of this.#failing.keys()) if (!there.has(uid)) this.#failing.delete(uid);
    if (mine.length === 0) return seen;
    const isOther = (pod: PodView): boolean => !mine.includes(pod);
    const leaving = mine.map((pod) => ({ pod, waiting: { code: 'terminating' } as const }));
    return {
      evict: evict.filter(isOther),
      later: later.filter(isOther),
      wait: [...wait.filter(({ pod }) => isOther(pod)), ...leaving],
      skip,
      refuse: refuse.filter(({ pod }) => isOther(pod)),
    };
  }

  /** Deletes what `take` has found due. Throws PortErrors that concern every pod. */
  async deleteDue(
    { kube, clock }: { readonly kube: Pick<KubeApi, 'deletePod'>; readonly clock: Clock },
    signal: AbortSignal,
  ): Promise<void> {
    for (const pod of this.#due) {
      const asked = this.#asked.get(pod.uid);
      if (asked === undefined) continue;
      this.#askedAtMs.set(pod.uid, clock.nowMs());
      const grace = asked.by === 'remove' ? 0 : undefined;
      try {
        const answer = await kube.deletePod(pod, grace, signal);
        if (answer === 'deleted') this.#forced.set(pod.uid, asked);
        this.#failing.delete(pod.uid);
      } catch (error) {
        if (!isOfThisPod(error) || signal.aborted) throw error;
        const sinceMs = this.#failing.get(pod.uid)?.sinceMs ?? clock.nowMs();
        const code = error.code === 'forbidden' ? 'eviction-forbidden' : 'eviction-failing';
        this.#failing.set(pod.uid, { code, pod: pod.ref, message: error.message, sinceMs });
      }
    }
  }

  /** What was deleted, over all attempts. */
  forced(): readonly ForcedPod[] {
    return [...this.#forced.values()];
  }

  /** What could not be deleted so far (G2). */
  failing(): readonly DrainBlocker[] {
    return [...this.#failing.values()];
  }

  #isDeleted({ uid, deletionTimestampMs }: PodView): boolean {
    return this.#asked.get(uid)?.by === 'delete' && deletionTimestampMs === undefined;
  }

  #isRemoved(pod: PodView, nowMs: number): boolean {
    return this.#asked.get(pod.uid)?.by === 'remove' && isOverdue(pod, nowMs);
  }
}

function byUid(pods: readonly ForcedPod[]): Map<string, ForcedPod> {
  return new Map(pods.map((pod) => [pod.uid, pod]));
}

/** A webhook, a right, or a connection that broke; credentials concern every pod. */
function isOfThisPod(error: unknown): error is PortError {
  if (!(error instanceof PortError)) return false;
  return error.code !== 'unauthorized';
}
