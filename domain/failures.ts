// The catalogue of failures (retryable, terminal, needs a human). A code is for ever:
// people alert on it, docs/operate.md explains it, ApplicationFailure.type carries it.

/** Terminal: asking again cannot help; the workflow parks at a gate or ends, with this code. */
export const failureCodes = [
  /** No worker polled the cluster's task queue in time. */
  'worker-missing',
  /** The API server, etcd or a host did not answer within the activity's limit. */
  'cluster-unreachable',
  /** Credentials were refused (401) or do not suffice (403). */
  'credentials-refused',
  /** The worker on this queue serves another cluster. */
  'wrong-cluster',
  /** Nothing changes the machines of this cluster, so no upgrade of it can be carried out. */
  'driver-missing',
  'preflight-blocked',
  /** A machine has not all images that the hop will run, and cannot pull them; none was changed. */
  'image-unavailable',
  'snapshot-failed',
  'snapshot-unverified',
  /** An API server of its minor cannot read what was restored. */
  'snapshot-unserved',
  'snapshot-missing',
  /** The snapshot is there, and what a restore needs beside it is not on the machines. */
  'way-back-unstaged',
  /**
   * A disk or a store has no room for a snapshot, or for what it is verified with; or a machine
   * none for what a step puts there.
   */
  'space-missing',
  'member-upgrade-failed',
  'member-not-ready',
  /** It did not come back in its new version, and runs its old one again. */
  'member-put-back',
  /** Findings about the members: none was touched since. */
  'members-unfit',
  /** Pods that the drain policy does not let go, or a node that is not cordoned; none evicted. */
  'drain-refused',
  'drain-deadline',
  /** Two drains waited for each other, and this one began later. */
  'drain-yielded',
  'node-upgrade-failed',
  'node-not-ready',
  'node-missing',
  /** The machines of a pool are not replaced by those of the next release, or no further. */
  'rollout-failed',
  'verification-failed',
  /** A rollback was to take the old programs, and members serve as their own minor already. */
  'emulation-ended',
  'restore-failed',
  /** An etcd member that a restore went on without did not come back; the others serve. */
  'etcd-repair-failed',
  /** An activity gave up for a reason that no other code names. */
  'unexpected',
] as const;

export type FailureCode = (typeof failureCodes)[number];

/** A failure as it stands in status, audit trail and results: no stack, no secret. */
export interface FailureInfo {
  readonly code: FailureCode;
  /** What was being done to which object, and what happened. */
  readonly message: string;
  /** What a person can do about it. */
  readonly remedy: string;
}
