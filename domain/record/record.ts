// The change record of one upgrade: what was planned, asked, decided, done and found, as a list of
// entries in which each holds the hash of the one before it (chain.ts).
// E1. Everything that a record tells is in an entry: what is drawn of it is worked out from them.
// E2. An entry is what somebody else told (the workflows, their histories), not what was made of
//     it.
// E3. What is not known any more is an entry too (`missing`), with the reason.

import type { ClusterName, GateId, HopId, NodeName, PlanDigest } from '../names';
import type { Plan } from '../plan/plan';
import type { Finding } from '../preflight/findings';
import type { AuditEntry } from '../status/control';
import type { HopOutcome, MemberOutcome, NodeOutcome, UpgradeResult } from '../status/progress';
import type { KubeVersion } from '../versions';

export const changeRecordSchema = 'ascent.change-record/v1';

/** How an upgrade stands, or ended; the last four: how Temporal closed it, no result was told. */
export type RecordedState =
  | 'running'
  | UpgradeResult['outcome']
  | 'failed'
  | 'terminated'
  | 'timed-out'
  | 'unknown';

/** The first entry: which upgrade this is a record of. */
export interface RecordedUpgrade {
  readonly cluster: ClusterName;
  /** First run id of its workflow: no other upgrade has it. */
  readonly upgrade: string;
  readonly startedAtMs: number;
  readonly state: RecordedState;
  /** Absent where no plan was made. */
  readonly from?: KubeVersion;
  readonly to?: KubeVersion;
}

/** What somebody asked of the upgrade, as it arrived; `requestId` leads to its line. */
export interface RecordedRequest {
  readonly requestId: string;
  readonly command: string;
  readonly actor: string;
  readonly reason: string;
  readonly gate?: GateId;
  readonly planDigest?: PlanDigest;
  readonly hop?: HopId;
  readonly node?: NodeName;
  /** Key of the finding that somebody answers for. */
  readonly finding?: string;
  /** Digest of the report by which a rollback was confirmed. */
  readonly report?: string;
}

/** When a step of a hop, or of its rollback, began. */
export interface StepMark {
  readonly hop: HopId;
  readonly label: string;
  readonly atMs: number;
}

/** What a check found at one time: a preflight, or the step at whose gate it was told. */
export interface FindingsLook {
  readonly hop: HopId;
  readonly step: string;
  readonly atMs: number;
  readonly findings: readonly Finding[];
}

export interface StepTime {
  readonly label: string;
  readonly seconds: number;
}

/**
 * What came of a hop. Its steps are a list here: the order of members of an object is nothing that
 * a hash covers.
 */
export interface RecordedHop extends Omit<HopOutcome, 'stepSeconds'> {
  readonly steps: readonly StepTime[];
}

/** Of an upgrade that runs: where it stood when the record was made. */
export interface RecordedNow {
  readonly asOfMs: number;
  readonly sentence: string;
  /** What of the hop that runs is done. */
  readonly hop?: {
    readonly id: HopId;
    readonly step: string;
    readonly stepSinceMs: number;
    readonly steps: readonly StepTime[];
    readonly members: readonly MemberOutcome[];
    /** Of the pool that runs; those of pools before it are told when the hop ends. */
    readonly nodes: readonly NodeOutcome[];
  };
}

type ResultOf<Result> = Result extends UpgradeResult ? Omit<Result, 'hops'> : never;
/** Without its hops: each has an entry of its own. */
export type RecordedResult = ResultOf<UpgradeResult>;

/** Why a record does not tell everything (E3). */
export type MissingPart =
  /** The trail keeps so many lines: those before `sinceMs` are gone. */
  | { readonly code: 'trail-beginning'; readonly sinceMs: number }
  | { readonly code: 'trail-gap'; readonly afterMs: number; readonly beforeMs: number }
  /** Temporal has removed the history of a run, or never told it. */
  | { readonly code: 'history-gone'; readonly workflowId: string; readonly runId: string }
  /** More runs than a record reads. */
  | { readonly code: 'histories-unread'; readonly count: number }
  /** The trail tells of plans that no history has kept. */
  | { readonly code: 'plans-gone'; readonly count: number }
  | { readonly code: 'steps-untimed'; readonly hop: HopId }
  | { readonly code: 'findings-unknown'; readonly hop: HopId };

/** The last entry: how many there are of each kind, itself left out. */
export interface RecordEnd {
  readonly isFinished: boolean;
  readonly counts: Readonly<Record<string, number>>;
}

export type RecordBody =
  | { readonly kind: 'upgrade'; readonly data: RecordedUpgrade }
  | { readonly kind: 'event'; readonly data: AuditEntry }
  | { readonly kind: 'request'; readonly data: RecordedRequest }
  | { readonly kind: 'plan'; readonly data: Plan }
  | { readonly kind: 'step'; readonly data: StepMark }
  | { readonly kind: 'look'; readonly data: FindingsLook }
  | { readonly kind: 'hop'; readonly data: RecordedHop }
  | { readonly kind: 'now'; readonly data: RecordedNow }
  | { readonly kind: 'result'; readonly data: RecordedResult }
  | { readonly kind: 'missing'; readonly data: MissingPart }
  | { readonly kind: 'end'; readonly data: RecordEnd };

export type RecordKind = RecordBody['kind'];

export type DataOf<Kind extends RecordKind> = Extract<RecordBody, { readonly kind: Kind }>['data'];

/** What chains an entry to the one before it (chain.ts). */
export interface Link {
  /** Counts from 0. */
  readonly seq: number;
  /** Hash of the entry before; 64 zeros for the first. */
  readonly previous: string;
  /** Hex SHA-256 over the canonical JSON of schema, seq, kind, data and previous. */
  readonly hash: string;
}

export type RecordEntry = RecordBody & Link;

export interface ChangeRecord {
  readonly schema: typeof changeRecordSchema;
  /** Hash of the last entry: it stands for the whole record. */
  readonly head: string;
  readonly entries: readonly RecordEntry[];
}

/** Of which upgrade it is. Throws a TypeError for what does not begin as a record does. */
export function upgradeOf([first]: readonly RecordBody[]): RecordedUpgrade {
  if (first?.kind === 'upgrade') return first.data;
  throw new TypeError('a record begins with the upgrade that it is of');
}

/** All data of one kind, in their order. */
export function dataOf<Kind extends RecordKind>(
  bodies: readonly RecordBody[],
  kind: Kind,
): readonly DataOf<Kind>[] {
  // The compiler cannot see that a body of this kind has data of this kind.
  return bodies.flatMap((body) => (body.kind === kind ? [body.data as DataOf<Kind>] : []));
}
