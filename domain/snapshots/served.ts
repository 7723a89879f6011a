// What an API server read from a snapshot that was restored into a scratch etcd: bytes that are the
// same may still be objects that nobody can read, for want of a key.

import { count } from '../counts';
import type { KubeVersion } from '../versions';

/** Alive at the snapshot's revision. */
export interface ServedObjects {
  readonly namespaces: number;
  readonly nodes: number;
  /** Listed, and so decrypted, by their metadata. */
  readonly secrets: number;
}

export type UnservedReason =
  /** The worker has no kube-apiserver of that minor. */
  | 'no-api-server'
  /** Decrypting takes a KMS plugin, which runs on the hosts of the cluster. */
  | 'kms'
  /** The cluster encrypts, and the store keeps no copies of what a restore needs. */
  | 'encryption-config-not-kept';

/** What a snapshot was proven with, beyond its bytes. */
export type SnapshotServed =
  | {
      readonly by: 'kube-apiserver';
      readonly version: KubeVersion;
      readonly objects: ServedObjects;
      readonly seconds: number;
    }
  | { readonly by: 'nobody'; readonly reason: UnservedReason };

/** `refused`: an API server was asked, and could not read it; `problem` holds no secret. */
export type ServeOutcome = SnapshotServed | { readonly by: 'refused'; readonly problem: string };

/** Why what was listed is not what etcd holds; undefined when it is. */
export function servedDifference(keys: ServedObjects, listed: ServedObjects): string | undefined {
  const told = (['namespaces', 'nodes', 'secrets'] as const).flatMap((kind) =>
    keys[kind] === listed[kind]
      ? []
      : [`${listed[kind]} ${kind} are listed of ${keys[kind]} that etcd holds`],
  );
  return told.length === 0 ? undefined : told.join('; ');
}

/** Completes `the snapshot was …`. */
export function servedText(served: SnapshotServed): string {
  if (served.by === 'nobody') return `not read by an API server: ${unservedText(served.reason)}`;
  const { version, objects, seconds } = served;
  const { namespaces, nodes, secrets } = objects;
  return (
    `read by an API server ${version} in ${seconds.toFixed(1)} s:` +
    ` ${count(namespaces, 'namespace')}, ${count(nodes, 'node')}, ${count(secrets, 'secret')}`
  );
}

function unservedText(reason: UnservedReason): string {
  switch (reason) {
    case 'no-api-server':
      return 'tools.apiServers of the access file names none of its minor';
    case 'kms':
      return 'decrypting takes a KMS plugin, which is not here';
    case 'encryption-config-not-kept':
      return 'the encryption config is not kept beside a snapshot in the clear';
  }
}
