import { canonicalJson } from '../../../domain/plan/canonical-json';
import { planDigestOf, sha256Hex } from '../../../domain/plan/digest';
import { buildRecord } from '../../../domain/record/build-record';
import type { AnyEntry, AnyRecord } from '../../../domain/record/chain';
import { recordProblem, recordProblemSentence, sealRecord } from '../../../domain/record/chain';
import type { ChangeRecord, RecordBody } from '../../../domain/record/record';
import { recordEvidence } from '../../support/record-evidence';

const record = buildRecord(recordEvidence);
const last = record.entries.length - 1;

/** As a file has it: nobody has looked at its data. */
function tampered(change: (entries: AnyEntry[]) => void, head = record.head): AnyRecord {
  const entries: AnyEntry[] = structuredClone([...record.entries]);
  change(entries);
  return { head, entries };
}

/** Made anew with all of its hashes, as somebody would who knows how. */
function rewritten(change: (bodies: RecordBody[]) => void): ChangeRecord {
  const bodies = record.entries
    .slice(0, -1)
    .map(({ kind, data }) => structuredClone({ kind, data }) as RecordBody);
  change(bodies);
  return sealRecord(bodies, true);
}

describe('the chain of a record', () => {
  it('fits as it was made', () => {
    expect(recordProblem(record)).toBeUndefined();
    expect(record.head).toBe(record.entries[last]?.hash);
    expect(record.head).toMatch(/^[0-9a-f]{64}$/);
  });

  it('is the same for the same evidence, and another for other evidence', () => {
    expect(buildRecord(recordEvidence).head).toBe(record.head);
    expect(buildRecord({ ...recordEvidence, upgrade: 'another' }).head).not.toBe(record.head);
  });

  it('links every entry to the one before it', () => {
    const { entries } = record;
    expect(entries.map(({ seq }) => seq)).toEqual([...entries.keys()]);
    expect(entries.slice(1).map(({ previous }) => previous)).toEqual(
      entries.slice(0, -1).map(({ hash }) => hash),
    );
    expect(entries[0]?.previous).toBe('0'.repeat(64));
  });
});

describe('what was done to a record is told by its kind', () => {
  const kindAt = (index: number) => record.entries[index]?.kind;
  const other = { ...record.entries[5], hash: 'f'.repeat(64) } as AnyEntry;

  it.each<[string, AnyRecord, unknown]>([
    [
      'a text that was changed',
      tampered((entries) => {
        entries[4] = { ...(entries[4] as AnyEntry), data: { text: 'nobody asked' } };
      }),
      { code: 'entry-changed', entry: 4, kind: 'event' },
    ],
    [
      'a hash that was changed',
      tampered((entries) => {
        entries[5] = other;
      }),
      { code: 'entry-changed', entry: 5, kind: 'event' },
    ],
    [
      'an entry that was changed with its hash',
      tampered((entries) => {
        const { seq } = entries[3] as AnyEntry;
        const forged = rewritten((bodies) => {
          bodies[seq] = { ...(bodies[seq] as RecordBody), data: { text: 'x' } } as never;
        });
        entries[3] = forged.entries[3] as AnyEntry;
      }),
      { code: 'entry-rewritten', entry: 3, kind: 'event' },
    ],
    [
      'an entry that was taken out',
      tampered((entries) => entries.splice(6, 1)),
      { code: 'entries-removed', entry: 6, count: 1 },
    ],
    [
      'three that were taken out',
      tampered((entries) => entries.splice(7, 3)),
      { code: 'entries-removed', entry: 7, count: 3 },
    ],
    [
      'the first that was taken out',
      tampered((entries) => entries.splice(0, 1)),
      { code: 'entries-removed', entry: 0, count: 1 },
    ],
    [
      'two that changed places',
      tampered((entries) => {
        const [a, b] = entries.slice(8, 10) as [AnyEntry, AnyEntry];
        entries.splice(8, 2, b, a);
      }),
      { code: 'entries-reordered', entry: 8, belongs: 9 },
    ],
    [
      'one that was moved to the front',
      tampered((entries) => entries.unshift(...entries.splice(9, 1))),
      { code: 'entries-reordered', entry: 0, belongs: 9 },
    ],
    [
      'one that stands there twice',
      tampered((entries) => entries.splice(6, 0, entries[5] as AnyEntry)),
      { code: 'entry-inserted', entry: 5, kind: kindAt(5) },
    ],
    [
      'a late one that was put to the front as well',
      tampered((entries) => entries.unshift(entries[9] as AnyEntry)),
      { code: 'entry-inserted', entry: 0, kind: kindAt(9) },
    ],
    [
      'the end that was put in before',
      tampered((entries) => entries.splice(4, 0, entries[last] as AnyEntry)),
      { code: 'entry-inserted', entry: 4, kind: 'end' },
    ],
    [
      'one that was put behind the end',
      tampered((entries) => entries.push(entries[2] as AnyEntry)),
      { code: 'entry-appended', entry: last + 1, kind: 'event' },
    ],
    [
      'a record without its end',
      tampered((entries) => entries.splice(10)),
      { code: 'record-truncated', entry: 10 },
    ],
    [
      'a record without anything',
      { head: record.head, entries: [] },
      {
        code: 'record-truncated',
        entry: 0,
      },
    ],
    [
      'another head',
      tampered(() => undefined, 'e'.repeat(64)),
      { code: 'head-differs', told: 'e'.repeat(64), actual: record.head },
    ],
  ])('%s', (_what, changed, problem) => {
    expect(recordProblem(changed)).toEqual(problem);
  });

  it('a first entry that is linked to something before it', () => {
    const { kind, data } = record.entries[0] as AnyEntry;
    const previous = 'a'.repeat(64);
    const schema = 'ascent.change-record/v1';
    const hash = sha256Hex(canonicalJson({ schema, seq: 0, kind, data, previous }));
    const entries = [{ seq: 0, kind, data, previous, hash }];
    expect(recordProblem({ head: hash, entries })).toEqual({
      code: 'entry-rewritten',
      entry: 0,
      kind: 'upgrade',
    });
  });
});

describe('a chain that somebody made anew', () => {
  it('is not seen by itself, which is why its head has to be compared', () => {
    const forged = rewritten((bodies) => bodies.splice(4, 1));
    expect(recordProblem(forged)).toBeUndefined();
    expect(forged.head).not.toBe(record.head);
  });

  it('must begin with the upgrade', () => {
    const forged = rewritten((bodies) => bodies.splice(0, 1));
    expect(recordProblem(forged)).toEqual({ code: 'beginning-missing', entry: 0 });
  });

  it('is seen where a plan is not the one of its digest', () => {
    const index = record.entries.findIndex(({ kind }) => kind === 'plan');
    const forged = rewritten((bodies) => {
      const body = bodies[index] as Extract<RecordBody, { kind: 'plan' }>;
      bodies[index] = { ...body, data: { ...body.data, hops: body.data.hops.slice(0, 1) } };
    });
    const { data } = forged.entries[index] as Extract<RecordBody, { kind: 'plan' }>;
    expect(recordProblem(forged)).toEqual({
      code: 'plan-differs',
      entry: index,
      told: data.digest,
      actual: planDigestOf(data),
    });
  });

  it.each([
    ['another number', { counts: { upgrade: 7 } }, { kind: 'upgrade', told: 7, actual: 1 }],
    ['none', { counts: {} }, { kind: 'upgrade', told: 0, actual: 1 }],
    ['nothing at all', {}, { kind: 'upgrade', told: 0, actual: 1 }],
    [
      'a kind that is not there',
      { counts: { event: 2, upgrade: 1 } },
      { kind: 'event', told: 2, actual: 0 },
    ],
  ])('is seen where the end tells of %s of a kind', (_what, data, difference) => {
    const sealed = sealRecord(
      [
        { kind: 'upgrade', data: {} as never },
        { kind: 'end', data: data as never },
      ],
      true,
    );
    const [first, end] = sealed.entries as [AnyEntry, AnyEntry];
    const forged = { head: end.hash, entries: [first, end] };
    expect(recordProblem(forged)).toEqual({ code: 'count-differs', ...difference });
  });
});

it('every problem has a sentence that names the entry', () => {
  const texts = [
    recordProblemSentence({ code: 'entry-changed', entry: 4, kind: 'event' }),
    recordProblemSentence({ code: 'entry-rewritten', entry: 3, kind: 'event' }),
    recordProblemSentence({ code: 'entries-removed', entry: 6, count: 1 }),
    recordProblemSentence({ code: 'entries-removed', entry: 7, count: 3 }),
    recordProblemSentence({ code: 'entries-reordered', entry: 8, belongs: 9 }),
    recordProblemSentence({ code: 'entry-inserted', entry: 5, kind: 'event' }),
    recordProblemSentence({ code: 'entry-appended', entry: 50, kind: 'event' }),
    recordProblemSentence({ code: 'record-truncated', entry: 10 }),
    recordProblemSentence({ code: 'head-differs', told: 'aa', actual: 'bb' }),
    recordProblemSentence({ code: 'beginning-missing', entry: 0 }),
    recordProblemSentence({ code: 'plan-differs', entry: 20, told: 'aa', actual: 'bb' }),
    recordProblemSentence({ code: 'count-differs', kind: 'hop', told: 2, actual: 1 }),
  ];
  expect(texts).toEqual([
    'entry 4 (event) was changed: its content is not what its hash is of',
    'entry 3 (event) was changed and its hash made anew: the entry after it is linked to' +
      ' another one',
    'an entry was removed: entry 6 is not there',
    '3 entries were removed: entry 7 is not there, nor those up to 9',
    'entries were put in another order: where entry 8 belongs stands entry 9',
    'an entry was put in: entry 5 (event) is in the place of another',
    'an entry was put behind the end: entry 50 (event) is not of this record',
    'the record was cut off: from entry 10 on nothing is there, and the end is missing',
    'the head hash was changed: the record says aa, its last entry has bb',
    'the record does not begin with the upgrade that it is of',
    'entry 20 has another plan than its digest is of: bb, not aa',
    'the end tells of 2 entries of kind hop, and there are 1',
  ]);
});
