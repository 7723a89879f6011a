// A rollback that is tried beside the cluster: what was done, how long it took, and what a rollback
// would take. Nothing of it is about the cluster itself, which is not touched.

import { count } from '../counts';
import type { ClusterName, SnapshotId } from '../names';
import type { ServedObjects, UnservedReason } from '../snapshots/served';
import type { KubeMinor, KubeVersion } from '../versions';

/** In their order, as a rollback does them. */
const drillPhases = ['fetch', 'restore', 'start-etcd', 'compare', 'start-api-server'] as const;

export type DrillPhase = (typeof drillPhases)[number];

export interface DrillInput {
  readonly cluster: ClusterName;
  /** The newest of the cluster when absent. */
  readonly snapshotId?: SnapshotId;
}

export interface PhaseSeconds {
  readonly phase: DrillPhase;
  readonly seconds: number;
}

export interface DrillReport {
  readonly schema: 'ascent.drill/v1';
  readonly cluster: ClusterName;
  readonly snapshot: {
    readonly id: SnapshotId;
    readonly takenAt: string;
    readonly kubeVersion: KubeVersion;
    readonly revision: number;
  };
  /** Of etcd: all were restored, and hold the same. */
  readonly members: number;
  readonly keys: number;
  /** Of every member, after the restore: not that of the snapshot, whose revisions are lower. */
  readonly hashKv: string;
  readonly apiServer: { readonly version: KubeVersion; readonly objects: ServedObjects };
  readonly phases: readonly PhaseSeconds[];
  /** Until an API server is ready: without the nodes, which return before that. */
  readonly rollbackSeconds: number;
}

/** Why it was not begun. */
export type DrillRefusal =
  | { readonly code: 'no-snapshot'; readonly location: string; readonly asked?: SnapshotId }
  /** Fingerprint of the key that it is sealed with. */
  | { readonly code: 'no-key'; readonly snapshot: SnapshotId; readonly key: string }
  | {
      readonly code: 'no-space';
      readonly location: string;
      readonly freeBytes: number;
      readonly neededBytes: number;
    }
  | {
      readonly code: 'not-served';
      readonly snapshot: SnapshotId;
      readonly minor: KubeMinor;
      readonly reason: UnservedReason;
    };

/** `broken`: the way back does not work as it is. */
export type DrillResult =
  | { readonly kind: 'drilled'; readonly report: DrillReport }
  | { readonly kind: 'refused'; readonly refusal: DrillRefusal }
  | {
      readonly kind: 'broken';
      readonly snapshot: SnapshotId;
      readonly phase: DrillPhase;
      readonly problem: string;
    };

/** What a rollback would take. */
export function rollbackSecondsOf(phases: readonly PhaseSeconds[]): number {
  return phases.reduce((total, { seconds }) => total + seconds, 0);
}

export function drillPhaseText(phase: DrillPhase): string {
  switch (phase) {
    case 'fetch':
      return 'fetch and open the snapshot';
    case 'restore':
      return 'restore it for every member';
    case 'start-etcd':
      return 'start etcd';
    case 'compare':
      return 'compare the members';
    case 'start-api-server':
      return 'start the API server, until it is ready';
  }
}

export function drillRefusalText(refusal: DrillRefusal): string {
  switch (refusal.code) {
    case 'no-snapshot': {
      const which = refusal.asked === undefined ? '' : ` ${refusal.asked}`;
      return `there is no snapshot${which} of the cluster in ${refusal.location}`;
    }
    case 'no-key':
      return `snapshot ${refusal.snapshot} is sealed with key ${refusal.key}, which is not at hand`;
    case 'no-space': {
      const { location, freeBytes, neededBytes } = refusal;
      return `${location} has ${freeBytes} bytes free, the drill needs ${neededBytes}`;
    }
    case 'not-served':
      return (
        `no API server ${refusal.minor} can read snapshot ${refusal.snapshot} here:` +
        ` ${whyNotServed(refusal.reason)}`
      );
  }
}

function whyNotServed(reason: UnservedReason): string {
  switch (reason) {
    case 'no-api-server':
      return 'tools.apiServers of the access file names none';
    case 'kms':
      return 'decrypting takes a KMS plugin';
    case 'encryption-config-not-kept':
      return 'the encryption config is not kept beside it';
  }
}

/** An instruction, without a full stop. */
export function drillRemedy(refusal: DrillRefusal): string {
  switch (refusal.code) {
    case 'no-snapshot':
      return 'see what there is: snapshot list; each hop takes one before it begins';
    case 'no-key':
      return "put that key into the worker's key file; without it there is no way back";
    case 'no-space':
      return 'free some space there, or drill where there is more';
    case 'not-served':
      return refusal.reason === 'no-api-server'
        ? `name one in the worker's access file: tools.apiServers["${refusal.minor}"]`
        : 'nothing can be done here: such a way back can only be tried on a cluster';
  }
}

/** What was restored, and who reads it. */
export function drilledText({ members, keys, apiServer }: DrillReport): string {
  const { namespaces, nodes, secrets } = apiServer.objects;
  return (
    `${count(members, 'member')} of etcd with the same ${count(keys, 'key')}; an API server` +
    ` ${apiServer.version} serves ${count(namespaces, 'namespace')}, ${count(nodes, 'node')},` +
    ` ${count(secrets, 'secret')}`
  );
}
