// What a drain would do to the pods of a node now. Reads only: no worker and no Temporal take part.

import type { NodeName } from '../../domain/names';
import { type PodVerdict, podVerdicts } from '../../domain/drain/drain-verdicts';
import type { NodeObservation } from '../../domain/observation';
import type { DrainPolicy } from '../../domain/spec';
import { cordonOf } from '../cordon-mark';
import { findMissingDaemonSets } from './drain-looks';
import type { LookingPorts } from '../ports';

/** One node as a drain would find it; pods by namespace and name. */
export interface NodePreview {
  readonly node: NodeName;
  readonly cordon: NodeObservation['cordon'];
  readonly pods: readonly PodVerdict[];
}

/**
 * Undefined when the node does not exist. Bound: one request for the node, the list of its pods,
 * one request for each DaemonSet that owns one of them. Throws PortError.
 */
export async function previewDrain(options: {
  readonly ports: Pick<LookingPorts, 'kube' | 'clock'>;
  readonly node: NodeName;
  readonly policy: DrainPolicy;
  readonly signal: AbortSignal;
}): Promise<NodePreview | undefined> {
  const { ports, node, policy, signal } = options;
  const { kube, clock } = ports;
  const found = await kube.getNode(node, signal);
  if (found === undefined) return undefined;
  const pods = await kube.listPodsOnNode(node, 'now', signal);
  const missingDaemonSets = await findMissingDaemonSets({ kube, signal, seen: new Set() }, pods);
  const nowMs = clock.nowMs();
  const question = { pods, policy, missingDaemonSets, startedAtMs: nowMs, nowMs };
  return { node, cordon: cordonOf(found), pods: podVerdicts(question) };
}
