import type { SnapshotRecord } from '../../domain/activity-contract';
import {
  type Command,
  type CommandName,
  type Gate,
  type GateRequest,
  type Request,
} from '../../domain/status/control';
import { failureInfo } from '../../domain/failure-remedies';
import type { GateId, NodeName, PlanDigest, PoolName } from '../../domain/names';
import {
  applyCommand,
  applySignal,
  maxHandledRequests,
  refusalOf,
} from '../../workflows/command-desk';
import { maxRequestIdLength, startProblems } from '../../workflows/request-problems';
import {
  openUpgrade,
  type UpgradeState,
  withGate,
  withHopBegun,
  withPlan,
} from '../../workflows/upgrade-state';
import { phaseOf } from '../../workflows/upgrade-status';
import { aCluster, aPlan, aSpec } from '../support/builders';
import { onePodLeft } from '../support/drain-blockers';

const spec = aSpec();
const plan = aPlan(spec, aCluster().withNodes(2).observation());
const [first, second] = plan.hops;
if (first === undefined || second === undefined) throw new Error('two hops are needed');

const request: Request = { requestId: 'r-1', actor: 'ada', reason: 'a test' };
const asked = openUpgrade(spec, 'ada', 0);
const planned = withPlan(asked, plan, 1);
const running = withHopBegun(planned, first, 2);
const snapshot = { id: 's-1', hop: first.id } as unknown as SnapshotRecord;
const undoable: UpgradeState = { ...running, wayBack: { hop: first, snapshot } };

const failure = failureInfo('drain-deadline', 'node worker-1 was not empty');
const stepGate: Gate = {
  kind: 'step',
  id: 'hop-1.29/preflight' as GateId,
  hop: first.id,
  step: 'preflight',
  failure,
  findings: [],
  sinceMs: 3,
};
const nodeGate: Gate = {
  kind: 'node',
  id: 'node/worker-1' as GateId,
  hop: first.id,
  pool: 'workers' as PoolName,
  node: 'worker-1' as NodeName,
  failure,
  blockers: [],
  sinceMs: 3,
};
const stuckPod = { namespace: 'web', name: 'web-0', uid: 'uid-web-0' };
const stuckGate: Gate = {
  ...nodeGate,
  blockers: onePodLeft.progress.blockers,
  pods: [stuckPod],
};
const atStep = withGate(undoable, { gate: stepGate, workflowId: 'hop' }, 3);
const atNode = withGate(undoable, { gate: nodeGate, workflowId: 'node' }, 3);
const atStuck = withGate(undoable, { gate: stuckGate, workflowId: 'node' }, 3);
const note = { madeAtMs: 7, anchors: [] };
const answer: GateRequest = { ...request, gate: stepGate.id, planDigest: plan.digest };

function accepted(state: UpgradeState, command: Command): UpgradeState {
  const done = applyCommand(state, command, 10);
  if (done.kind === 'refused') throw new Error(JSON.stringify(done.refusal));
  return done.state;
}

describe('a command is refused', () => {
  const pause = { name: 'pause', request } as const;
  const resume = { name: 'resume', request } as const;
  const node = { ...request, node: 'worker-2' as NodeName };
  const hop = { ...request, hop: second.id };
  const cases: readonly [string, UpgradeState, Command, object][] = [
    ['before there is a plan', asked, pause, { code: 'not-planned-yet' }],
    [
      'after the end',
      { ...planned, result: { outcome: 'completed', from: plan.from, to: plan.to, hops: [] } },
      pause,
      { code: 'upgrade-ended', outcome: 'completed' },
    ],
    [
      'when it is paused already',
      accepted(running, pause),
      twice(pause),
      { code: 'already-paused' },
    ],
    ['when it is not paused', running, resume, { code: 'not-paused' }],
    [
      'for a gate that is not open',
      atNode,
      { name: 'approve', request: answer },
      { code: 'gate-unknown', gate: stepGate.id, open: [] },
    ],
    [
      'for a plan that is no longer',
      atStep,
      { name: 'reject', request: { ...answer, planDigest: 'old' as PlanDigest } },
      { code: 'digest-stale', given: 'old', current: plan.digest },
    ],
    [
      'for a node that does not wait',
      atNode,
      { name: 'skipNode', request: node },
      { code: 'node-not-waiting', node: 'worker-2', waiting: ['worker-1'] },
    ],
    [
      'to force pods of a node that does not wait',
      atStuck,
      { name: 'forcePods', request: { ...node, pods: [stuckPod] } },
      { code: 'node-not-waiting', node: 'worker-2', waiting: ['worker-1'] },
    ],
    [
      'to force pods where no drain has left any',
      atNode,
      { name: 'forcePods', request: { ...node, node: nodeGate.node, pods: [stuckPod] } },
      { code: 'no-pods-to-force', node: 'worker-1', failure: 'drain-deadline' },
    ],
    [
      'to force a pod that the drain did not name',
      atStuck,
      {
        name: 'forcePods',
        request: { ...node, node: nodeGate.node, pods: [{ ...stuckPod, name: 'web-9' }] },
      },
      {
        code: 'pods-not-forceable',
        node: 'worker-1',
        problems: [{ pod: { namespace: 'web', name: 'web-9' }, why: 'not-named' }],
        forceable: [{ namespace: 'web', name: 'web-0' }],
      },
    ],
    [
      'for a hop that has not begun',
      undoable,
      { name: 'rollBack', request: hop },
      { code: 'rollback-unavailable', hop: second.id, why: 'not-begun' },
    ],
    [
      'for a hop without a snapshot',
      running,
      { name: 'rollBack', request: { ...request, hop: first.id } },
      { code: 'rollback-unavailable', hop: first.id, why: 'no-snapshot-yet' },
    ],
  ];

  it.each(cases)('%s', (_when, state, command, refusal) => {
    expect(refusalOf(state, command)).toEqual(refusal);
    expect(applyCommand(state, command, 10)).toEqual({ kind: 'refused', refusal });
  });

  it('with every problem of a malformed request at once', () => {
    const requestId = 'x'.repeat(maxRequestIdLength + 1);
    const malformed = { requestId, actor: '', reason: 7 } as unknown as GateRequest;
    expect(refusalOf(atStep, { name: 'approve', request: malformed })).toEqual({
      code: 'request-malformed',
      problems: [
        'requestId has 129 characters, at most 128 are allowed',
        'actor must not be empty',
        'reason must be a text',
        'gate must be a text',
        'planDigest must be a text',
      ],
    });
    const nothing = undefined as unknown as Request;
    expect(refusalOf(running, { name: 'pause', request: nothing })).toEqual({
      code: 'request-malformed',
      problems: ['the request must be an object'],
    });
  });

  it.each([
    [undefined, 'pods must be a list'],
    [[], 'pods must not be empty'],
    [Array.from({ length: 21 }, () => stuckPod), 'pods are 21, at most 20 at once'],
    [[stuckPod, 7], 'pods must each have a namespace and a name'],
    [[{ namespace: 'web' }], 'pods must each have a namespace and a name'],
    [[{ ...stuckPod, uid: '' }], 'pods must each have a namespace and a name'],
  ])('to force %j, and without a reason', (pods, problem) => {
    const asking = { ...request, reason: ' ', node: nodeGate.node, pods };
    const command = { name: 'forcePods', request: asking } as unknown as Command;
    expect(refusalOf(atStuck, command)).toEqual({
      code: 'request-malformed',
      problems: ['reason must not be empty: it stands in the audit trail', problem],
    });
  });

  it.each([
    [{ note }, 'note stands for a report, and none is named'],
    [{ report: 'abc', note: { ...note, madeAtMs: 'now' } }, 'note is not what a report has seen'],
    [{ report: '', note }, 'report must not be empty'],
  ])('to roll back with %j', (given, problem) => {
    const rollBack = { name: 'rollBack', request: { ...request, hop: first.id, ...given } };
    expect(refusalOf(undoable, rollBack as unknown as Command)).toEqual({
      code: 'request-malformed',
      problems: [problem],
    });
  });

  it('when its request id belongs to another command', () => {
    const paused = accepted(running, pause);
    expect(refusalOf(paused, resume)).toEqual({
      code: 'request-malformed',
      problems: ['requestId r-1 was used for pause already'],
    });
  });

  it('once the upgrade was stopped or is rolled back already', () => {
    const rollBack = { name: 'rollBack', request: { ...request, hop: first.id } } as const;
    expect(refusalOf(accepted(undoable, rollBack), twice(rollBack))).toEqual({
      code: 'rollback-unavailable',
      hop: first.id,
      why: 'already-rolling-back',
    });
    const stopped = accepted(atStep, { name: 'reject', request: answer });
    expect(refusalOf(stopped, twice(rollBack))).toEqual({
      code: 'upgrade-ended',
      outcome: 'rejected',
    });
  });
});

function twice<Any extends Command>(command: Any): Any {
  return { ...command, request: { ...command.request, requestId: 'r-2' } };
}

it('tells every problem in the shape of a start at once', () => {
  const spec = aSpec();
  expect(startProblems({ spec, requestId: 'r-1', actor: 'ada' })).toEqual([]);
  expect(startProblems(undefined)).toEqual(['the request must be an object']);
  expect(startProblems({ spec: null, requestId: 'r'.repeat(129) })).toEqual([
    'spec must be an object',
    'requestId has 129 characters, at most 128 are allowed',
    'actor must be a text',
  ]);
});

describe('an accepted command', () => {
  it('is answered once for its request id, and changes nothing the second time', () => {
    const pause = { name: 'pause', request } as const;
    const once = applyCommand(running, pause, 10);
    if (once.kind === 'refused') throw new Error('refused');
    const resumed = accepted(once.state, twice({ name: 'resume', request }));
    expect(applyCommand(resumed, pause, 20)).toEqual({
      kind: 'accepted',
      state: resumed,
      answer: once.answer,
    });
    expect(resumed.paused).toBeUndefined();
  });

  it('remembers the newest requests only', () => {
    let state = running;
    for (let index = 0; index < maxHandledRequests + 1; index += 1) {
      const name: CommandName = index % 2 === 0 ? 'pause' : 'resume';
      state = accepted(state, { name, request: { ...request, requestId: `n-${index}` } });
    }
    expect(state.handled).toHaveLength(maxHandledRequests);
    expect(state.handled[0]?.requestId).toBe('n-1');
  });

  it('lands in the trail with who, why and what happens', () => {
    const state = accepted(atNode, {
      name: 'quarantineNode',
      request: { ...request, node: 'worker-1' as NodeName },
    });
    expect(state.audit.at(-1)).toEqual({
      atMs: 10,
      actor: 'ada',
      event: 'command.quarantineNode',
      text:
        'ada asked to quarantine node worker-1 (a test):' +
        ' node worker-1 stays cordoned and the pool goes on',
      requestId: 'r-1',
      node: 'worker-1',
    });
    expect(state.setAside).toEqual(['worker-1']);
    expect(state.gates).toEqual([]);
    expect(state.outbox).toEqual([
      {
        kind: 'node',
        workflowId: 'node',
        node: 'worker-1',
        decision: { kind: 'quarantine', actor: 'ada', reason: 'a test' },
      },
    ]);
  });

  it('names the gate that was opened, and the one that was answered', () => {
    const lines = accepted(atStep, { name: 'approve', request: answer }).audit.slice(-2);
    expect(lines).toEqual([
      {
        atMs: 3,
        actor: 'ascent',
        event: 'gate.opened',
        text: 'gate hop-1.29/preflight waits for an answer: node worker-1 was not empty',
        gate: 'hop-1.29/preflight',
      },
      {
        atMs: 10,
        actor: 'ada',
        event: 'command.approve',
        text:
          'ada asked to approve hop-1.29/preflight (a test):' +
          ' step preflight of hop-1.29 is tried again',
        requestId: 'r-1',
        gate: 'hop-1.29/preflight',
      },
    ]);
    expect(atNode.audit.at(-1)).toMatchObject({ gate: 'node/worker-1', node: 'worker-1' });
  });

  it('has pods forced that a drain has left, each with its uid, and says so', () => {
    const worker = 'worker-1' as NodeName;
    const pods = [{ namespace: 'web', name: 'web-0' }];
    const state = accepted(atStuck, {
      name: 'forcePods',
      request: { ...request, node: worker, pods },
    });
    expect(state.audit.at(-1)).toEqual({
      atMs: 10,
      actor: 'ada',
      event: 'command.forcePods',
      text:
        'ada asked to force pods of node worker-1 (a test): node worker-1 is drained again, with' +
        ' web/web-0 (uid uid-web-0) deleted past what keeps it, with its own grace period',
      requestId: 'r-1',
      node: 'worker-1',
    });
    expect(state.gates).toEqual([]);
    const decision = {
      kind: 'force',
      actor: 'ada',
      reason: 'a test',
      pods: [{ ...stuckPod, by: 'delete' }],
    };
    expect(state.outbox).toEqual([
      { kind: 'node', workflowId: 'node', node: 'worker-1', decision },
    ]);
  });

  it('sends the retry of a step to the workflow that waits', () => {
    const state = accepted(atStep, { name: 'approve', request: answer });
    expect(state.outbox).toEqual([
      { kind: 'retry-step', workflowId: 'hop', gate: 'hop-1.29/preflight' },
    ]);
    expect(phaseOf(state)).toBe('upgrading');
  });

  it('pauses at once when nothing is under way, else when the hop says so', () => {
    const pause = { name: 'pause', request } as const;
    expect(phaseOf(accepted(planned, pause))).toBe('paused');
    expect(phaseOf(accepted(running, pause))).toBe('pausing');
  });

  it('rolls back: the pause is lifted, gates are void, and the phase says so', () => {
    const paused = accepted(atNode, { name: 'pause', request });
    const rollBack = { ...request, requestId: 'r-2', hop: first.id };
    const state = accepted(paused, { name: 'rollBack', request: rollBack });
    expect(state).toMatchObject({
      gates: [],
      decision: { kind: 'roll-back', actor: 'ada', way: { hop: first, snapshot } },
    });
    expect(state.paused).toBeUndefined();
    expect(phaseOf(state)).toBe('rolling-back');
  });

  it('rolls back as a report says, and keeps what that has seen', () => {
    const rollBack = { ...request, hop: first.id, report: 'abc', note };
    expect(accepted(undoable, { name: 'rollBack', request: rollBack }).decision).toEqual({
      kind: 'roll-back',
      way: { hop: first, snapshot },
      actor: 'ada',
      reason: 'a test',
      confirmed: note,
    });
  });
});

describe('a signal', () => {
  it('changes the state as the update does', () => {
    const pause = { name: 'pause', request } as const;
    expect(applySignal(running, pause, 10)).toEqual(accepted(running, pause));
  });

  it('that is refused leaves a line in the trail and nothing else', () => {
    const state = applySignal(running, { name: 'resume', request }, 10);
    expect(state).toEqual({ ...running, audit: state.audit });
    expect(state.audit.at(-1)).toEqual({
      atMs: 10,
      actor: 'ada',
      event: 'command.refused',
      text: 'resume was refused: the upgrade is not paused - there is nothing to resume',
      requestId: 'r-1',
    });
  });

  it('without a request is refused too', () => {
    const nothing = undefined as unknown as Request;
    const state = applySignal(running, { name: 'pause', request: nothing }, 10);
    expect(state.audit.at(-1)).toMatchObject({ actor: 'unknown', event: 'command.refused' });
  });
});
