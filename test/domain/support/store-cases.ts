// What a preflight finds wrong with a snapshot store.

import type { FindingCode } from '../../../domain/preflight/findings';
import { aCluster, type ClusterBuilder, minor, version } from '../../support/builders';

export interface Case {
  readonly when: string;
  readonly cluster: ClusterBuilder;
  readonly finding: {
    readonly code: FindingCode;
    readonly severity: 'blocks' | 'warns' | 'notes';
    readonly object: unknown;
    readonly message: string;
    readonly remedy: string;
  };
}

const healthy = aCluster().withNodes(2);
const problem = { code: 'unreachable', message: 'connection refused' } as const;
const store = { kind: 'snapshot-store', location: '/var/lib/ascent/snapshots' };
const roomyStore = { kind: 'writable', location: store.location, freeBytes: 1e12 } as const;

export const storeCases: readonly Case[] = [
  {
    when: 'the snapshot store cannot be written to',
    cluster: healthy.with({
      snapshotStore: { kind: 'unusable', location: store.location, problem },
    }),
    finding: {
      code: 'snapshot-store-unusable',
      severity: 'blocks',
      object: store,
      message: 'it cannot be written to: connection refused',
      remedy: 'make it writable for the worker: no hop begins without a verified snapshot',
    },
  },
  {
    when: 'the snapshot store is too full',
    cluster: healthy.with({
      snapshotStore: { kind: 'writable', location: store.location, freeBytes: 74_999_999 },
    }),
    finding: {
      code: 'snapshot-store-unusable',
      severity: 'blocks',
      object: store,
      message: 'it has 74999999 bytes free and a snapshot needs up to 75000000',
      remedy: 'free some space, or name another directory in the cluster access file',
    },
  },
  {
    when: 'there is too little room to verify what a bucket will keep',
    cluster: healthy.with({
      snapshotStore: {
        kind: 'writable',
        location: 's3://snapshots/',
        freeBytes: 25_000_000,
        scratch: { location: '/scratch', freeBytes: 74_999_999 },
      },
    }),
    finding: {
      code: 'snapshot-store-unusable',
      severity: 'blocks',
      object: { kind: 'snapshot-store', location: '/scratch' },
      message: 'it has 74999999 bytes free and a snapshot needs up to 75000000',
      remedy: 'free some space, or name another directory in the cluster access file',
    },
  },
  {
    when: 'the key for snapshots cannot be used',
    cluster: healthy.with({ snapshotStore: { ...roomyStore, keyProblem: problem } }),
    finding: {
      code: 'snapshot-key-missing',
      severity: 'blocks',
      object: store,
      message: 'no snapshot can be sealed: connection refused',
      remedy: 'put the key back, or make one: ascent snapshot key FILE',
    },
  },
  {
    when: 'snapshots in the store were sealed with another key',
    cluster: healthy.with({
      snapshotStore: { ...roomyStore, unopened: [{ key: 'sha256:b', snapshots: 2 }] },
    }),
    finding: {
      code: 'snapshot-key-missing',
      severity: 'warns',
      object: store,
      message: 'snapshots in it cannot be opened (2): key sha256:b is not at hand',
      remedy: 'add that key below the first one in the key file; without it there is no way back',
    },
  },
  {
    when: 'a record in the store is damaged',
    cluster: healthy.with({ snapshotStore: { ...roomyStore, recordsProblem: problem } }),
    finding: {
      code: 'snapshot-records-unread',
      severity: 'warns',
      object: store,
      message: 'what is in it cannot be told: connection refused',
      remedy: 'see whether the snapshot is needed; then remove it from the store, or bring it back',
    },
  },
  {
    when: 'no API server here can read its snapshot',
    cluster: healthy.with({ servedMinors: [minor('1.29')] }),
    finding: {
      code: 'snapshot-unserved',
      severity: 'warns',
      object: store,
      message:
        'its snapshot will be restored and compared, but no API server will read it:' +
        ' there is no kube-apiserver 1.28 here',
      remedy: 'name one in the access file: tools.apiServers["1.28"]',
    },
  },
  {
    when: 'the etcd of its verification is older than the cluster',
    cluster: healthy.with({ snapshotEtcd: version('3.4.37') }),
    finding: {
      code: 'snapshot-etcd-old',
      severity: 'blocks',
      object: store,
      message:
        'its snapshots cannot be verified: the cluster runs etcd 3.5.21, and they are restored' +
        ' into etcd 3.4.37',
      remedy: 'name etcd and etcdutl of 3.5 in the access file: tools.etcd, tools.etcdutl',
    },
  },
];
