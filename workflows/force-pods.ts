// The command that has pods of a held node forced: what speaks against it, and what becomes of the
// state. Pure, like the rest of the desk. The rule itself is in domain/drain/force.ts.
// P1. Only at the gate of a node that a drain has left pods on, and with a reason: somebody will
//     want to know why.

import type { CommandRefusal, ForcePodsRequest } from '../domain/status/control';
import { type DrainLeftovers, forcedText, judgeForce, type PodAsked } from '../domain/drain/force';
import { decided, heldNode, type NodeGate, notWaiting } from './held-nodes';
import type { UpgradeState } from './upgrade-state';

/** The text of a command is kept in the audit trail. */
const mostPods = 20;
/** Longest name of a Kubernetes object, and longer than a uid. */
const longestName = 253;

/** What is wrong with the request besides the texts that it has in common with others. */
export function forcePodsProblems(
  { pods, reason }: Partial<ForcePodsRequest>,
  problems: readonly string[],
): readonly string[] {
  const isUnexplained = typeof reason === 'string' && reason.trim() === '';
  return [
    ...problems,
    ...(isUnexplained ? ['reason must not be empty: it stands in the audit trail'] : []),
    ...podsProblems(pods),
  ];
}

function podsProblems(pods: unknown): readonly string[] {
  if (!Array.isArray(pods)) return ['pods must be a list'];
  if (pods.length === 0) return ['pods must not be empty'];
  if (pods.length > mostPods) return [`pods are ${pods.length}, at most ${mostPods} at once`];
  const isSound = (pods as readonly unknown[]).every(isPodAsked);
  return isSound ? [] : ['pods must each have a namespace and a name'];
}

function isPodAsked(pod: unknown): boolean {
  if (typeof pod !== 'object' || pod === null) return false;
  const { namespace, name, uid } = pod as Partial<Record<keyof PodAsked, unknown>>;
  return isName(namespace) && isName(name) && (uid === undefined || isName(uid));
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= longestName;
}

/** Why nothing is forced; undefined when it can be. */
export function forceRefusal(
  state: UpgradeState,
  { node, pods }: ForcePodsRequest,
): CommandRefusal | undefined {
  const held = heldNode(state, node);
  if (held === undefined) return notWaiting(state, node);
  const left = leftoversOf(held.gate);
  if (left === undefined) {
    return { code: 'no-pods-to-force', node, failure: held.gate.failure.code };
  }
  const judged = judgeForce(left, pods);
  if (judged.kind === 'forced') return undefined;
  const { problems, forceable } = judged;
  return { code: 'pods-not-forceable', node, problems, forceable };
}

/** The node is drained again with these pods forced; forceRefusal has looked. */
export function forcePods(
  state: UpgradeState,
  { node, actor, reason, pods: asked }: ForcePodsRequest,
): { readonly state: UpgradeState; readonly effect: string } {
  const held = heldNode(state, node);
  const left = held === undefined ? undefined : leftoversOf(held.gate);
  const judged = left === undefined ? undefined : judgeForce(left, asked);
  const pods = judged?.kind === 'forced' ? judged.pods : [];
  const effect = `node ${node} is drained again, with ${forcedText(pods)}`;
  if (held === undefined || pods.length === 0) return { state, effect };
  return { state: decided(state, held, { kind: 'force', actor, reason, pods }), effect };
}

/** P1. */
function leftoversOf({ blockers, pods = [] }: NodeGate): DrainLeftovers | undefined {
  return pods.length === 0 ? undefined : { blockers, pods };
}
