import { buildRecord } from '../../../domain/record/build-record';
import type { RecordEvidence } from '../../../domain/record/build-record';
import type { RecordBody } from '../../../domain/record/record';
import { dataOf, upgradeOf } from '../../../domain/record/record';
import { missingSentence, recordSentence } from '../../../domain/record/record-sentences';
import { wholeTrail } from '../../../domain/record/trail';
import type { AuditEntry } from '../../../domain/status/control';
import { hopId } from '../../support/builders';
import {
  recordedHops,
  recordedPlan,
  recordedTrail,
  recordEvidence,
  runningEvidence,
  startMs,
} from '../../support/record-evidence';

function recorded(changes: Partial<RecordEvidence> = {}) {
  return buildRecord({ ...recordEvidence, ...changes }).entries;
}

/** A line of a trail, by its number. */
function line(number: number, event = 'hop.begun'): AuditEntry {
  return { atMs: number, actor: 'ascent', event, text: `line ${number}` };
}

const asked = line(0, 'upgrade.asked');

describe('a record', () => {
  it('tells all that was told, in a fixed order', () => {
    const entries = recorded();
    const kinds = [...new Set(entries.map(({ kind }) => kind))];
    expect(kinds).toEqual([
      'upgrade',
      'event',
      'request',
      'plan',
      'step',
      'look',
      'hop',
      'result',
      'end',
    ]);
    expect(upgradeOf(entries)).toEqual({
      cluster: 'prod',
      upgrade: '480b6208-2149-4a96-8417-1b554fcdae5f',
      startedAtMs: startMs,
      state: 'rolled-back',
      from: '1.28.15',
      to: '1.30.14',
    });
    expect(dataOf(entries, 'event')).toEqual(recordedTrail);
    expect(dataOf(entries, 'plan')).toEqual([recordedPlan]);
    expect(dataOf(entries, 'result')).toEqual([
      { outcome: 'rolled-back', at: '1.29.15', hop: 'hop-1.30', seconds: 243 },
    ]);
    expect(dataOf(entries, 'end')).toEqual([
      {
        isFinished: true,
        counts: {
          upgrade: 1,
          event: 17,
          request: 6,
          plan: 1,
          step: 17,
          look: 3,
          hop: 2,
          result: 1,
        },
      },
    ]);
  });

  it('has the steps of a hop as a list: the order of members is nothing that is hashed', () => {
    const [first] = dataOf(recorded(), 'hop');
    expect(first?.steps.slice(0, 2)).toEqual([
      { label: 'preflight', seconds: 4 },
      { label: 'snapshot', seconds: 21 },
    ]);
    expect(first).not.toHaveProperty('stepSeconds');
  });

  it('of an upgrade that runs says so, and how it stood', () => {
    const entries = buildRecord(runningEvidence).entries;
    expect(upgradeOf(entries).state).toBe('running');
    expect(dataOf(entries, 'now')).toEqual([runningEvidence.now]);
    expect(dataOf(entries, 'result')).toEqual([]);
    expect(dataOf(entries, 'end')[0]?.isFinished).toBe(false);
  });

  it('of one that could not begin has neither plan nor versions', () => {
    const { from: _from, to: _to, ...status } = recordEvidence.status;
    const refusal = {
      code: 'worker-missing',
      taskQueue: 'cluster/prod',
      waitedSeconds: 20,
    } as const;
    const result = { outcome: 'blocked', refusal } as const;
    const entries = recorded({ status: { ...status, hops: [], result }, plans: [], trails: [[]] });
    expect(upgradeOf(entries)).toEqual({
      cluster: 'prod',
      upgrade: recordEvidence.upgrade,
      startedAtMs: startMs,
      state: 'blocked',
    });
    expect(dataOf(entries, 'result')).toEqual([result]);
    expect(dataOf(entries, 'missing')).toEqual([]);
  });

  it('of one that Temporal closed says how', () => {
    const { result: _none, ...status } = recordEvidence.status;
    expect(upgradeOf(recorded({ status, closed: 'terminated' })).state).toBe('terminated');
  });

  it('tells a plan that came back twice, and the same one after the other once', () => {
    const other = { ...recordedPlan, digest: 'other' as typeof recordedPlan.digest };
    const plans = [recordedPlan, recordedPlan, other, other, recordedPlan];
    expect(dataOf(recorded({ plans }), 'plan')).toEqual([recordedPlan, other, recordedPlan]);
  });

  it('tells what is missing', () => {
    const changed = { ...line(0, 'plan.changed'), atMs: startMs + 1e9 };
    const unread = [{ code: 'history-gone', workflowId: 'upgrade/prod', runId: 'r' }] as const;
    const entries = recorded({
      trails: [[...recordedTrail.slice(1), changed]],
      steps: recordEvidence.steps.filter(({ hop }) => hop === 'hop-1.30'),
      looks: [],
      unread,
    });
    expect(dataOf(entries, 'missing')).toEqual([
      { code: 'trail-beginning', sinceMs: startMs + 1 },
      { code: 'history-gone', workflowId: 'upgrade/prod', runId: 'r' },
      { code: 'plans-gone', count: 1 },
      { code: 'steps-untimed', hop: 'hop-1.29' },
      { code: 'findings-unknown', hop: 'hop-1.29' },
      { code: 'findings-unknown', hop: 'hop-1.30' },
    ]);
  });

  it('misses no findings of a hop that had no preflight', () => {
    const [hop] = recordedHops;
    const bare = { ...(hop as (typeof recordedHops)[number]), stepSeconds: {} };
    const status = { ...recordEvidence.status, hops: [bare] };
    expect(dataOf(recorded({ status, looks: [], steps: [] }), 'missing')).toEqual([]);
  });

  it('must begin with its upgrade', () => {
    expect(() => upgradeOf([])).toThrow('a record begins with the upgrade that it is of');
  });
});

describe('a trail that is put together', () => {
  it('is what the last one tells, where nothing was lost', () => {
    const trail = [asked, line(1), line(2)];
    expect(wholeTrail([[], [asked], [asked, line(1)], trail])).toEqual({
      entries: trail,
      missing: [],
    });
  });

  it('has what the last one no longer has', () => {
    expect(
      wholeTrail([
        [asked, line(1), line(2)],
        [line(2), line(3)],
      ]),
    ).toEqual({
      entries: [asked, line(1), line(2), line(3)],
      missing: [],
    });
  });

  it('counts lines that are alike as often as they are there', () => {
    const twice = [asked, line(1), line(1)];
    expect(wholeTrail([twice, [line(1), line(1), line(2)]]).entries).toEqual([...twice, line(2)]);
  });

  it('tells a gap between two that have nothing in common, and a lost beginning', () => {
    expect(
      wholeTrail([
        [line(1), line(2)],
        [line(8), line(9)],
      ]),
    ).toEqual({
      entries: [line(1), line(2), line(8), line(9)],
      missing: [
        { code: 'trail-beginning', sinceMs: 1 },
        { code: 'trail-gap', afterMs: 2, beforeMs: 8 },
      ],
    });
  });

  it('is empty where nothing was told', () => {
    expect(wholeTrail([[], []])).toEqual({ entries: [], missing: [] });
  });
});

describe('sentences of a record', () => {
  it('say what it is of', () => {
    expect(recordSentence(upgradeOf(recorded()))).toBe(
      'the upgrade of prod from 1.28.15 to 1.30.14 was rolled back',
    );
    const { from: _from, ...rest } = upgradeOf(recorded());
    expect(recordSentence({ ...rest, state: 'running' })).toBe(
      'the upgrade of prod is not finished',
    );
    const { to: _to, ...other } = upgradeOf(recorded());
    expect(recordSentence({ ...other, state: 'unknown' })).toBe(
      'the upgrade of prod has ended, and its result could not be read',
    );
  });

  it('say what is missing', () => {
    const hop = hopId('hop-1.29');
    const parts: readonly Extract<RecordBody, { kind: 'missing' }>['data'][] = [
      { code: 'trail-beginning', sinceMs: 5 },
      { code: 'trail-gap', afterMs: 5, beforeMs: 6 },
      { code: 'history-gone', workflowId: 'upgrade/prod', runId: 'r' },
      { code: 'histories-unread', count: 1 },
      { code: 'histories-unread', count: 2 },
      { code: 'plans-gone', count: 2 },
      { code: 'steps-untimed', hop },
      { code: 'findings-unknown', hop },
    ];
    expect(parts.map((part) => missingSentence(part, String))).toEqual([
      'the audit trail before 5: the upgrade keeps its last lines only, and no history of an' +
        ' earlier run has them any more',
      'lines of the audit trail between 5 and 6: there were more than the upgrade keeps',
      'the history of upgrade/prod (run r): Temporal does not have it any more; with it requests' +
        ' as they arrived, when steps began, and findings',
      '1 more history: a record does not read so many',
      '2 more histories: a record does not read so many',
      '2 earlier plans: the trail has the digest, no history has the plan',
      'when steps of hop-1.29 began: how long each took is known, so they are laid one behind the' +
        ' other',
      'what the preflight of hop-1.29 found: the history of the hop is gone',
    ]);
  });
});
