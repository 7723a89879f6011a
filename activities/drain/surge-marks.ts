// Putting back what was raised, for the drain itself and for whoever comes after it.
// M1. What the mark says is compared with what is there: replicas that somebody changed meanwhile
//     stay as they are.
// M2. Replicas and mark change in one write; a change by others in between is looked at again.

import type { SurgedObject, SurgeEnd, SurgeMark } from '../../domain/drain/surge';
import { PortError } from '../ports';
import { type ScaleApi, surgeManager, type ScaleView } from './scale-api';

/** What was raised, and the mark that it got. */
export interface Raised {
  readonly raised: SurgedObject;
  readonly mark: SurgeMark;
}

const writesTried = 4;

/**
 * Looks at the object and puts it back; done when it is gone or has no trace of the surge. Bound:
 * four reads and writes. Throws PortError, the signal's reason.
 */
export async function putBack(
  kube: ScaleApi,
  surge: Raised,
  signal: AbortSignal,
): Promise<SurgeEnd> {
  for (let tried = 1; ; tried += 1) {
    const view = await kube.getScale(surge.raised, signal);
    try {
      return await putBackView(kube, surge, view, signal);
    } catch (error) {
      const isConflict = error instanceof PortError && error.code === 'conflict';
      if (!isConflict || tried === writesTried) throw error;
    }
  }
}

/** The same for one that was looked at just now. */
async function putBackView(
  kube: ScaleApi,
  { raised, mark }: Raised,
  view: ScaleView | undefined,
  signal: AbortSignal,
): Promise<SurgeEnd> {
  const { from, to } = mark;
  if (view === undefined) return { raised, to, end: 'gone' };
  const { replicas: found } = view;
  const isMarked = hasMark(view, mark);
  // Without a mark only who wrote the replicas tells whether they are still ours (M1).
  const isUnmarked = view.mark === undefined && view.replicasBy === surgeManager;
  if (found === to && (isMarked || isUnmarked)) {
    await kube.setScale(view, { replicas: from }, signal);
    return { raised, from, to, end: 'put-back' };
  }
  if (isMarked) await kube.setScale(view, {}, signal);
  return { raised, to, end: 'left', found, ...byOther(view) };
}

/** Whether it carries this very mark: another drain may have raised it meanwhile. */
export function hasMark({ mark }: ScaleView, { node, at }: SurgeMark): boolean {
  return mark?.node === node && mark.at === at;
}

/** Who wrote the replicas, unless it was Ascent. */
export function byOther({ replicasBy }: ScaleView): { readonly by?: string } {
  const isOther = replicasBy !== undefined && replicasBy !== surgeManager;
  return isOther ? { by: replicasBy } : {};
}
