// How we recognise our own cordon (R7: a hint, an etcd restore takes it back in time). The adapter
// of KubeApi writes the annotation together with spec.unschedulable; nobody else may know the key.

import type { NodeObservation } from '../domain/observation';
import type { NodeView } from './ports';

/** Annotation on a node that we cordoned; its value is CordonInput.reason. */
export const cordonReasonAnnotation = 'ascent.dev/cordon-reason';
/** Annotation beside it: when the cordon was placed, RFC 3339. */
export const cordonedAtAnnotation = 'ascent.dev/cordoned-at';

/** Whether the node is cordoned, and by whom. An annotation alone is no cordon. */
export function cordonOf(
  node: Pick<NodeView, 'unschedulable' | 'annotations'>,
): NodeObservation['cordon'] {
  if (!node.unschedulable) return { kind: 'none' };
  const reason = node.annotations[cordonReasonAnnotation];
  return reason === undefined ? { kind: 'foreign' } : { kind: 'ours', reason };
}

/** When we cordoned the node, epoch milliseconds; undefined without a cordon of ours that says. */
export function cordonedAtMs(
  node: Pick<NodeView, 'unschedulable' | 'annotations'>,
): number | undefined {
  if (cordonOf(node).kind !== 'ours') return undefined;
  const atMs = Date.parse(node.annotations[cordonedAtAnnotation] ?? '');
  return Number.isNaN(atMs) ? undefined : atMs;
}
