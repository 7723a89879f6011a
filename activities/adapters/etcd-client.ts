// A gRPC client of one etcd member.
// G1. One channel an operation: a member that was away is dialled at once, without the back-off of
//     an old channel, and rotated certificates take effect. Whoever opens a client closes it.
// G2. Ids stay decimal text (uint64 does not fit a number); revisions and sizes are numbers.

import { Client, type ClientReadableStream, Metadata, type MethodDefinition } from '@grpc/grpc-js';
import { fromJSON, type PackageDefinition } from '@grpc/proto-loader';

import type { KeyAt } from '../../domain/rollback/key-diff';
import { PortError } from '../ports';
import { boundedCall } from './bounded-call';
import { channelTo, diagnoseDial, type EtcdCredentials } from './etcd-channel';
import { etcdDescriptor } from './etcd-descriptor';
import type { RawAlarms, RawHash, RawMembers, RawRange, RawStatus } from './etcd-messages';
import { explainGrpc, isUnreachable } from './grpc-errors';

export interface EtcdStatus {
  readonly clusterId: string;
  readonly memberId: string;
  /** `0` when the member sees no leader. */
  readonly leaderId: string;
  readonly version: string;
  readonly isLearner: boolean;
  readonly revision: number;
  readonly dbSizeBytes: number;
  readonly dbSizeInUseBytes: number;
  readonly quotaBytes: number;
  readonly raftIndex: number;
  readonly raftAppliedIndex: number;
}

export interface EtcdListedMember {
  readonly id: string;
  /** Empty until the member has started for the first time. */
  readonly name: string;
  readonly clientUrls: readonly string[];
}

interface EtcdHash {
  /** Decimal. Comparable only between equal revisions and equal compactRevisions. */
  readonly hash: string;
  readonly compactRevision: number;
  /** Revision of the member when it answered. */
  readonly revision: number;
}

export interface EtcdClient {
  status(signal: AbortSignal): Promise<EtcdStatus>;
  /** As this member knows it; needs no quorum. */
  members(signal: AbortSignal): Promise<readonly EtcdListedMember[]>;
  /** By member id. Needs a quorum. */
  alarms(signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>>;
  /** At `revision`, or now when 0. Reads every key. */
  hashKv(revision: number, signal: AbortSignal): Promise<EtcdHash>;
  /** Returns when the member has applied everything that was committed before the call. */
  catchUp(signal: AbortSignal): Promise<void>;
  /** Keys alive at `revision`, or now when 0; of those, where it is given, with the `prefix`. */
  countKeys(revision: number, signal: AbortSignal, prefix?: string): Promise<number>;
  /** For scratch etcds only: removes what begins with `prefix`. */
  deletePrefix(prefix: string, signal: AbortSignal): Promise<void>;
  /** To the member that leads: hands the leadership to the one with this id. */
  moveLeader(toId: string, signal: AbortSignal): Promise<void>;
  /**
   * Every key alive at `revision` with the revision of its last change, page by page, in order; at
   * 0 all pages are of the moment of the first. A revision that is compacted meanwhile is a
   * PortError `conflict`.
   */
  keys(revision: number, signal: AbortSignal): AsyncIterable<readonly KeyAt[]>;
  /** Blobs in order; ends with the SHA-256 of all before it. Cancelled by `signal`. */
  snapshot(signal: AbortSignal): AsyncIterable<Buffer>;
  close(): void;
}

const requestTimeoutMs = 5_000;
/** HashKV and counting read the whole keyspace: about a second for 1 GB. */
const scanTimeoutMs = 120_000;
/** Of about a hundred bytes each. */
const keysInPage = 2_000;

const definitions: PackageDefinition = fromJSON(etcdDescriptor, {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  arrays: true,
});

type Service = 'KV' | 'Cluster' | 'Maintenance';

function methodOf(service: Service, method: string): MethodDefinition<object, object> {
  const definition = definitions[`etcdserverpb.${service}`];
  const found =
    definition === undefined || 'format' in definition
      ? undefined
      : (definition as Readonly<Record<string, MethodDefinition<object, object>>>)[method];
  if (found === undefined) throw new TypeError(`no method ${service}/${method} in the descriptor`);
  return found;
}

const methods = {
  range: methodOf('KV', 'Range'),
  deleteRange: methodOf('KV', 'DeleteRange'),
  memberList: methodOf('Cluster', 'MemberList'),
  alarm: methodOf('Maintenance', 'Alarm'),
  status: methodOf('Maintenance', 'Status'),
  hashKv: methodOf('Maintenance', 'HashKV'),
  moveLeader: methodOf('Maintenance', 'MoveLeader'),
  snapshot: methodOf('Maintenance', 'Snapshot'),
} as const;

/** Every key: from the smallest possible to the end. */
const everyKey = { key: Buffer.from([0]), range_end: Buffer.from([0]) } as const;

/** Those that begin with an ASCII text: the end of the range is the text that follows it. */
function keysWith(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  end[last] = (end[last] ?? 0) + 1;
  return { key: Buffer.from(prefix), range_end: end };
}

/**
 * A client of the member at `endpoint`: `https://HOST:PORT` with credentials, or `unix:PATH`
 * without. Its methods throw PortError, or the signal's reason; so does this, when the credentials
 * cannot be used.
 */
export function openEtcdClient(endpoint: string, tls: EtcdCredentials | undefined): EtcdClient {
  return new GrpcEtcdClient(endpoint, tls);
}

interface Bounds {
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

class GrpcEtcdClient implements EtcdClient {
  readonly #endpoint: string;
  readonly #tls: EtcdCredentials | undefined;
  readonly #client: Client;

  constructor(endpoint: string, tls: EtcdCredentials | undefined) {
    const { target, credentials, options } = channelTo(endpoint, tls);
    this.#endpoint = endpoint;
    this.#tls = tls;
    this.#client = new Client(target, credentials, options);
  }

  async status(signal: AbortSignal): Promise<EtcdStatus> {
    const doing = 'asking the status';
    return statusOf(await this.#ask<RawStatus>(doing, methods.status, {}, { signal }));
  }

  async members(signal: AbortSignal): Promise<readonly EtcdListedMember[]> {
    const doing = 'listing the members';
    const request = { linearizable: false };
    const { members } = await this.#ask<RawMembers>(doing, methods.memberList, request, { signal });
    return members.map(({ ID, name, clientURLs }) => ({ id: ID, name, clientUrls: clientURLs }));
  }

  async alarms(signal: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>> {
    const doing = 'listing the alarms';
    const { alarms } = await this.#ask<RawAlarms>(doing, methods.alarm, { action: 0 }, { signal });
    const byMember = new Map<string, readonly string[]>();
    for (const { memberID, alarm } of alarms) {
      byMember.set(memberID, [...(byMember.get(memberID) ?? []), alarm]);
    }
    return byMember;
  }

  async hashKv(revision: number, signal: AbortSignal): Promise<EtcdHash> {
    const bounds = { signal, timeoutMs: scanTimeoutMs };
    const doing = `hashing the keys at revision ${revision}`;
    const answer = await this.#ask<RawHash>(doing, methods.hashKv, { revision }, bounds);
    return {
      hash: String(answer.hash),
      compactRevision: Number(answer.compact_revision),
      revision: Number(answer.header.revision),
    };
  }

  async catchUp(signal: AbortSignal): Promise<void> {
    const request = { key: everyKey.key, count_only: true };
    await this.#ask('waiting for committed writes', methods.range, request, { signal });
  }

  async moveLeader(toId: string, signal: AbortSignal): Promise<void> {
    const request = { targetID: toId };
    await this.#ask('moving the leadership', methods.moveLeader, request, { signal });
  }

  async countKeys(revision: number, signal: AbortSignal, prefix?: string): Promise<number> {
    const bounds = { signal, timeoutMs: scanTimeoutMs };
    const range = prefix === undefined ? everyKey : keysWith(prefix);
    const request = { ...range, revision, count_only: true };
    const doing = 'counting the keys';
    return Number((await this.#ask<RawRange>(doing, methods.range, request, bounds)).count);
  }

  async *keys(revision: number, signal: AbortSignal): AsyncGenerator<readonly KeyAt[]> {
    const doing = 'reading the keys';
    const bounds = { signal, timeoutMs: scanTimeoutMs };
    let key: Buffer = everyKey.key;
    let at = revision;
    for (;;) {
      const request = { ...everyKey, key, revision: at, limit: keysInPage, keys_only: true };
      const page = await this.#ask<RawRange>(doing, methods.range, request, bounds);
      yield page.kvs.map((one) => ({
        key: one.key.toString('utf8'),
        revision: Number(one.mod_revision),
      }));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return;
      if (at === 0) at = Number(page.header.revision);
      // The smallest key after it.
      key = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  async deletePrefix(prefix: string, signal: AbortSignal): Promise<void> {
    const doing = `removing ${prefix}`;
    await this.#ask<unknown>(doing, methods.deleteRange, keysWith(prefix), { signal });
  }

  snapshot(signal: AbortSignal): AsyncIterable<Buffer> {
    const doing = `streaming a snapshot of etcd ${this.#endpoint}`;
    return streamSnapshot(this.#client, doing, signal);
  }

  close(): void {
    this.#client.close();
  }

  async #ask<Answer>(
    what: string,
    method: MethodDefinition<object, object>,
    request: object,
    { signal, timeoutMs = requestTimeoutMs }: Bounds,
  ): Promise<Answer> {
    const doing = `${what} of etcd ${this.#endpoint}`;
    try {
      return await boundedCall(
        { doing, timeoutMs, signal },
        // The descriptor says what it is; defaults fill whatever the server leaves out.
        (inner) => unary(this.#client, method, request, inner) as Promise<Answer>,
        (error) => explainGrpc(error, doing),
      );
    } catch (error) {
      if (this.#tls === undefined || !isUnreachable(error)) throw error;
      throw (await diagnoseDial(this.#endpoint, this.#tls, doing)) ?? error;
    }
  }
}

function unary(
  client: Client,
  method: MethodDefinition<object, object>,
  request: object,
  signal: AbortSignal,
): Promise<object> {
  return new Promise((resolve, reject) => {
    const { path, requestSerialize, responseDeserialize } = method;
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      {},
      (error, answer) => {
        signal.removeEventListener('abort', cancel);
        if (error !== null) reject(error);
        else if (answer === undefined) reject(new Error('empty answer'));
        else resolve(answer);
      },
    );
    const cancel = (): void => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
  });
}

/** A stream that stands still for this long is given up; how long it takes in all is not known. */
const streamIdleMs = 30_000;

async function* streamSnapshot(
  client: Client,
  doing: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  signal.throwIfAborted();
  const { path, requestSerialize, responseDeserialize } = methods.snapshot;
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    {},
  ) as ClientReadableStream<{ readonly blob: Buffer }>;
  const cancel = (): void => stream.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  let isIdle = false;
  const timer = setTimeout(() => {
    isIdle = true;
    stream.cancel();
  }, streamIdleMs);
  try {
    for await (const { blob } of stream) {
      timer.refresh();
      yield blob;
      timer.refresh();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PortError) throw error;
    if (isIdle) {
      const message = `${doing}: nothing came for ${streamIdleMs / 1_000} s`;
      throw new PortError('timeout', message, { cause: error });
    }
    throw explainGrpc(error, doing) ?? error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

function statusOf(raw: RawStatus): EtcdStatus {
  return {
    clusterId: raw.header.cluster_id,
    memberId: raw.header.member_id,
    leaderId: raw.leader,
    version: raw.version,
    isLearner: raw.isLearner,
    revision: Number(raw.header.revision),
    dbSizeBytes: Number(raw.dbSize),
    dbSizeInUseBytes: Number(raw.dbSizeInUse),
    quotaBytes: Number(raw.dbSizeQuota),
    raftIndex: Number(raw.raftIndex),
    raftAppliedIndex: Number(raw.raftAppliedIndex),
  };
}
