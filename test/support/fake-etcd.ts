// etcd, the snapshot verifier and the snapshot store in memory.

import type { EtcdApi, PortError } from '../../activities/ports';
import type {
  EtcdSnapshotFacts,
  KeyComparison,
  PlainSnapshot,
  RestoreNeed,
  ServeOrder,
  SnapshotComparer,
  SnapshotContent,
  SnapshotDraft,
  SnapshotStore,
  SnapshotVerifier,
  StoreRoom,
  TakenSnapshot,
} from '../../activities/snapshot-ports';
import type { SnapshotRecord } from '../../domain/activity-contract';
import type { SnapshotSeal } from '../../domain/snapshots/order';
import type { SnapshotId } from '../../domain/names';
import type { EtcdObservation } from '../../domain/observation';
import type { ReportLimits } from '../../domain/rollback/report-limits';
import type { KubeMinor, KubeVersion } from '../../domain/versions';

type Observed = Extract<EtcdObservation, { readonly kind: 'observed' }>;
type Member = Observed['members'][number];

export class FakeEtcd implements EtcdApi, SnapshotVerifier, SnapshotComparer {
  /** What a comparison with a snapshot tells, and with which limits it was asked. */
  comparison: Omit<KeyComparison, 'tally'> = { groups: [], comparedKeys: 321 };
  tally: KeyComparison['tally'] = {
    workloads: { totals: [], differing: [], more: 0 },
    anchors: [],
  };
  readonly compared: { readonly file: string; readonly limits: ReportLimits }[] = [];
  observation: EtcdObservation = {
    kind: 'observed',
    memberCount: 3,
    members: ['cp-1', 'cp-2', 'cp-3'].map((name, index) => etcdMember(name, index === 0)),
    unreachable: [],
    hashesAgree: true,
  };
  facts: EtcdSnapshotFacts = {
    clusterId: 'c1a5',
    member: 'cp-2',
    etcdVersion: '3.5.21',
    sha256: 'abc',
    sizeBytes: 4_096,
    revision: 100,
    hashKv: '42',
  };
  scratch: Awaited<ReturnType<SnapshotVerifier['verify']>> = {
    hashKv: '42',
    keys: 321,
    seconds: 1.5,
  };
  minors: readonly KubeMinor[] = ['1.28' as KubeMinor];
  /** What API servers were asked to read. */
  readonly serveOrders: (ServeOrder | undefined)[] = [];
  /** Files that were written, in order. */
  readonly snapshots: string[] = [];
  /** Thrown by the next snapshot. */
  snapshotFailure: Error | undefined;
  /** Undefined: it does not tell. */
  toolVersion: KubeVersion | undefined;
  /** Thrown by the next verification. */
  verifyFailure: Error | undefined;

  async observe(signal: AbortSignal): Promise<EtcdObservation> {
    signal.throwIfAborted();
    return this.observation;
  }

  async databaseBytes(signal: AbortSignal): Promise<number> {
    signal.throwIfAborted();
    return this.facts.sizeBytes;
  }

  /** `cp-1 to cp-2`. */
  readonly moves: string[] = [];

  async moveLeader(from: string, to: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.moves.push(`${from} to ${to}`);
    this.changeMembers((member) => ({ isLeader: member.name === to }));
  }

  /** Of those that answer. */
  changeMembers(change: (member: Member) => Partial<Member>): void {
    if (this.observation.kind === 'unobserved') return;
    const members = this.observation.members.map((member) => ({ ...member, ...change(member) }));
    this.observation = { ...this.observation, members };
  }

  async snapshot(
    file: string,
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<EtcdSnapshotFacts> {
    signal.throwIfAborted();
    const failure = this.snapshotFailure;
    this.snapshotFailure = undefined;
    if (failure !== undefined) throw failure;
    onBytes(this.facts.sizeBytes);
    this.snapshots.push(file);
    return this.facts;
  }

  async compare(
    file: string,
    limits: ReportLimits,
    onKeys: (keys: number) => void,
    signal: AbortSignal,
  ): Promise<KeyComparison> {
    signal.throwIfAborted();
    this.compared.push({ file, limits });
    onKeys(this.comparison.comparedKeys);
    return { ...this.comparison, tally: this.tally };
  }

  etcdVersion(): Promise<KubeVersion | undefined> {
    return Promise.resolve(this.toolVersion);
  }

  async verify(
    _file: string,
    _atRevision: number,
    signal: AbortSignal,
    order?: ServeOrder,
  ): ReturnType<SnapshotVerifier['verify']> {
    signal.throwIfAborted();
    this.serveOrders.push(order);
    const failure = this.verifyFailure;
    this.verifyFailure = undefined;
    if (failure !== undefined) throw failure;
    return this.scratch;
  }
}

function etcdMember(name: string, isLeader: boolean): Observed['members'][number] {
  return {
    name,
    endpoint: `https://${name}:2379`,
    version: '3.5.21',
    isLeader,
    isLearner: false,
    alarms: [],
    dbSizeBytes: 4_096,
    dbSizeInUseBytes: 2_048,
    quotaBytes: 0,
    raftIndex: 10,
    raftAppliedIndex: 10,
  };
}

export class FakeSnapshotStore implements SnapshotStore {
  readonly location = '/snapshots';
  readonly records = new Map<string, SnapshotRecord>();
  keep: number | undefined;
  freeBytes = 1_000_000;
  scratch: StoreRoom['scratch'];
  removeFailure: PortError | undefined;
  probeFailure: PortError | undefined;
  fetchFailure: PortError | undefined;
  keysFailure: PortError | undefined;
  listFailure: PortError | undefined;
  keysAtHand: readonly string[] = [];
  /** How it seals: in the clear, or with a key. */
  seal: { readonly sealed?: SnapshotSeal } = {};
  /** By the id: what can be continued. */
  readonly interrupted = new Map<
    string,
    { readonly draft: SnapshotDraft; readonly taken: TakenSnapshot }
  >();
  /** Copies of needs, as if they were in the store, for every snapshot. */
  copies: readonly RestoreNeed[] | undefined;
  /** Put, and neither committed nor discarded. */
  readonly drafts = new Set<string>();
  /** Files in the clear that were handed out and not released yet. */
  readonly held = new Set<string>();

  async probe(signal: AbortSignal): Promise<StoreRoom> {
    signal.throwIfAborted();
    if (this.probeFailure !== undefined) throw this.probeFailure;
    const { scratch } = this;
    return { freeBytes: this.freeBytes, ...(scratch === undefined ? {} : { scratch }) };
  }

  async find(id: SnapshotId): Promise<SnapshotRecord | undefined> {
    return this.records.get(id);
  }

  async list(): Promise<readonly SnapshotRecord[]> {
    if (this.listFailure !== undefined) throw this.listFailure;
    return [...this.records.values()];
  }

  async keys(): Promise<readonly string[]> {
    if (this.keysFailure !== undefined) throw this.keysFailure;
    return this.keysAtHand;
  }

  async stage(id: SnapshotId): Promise<PlainSnapshot> {
    return this.#hold(`${this.location}/${id}.staged`);
  }

  async put(
    { id, needs }: Parameters<SnapshotStore['put']>[0],
    signal: AbortSignal,
  ): Promise<SnapshotDraft> {
    signal.throwIfAborted();
    this.drafts.add(id);
    const told = needs?.map(({ content, ...need }) => ({
      ...need,
      fingerprint: `of ${content.toString()}`,
    }));
    const draft = { id, handle: `${id}.draft`, sizeBytes: 5_000, ...this.seal };
    return told === undefined ? draft : { ...draft, needs: told, needsCopied: true };
  }

  async resume(
    { id }: Parameters<SnapshotStore['resume']>[0],
    signal: AbortSignal,
  ): ReturnType<SnapshotStore['resume']> {
    signal.throwIfAborted();
    const resumed = this.interrupted.get(id);
    if (resumed !== undefined) this.drafts.add(id);
    return resumed;
  }

  async open(
    draft: SnapshotDraft,
    _content: SnapshotContent,
    signal: AbortSignal,
  ): Promise<PlainSnapshot> {
    signal.throwIfAborted();
    if (this.fetchFailure !== undefined) throw this.fetchFailure;
    return this.#hold(`${this.location}/${draft.handle}`);
  }

  async commit(
    draft: SnapshotDraft,
    record: Omit<SnapshotRecord, 'location'>,
  ): Promise<SnapshotRecord> {
    this.drafts.delete(draft.id);
    const existing = this.records.get(record.id);
    if (existing !== undefined) return existing;
    const location = `${this.location}/${record.id}`;
    const { needs, needsCopied } = draft;
    const committed = {
      ...record,
      ...this.seal,
      ...(needs === undefined ? {} : { needs }),
      ...(needsCopied === undefined ? {} : { needsCopied }),
      location,
    };
    this.records.set(record.id, committed);
    return committed;
  }

  async discard(draft: SnapshotDraft): Promise<void> {
    this.drafts.delete(draft.id);
  }

  async remove(id: SnapshotId): Promise<void> {
    if (this.removeFailure !== undefined) throw this.removeFailure;
    this.records.delete(id);
  }

  async fetch(record: SnapshotRecord, signal: AbortSignal): Promise<PlainSnapshot> {
    signal.throwIfAborted();
    if (this.fetchFailure !== undefined) throw this.fetchFailure;
    return this.#hold(record.location);
  }

  async needs(
    _of: SnapshotDraft | SnapshotRecord,
    signal: AbortSignal,
  ): Promise<readonly RestoreNeed[] | undefined> {
    signal.throwIfAborted();
    if (this.fetchFailure !== undefined) throw this.fetchFailure;
    return this.copies;
  }

  #hold(file: string): PlainSnapshot {
    this.held.add(file);
    return {
      file,
      release: async () => {
        this.held.delete(file);
      },
    };
  }
}
