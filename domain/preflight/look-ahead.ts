// A look at the hop to come of an open upgrade, taken again and again: what came of it is how it
// differs from the one before.
// L1. A look hands what it has seen to the next one, as keys and digests: nothing else remembers.
// L2. Bounded, as that goes through Temporal with each look (2 MB a payload): maxRemembered
//     findings of about 250 bytes are handed on, maxTold are told in full, and maxTold keys of
//     what is gone. What is more is counted.
// L3. The first look has nothing to compare with, and tells all.
// L4. What could not look, or had nothing to look at, hands on what it was given; only the end of
//     the upgrade is forgotten with it.

import type { Acknowledgement } from '../findings/acknowledgement';
import type { FailureInfo } from '../failures';
import type { FindingKey, HopId } from '../names';
import type { Hop } from '../plan/plan';
import type { Finding } from './findings';
import { isAnsweredFor, isBlocking, judged } from './judgement';
import { type SeenBefore, type SeenFinding, seenFindings } from './seen';

/** L2. */
export const maxRemembered = 1_000;
export const maxTold = 100;

/** L1. */
export interface LookMemory extends SeenBefore {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly hop: HopId;
}

/** How many findings the look found, and how many of them are news. */
export interface LookCounts {
  /** That nobody answers for. */
  readonly blocks: number;
  /** That would block, and somebody answers for. */
  readonly answered: number;
  readonly warns: number;
  readonly notes: number;
  readonly new: number;
  readonly changed: number;
  readonly gone: number;
}

export interface LookedAhead {
  readonly kind: 'looked';
  readonly atMs: number;
  readonly hop: Pick<Hop, 'id' | 'from' | 'to'>;
  /** The look that it is compared with; absent: it is the first one (L3). */
  readonly since?: Pick<LookMemory, 'atMs' | 'hop'>;
  readonly counts: LookCounts;
  /** New or changed, the worst first; of the first look all. */
  readonly findings: readonly SeenFinding[];
  readonly gone: readonly FindingKey[];
  /** How many of these two are not told (L2). */
  readonly leftOut: number;
  readonly memory: LookMemory;
}

/** Why nothing is looked at. */
export type NoHopToCome =
  | { readonly code: 'no-upgrade-open' }
  | { readonly code: 'plan-missing' }
  | { readonly code: 'rolling-back' }
  | { readonly code: 'hop-under-way'; readonly hop: HopId; readonly step: string }
  /** No hop comes after the one that soaks, or all are done. */
  | { readonly code: 'no-hop-left' };

export interface NotLookedAhead {
  readonly kind: 'nothing-to-look-at';
  readonly atMs: number;
  readonly why: NoHopToCome;
  readonly memory?: LookMemory;
}

/** What came of one look. */
export type LookAheadEnd =
  | LookedAhead
  | NotLookedAhead
  | { readonly kind: 'failed'; readonly failure: FailureInfo; readonly memory?: LookMemory };

/** For people, to whom what is handed on is of no use. */
export type ToldLook =
  | Omit<LookedAhead, 'memory'>
  | Omit<NotLookedAhead, 'memory'>
  | { readonly kind: 'failed'; readonly failure: FailureInfo };

export function toldOf({ memory: _memory, ...end }: LookAheadEnd): ToldLook {
  return end;
}

export interface LookFacts {
  readonly hop: Hop;
  /** The worst first, as a report has them. */
  readonly findings: readonly Finding[];
  readonly acknowledgements?: readonly Acknowledgement[] | undefined;
  readonly nowMs: number;
  readonly before?: LookMemory | undefined;
}

export function lookedAhead(facts: LookFacts): LookedAhead {
  const { hop, nowMs, before } = facts;
  const found = judged(facts.findings, facts.acknowledgements ?? [], nowMs);
  const seen = seenFindings(found, nowMs, before, maxRemembered);
  const isNews = ({ change }: SeenFinding) => before === undefined || change !== undefined;
  const news = seen.findings.filter(isNews);
  const untold = before === undefined ? seen.more : 0;
  return {
    kind: 'looked',
    atMs: nowMs,
    hop: { id: hop.id, from: hop.from, to: hop.to },
    ...(before === undefined ? {} : { since: { atMs: before.atMs, hop: before.hop } }),
    counts: { ...severities(found), ...changes(news), gone: seen.gone.length },
    findings: news.slice(0, maxTold),
    gone: seen.gone.slice(0, maxTold),
    leftOut: untold + beyond(news) + beyond(seen.gone),
    memory: {
      atMs: nowMs,
      hop: hop.id,
      findings: seen.findings.map(({ key, digest, firstSeenMs }) => ({ key, digest, firstSeenMs })),
      more: seen.more,
    },
  };
}

/** L4. */
export function notLookedAhead(
  why: NoHopToCome,
  nowMs: number,
  before: LookMemory | undefined,
): NotLookedAhead {
  const isOver = before === undefined || why.code === 'no-upgrade-open';
  const memory = isOver ? {} : { memory: before };
  return { kind: 'nothing-to-look-at', atMs: nowMs, why, ...memory };
}

function beyond(list: readonly unknown[]): number {
  return Math.max(0, list.length - maxTold);
}

function severities(found: readonly Finding[]) {
  const of = (isOne: (finding: Finding) => boolean): number => found.filter(isOne).length;
  return {
    blocks: of(isBlocking),
    answered: of(isAnsweredFor),
    warns: of(({ severity }) => severity === 'warns'),
    notes: of(({ severity }) => severity === 'notes'),
  };
}

function changes(news: readonly SeenFinding[]) {
  const of = (wanted: SeenFinding['change']): number =>
    news.filter(({ change }) => change === wanted).length;
  return { new: of('new'), changed: of('changed') };
}
