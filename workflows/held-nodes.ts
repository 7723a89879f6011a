// Nodes that wait at a gate, as commands about them see them. Pure.

import type { NodeName } from '../domain/names';
import type { CommandRefusal, Gate } from '../domain/status/control';
import type { NodeDecision } from './family-messages';
import { type OpenGate, type UpgradeState, withoutGate } from './upgrade-state';

export type NodeGate = Extract<Gate, { readonly kind: 'node' }>;

type HeldNode = OpenGate & { readonly gate: NodeGate };

function heldNodes({ gates }: UpgradeState): readonly HeldNode[] {
  return gates.filter((open): open is HeldNode => open.gate.kind === 'node');
}

export function heldNode(state: UpgradeState, node: NodeName): HeldNode | undefined {
  return heldNodes(state).find(({ gate }) => gate.node === node);
}

/** For a command about a node that waits for none. */
export function notWaiting(state: UpgradeState, node: NodeName): CommandRefusal {
  return { code: 'node-not-waiting', node, waiting: heldNodes(state).map(({ gate }) => gate.node) };
}

/** Its gate is answered, and the node is told; one that cannot be told keeps its gate. */
export function decided(
  state: UpgradeState,
  { gate, workflowId }: HeldNode,
  decision: NodeDecision,
): UpgradeState {
  if (workflowId === undefined) return state;
  const next = withoutGate(state, gate.id);
  const delivery = { kind: 'node', workflowId, node: gate.node, decision } as const;
  return { ...next, outbox: [...next.outbox, delivery] };
}
