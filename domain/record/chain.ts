// Chains the entries of a record by their hashes, and finds the first that does not fit.
// H1. The hash of an entry covers its place, its kind, its data and the hash before it.
// H2. A chain proves that a file is as it was made. It does not prove who made it: whoever makes
//     all hashes anew makes a chain that fits. What such a chain cannot have is the head of the
//     record that the workflow tells of (compare-records.ts).

import { canonicalJson } from '../plan/canonical-json';
import { planDigestOf, sha256Hex } from '../plan/digest';
import type { Plan } from '../plan/plan';
import type { Words } from '../words';
import { say } from '../words';
import type { ChangeRecord, Link, RecordBody, RecordEntry } from './record';
import { changeRecordSchema } from './record';

/** What the first entry has for the hash before it. */
const nothingBefore = '0'.repeat(64);

/** An entry as a file has it: nobody has looked at its data. */
export interface AnyEntry extends Link {
  readonly kind: string;
  readonly data: unknown;
}

export interface AnyRecord {
  readonly head: string;
  readonly entries: readonly AnyEntry[];
}

/** `entry` counts from 0, by where it stands in the file. */
export type RecordProblem =
  /** Its content is not what its hash is of. */
  | { readonly code: 'entry-changed'; readonly entry: number; readonly kind: string }
  /** Changed, and its hash made anew: the next one is linked to what was there before. */
  | { readonly code: 'entry-rewritten'; readonly entry: number; readonly kind: string }
  | { readonly code: 'entries-removed'; readonly entry: number; readonly count: number }
  | { readonly code: 'entries-reordered'; readonly entry: number; readonly belongs: number }
  | { readonly code: 'entry-inserted'; readonly entry: number; readonly kind: string }
  /** Behind the end. */
  | { readonly code: 'entry-appended'; readonly entry: number; readonly kind: string }
  /** `entry`: the first that is not there. */
  | { readonly code: 'record-truncated'; readonly entry: number }
  | { readonly code: 'head-differs'; readonly told: string; readonly actual: string }
  | { readonly code: 'beginning-missing'; readonly entry: 0 }
  | {
      readonly code: 'plan-differs';
      readonly entry: number;
      readonly told: string;
      readonly actual: string;
    }
  /** The end tells of another number of entries of this kind. */
  | {
      readonly code: 'count-differs';
      readonly kind: string;
      readonly told: number;
      readonly actual: number;
    };

/** Adds the end, then links all of them. */
export function sealRecord(bodies: readonly RecordBody[], isFinished: boolean): ChangeRecord {
  const end = { kind: 'end', data: { isFinished, counts: countsOf(bodies) } } as const;
  const entries: RecordEntry[] = [];
  let previous = nothingBefore;
  for (const [seq, body] of [...bodies, end].entries()) {
    const hash = hashOf({ ...body, seq, previous });
    entries.push({ ...body, seq, previous, hash });
    previous = hash;
  }
  return { schema: changeRecordSchema, head: previous, entries };
}

/** H1. Throws a TypeError for data that JSON cannot say. */
function hashOf({ seq, kind, data, previous }: Omit<AnyEntry, 'hash'>): string {
  return sha256Hex(canonicalJson({ schema: changeRecordSchema, seq, kind, data, previous }));
}

function countsOf(bodies: readonly { readonly kind: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of bodies) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** The first thing that does not fit; undefined: the record is as it was made (H2). */
export function recordProblem(record: AnyRecord): RecordProblem | undefined {
  const { entries, head } = record;
  if (entries.length === 0) return { code: 'record-truncated', entry: 0 };
  for (const index of entries.keys()) {
    const problem = entryProblem(entries, index);
    if (problem !== undefined) return problem;
  }
  const last = entries.at(-1) as AnyEntry;
  if (last.kind !== 'end') return { code: 'record-truncated', entry: entries.length };
  if (entries[0]?.kind !== 'upgrade') return { code: 'beginning-missing', entry: 0 };
  if (last.hash !== head) return { code: 'head-differs', told: head, actual: last.hash };
  return planProblem(entries) ?? countProblem(entries, last);
}

function entryProblem(entries: readonly AnyEntry[], index: number): RecordProblem | undefined {
  const entry = entries[index] as AnyEntry;
  const { kind } = entry;
  const before = entries[index - 1];
  if (before?.kind === 'end') return { code: 'entry-appended', entry: index, kind };
  if (hashOf(entry) !== entry.hash) return { code: 'entry-changed', entry: index, kind };
  const { seq, previous } = entry;
  if (seq !== index) return placeProblem(entries, index);
  if (previous === (before?.hash ?? nothingBefore)) return undefined;
  // Its own link is as it was made: what it is linked to is not.
  if (before === undefined) return { code: 'entry-rewritten', entry: index, kind };
  return { code: 'entry-rewritten', entry: index - 1, kind: before.kind };
}

/** The entry fits by itself, and belongs elsewhere. */
function placeProblem(entries: readonly AnyEntry[], index: number): RecordProblem {
  const { seq, hash } = entries[index] as AnyEntry;
  const others = entries.filter((_, other) => other !== index);
  if (others.some((other) => other.seq === seq)) {
    // Two say that they belong here; the one that the next is linked to does.
    const isGenuine = entries[index + 1]?.previous === hash && index > 0;
    const foreign = isGenuine ? index - 1 : index;
    const { kind } = entries[foreign] as AnyEntry;
    return { code: 'entry-inserted', entry: foreign, kind };
  }
  // Every place before this one has its own entry, so this one belongs behind it.
  const isElsewhere = others.some((other) => other.seq === index);
  if (isElsewhere) return { code: 'entries-reordered', entry: index, belongs: seq };
  return { code: 'entries-removed', entry: index, count: seq - index };
}

/** A chain that fits may hold a plan that its own digest does not cover. */
function planProblem(entries: readonly AnyEntry[]): RecordProblem | undefined {
  for (const [entry, { kind, data }] of entries.entries()) {
    if (kind !== 'plan') continue;
    const plan = data as Plan;
    const actual = planDigestOf(plan);
    if (actual !== plan.digest) {
      return { code: 'plan-differs', entry, told: String(plan.digest), actual };
    }
  }
  return undefined;
}

function countProblem(entries: readonly AnyEntry[], end: AnyEntry): RecordProblem | undefined {
  const told = (end.data as { readonly counts?: Readonly<Record<string, number>> }).counts;
  const counts = Object(told) as Readonly<Record<string, number>>;
  const actual = countsOf(entries.slice(0, -1));
  const kinds = [...new Set([...Object.keys(counts), ...Object.keys(actual)])].toSorted();
  const kind = kinds.find((one) => counts[one] !== actual[one]);
  if (kind === undefined) return undefined;
  return { code: 'count-differs', kind, told: counts[kind] ?? 0, actual: actual[kind] ?? 0 };
}

const problemWords: Words<RecordProblem> = {
  'entry-changed': ({ entry, kind }) =>
    `entry ${entry} (${kind}) was changed: its content is not what its hash is of`,
  'entry-rewritten': ({ entry, kind }) =>
    `entry ${entry} (${kind}) was changed and its hash made anew:` +
    ' the entry after it is linked to another one',
  'entries-removed': ({ entry, count }) =>
    `${count === 1 ? 'an entry was' : `${count} entries were`} removed:` +
    ` entry ${entry} is not there${count === 1 ? '' : `, nor those up to ${entry + count - 1}`}`,
  'entries-reordered': ({ entry, belongs }) =>
    `entries were put in another order: where entry ${entry} belongs stands entry ${belongs}`,
  'entry-inserted': ({ entry, kind }) =>
    `an entry was put in: entry ${entry} (${kind}) is in the place of another`,
  'entry-appended': ({ entry, kind }) =>
    `an entry was put behind the end: entry ${entry} (${kind}) is not of this record`,
  'record-truncated': ({ entry }) =>
    `the record was cut off: from entry ${entry} on nothing is there, and the end is missing`,
  'head-differs': ({ told, actual }) =>
    `the head hash was changed: the record says ${told}, its last entry has ${actual}`,
  'beginning-missing': () => 'the record does not begin with the upgrade that it is of',
  'plan-differs': ({ entry, told, actual }) =>
    `entry ${entry} has another plan than its digest is of: ${actual}, not ${told}`,
  'count-differs': ({ kind, told, actual }) =>
    `the end tells of ${told} entries of kind ${kind}, and there are ${actual}`,
};

/** What does not fit, with the entry. */
export function recordProblemSentence(problem: RecordProblem): string {
  return say(problemWords, problem);
}
