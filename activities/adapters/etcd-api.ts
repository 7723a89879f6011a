// The EtcdApi port: what every member says of itself, and snapshots of one of them.
// D1. A member of the list that does not answer is told as such; it is never left out.
// D2. Hashes are compared only between equal compact revisions: a compaction between two answers
//     makes equal data hash differently (etcd server/storage/mvcc/hash.go).
// D3. A snapshot is taken from a follower where there is one, after it has caught up, so that it
//     holds everything that was acknowledged before the call.

import { readFile } from 'node:fs/promises';

import type { EtcdMemberObservation, EtcdObservation } from '../../domain/observation';
import type { ClusterAccess } from '../access';
import { type EtcdApi, PortError } from '../ports';
import type { EtcdSnapshotFacts } from '../snapshot-ports';
import { fsError } from './durable-files';
import { etcdClusterVersion } from './etcd-cluster-version';
import type { EtcdCredentials } from './etcd-channel';
import {
  type EtcdClient,
  type EtcdListedMember,
  type EtcdStatus,
  openEtcdClient,
} from './etcd-client';
import { publishSnapshot, revisionInSnapshot, saveSnapshot } from './etcd-snapshot-file';
import type { FindEtcd } from './member-directory';
import { problemOf } from '../problems';
import { servingCertificate } from './serving-certificate';

/** Compactions come minutes apart: twice in a row is chance, more often is something else. */
const attemptsMax = 4;

/** Who asks, and where. */
export interface EtcdReach {
  readonly access: ClusterAccess['etcd'];
  /** Asked for every call, instead of the members of the access file. */
  readonly find?: FindEtcd;
}

export interface EtcdApiOptions extends EtcdReach {
  /** Path or name of etcdutl. */
  readonly etcdutl: string;
}

/** Builds the port. Certificates are read at each call, so that rotated ones take effect. */
export function createEtcdApi(options: EtcdApiOptions): EtcdApi {
  return {
    async observe(signal) {
      try {
        return await withSession(options, signal, (session) => observe(session, signal));
      } catch (error) {
        if (!(error instanceof PortError)) throw error;
        return { kind: 'unobserved', problem: problemOf(error) };
      }
    },
    databaseBytes: (signal) =>
      withSession(options, signal, async (session) => {
        const { reached } = await reachMembers(session, signal);
        return Math.max(0, ...reached.map(({ status }) => status.dbSizeBytes));
      }),
    moveLeader: (from, to, signal) =>
      withSession(options, signal, (session) => moveLeader(session, { from, to }, signal)),
    snapshot: (file, onBytes, signal) =>
      withSession(options, signal, async (session) => {
        const source = await pickSource(session, signal);
        const { etcdutl } = options;
        return takeSnapshot({ source, etcdutl, file, onBytes, signal });
      }),
  };
}

/** Clients of one operation; all of them are closed when it ends. */
interface Session {
  readonly known: ClusterAccess['etcd']['members'];
  readonly tls: EtcdCredentials;
  readonly open: (endpoint: string) => EtcdClient;
}

async function withSession<Result>(
  { access, find }: EtcdReach,
  signal: AbortSignal,
  use: (session: Session) => Promise<Result>,
): Promise<Result> {
  const [tls, known] = await Promise.all([
    readCredentials(access),
    find === undefined ? access.members : find(signal),
  ]);
  const clients = new Map<string, EtcdClient>();
  const open = (endpoint: string): EtcdClient => {
    const client = clients.get(endpoint) ?? openEtcdClient(endpoint, tls);
    clients.set(endpoint, client);
    return client;
  };
  try {
    return await use({ known, tls, open });
  } finally {
    for (const client of clients.values()) client.close();
  }
}

async function readCredentials(access: ClusterAccess['etcd']): Promise<EtcdCredentials> {
  const read = async (file: string): Promise<Buffer> => {
    try {
      return await readFile(file);
    } catch (error) {
      throw fsError(error, `reading the etcd credentials ${file}`);
    }
  };
  const [ca, certificate, key] = await Promise.all([
    read(access.ca),
    read(access.certificate),
    read(access.key),
  ]);
  return { ca, certificate, key };
}

interface Reached {
  readonly name: string;
  readonly endpoint: string;
  readonly client: EtcdClient;
  readonly status: EtcdStatus;
}

interface Members {
  readonly count: number;
  readonly reached: readonly Reached[];
  readonly unreachable: Extract<EtcdObservation, { kind: 'observed' }>['unreachable'];
}

async function reachMembers(session: Session, signal: AbortSignal): Promise<Members> {
  const listed = await listMembers(session, signal);
  const reached: Reached[] = [];
  const unreachable: Members['unreachable'][number][] = [];
  await Promise.all(
    listed.map(async (member) => {
      const name = member.name === '' ? member.id : member.name;
      const endpoint = endpointOf(session.known, member);
      try {
        if (endpoint === '') throw new PortError('unreachable', `etcd ${name} has not started yet`);
        const client = session.open(endpoint);
        reached.push({ name, endpoint, client, status: await client.status(signal) });
      } catch (error) {
        if (!(error instanceof PortError)) throw error;
        unreachable.push({ name, endpoint, problem: problemOf(error) });
      }
    }),
  );
  return { count: listed.length, reached, unreachable };
}

/** The first answer, so that a member that hangs delays nobody; else the first failure. */
async function listMembers(
  session: Session,
  signal: AbortSignal,
): Promise<readonly EtcdListedMember[]> {
  const answered = new AbortController();
  const either = AbortSignal.any([signal, answered.signal]);
  try {
    return await Promise.any(
      session.known.map(async ({ endpoint }) => session.open(endpoint).members(either)),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AggregateError && error.errors.length > 0) throw error.errors[0];
    throw new PortError('rejected', 'no etcd member is known');
  } finally {
    answered.abort();
  }
}

/** Members advertise addresses of their own network; the access file knows those of ours. */
function endpointOf(known: Session['known'], member: EtcdListedMember): string {
  const own = known.find(({ name }) => name === member.name);
  return own?.endpoint ?? member.clientUrls[0] ?? '';
}

async function observe(session: Session, signal: AbortSignal): Promise<EtcdObservation> {
  const { count, reached, unreachable } = await reachMembers(session, signal);
  const [alarms, agree, certificates, clusterVersions] = await Promise.all([
    readAlarms(reached, signal),
    hashesAgree(reached, signal),
    readCertificates(session, reached, signal),
    readClusterVersions(session, reached, signal),
  ]);
  return {
    kind: 'observed',
    memberCount: count,
    members: reached.map(({ name, endpoint, status }) => ({
      name,
      endpoint,
      version: status.version,
      ...clusterVersions.get(endpoint),
      isLeader: status.leaderId === status.memberId,
      isLearner: status.isLearner,
      alarms: alarms.get(status.memberId) ?? [],
      dbSizeBytes: status.dbSizeBytes,
      dbSizeInUseBytes: status.dbSizeInUseBytes,
      quotaBytes: status.quotaBytes,
      raftIndex: status.raftIndex,
      raftAppliedIndex: status.raftAppliedIndex,
      ...certificates.get(endpoint),
    })),
    unreachable,
    hashesAgree: agree,
  };
}

type Certificates = ReadonlyMap<string, Pick<EtcdMemberObservation, 'certificate'>>;

/** By endpoint; none of a member that shows none that we trust. */
async function readCertificates(
  { tls }: Session,
  reached: readonly Reached[],
  signal: AbortSignal,
): Promise<Certificates> {
  const { ca, certificate: cert, key } = tls;
  const shown = await Promise.all(
    reached.map(async ({ endpoint }) => {
      const handshake = { url: endpoint, tls: { ca, cert, key }, signal };
      const certificate = await servingCertificate(handshake);
      return [endpoint, certificate === undefined ? {} : { certificate }] as const;
    }),
  );
  return new Map(shown);
}

/** A member that may be read from: it has a leader, and holds what the others hold. */
export function withHealthyMember<Result>(
  reach: EtcdReach,
  signal: AbortSignal,
  use: (client: EtcdClient) => Promise<Result>,
): Promise<Result> {
  return withSession(reach, signal, async (session) => {
    const { client } = await pickSource(session, signal);
    await client.catchUp(signal);
    return use(client);
  });
}

/** By endpoint; none of a member that does not tell it. */
async function readClusterVersions(
  { tls }: Session,
  reached: readonly Reached[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Pick<EtcdMemberObservation, 'clusterVersion'>>> {
  const told = await Promise.all(
    reached.map(async ({ endpoint }) => {
      const clusterVersion = await etcdClusterVersion(endpoint, tls, signal);
      return [endpoint, clusterVersion === undefined ? {} : { clusterVersion }] as const;
    }),
  );
  return new Map(told);
}

async function moveLeader(
  session: Session,
  way: { readonly from: string; readonly to: string },
  signal: AbortSignal,
): Promise<void> {
  const { reached } = await reachMembers(session, signal);
  const find = (name: string): Reached => {
    const found = reached.find((member) => member.name === name);
    if (found !== undefined) return found;
    const message = `moving the leadership of etcd to ${way.to}: ${name} does not answer`;
    throw new PortError('unreachable', message);
  };
  await find(way.from).client.moveLeader(find(way.to).status.memberId, signal);
}

type Alarms = ReadonlyMap<string, readonly string[]>;

/** Listing alarms goes through raft: without a leader there is no list, and the leader is told. */
async function readAlarms(reached: readonly Reached[], signal: AbortSignal): Promise<Alarms> {
  const asked = voters(reached).find(({ status }) => status.leaderId !== '0');
  if (asked === undefined) return new Map();
  const alarms = await asked.client.alarms(signal);
  // Any alarm concerns all: one of a member that did not answer is told of the one that was asked.
  const answering = new Set(reached.map(({ status }) => status.memberId));
  const foreign = [...alarms].flatMap(([id, names]) => (answering.has(id) ? [] : names));
  const own = alarms.get(asked.status.memberId) ?? [];
  return new Map([...alarms, [asked.status.memberId, [...new Set([...own, ...foreign])]]]);
}

/** Learners answer no more than their status. */
function voters(reached: readonly Reached[]): readonly Reached[] {
  return reached.filter(({ status }) => !status.isLearner);
}

async function hashesAgree(reached: readonly Reached[], signal: AbortSignal): Promise<boolean> {
  const compared = voters(reached);
  if (compared.length < 2) return true;
  // The oldest of their revisions is one that all of them have.
  let revision = Math.min(...compared.map(({ status }) => status.revision));
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const answer = await compareHashes(compared, revision, signal);
    if (answer.kind === 'compared') return answer.agree;
    revision = answer.tryRevision;
  }
  const message = `etcd hashes could not be compared at one revision in ${attemptsMax} attempts`;
  throw new PortError('unexpected', message);
}

type Comparison =
  | { readonly kind: 'compared'; readonly agree: boolean }
  | { readonly kind: 'not-comparable'; readonly tryRevision: number };

async function compareHashes(
  compared: readonly Reached[],
  revision: number,
  signal: AbortSignal,
): Promise<Comparison> {
  try {
    const hashes = await Promise.all(compared.map(({ client }) => client.hashKv(revision, signal)));
    // Revision 0 is each member's own newest one (D2).
    const states = hashes.map((hash) =>
      revision === 0 ? `${hash.compactRevision}/${hash.revision}` : `${hash.compactRevision}`,
    );
    if (new Set(states).size === 1) {
      return { kind: 'compared', agree: new Set(hashes.map(({ hash }) => hash)).size === 1 };
    }
    return {
      kind: 'not-comparable',
      tryRevision: Math.min(...hashes.map((hash) => hash.revision)),
    };
  } catch (error) {
    // Everything up to this revision was compacted, as in a cluster that nobody writes to.
    if (!(error instanceof PortError) || error.code !== 'conflict') throw error;
    return { kind: 'not-comparable', tryRevision: 0 };
  }
}

async function pickSource(session: Session, signal: AbortSignal): Promise<Reached> {
  const { reached, unreachable } = await reachMembers(session, signal);
  const alarms = await readAlarms(reached, signal);
  const healthy = voters(reached).filter(
    ({ status }) =>
      status.leaderId !== '0' && alarms.get(status.memberId)?.includes('CORRUPT') !== true,
  );
  const source = healthy.find(({ status }) => status.leaderId !== status.memberId) ?? healthy[0];
  if (source !== undefined) return source;
  const message =
    `taking a snapshot: no etcd member is healthy` +
    ` (${reached.length} answer, ${unreachable.length} do not)`;
  throw new PortError('unreachable', message);
}

interface Taking {
  readonly source: Reached;
  readonly etcdutl: string;
  readonly file: string;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

async function takeSnapshot(taking: Taking): Promise<EtcdSnapshotFacts> {
  const { source, file } = taking;
  const part = `${file}.part`;
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const facts = await tryOnce(taking, part);
    if (facts === undefined) continue;
    await publishSnapshot(part, file);
    return facts;
  }
  const message =
    `taking a snapshot of etcd ${source.name}:` +
    ` it was compacted during each of ${attemptsMax} attempts`;
  throw new PortError('unexpected', message);
}

/** Undefined when a compaction came in between: the hash would not be that of the file (D2). */
async function tryOnce(taking: Taking, part: string): Promise<EtcdSnapshotFacts | undefined> {
  const { source, etcdutl, onBytes, signal } = taking;
  const { client, status } = source;
  await client.catchUp(signal);
  const before = await client.hashKv(0, signal);
  const saved = await saveSnapshot(client.snapshot(signal), part, onBytes);
  const revision = await revisionInSnapshot(part, etcdutl, signal);
  try {
    const after = await client.hashKv(revision, signal);
    if (after.compactRevision !== before.compactRevision) return undefined;
    return {
      clusterId: BigInt(status.clusterId).toString(16),
      member: source.name,
      etcdVersion: status.version,
      ...saved,
      revision,
      hashKv: after.hash,
    };
  } catch (error) {
    if (error instanceof PortError && error.code === 'conflict') return undefined;
    throw error;
  }
}
