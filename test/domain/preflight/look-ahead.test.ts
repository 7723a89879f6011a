// Looks at the hop to come between the preflights of hops: which hop that is, how a look differs
// from the one before, and what of it is handed on.

import { failureInfo } from '../../../domain/failure-remedies';
import type { FindingKey, HopId, MemberName } from '../../../domain/names';
import type { Hop } from '../../../domain/plan/plan';
import { plannedMs } from '../../../domain/plan/planned-time';
import { drainedPools } from '../../../domain/preflight/drains';
import type { Finding } from '../../../domain/preflight/findings';
import { hopToCome, type OpenUpgrade, preflightOfHop } from '../../../domain/preflight/hop-to-come';
import { evidenceDigest, findingKey } from '../../../domain/preflight/identity';
import {
  lookedAhead,
  maxRemembered,
  maxTold,
  notLookedAhead,
  toldOf,
} from '../../../domain/preflight/look-ahead';
import { lookAheadLines } from '../../../domain/preflight/look-ahead-sentences';
import type { HopOutcome, UpgradeStatus } from '../../../domain/status/progress';
import { aCluster, aPlan, aSpec, hopId, version } from '../../support/builders';

const dayMs = 86_400_000;
const plan = aPlan(
  aSpec({ hopSoakMs: dayMs }),
  aCluster().withMembers(3).withNodes(2).observation(),
);
const [hop, later] = plan.hops;
if (hop === undefined || later === undefined) throw new Error('two hops are planned');

type Status = OpenUpgrade['status'];

function at(
  step: string,
  over: Partial<Status> = {},
  id: HopId = hop?.id ?? hopId('none'),
): Status {
  const running = { id, position: 1, count: 2, step, stepSinceMs: 0 };
  return { phase: 'upgrading', hop: running, hops: [], ...over };
}

function done(id: HopId, outcome: HopOutcome['outcome'] = 'completed'): HopOutcome {
  return { hop: id, outcome } as HopOutcome;
}

const none = (why: object) => ({ kind: 'none', why });

describe('the hop to come', () => {
  const laterMs = plannedMs([later]);

  it('is none without an open upgrade', () => {
    const ended = { outcome: 'rejected' } as NonNullable<UpgradeStatus['result']>;
    expect(hopToCome(undefined, 0)).toEqual(none({ code: 'no-upgrade-open' }));
    expect(hopToCome({ status: at('soak', { result: ended }), plan }, 0)).toEqual(
      none({ code: 'no-upgrade-open' }),
    );
  });

  it('is none before there is a plan', () => {
    const status: Status = { phase: 'planning', hops: [] };
    expect(hopToCome({ status }, 0)).toEqual(none({ code: 'plan-missing' }));
  });

  it('is none while one is rolled back, also while that is paused', () => {
    const rolling = none({ code: 'rolling-back' });
    const decided = at('pool web', { phase: 'rolling-back' });
    expect(hopToCome({ status: decided, plan }, 0)).toEqual(rolling);
    expect(hopToCome({ status: at('rollback', { phase: 'paused' }), plan }, 0)).toEqual(rolling);
  });

  it.each<readonly [string, Status]>([
    ['none has begun', { phase: 'waiting-for-approval', hops: [] }],
    ['it begins', at('start')],
    ['its preflight is stopped', at('preflight', { phase: 'needs-operator' })],
  ])('is the first one while %s', (_when, status) => {
    const first = { kind: 'to-come', hop, waitMs: 0, laterMs, pathTo: later.to };
    expect(hopToCome({ status, plan }, 5)).toEqual(first);
  });

  it('is none while one changes machines', () => {
    expect(hopToCome({ status: at('pool web'), plan }, 0)).toEqual(
      none({ code: 'hop-under-way', hop: 'hop-1.29', step: 'pool web' }),
    );
  });

  it('is the next one while one soaks, when that is over', () => {
    const status = at('soak', { phase: 'soaking' });
    const next = { kind: 'to-come', hop: later, laterMs: 0, pathTo: later.to };
    expect(hopToCome({ status, plan }, dayMs / 4)).toEqual({ ...next, waitMs: (dayMs * 3) / 4 });
    // Somebody stands at a gate of the soak.
    expect(hopToCome({ status, plan }, 2 * dayMs)).toEqual({ ...next, waitMs: 0 });
    const soakless = { hops: [{ ...hop, steps: [] }, later] };
    expect(hopToCome({ status, plan: soakless }, 0)).toEqual({ ...next, waitMs: 0 });
    const unended = { hops: [{ ...hop, steps: hop.steps.slice(0, -1) }, later] };
    expect(hopToCome({ status, plan: unended }, 0)).toEqual({ ...next, waitMs: 0 });
  });

  it('is the next one after a hop that is done, and after the last one none', () => {
    const status = at('soak', { hops: [done(hop.id)] });
    expect(hopToCome({ status, plan }, 0)).toMatchObject({ hop: { id: later.id }, waitMs: 0 });
    // A hop that was stopped is not done.
    const stopped: Status = { phase: 'needs-operator', hops: [done(hop.id, 'stopped')] };
    expect(hopToCome({ status: stopped, plan }, 0)).toMatchObject({ hop: { id: hop.id } });
    const last = at('soak', { hops: [done(hop.id)] }, later.id);
    expect(hopToCome({ status: last, plan }, 0)).toEqual(none({ code: 'no-hop-left' }));
    const all: Status = { phase: 'upgrading', hops: [done(hop.id), done(later.id)] };
    expect(hopToCome({ status: all, plan }, 0)).toEqual(none({ code: 'no-hop-left' }));
  });
});

describe('what a preflight of a planned hop is asked', () => {
  const { id, from, to } = hop;

  it('is how long it takes, with what is before and after it', () => {
    const hopMs = plannedMs([hop]);
    expect(preflightOfHop(hop, { laterMs: 7 })).toEqual({
      hop: { id, from, to },
      planned: { hopMs, pathMs: hopMs + 7 },
      pools: drainedPools(hop),
    });
    expect(preflightOfHop(hop, { waitMs: 5, laterMs: 7 }).planned).toEqual({
      hopMs: hopMs + 5,
      pathMs: hopMs + 12,
    });
    expect(preflightOfHop(hop, { laterMs: 7, pathTo: later.to }).planned).toEqual({
      hopMs,
      pathMs: hopMs + 7,
      pathTo: later.to,
    });
  });

  it('has the pools that it drains, unless others replace machines', () => {
    const replaced = { ...hop, steps: [{ kind: 'replace-members' } as Hop['steps'][number]] };
    expect(preflightOfHop(hop, { laterMs: 0 }).pools?.map(({ pool }) => pool)).toEqual(['workers']);
    expect(preflightOfHop({ ...hop, steps: [] }, { laterMs: 0 }).pools).toEqual([]);
    expect(preflightOfHop(replaced, { laterMs: 0 })).not.toHaveProperty('pools');
  });

  it('has the change of etcd, where that comes before anything else', () => {
    const etcd = {
      kind: 'etcd',
      members: ['etcd-1' as MemberName],
      order: 'leader-last',
      from: version('3.5.21'),
      to: version('3.6.4'),
      timeoutMs: 1,
    } as const;
    const asked = (step: Hop['steps'][number]) =>
      preflightOfHop({ ...hop, steps: [step] }, { laterMs: 0 }).etcd;
    expect(asked(etcd)).toBe(undefined);
    expect(asked({ ...etcd, place: 'before-api-servers' })).toEqual({
      to: '3.6.4',
      stage: 'to-come',
    });
  });
});

const deadlock: Finding = {
  code: 'webhook-deadlock',
  severity: 'blocks',
  object: { kind: 'webhook', name: 'policy' },
  message: 'all that answers for it is on node w-1',
  remedy: 'run it on two nodes',
  evidence: { node: 'w-1' },
};
const slow: Finding = { ...deadlock, code: 'webhook-slow', severity: 'warns' };
const note: Finding = { ...deadlock, code: 'deprecated-api-used', severity: 'notes' };

function seen(finding: Finding, firstSeenMs: number) {
  return { key: findingKey(finding), digest: evidenceDigest(finding), firstSeenMs };
}

function many(count: number): readonly Finding[] {
  return Array.from({ length: count }, (_, index) => ({
    ...deadlock,
    object: { kind: 'webhook', name: `w-${index}` } as const,
  }));
}

describe('a look ahead', () => {
  const { id, from, to } = hop;
  const first = lookedAhead({ hop, findings: [deadlock, slow, note], nowMs: 10 });

  it('tells all when it is the first, and hands on keys and digests', () => {
    expect(first).toEqual({
      kind: 'looked',
      atMs: 10,
      hop: { id, from, to },
      counts: { blocks: 1, answered: 0, warns: 1, notes: 1, new: 0, changed: 0, gone: 0 },
      findings: [deadlock, slow, note].map((one) => ({ ...one, ...seen(one, 10) })),
      gone: [],
      leftOut: 0,
      memory: {
        atMs: 10,
        hop: id,
        findings: [deadlock, slow, note].map((one) => seen(one, 10)),
        more: 0,
      },
    });
  });

  it('tells differences only when it is another', () => {
    const moved = { ...deadlock, evidence: { node: 'w-2' } };
    const fresh: Finding = { ...slow, code: 'webhook-unanswered' };
    const findings = [moved, slow, fresh];
    const second = lookedAhead({ hop: later, findings, nowMs: 20, before: first.memory });
    expect(second).toEqual({
      kind: 'looked',
      atMs: 20,
      hop: { id: later.id, from: later.from, to: later.to },
      since: { atMs: 10, hop: id },
      counts: { blocks: 1, answered: 0, warns: 2, notes: 0, new: 1, changed: 1, gone: 1 },
      findings: [
        { ...moved, ...seen(moved, 10), change: 'changed' },
        { ...fresh, ...seen(fresh, 20), change: 'new' },
      ],
      gone: [findingKey(note)],
      leftOut: 0,
      memory: {
        atMs: 20,
        hop: later.id,
        findings: [seen(moved, 10), seen(slow, 10), seen(fresh, 20)],
        more: 0,
      },
    });
    const third = lookedAhead({ hop: later, findings, nowMs: 30, before: second.memory });
    expect(third).toMatchObject({
      counts: { blocks: 1, warns: 2, new: 0, changed: 0, gone: 0 },
      findings: [],
      gone: [],
    });
  });

  it('counts apart what somebody answers for', () => {
    const one = { finding: findingKey(deadlock), digest: evidenceDigest(deadlock) };
    const acknowledgements = [{ ...one, by: 'ada', reason: 'known', sinceMs: 0, untilMs: 100 }];
    const facts = { hop, findings: [deadlock], acknowledgements };
    const held = lookedAhead({ ...facts, nowMs: 10 });
    expect(held.counts).toMatchObject({ blocks: 0, answered: 1 });
    expect(held.findings[0]).toMatchObject({ acknowledgement: { state: 'holds', by: 'ada' } });
    expect(lookedAhead({ ...facts, nowMs: 100 }).counts).toMatchObject({ blocks: 1, answered: 0 });
  });

  it('is bounded in what it tells and in what it hands on', () => {
    const full = lookedAhead({ hop, findings: many(maxRemembered + 2), nowMs: 1 });
    expect(full.findings).toHaveLength(maxTold);
    expect(full.leftOut).toBe(maxRemembered + 2 - maxTold);
    expect(full.memory.findings).toHaveLength(maxRemembered);
    expect(full.memory.more).toBe(2);
    expect(JSON.stringify(full.memory).length).toBeLessThan(250_000);

    const empty = lookedAhead({ hop, findings: [], nowMs: 2, before: full.memory });
    expect(empty.gone).toHaveLength(maxTold);
    expect([empty.counts.gone, empty.leftOut]).toEqual([maxRemembered, maxRemembered - maxTold]);
    // What may only have been left out is not called new.
    const other = { ...slow, object: { kind: 'webhook', name: 'other' } as const };
    const again = lookedAhead({ hop, findings: [other], nowMs: 2, before: full.memory });
    expect([again.findings, again.counts.new]).toEqual([[], 0]);
  });

  it('that looks at nothing hands on what it was given, until the upgrade ends', () => {
    const { memory } = first;
    const under = { code: 'hop-under-way', hop: id, step: 'verify' } as const;
    const idle = { kind: 'nothing-to-look-at', atMs: 20, why: under };
    expect(notLookedAhead(under, 20, memory)).toEqual({ ...idle, memory });
    expect(notLookedAhead(under, 20, undefined)).toEqual(idle);
    const over = { code: 'no-upgrade-open' } as const;
    expect(notLookedAhead(over, 20, memory)).toEqual({ ...idle, why: over });
  });

  it('is told without what is handed on', () => {
    const { memory: _memory, ...told } = first;
    expect(toldOf(first)).toEqual(told);
  });
});

describe('a look in words', () => {
  const first = lookedAhead({ hop, findings: [deadlock, slow], nowMs: 10 });

  it('says that it is the first, and all that it found', () => {
    expect(lookAheadLines(first)).toEqual([
      'hop-1.29 (1.28.15 → 1.29.15): 1 blocking, 1 warning, 0 to note; the first look',
      'blocks (webhook-deadlock:webhook/policy): webhook policy: all that answers for it is on' +
        ' node w-1 - run it on two nodes',
      'warns (webhook-slow:webhook/policy): webhook policy: all that answers for it is on' +
        ' node w-1 - run it on two nodes',
    ]);
  });

  it('says what is new, changed and gone, and of which hop the look before was', () => {
    const moved = { ...deadlock, evidence: { node: 'w-2' } };
    const facts = { findings: [moved, note], nowMs: 20, before: first.memory };
    expect(lookAheadLines(lookedAhead({ ...facts, hop: later }))).toEqual([
      'hop-1.30 (1.29.15 → 1.30.14): 1 blocking, 0 warning, 1 to note;' +
        ' since the look before, at hop-1.29: 1 new, 1 changed, 1 gone',
      expect.stringMatching(/^changed, blocks \(webhook-deadlock:webhook\/policy\): webhook /),
      expect.stringMatching(
        /^new, notes \(deprecated-api-used:webhook\/policy\): webhook policy: /,
      ),
      'gone: webhook-slow:webhook/policy',
    ]);
  });

  it('says that nothing has changed, what is answered for, and what is not told', () => {
    const facts = { hop, findings: [deadlock, slow], nowMs: 20, before: first.memory };
    const same = lookedAhead(facts);
    expect(lookAheadLines({ ...same, counts: { ...same.counts, answered: 2 } })).toEqual([
      'hop-1.29 (1.28.15 → 1.29.15): 1 blocking, 2 answered for, 1 warning, 0 to note;' +
        ' since the look before: nothing has changed',
    ]);
    expect(lookAheadLines({ ...same, leftOut: 1 }).at(-1)).toBe('and 1 difference more');
    expect(lookAheadLines({ ...same, leftOut: 12 }).at(-1)).toBe('and 12 differences more');
    const gone = ['a:b' as FindingKey];
    expect(lookAheadLines({ ...same, gone }).at(-1)).toBe('gone: a:b');
  });

  it.each([
    [{ code: 'no-upgrade-open' }, 'no upgrade is open'],
    [{ code: 'plan-missing' }, 'the upgrade has no plan yet'],
    [{ code: 'rolling-back' }, 'the upgrade is rolled back'],
    [
      { code: 'hop-under-way', hop: hopId('hop-1.29'), step: 'pool web' },
      'hop-1.29 changes machines (pool web); the next one is looked at when it soaks',
    ],
    [{ code: 'no-hop-left' }, 'no hop comes any more'],
  ] as const)('says why there is nothing to look at: %j', (why, text) => {
    expect(lookAheadLines(notLookedAhead(why, 0, undefined))).toEqual([
      `nothing to look at: ${text}`,
    ]);
  });

  it('says why it failed, and what to do', () => {
    const failure = failureInfo('cluster-unreachable', 'no API server answered');
    expect(lookAheadLines({ kind: 'failed', failure })).toEqual([
      'it failed - cluster-unreachable: no API server answered',
      `→ ${failure.remedy}`,
    ]);
  });
});
