// Which findings nobody can answer for. The rule, of which this table is the answer by check:
// A1. `cannot-go-on`: a step of the hop fails whatever anybody accepts: what it needs is not there,
//     would not start, or breaks the skew policy.
// A2. `no-way-back`: the snapshot of the hop could not be taken, verified or restored (R6).
// All others that block are risks, and a named person may take them.

import type { FindingCode } from './findings';

export type NeverReason = 'cannot-go-on' | 'no-way-back';

const never: Readonly<Partial<Record<FindingCode, NeverReason>>> = {
  'api-server-unobserved': 'cannot-go-on',
  'version-skew': 'cannot-go-on',
  'kubelet-unreported': 'cannot-go-on',
  'flag-removed': 'cannot-go-on',
  'gate-removed': 'cannot-go-on',
  'cgroup-v1': 'cannot-go-on',
  'machine-swap-on': 'cannot-go-on',
  'machine-unobserved': 'cannot-go-on',
  'machine-release-missing': 'cannot-go-on',
  'etcd-no-leader': 'cannot-go-on',
  'etcd-alarm': 'cannot-go-on',
  'etcd-version-mixed': 'cannot-go-on',
  'etcd-version-behind': 'cannot-go-on',
  'etcd-version-unfit': 'cannot-go-on',
  'etcd-quorum-margin': 'no-way-back',
  'etcd-unobserved': 'no-way-back',
  'etcd-hash-mismatch': 'no-way-back',
  'etcd-place-unknown': 'no-way-back',
  'etcd-endpoint-unnamed': 'no-way-back',
  'etcd-member-unnamed': 'no-way-back',
  'etcd-machine-unobserved': 'no-way-back',
  'etcd-unit-unfit': 'no-way-back',
  'snapshot-store-unusable': 'no-way-back',
  'snapshot-key-missing': 'no-way-back',
  'snapshot-etcd-old': 'no-way-back',
};

/** Undefined: a named person may answer for it. */
export function whyNeverAcknowledged(code: FindingCode): NeverReason | undefined {
  return never[code];
}
