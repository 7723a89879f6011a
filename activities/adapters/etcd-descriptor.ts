// The part of etcd's gRPC API that upgrades need, as a protobuf descriptor. Authority: etcd
// api/etcdserverpb/rpc.proto (3.5 and 3.6); numbers are wire format and never change.
// It is code rather than a .proto file, so that nothing has to be found next to it at run time.

const header = { type: 'ResponseHeader', id: 1 } as const;

export const etcdDescriptor = {
  nested: {
    etcdserverpb: {
      nested: {
        KV: {
          methods: {
            Range: {
              requestType: 'RangeRequest',
              responseType: 'RangeResponse',
              comment: 'Reads keys; linearizable.',
            },
            DeleteRange: {
              requestType: 'DeleteRangeRequest',
              responseType: 'DeleteRangeResponse',
              comment: 'Removes keys. Nothing asks this of the etcd of a cluster.',
            },
          },
        },
        Cluster: {
          methods: {
            MemberList: {
              requestType: 'MemberListRequest',
              responseType: 'MemberListResponse',
              comment: 'Needs no quorum unless it is asked to be linearizable.',
            },
          },
        },
        Maintenance: {
          methods: {
            Alarm: {
              requestType: 'AlarmRequest',
              responseType: 'AlarmResponse',
              comment: 'Action 0 lists; goes through raft all the same.',
            },
            Status: {
              requestType: 'StatusRequest',
              responseType: 'StatusResponse',
              comment: 'Of the member that answers.',
            },
            HashKV: {
              requestType: 'HashKVRequest',
              responseType: 'HashKVResponse',
              comment:
                'Covers what was written after the compact revision, and what was alive at it.',
            },
            MoveLeader: {
              requestType: 'MoveLeaderRequest',
              responseType: 'MoveLeaderResponse',
              comment: 'To the leader itself; answers when the other one leads.',
            },
            Snapshot: {
              requestType: 'SnapshotRequest',
              responseType: 'SnapshotResponse',
              responseStream: true,
              comment: 'The backend file of the member, then its SHA-256.',
            },
          },
        },
        ResponseHeader: {
          fields: {
            cluster_id: { type: 'uint64', id: 1 },
            member_id: { type: 'uint64', id: 2 },
            revision: { type: 'int64', id: 3 },
            raft_term: { type: 'uint64', id: 4 },
          },
        },
        RangeRequest: {
          fields: {
            key: { type: 'bytes', id: 1 },
            range_end: { type: 'bytes', id: 2 },
            limit: { type: 'int64', id: 3 },
            revision: { type: 'int64', id: 4 },
            keys_only: { type: 'bool', id: 8 },
            count_only: { type: 'bool', id: 9 },
          },
        },
        KeyValue: {
          fields: { key: { type: 'bytes', id: 1 }, mod_revision: { type: 'int64', id: 3 } },
        },
        RangeResponse: {
          fields: {
            header,
            kvs: { rule: 'repeated', type: 'KeyValue', id: 2 },
            more: { type: 'bool', id: 3 },
            count: { type: 'int64', id: 4 },
          },
        },
        DeleteRangeRequest: {
          fields: { key: { type: 'bytes', id: 1 }, range_end: { type: 'bytes', id: 2 } },
        },
        DeleteRangeResponse: { fields: { header, deleted: { type: 'int64', id: 2 } } },
        MemberListRequest: { fields: { linearizable: { type: 'bool', id: 1 } } },
        MemberListResponse: {
          fields: { header, members: { rule: 'repeated', type: 'Member', id: 2 } },
        },
        Member: {
          fields: {
            ID: { type: 'uint64', id: 1 },
            name: { type: 'string', id: 2 },
            clientURLs: { rule: 'repeated', type: 'string', id: 4 },
            isLearner: { type: 'bool', id: 5 },
          },
        },
        AlarmType: { values: { NONE: 0, NOSPACE: 1, CORRUPT: 2 } },
        AlarmRequest: { fields: { action: { type: 'int32', id: 1 } } },
        AlarmResponse: {
          fields: { header, alarms: { rule: 'repeated', type: 'AlarmMember', id: 2 } },
        },
        AlarmMember: {
          fields: { memberID: { type: 'uint64', id: 1 }, alarm: { type: 'AlarmType', id: 2 } },
        },
        StatusRequest: { fields: {} },
        StatusResponse: {
          fields: {
            header,
            version: { type: 'string', id: 2 },
            dbSize: { type: 'int64', id: 3 },
            leader: { type: 'uint64', id: 4 },
            raftIndex: { type: 'uint64', id: 5 },
            raftAppliedIndex: { type: 'uint64', id: 7 },
            dbSizeInUse: { type: 'int64', id: 9 },
            isLearner: { type: 'bool', id: 10 },
            dbSizeQuota: { type: 'int64', id: 12 },
          },
        },
        HashKVRequest: { fields: { revision: { type: 'int64', id: 1 } } },
        HashKVResponse: {
          fields: {
            header,
            hash: { type: 'uint32', id: 2 },
            compact_revision: { type: 'int64', id: 3 },
          },
        },
        MoveLeaderRequest: { fields: { targetID: { type: 'uint64', id: 1 } } },
        MoveLeaderResponse: { fields: { header } },
        SnapshotRequest: { fields: {} },
        SnapshotResponse: {
          fields: {
            header,
            remaining_bytes: { type: 'uint64', id: 2 },
            blob: { type: 'bytes', id: 3 },
          },
        },
      },
    },
  },
} as const;
