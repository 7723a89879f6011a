// Holds a record against one that was made anew of what the upgrade tells now. A chain alone cannot
// show that somebody made all of it anew (H2 of chain.ts); this can, as long as Temporal knows the
// upgrade.
// C1. What the workflow itself keeps (trail, hops, result, the last plan) must be the same.
// C2. What only histories tell is compared while Temporal has them; afterwards it is told that it
//     was not.
// C3. A record of an upgrade that was not finished may lack what came later, and nothing else.

import { canonicalJson } from '../plan/canonical-json';
import type { ChangeRecord, RecordEntry, RecordKind } from './record';
import { dataOf, upgradeOf } from './record';

export type RecordDifference =
  | { readonly code: 'other-upgrade'; readonly told: string; readonly actual: string }
  /** The record has it, the upgrade does not tell it so. `entry` is its place in the record. */
  | { readonly code: 'told-otherwise'; readonly kind: RecordKind; readonly entry: number }
  /** The upgrade tells it, the record does not have it. `seq` is its place in the new one. */
  | { readonly code: 'left-out'; readonly kind: RecordKind; readonly seq: number };

export type RecordComparison =
  /** `later`: lines of the trail that came after the record was made. */
  | {
      readonly kind: 'same';
      readonly later: number;
      /** Kinds that nobody tells any more (C2). */
      readonly notCompared: readonly RecordKind[];
    }
  | { readonly kind: 'differs'; readonly difference: RecordDifference };

/** `record`: one that was checked by itself; `told`: made of what the upgrade tells now. */
export function compareRecords(record: ChangeRecord, told: ChangeRecord): RecordComparison {
  if (record.head === told.head) return { kind: 'same', later: 0, notCompared: [] };
  const mine = upgradeOf(record.entries);
  const { upgrade: actual } = upgradeOf(told.entries);
  if (mine.upgrade !== actual) {
    const difference = { code: 'other-upgrade', told: mine.upgrade, actual } as const;
    return { kind: 'differs', difference };
  }
  const pair: Pair = { record, told, isFinished: mine.state !== 'running' };
  const compared = hasHistories(told) ? historyKinds : [];
  const difference =
    trailDifference(pair) ??
    keptDifference(pair) ??
    compared.flatMap((kind) => setDifference(pair, kind)).at(0);
  if (difference !== undefined) return { kind: 'differs', difference };
  const later = trailOf(told, pair).length - trailOf(record, pair).length;
  return {
    kind: 'same',
    later,
    notCompared: historyKinds.filter((one) => !compared.includes(one)),
  };
}

interface Pair {
  readonly record: ChangeRecord;
  readonly told: ChangeRecord;
  readonly isFinished: boolean;
}

const historyKinds: readonly RecordKind[] = ['request', 'step', 'look'];

function hasHistories({ entries }: ChangeRecord): boolean {
  const gone = new Set(['history-gone', 'histories-unread']);
  return !dataOf(entries, 'missing').some(({ code }) => gone.has(code));
}

/** Both from where both are whole: lines before that are nobody's fault. */
function trailOf({ entries }: ChangeRecord, { record, told }: Pair): readonly RecordEntry[] {
  const losses = [...dataOf(record.entries, 'missing'), ...dataOf(told.entries, 'missing')];
  const fromMs = losses.reduce((latest, part) => {
    if (part.code === 'trail-beginning') return Math.max(latest, part.sinceMs);
    return part.code === 'trail-gap' ? Math.max(latest, part.beforeMs) : latest;
  }, -Infinity);
  return entries.filter((entry) => entry.kind === 'event' && entry.data.atMs > fromMs);
}

function trailDifference(pair: Pair): RecordDifference | undefined {
  const mine = trailOf(pair.record, pair);
  const theirs = trailOf(pair.told, pair);
  const other = mine.find((entry, index) => textOf(entry) !== textOf(theirs[index]));
  if (other !== undefined) return { code: 'told-otherwise', kind: 'event', entry: other.seq };
  const next = theirs[mine.length];
  if (!pair.isFinished || next === undefined) return undefined;
  return { code: 'left-out', kind: 'event', seq: next.seq };
}

/** C1. What a hop has come to changes when it is rolled back, so only at the end it is final. */
function keptDifference(pair: Pair): RecordDifference | undefined {
  if (!pair.isFinished) return undefined;
  const [difference] = (['hop', 'result'] as const).flatMap((kind) => setDifference(pair, kind));
  return difference ?? planDifference(pair);
}

function planDifference({ record, told }: Pair): RecordDifference | undefined {
  const mine = ofKind(record, 'plan').at(-1);
  const theirs = ofKind(told, 'plan').at(-1);
  if (mine !== undefined && textOf(mine) === textOf(theirs)) return undefined;
  if (mine !== undefined) return { code: 'told-otherwise', kind: 'plan', entry: mine.seq };
  return theirs === undefined ? undefined : { code: 'left-out', kind: 'plan', seq: theirs.seq };
}

function setDifference(
  { record, told, isFinished }: Pair,
  kind: RecordKind,
): readonly RecordDifference[] {
  const mine = ofKind(record, kind);
  const theirs = ofKind(told, kind);
  const known = new Set(theirs.map(textOf));
  const other = mine.find((entry) => !known.has(textOf(entry)));
  if (other !== undefined) return [{ code: 'told-otherwise', kind, entry: other.seq }];
  const had = new Set(mine.map(textOf));
  const left = isFinished ? theirs.find((entry) => !had.has(textOf(entry))) : undefined;
  return left === undefined ? [] : [{ code: 'left-out', kind, seq: left.seq }];
}

function ofKind({ entries }: ChangeRecord, kind: RecordKind): readonly RecordEntry[] {
  return entries.filter((entry) => entry.kind === kind);
}

/** Of its content alone: its place in the chain is another in each record. */
function textOf(entry: RecordEntry | undefined): string | undefined {
  return entry === undefined ? undefined : canonicalJson(entry.data);
}

/** What the comparison has found, for people. */
export function recordDifferenceSentence(difference: RecordDifference): string {
  switch (difference.code) {
    case 'other-upgrade':
      return (
        `the record is of the upgrade with run ${difference.told},` +
        ` and the one that Temporal tells of has ${difference.actual}`
      );
    case 'told-otherwise':
      return `entry ${difference.entry} (${difference.kind}) is not what the upgrade tells`;
    case 'left-out':
      return (
        `the record leaves out what the upgrade tells: entry ${difference.seq}` +
        ` (${difference.kind}) of a record that is made now`
      );
  }
}
