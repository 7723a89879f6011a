// Branded names, so that a node's name cannot be given where a member's is expected. Nothing here
// checks spelling: names come from the API server or from a spec that was validated at the edge.

type Branded<Kind extends string> = string & { readonly brand: Kind };

/** A cluster as its workers know it; lower-case DNS label. Also the workflow id's last part. */
export type ClusterName = Branded<'ClusterName'>;
/** `metadata.name` of a Node. */
export type NodeName = Branded<'NodeName'>;
/** A control-plane member (one API server and what runs beside it). */
export type MemberName = Branded<'MemberName'>;
/** A node pool of the spec. */
export type PoolName = Branded<'PoolName'>;
/** `hop-1.29`: one minor of the control plane. */
export type HopId = Branded<'HopId'>;
/** Names a snapshot for ever: cluster, hop and plan. */
export type SnapshotId = Branded<'SnapshotId'>;
/** Hex SHA-256 over the canonical JSON of a plan without its own digest. */
export type PlanDigest = Branded<'PlanDigest'>;
/** `approve/hop-1.30`, `hop-1.29/preflight`, `node/worker-3`: what waits for an answer. */
export type GateId = Branded<'GateId'>;
/** `webhook-deadlock:webhook/policy`: one thing that checks may find, in this run and the next. */
export type FindingKey = Branded<'FindingKey'>;
/** Hex SHA-256 over what was seen, without what changes by itself. */
export type EvidenceDigest = Branded<'EvidenceDigest'>;

/** A pod as people name it. */
export interface PodRef {
  readonly namespace: string;
  readonly name: string;
}

/** A disruption budget as people name it. */
export interface BudgetRef {
  readonly namespace: string;
  readonly name: string;
}
