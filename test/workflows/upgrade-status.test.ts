import { failureInfo } from '../../domain/failure-remedies';
import { approvalGateId, nodeGateId, stepGateId } from '../../domain/status/gates';
import type { SnapshotRecord } from '../../domain/activity-contract';
import type { HopOutcome } from '../../domain/status/progress';
import {
  openUpgrade,
  withGate,
  withHopBegun,
  withPlan,
  withRollBackBegun,
} from '../../workflows/upgrade-state';
import { attributesOf, blockersOf, detailsOf, statusOf } from '../../workflows/upgrade-status';
import { aCluster, aPlan, aSpec, nodeName, poolName } from '../support/builders';

const spec = aSpec();
const plan = aPlan(spec, aCluster().withNodes(2).observation());
const [first, second] = plan.hops;
if (first === undefined || second === undefined) throw new Error('two hops are needed');

const asked = openUpgrade(spec, 'ada', 0);
const planned = withPlan(asked, plan, 1_000);
const running = withHopBegun(planned, first, 2_000);
const outcome: HopOutcome = {
  hop: first.id,
  from: first.from,
  to: first.to,
  outcome: 'completed',
  members: [],
  nodes: [],
  stepSeconds: { preflight: 3 },
  startedAtMs: 2_000,
  endedAtMs: 127_000,
};
const between = { ...planned, hops: [outcome] };
const gate = { kind: 'approval', id: approvalGateId(second.id), hop: second.id } as const;
const waiting = withGate(between, { gate: { ...gate, sinceMs: 130_000 } }, 130_000);

it('tells what is known before there is a plan', () => {
  expect(statusOf(asked, 500)).toEqual({
    schema: 'ascent.status/v1',
    cluster: 'lab',
    phase: 'planning',
    sentence: 'planning the upgrade of lab: looking at the cluster',
    gates: [],
    hops: [],
    startedAtMs: 0,
  });
});

it('tells the hop, its position and an estimate while it runs', () => {
  const status = statusOf({ ...running, hops: [] }, 5_000);
  expect(status).toMatchObject({
    phase: 'upgrading',
    from: '1.28.15',
    to: '1.30.14',
    planDigest: plan.digest,
    hop: { id: 'hop-1.29', position: 1, count: 2, step: 'start', stepSinceMs: 2_000 },
  });
  const begun = { ...withHopBegun(between, second, 130_000), hops: [outcome] };
  const later = statusOf(begun, 131_000);
  expect(later.hop).toMatchObject({ id: 'hop-1.30', position: 2, count: 2 });
  expect(later.secondsLeft).toBeGreaterThan(0);
});

it('writes a page with the sentence, what waits and what was done', () => {
  const text = detailsOf(waiting);
  expect(text.split('\n')).toEqual([
    '**Upgrade of lab to 1.30**',
    '',
    statusOf(waiting).sentence,
    '',
    '### Waits for an answer',
    '',
    expect.stringContaining('approve/hop-1.30'),
    '',
    '### Hops',
    '',
    '| hop | versions | stand |',
    '| --- | --- | --- |',
    '| hop-1.29 | 1.28.15 → 1.29.15 | completed, 2 min 5 s |',
    '| hop-1.30 | 1.29.15 → 1.30.14 | to do |',
    '',
    '&nbsp;',
  ]);
});

const snapshot = {
  id: 'lab-hop-1.29-from-1.28.15-0123abcd',
  takenAt: '2026-11-21T03:00:00.000Z',
  revision: 100,
} as SnapshotRecord;

it('says until when a hop can be rolled back, and which hop cannot any more', () => {
  const hops = [{ ...outcome, stepSeconds: { 'api-server cp-1': 3 } }];
  const open = { ...waiting, hops, wayBack: { hop: first, snapshot } };
  expect(statusOf(open).rollBackTo).toEqual({
    hop: 'hop-1.29',
    at: '1.28.15',
    snapshot,
    until: { reason: 'next-hop-begins', hop: 'hop-1.30', gate: 'approve/hop-1.30' },
    cheapest: {
      rung: 'restore-etcd',
      tooLittle: ['none', 'put-back'].map((rung) => ({
        rung,
        reason: { code: 'members-moved', members: ['cp-1'] },
      })),
    },
  });
  expect(detailsOf(open)).toContain(
    '### Way back\n\n- hop-1.29 can be rolled back until hop-1.30 begins,' +
      ' which waits for an approval (approve/hop-1.30)\n' +
      '- going back takes a restore of etcd: cp-1 has served in the new version\n',
  );

  const begun = withHopBegun(open, second, 130_000);
  const closed = { hop: 'hop-1.29', reason: 'next-hop-begun', sinceMs: 130_000 };
  expect(statusOf(begun)).toMatchObject({ noWayBack: [closed] });
  expect(statusOf(begun).rollBackTo).toBeUndefined();
  expect(detailsOf(begun)).toContain('- hop-1.29 cannot be rolled back any more: the next hop');

  const decision = {
    kind: 'roll-back',
    way: open.wayBack,
    actor: 'ada',
    reason: 'webhooks broke',
  } as const;
  const going = statusOf({ ...withRollBackBegun(open, open.wayBack, 140_000), decision });
  expect(going.noWayBack).toBeUndefined();
  expect(going.rollBackTo).toEqual({ hop: 'hop-1.29', at: '1.28.15', snapshot });
});

it('says that an upgrade which has ended has no way back', () => {
  const { from, to } = plan;
  const result = { outcome: 'completed', from, to, hops: [outcome] } as const;
  const ended = { ...between, wayBack: { hop: first, snapshot }, result };
  expect(statusOf(ended).rollBackTo).toBeUndefined();
  expect(statusOf(ended).noWayBack).toEqual([
    { hop: 'hop-1.29', reason: 'upgrade-ended', sinceMs: 127_000 },
  ]);
});

it('lists the findings of a step that waits', () => {
  const finding = {
    code: 'etcd-no-leader',
    severity: 'blocks',
    object: { kind: 'cluster' },
    message: 'etcd has no leader',
    remedy: 'bring a member back',
  } as const;
  const failure = failureInfo('preflight-blocked', '1 finding blocks hop-1.29');
  const id = stepGateId(first.id, 'preflight');
  const step = { kind: 'step', id, hop: first.id, step: 'preflight', failure } as const;
  const held = withGate(running, { gate: { ...step, findings: [finding], sinceMs: 0 } }, 0);
  expect(detailsOf(held)).toContain(
    '### Findings\n\n- blocks: cluster: etcd has no leader - bring a member back',
  );
});

it('gives the blockers of held nodes, and those of a plan that cannot be made', () => {
  const blocker = {
    code: 'namespace-terminating',
    pod: { namespace: 'web', name: 'web-0' },
    sinceMs: 0,
  } as const;
  const node = nodeName('worker-1');
  const nodeGate = {
    kind: 'node',
    id: nodeGateId(node),
    hop: first.id,
    pool: poolName('workers'),
    node,
    failure: failureInfo('drain-deadline', 'not empty'),
    blockers: [blocker],
    sinceMs: 0,
  } as const;
  expect(blockersOf(withGate(running, { gate: nodeGate }, 0))).toEqual([blocker]);
  const lower = { code: 'target-lower', at: plan.from, target: '1.27' } as const;
  const refused = { ...asked, refusal: { code: 'blocked', blockers: [lower] } } as const;
  expect(blockersOf(refused)).toEqual([lower]);
  expect(blockersOf(running)).toEqual([]);
});

it('has search attributes from the first moment on', () => {
  expect(attributesOf(asked)).toEqual({
    from: null,
    to: '1.30',
    phase: 'planning',
    waitingFor: null,
  });
  expect(attributesOf(waiting)).toEqual({
    from: '1.28.15',
    to: '1.30.14',
    phase: 'waiting-for-approval',
    waitingFor: 'approve/hop-1.30',
  });
});
