// Answers of etcd as they leave the descriptor (etcd-descriptor.ts): 64-bit numbers are text.

interface ResponseHeader {
  readonly cluster_id: string;
  readonly member_id: string;
  readonly revision: string;
}

export interface RawStatus {
  readonly header: ResponseHeader;
  readonly version: string;
  readonly dbSize: string;
  readonly leader: string;
  readonly raftIndex: string;
  readonly raftAppliedIndex: string;
  readonly dbSizeInUse: string;
  readonly isLearner: boolean;
  readonly dbSizeQuota: string;
}

interface RawMember {
  readonly ID: string;
  readonly name: string;
  readonly clientURLs: readonly string[];
}

interface RawAlarm {
  readonly memberID: string;
  readonly alarm: string;
}

export interface RawMembers {
  readonly members: readonly RawMember[];
}

export interface RawAlarms {
  readonly alarms: readonly RawAlarm[];
}

export interface RawRange {
  readonly header: ResponseHeader;
  readonly count: string;
  readonly more: boolean;
  readonly kvs: readonly { readonly key: Buffer; readonly mod_revision: string }[];
}

export interface RawHash {
  readonly header: ResponseHeader;
  readonly hash: number;
  readonly compact_revision: string;
}
