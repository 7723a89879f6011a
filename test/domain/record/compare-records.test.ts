import type { RecordEvidence } from '../../../domain/record/build-record';
import { buildRecord } from '../../../domain/record/build-record';
import { compareRecords, recordDifferenceSentence } from '../../../domain/record/compare-records';
import {
  recordedPlan,
  recordedTrail,
  recordEvidence,
  runningEvidence,
} from '../../support/record-evidence';

const told = buildRecord(recordEvidence);

function recorded(changes: Partial<RecordEvidence> = {}, evidence = recordEvidence) {
  return buildRecord({ ...evidence, ...changes });
}

/** Place of the nth entry of a kind in the record. */
function place(record: typeof told, kind: string, number = 0): number {
  return record.entries.filter((entry) => entry.kind === kind)[number]?.seq ?? -1;
}

const same = { kind: 'same', later: 0, notCompared: [] } as const;

describe('a record against what the upgrade tells', () => {
  it('is the same', () => {
    expect(compareRecords(recorded(), told)).toEqual(same);
  });

  it('is of another upgrade', () => {
    const other = recorded({ upgrade: 'another' });
    expect(compareRecords(other, told)).toEqual({
      kind: 'differs',
      difference: {
        code: 'other-upgrade',
        told: 'another',
        actual: '480b6208-2149-4a96-8417-1b554fcdae5f',
      },
    });
  });

  it('was made before the upgrade went on', () => {
    expect(compareRecords(recorded({}, runningEvidence), told)).toEqual({ ...same, later: 5 });
  });

  it('has a line that was changed, though all hashes were made anew', () => {
    const trail = recordedTrail.map((line, index) =>
      index === 3 ? { ...line, actor: 'nobody' } : line,
    );
    for (const evidence of [recordEvidence, runningEvidence]) {
      const trails = [trail.slice(0, evidence.now === undefined ? 17 : 12)];
      const forged = recorded({ trails }, evidence);
      expect(compareRecords(forged, told)).toEqual({
        kind: 'differs',
        difference: { code: 'told-otherwise', kind: 'event', entry: place(forged, 'event', 3) },
      });
    }
  });

  it('has no line that the upgrade does not tell', () => {
    const trails = [[...recordedTrail, { ...recordedTrail[16], text: 'more' } as never]];
    const forged = recorded({ trails });
    expect(compareRecords(forged, told)).toMatchObject({
      difference: { code: 'told-otherwise', kind: 'event', entry: place(forged, 'event', 17) },
    });
  });

  it('leaves out the end of the trail', () => {
    const forged = recorded({ trails: [recordedTrail.slice(0, 15)] });
    expect(compareRecords(forged, told)).toEqual({
      kind: 'differs',
      difference: { code: 'left-out', kind: 'event', seq: place(told, 'event', 15) },
    });
  });

  it('is compared from where both trails are whole', () => {
    const late = recorded({ trails: [recordedTrail.slice(5)] });
    expect(compareRecords(told, late)).toEqual(same);
    expect(compareRecords(late, told)).toEqual(same);
    const gap = recorded({ trails: [recordedTrail.slice(0, 2), recordedTrail.slice(4)] });
    expect(compareRecords(told, gap)).toEqual(same);
  });

  it.each<[string, Partial<RecordEvidence>, object]>([
    [
      'another outcome of a hop',
      {
        status: {
          ...recordEvidence.status,
          hops: recordEvidence.status.hops.map((hop) => ({ ...hop, outcome: 'completed' })),
        },
      },
      { code: 'told-otherwise', kind: 'hop', entry: place(told, 'hop', 1) },
    ],
    [
      'a hop less',
      { status: { ...recordEvidence.status, hops: recordEvidence.status.hops.slice(0, 1) } },
      { code: 'left-out', kind: 'hop', seq: place(told, 'hop', 1) },
    ],
    [
      'another plan',
      { plans: [{ ...recordedPlan, digest: 'x' as typeof recordedPlan.digest }] },
      { code: 'told-otherwise', kind: 'plan', entry: place(told, 'plan') },
    ],
    ['no plan', { plans: [] }, { code: 'left-out', kind: 'plan', seq: place(told, 'plan') }],
    [
      'another reason',
      { requests: recordEvidence.requests.map((one) => ({ ...one, reason: 'none' })) },
      { code: 'told-otherwise', kind: 'request', entry: place(told, 'request') },
    ],
    [
      'a look less',
      { looks: recordEvidence.looks.slice(1) },
      { code: 'left-out', kind: 'look', seq: place(told, 'look') },
    ],
  ])('has %s', (_what, changes, difference) => {
    expect(compareRecords(recorded(changes), told)).toEqual({ kind: 'differs', difference });
  });

  it('says what histories no longer tell', () => {
    const unread = [{ code: 'history-gone', workflowId: 'upgrade/prod', runId: 'r' }] as const;
    const later = recorded({ unread, requests: [], steps: [], looks: [] });
    expect(compareRecords(told, later)).toEqual({
      ...same,
      notCompared: ['request', 'step', 'look'],
    });
  });

  it('of an upgrade that never had a plan is the same without one', () => {
    const { result: _none, ...status } = recordEvidence.status;
    const planless = { plans: [], status, closed: 'terminated' } as const;
    const unread = [{ code: 'histories-unread', count: 1 }] as const;
    expect(compareRecords(recorded(planless), recorded({ ...planless, unread }))).toEqual({
      ...same,
      notCompared: ['request', 'step', 'look'],
    });
  });
});

it('each difference has a sentence', () => {
  const other = { code: 'other-upgrade', told: 'a', actual: 'b' } as const;
  expect(recordDifferenceSentence(other)).toBe(
    'the record is of the upgrade with run a, and the one that Temporal tells of has b',
  );
  expect(recordDifferenceSentence({ code: 'told-otherwise', kind: 'event', entry: 4 })).toBe(
    'entry 4 (event) is not what the upgrade tells',
  );
  expect(recordDifferenceSentence({ code: 'left-out', kind: 'hop', seq: 40 })).toBe(
    'the record leaves out what the upgrade tells: entry 40 (hop) of a record that is made now',
  );
});
