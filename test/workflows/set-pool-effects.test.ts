// What the command says and keeps wherever the upgrade stands, without a workflow around it.

import type { SnapshotRecord } from '../../domain/activity-contract';
import type { Command, Gate } from '../../domain/status/control';
import { failureInfo } from '../../domain/failure-remedies';
import type { GateId } from '../../domain/names';
import type { Hop } from '../../domain/plan/plan';
import type { HopOutcome } from '../../domain/status/progress';
import type { MaxUnavailable } from '../../domain/spec';
import { applyCommand, refusalOf } from '../../workflows/command-desk';
import {
  openUpgrade,
  type UpgradeState,
  withGate,
  withHopBegun,
  withPlan,
  withRollBackBegun,
} from '../../workflows/upgrade-state';
import { limitIn } from '../../workflows/line';
import { detailsOf, statusOf } from '../../workflows/upgrade-status';
import { aCluster, aPlan, aPool, aSpec, nodeName, poolName } from '../support/builders';

const web = poolName('web');
const rest = poolName('rest');
const spec = aSpec({
  pools: [
    aPool({ name: web, nodeSelector: { role: 'web' }, maxUnavailable: 2 }),
    aPool({ name: rest, lane: 'fewest-drains' }),
  ],
});
const seen = aCluster()
  .withNodes(9, '1.28.15', { prefix: 'web', labels: { role: 'web' } })
  .withNodes(6, '1.28.15')
  .observation();
const plan = aPlan(spec, seen);
const [first, second] = hopsOf(plan.hops);

function hopsOf([one, other]: readonly Hop[]): readonly [Hop, Hop] {
  if (one === undefined || other === undefined) throw new Error('two hops are needed');
  return [one, other];
}

const planned = withPlan(openUpgrade(spec, 'ada', 0), plan, 1);

/** The hop runs and is at this step; `done` are the steps behind it. */
function at(hop: Hop, step: string, done: readonly string[] = []): UpgradeState {
  const before = hop === first ? planned : { ...planned, hops: [outcomeOf(first)] };
  const begun = withHopBegun(before, hop, 2);
  if (begun.hop === undefined) throw new Error('a hop has begun');
  const stepSeconds = Object.fromEntries(done.map((label) => [label, 1]));
  return { ...begun, hop: { ...begun.hop, step, stepSeconds } };
}

function outcomeOf({ id: hop, from, to }: Hop): HopOutcome {
  const times = { startedAtMs: 2, endedAtMs: 3, stepSeconds: {} };
  return { hop, from, to, outcome: 'completed', members: [], nodes: [], ...times };
}

function command(pool: typeof web, maxUnavailable: MaxUnavailable, requestId = 'r-1'): Command {
  return {
    name: 'setPool',
    request: { requestId, actor: 'ada', reason: 'a test', pool, maxUnavailable },
  };
}

function accepted(state: UpgradeState, asked: Command) {
  const done = applyCommand(state, asked, 10);
  if (done.kind === 'refused') throw new Error(JSON.stringify(done.refusal));
  return { state: done.state, effect: done.answer.effect };
}

const way = { hop: first, snapshot: { id: 's-1', hop: first.id } as unknown as SnapshotRecord };
const returning: UpgradeState = {
  ...withRollBackBegun(at(first, 'verify', ['pool web']), way, 5),
  decision: { kind: 'roll-back', way, actor: 'ada', reason: 'a test' },
};
const returningAt = (step: string): UpgradeState =>
  returning.hop === undefined ? returning : { ...returning, hop: { ...returning.hop, step } };

it.each<[string, UpgradeState, Command, string]>([
  [
    'before the first hop',
    planned,
    command(web, 4),
    'hop-1.29 takes pool web with at most 4 nodes at once, not 2',
  ],
  [
    'to a count that the share is already',
    at(first, 'pool web'),
    command(web, '25%'),
    'pool web goes on with at most 2 nodes at once, as before',
  ],
  [
    'for a pool that only a later hop takes',
    at(first, 'pool web'),
    command(rest, '50%'),
    'hop-1.30 takes pool rest with at most 3 nodes at once, not 1',
  ],
  [
    'for a pool that this hop is done with',
    at(first, 'soak', ['pool web']),
    command(web, 1),
    'pool web is done in hop-1.29; hop-1.30 takes pool web with at most 1 node at once, not 2',
  ],
  [
    'for a pool that the last hop is done with',
    at(second, 'soak', ['pool web', 'pool rest']),
    command(web, '50%'),
    'pool web is done in hop-1.30, and no later hop takes it;' +
      ' only a rollback or a changed plan would take it again, by 50%',
  ],
  [
    'when no hop is left',
    { ...planned, hops: [outcomeOf(first), outcomeOf(second)] },
    command(web, 3),
    'no hop that is left takes pool web; only a rollback or a changed plan would take it again,' +
      ' by 3',
  ],
  [
    'before the nodes of a hop return',
    returning,
    command(web, 3),
    'the rollback of hop-1.29 takes pool web with at most 3 nodes at once, not 2',
  ],
  [
    'while the nodes of a hop return',
    returningAt('rollback pool web'),
    command(web, 1),
    'pool web goes on with at most 1 node at once, not 2; nodes in work go on',
  ],
])('says what happens %s', (_when, state, asked, effect) => {
  expect(accepted(state, asked).effect).toBe(effect);
});

it('says what keeps nodes from beginning, all of it', () => {
  const gate: Gate = {
    kind: 'node',
    id: 'node/web-1' as GateId,
    hop: first.id,
    pool: web,
    node: nodeName('web-1'),
    failure: failureInfo('drain-deadline', 'it was not empty'),
    blockers: [],
    sinceMs: 3,
  };
  const held = withGate(at(first, 'pool web'), { gate, workflowId: 'node' }, 3);
  const paused = { ...held, paused: { by: 'bob', reason: 'lunch', sinceMs: 4 } };
  expect(accepted(paused, command(web, 3)).effect).toBe(
    'pool web goes on with at most 3 nodes at once, not 2;' +
      ' none begins until the upgrade is resumed and node/web-1 is answered',
  );
});

it('keeps the newest limit of each pool, and none that is as planned', () => {
  const once = accepted(planned, command(web, 4)).state;
  const both = accepted(once, command(rest, '50%', 'r-2')).state;
  const again = accepted(both, command(web, 5, 'r-3')).state;
  const words = { by: 'ada', reason: 'a test', sinceMs: 10 };
  expect(again.limits).toEqual([
    { pool: rest, asked: '50%', ...words },
    { pool: web, asked: 5, ...words },
  ]);
  expect(accepted(again, command(web, 2, 'r-4')).state.limits).toEqual([
    { pool: rest, asked: '50%', ...words },
  ]);
});

it('changes nothing and leaves no line when the same holds already', () => {
  const once = accepted(planned, command(web, '40%')).state;
  const again = accepted(once, command(web, '40.0%', 'r-2'));
  expect(again.effect).toBe('maxUnavailable of pool web is 40% already; nothing changes');
  expect(again.state).toEqual({ ...once, handled: again.state.handled });
  expect(again.state.handled.map(({ requestId }) => requestId)).toEqual(['r-1', 'r-2']);
});

it('is told with the counts of the hop that takes the pool next, and in the Temporal UI', () => {
  const { state } = accepted(at(first, 'pool web'), command(web, '50%'));
  const words = { pool: web, asked: '50%', by: 'ada', reason: 'a test', sinceMs: 10 };
  expect(statusOf(state).limits).toEqual([{ ...words, maxUnavailable: 4, planned: 2 }]);
  expect(detailsOf(state)).toContain(
    '### Changed limits\n\n' +
      '- pool web: at most 4 nodes at once (50%), planned 2; changed by ada (a test)\n',
  );
  const over = { ...state, hops: [outcomeOf(first), outcomeOf(second)], hop: undefined };
  const { hop: _gone, ...left } = over;
  expect(statusOf(left).limits).toEqual([words]);
});

it('shortens or prolongs the estimate of what is left', () => {
  const state = at(first, 'preflight', ['preflight']);
  const before = statusOf(state, 20).secondsLeft ?? 0;
  expect(statusOf(accepted(state, command(web, 9)).state, 20).secondsLeft).toBeLessThan(before);
  expect(statusOf(accepted(state, command(web, 1)).state, 20).secondsLeft).toBeGreaterThan(before);
});

it('refuses a pool that is not in the upgrade, and tells it with all else that is wrong', () => {
  expect(refusalOf(planned, command(poolName('wbe'), 3))).toEqual({
    code: 'pool-unknown',
    pool: 'wbe',
    pools: ['web', 'rest'],
  });
  expect(refusalOf(planned, command(poolName('wbe'), '101%'))).toEqual({
    code: 'request-malformed',
    problems: [
      'maxUnavailable: expected a number of nodes from 1 or a percentage from "1%" to "100%",' +
        ' got the string "101%"',
      'no pool of this upgrade is called wbe - name one of web, rest',
    ],
  });
  const shapeless = { requestId: 'r', actor: 'ada', reason: '', pool: 7 } as unknown;
  const malformed = { name: 'setPool', request: shapeless } as Command;
  expect(refusalOf(planned, malformed)).toEqual({
    code: 'request-malformed',
    problems: [
      'pool must be a text',
      'maxUnavailable: is required: expected a number of nodes from 1 or a percentage from "1%"' +
        ' to "100%"',
    ],
  });
  const nothing = { name: 'setPool', request: undefined } as unknown as Command;
  expect(refusalOf(planned, nothing)).toEqual({
    code: 'request-malformed',
    problems: ['the request must be an object'],
  });
});

it('reaches a child only as a whole: a control of another shape brings no limit', () => {
  const control = { kind: 'limit', pool: web, maxUnavailable: 3 } as const;
  expect(limitIn(control)).toEqual(control);
  const others: readonly unknown[] = [
    undefined,
    { kind: 'pause' },
    { kind: 'limit' },
    { ...control, pool: 7 },
    { ...control, maxUnavailable: 0 },
    { ...control, maxUnavailable: '20%' },
  ];
  expect(others.map((one) => limitIn(one as typeof control))).toEqual(others.map(() => undefined));
});
