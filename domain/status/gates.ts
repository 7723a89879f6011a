// Names of gates, and what each kind can be answered with. The ids are typed by people and kept in
// audit trails, so they are a contract like the workflow ids.

import type { CommandName, Gate } from './control';
import type { GateId, HopId, NodeName } from '../names';
import type { Finding } from '../preflight/findings';
import { findingKey } from '../preflight/identity';

/** `approve/hop-1.30`: a person must agree before the hop begins. */
export function approvalGateId(hop: HopId): GateId {
  return `approve/${hop}` as GateId;
}

/** `hop-1.29/preflight`, `hop-1.29/api-server cp-1`: a step failed and waits for a decision. */
export function stepGateId(hop: HopId, label: string): GateId {
  return `${hop}/${label}` as GateId;
}

/** `node/worker-3`: a node is held and waits for a decision. */
export function nodeGateId(node: NodeName): GateId {
  return `node/${node}` as GateId;
}

/**
 * The commands that settle a gate. Rolling back also settles an approval gate while the hop before
 * it can still be undone; that depends on the upgrade, not on the gate: see `rollBackTo` of
 * UpgradeStatus.
 */
export function answersOf(
  gate: Pick<Gate, 'kind'> & { readonly noWayBack?: true },
): readonly CommandName[] {
  switch (gate.kind) {
    case 'approval':
      return ['approve', 'reject'];
    case 'step':
      return gate.noWayBack === true ? ['approve', 'reject'] : ['approve', 'reject', 'rollBack'];
    case 'node':
      return ['retryNode', 'skipNode', 'quarantineNode', 'rollBack'];
  }
}

/** As a gate that is open has it, else as the last preflight has seen it. */
export function findingNow(
  { gates, seen }: { readonly gates: readonly Gate[]; readonly seen: readonly Finding[] },
  key: string,
): Finding | undefined {
  const atGates = gates.flatMap((gate) => (gate.kind === 'step' ? gate.findings : []));
  return [...atGates, ...seen].find((one) => findingKey(one) === key);
}
