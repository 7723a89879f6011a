import type { HopOutcome } from '../../../domain/status/progress';
import {
  dataKeptText,
  dataKeptUntil,
  noWayBack,
  noWayBackText,
  wayBackEnd,
  wayBackEndText,
} from '../../../domain/status/way-back';
import { aCluster, aPlan, aSpec, hopId, minor } from '../../support/builders';

const hourMs = 3_600_000;
const spec = aSpec({ hopSoakMs: 2 * hourMs });
const plan = aPlan(spec, aCluster().withNodes(1).observation());
const [first, second] = plan.hops;
if (first === undefined || second === undefined) throw new Error('two hops are needed');
const at = (step: string) => ({ id: first.id, step, stepSinceMs: 1_000 });

describe('the way back of a hop ends', () => {
  it('when a person approves the next hop, at the earliest after the soak', () => {
    expect(wayBackEnd({ hop: first, later: [second], current: at('soak') })).toEqual({
      reason: 'next-hop-begins',
      hop: 'hop-1.30',
      gate: 'approve/hop-1.30',
      notBeforeMs: 1_000 + 2 * hourMs,
    });
  });

  it('when the next hop begins by itself, nobody knows when before the soak', () => {
    const alone = { ...second, approval: 'none' } as const;
    expect(wayBackEnd({ hop: first, later: [alone], current: at('verify') })).toEqual({
      reason: 'next-hop-begins',
      hop: 'hop-1.30',
    });
  });

  it('with the upgrade when no hop is left', () => {
    expect(wayBackEnd({ hop: first, later: [] })).toEqual({ reason: 'upgrade-ends' });
    const elsewhere = { ...at('soak'), id: second.id };
    expect(wayBackEnd({ hop: first, later: [], current: elsewhere })).toEqual({
      reason: 'upgrade-ends',
    });
  });

  it('without a time for a hop that does not soak', () => {
    const restless = { ...first, steps: first.steps.filter(({ kind }) => kind !== 'soak') };
    expect(wayBackEnd({ hop: restless, later: [], current: at('soak') })).toEqual({
      reason: 'upgrade-ends',
    });
  });
});

describe('in the soak of an emulation', () => {
  const emulation = [{ hop: minor('1.32'), soakMs: hourMs }];
  const plain = aSpec({ target: minor('1.32') });
  const twoSteps = { ...plain, controlPlane: { ...plain.controlPlane, emulation } };
  const seen = aCluster().withMembers(3, '1.31.14').withNodes(1, '1.31.14').observation();
  const [hop = first] = aPlan(twoSteps, seen).hops;
  const current = { id: hop.id, step: 'emulation-soak', stepSinceMs: 1_000 };

  it('data is kept until it ends at least', () => {
    expect(dataKeptUntil(hop, current)).toBe(1_000 + hourMs);
    expect(dataKeptText(1_000 + hourMs, 1_000)).toBe('; this soak ends in 1 h');
    expect(wayBackEnd({ hop, later: [], current })).toEqual({ reason: 'upgrade-ends' });
  });

  it('nothing is told of it elsewhere, or when it is over', () => {
    expect(dataKeptUntil(hop, { ...current, step: 'soak' })).toBeUndefined();
    expect(dataKeptUntil(hop, { ...current, id: first.id })).toBeUndefined();
    expect(dataKeptUntil(hop, undefined)).toBeUndefined();
    const restless = { ...hop, steps: [] };
    expect(dataKeptUntil(restless, current)).toBeUndefined();
    expect([dataKeptText(undefined, 0), dataKeptText(1, 1)]).toEqual(['', '']);
  });

  it('its own end is that of the soak after it', () => {
    const own = { ...current, step: 'soak' };
    const { hopSoakMs } = twoSteps;
    expect(wayBackEnd({ hop, later: [], current: own })).toEqual({
      reason: 'upgrade-ends',
      notBeforeMs: 1_000 + hopSoakMs,
    });
  });
});

const done = (hop: string, startedAtMs: number, outcome: HopOutcome['outcome'] = 'completed') => ({
  hop: hopId(hop),
  outcome,
  startedAtMs,
  endedAtMs: startedAtMs + 10,
});

describe('no way back has', () => {
  const hops = [done('hop-1.29', 100), done('hop-1.30', 200)];

  it('a hop whose next one has begun', () => {
    expect(noWayBack({ hops, open: hopId('hop-1.30'), hasEnded: false })).toEqual([
      { hop: 'hop-1.29', reason: 'next-hop-begun', sinceMs: 200 },
    ]);
    const [only] = hops;
    expect(noWayBack({ hops: only ? [only] : [], begunMs: 150, hasEnded: false })).toEqual([
      { hop: 'hop-1.29', reason: 'next-hop-begun', sinceMs: 150 },
    ]);
  });

  it('the last hop of an upgrade that has ended', () => {
    expect(noWayBack({ hops, hasEnded: true })).toEqual([
      { hop: 'hop-1.29', reason: 'next-hop-begun', sinceMs: 200 },
      { hop: 'hop-1.30', reason: 'upgrade-ended', sinceMs: 210 },
    ]);
  });

  it('no hop that was rolled back, or that may still be', () => {
    expect(noWayBack({ hops: [done('hop-1.29', 1, 'rolled-back')], hasEnded: true })).toEqual([]);
    expect(noWayBack({ hops: [done('hop-1.29', 1)], hasEnded: false })).toEqual([]);
  });
});

describe('in words', () => {
  const next = { reason: 'next-hop-begins', hop: hopId('hop-1.30') } as const;
  it.each([
    [next, undefined, 'until hop-1.30 begins'],
    [
      wayBackEnd({ hop: first, later: [second], current: at('soak') }),
      1_000 + hourMs,
      'until hop-1.30 begins, which waits for an approval (approve/hop-1.30),' +
        ' not before its soak is over in 1 h',
    ],
    [{ ...next, notBeforeMs: 5 }, 6, 'until hop-1.30 begins'],
    [{ reason: 'upgrade-ends', notBeforeMs: 5 } as const, undefined, 'until the upgrade ends'],
  ])('%j', (end, nowMs, text) => {
    expect(wayBackEndText(end, nowMs)).toBe(text);
  });

  it.each([
    ['next-hop-begun', 'hop-1.29 cannot be rolled back any more: the next hop has begun'],
    ['upgrade-ended', 'hop-1.29 cannot be rolled back any more: the upgrade has ended'],
  ] as const)('%s', (reason, text) => {
    expect(noWayBackText({ hop: hopId('hop-1.29'), reason, sinceMs: 0 })).toBe(text);
  });
});
