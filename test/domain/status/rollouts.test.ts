// What is said of hops that replace machines: how long they take, and that nothing leads back.

import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { rolloutFindings } from '../../../domain/preflight/preflight-rollouts';
import type { Gate } from '../../../domain/status/control';
import type { Hop, RolloutStep } from '../../../domain/plan/plan';
import { answersOf } from '../../../domain/status/gates';
import { timeLeft } from '../../../domain/status/progress-estimate';
import { findingSentence, gateSentence } from '../../../domain/status/sentences';
import { noWayBack, noWayBackText } from '../../../domain/status/way-back';
import { aCluster, aPlan, aPool, aSpec, hopId, minor } from '../../support/builders';
import { nodeName, poolName, version } from '../../support/builders';
import { approval, step } from '../support/waiting-gates';

const deployment = {
  name: 'web-md-0',
  pool: poolName('workers'),
  version: version('1.28.15'),
  replicas: 2,
  maxUnavailable: 0,
  nodes: ['worker-1', 'worker-2'].map(nodeName),
  holds: [],
} as const;

const seen = aCluster().withMembers(3, '1.29.15').withNodes(2).observation();
const observation = { ...seen, machineDeployments: [deployment] };
const plan = aPlan(aSpec({ target: minor('1.29'), pools: [aPool()], hopSoakMs: 0 }), observation);

function theHop(): Hop {
  const [hop] = plan.hops;
  if (hop === undefined) throw new Error('there is no hop');
  return hop;
}

describe('a rollout under way', () => {
  const current = { hop: theHop().id, step: 'rollout workers', stepSinceMs: 0 };
  const stepSeconds = { preflight: 2, snapshot: 4 };

  it('counts minutes for each machine until one was seen', () => {
    const progress = { plan, hops: [], current: { ...current, stepSeconds }, nowMs: 100_000 };
    expect(timeLeft(progress)).toEqual({
      secondsLeft: 500 + 5,
      stepSecondsLeft: 500,
      leftAtMs: 100_000,
    });
  });

  it('counts what others took afterwards', () => {
    const done = { ...stepSeconds, 'rollout batch': 80 };
    const progress = { plan, hops: [], current: { ...current, stepSeconds: done }, nowMs: 30_000 };
    expect(timeLeft(progress)?.stepSecondsLeft).toBe(50);
  });
});

describe('a hop that replaces machines', () => {
  const id = hopId('hop-1.29');
  const replacing = [{ hop: id, startedAtMs: 5 }];
  const why = { hop: id, reason: 'machines-replaced', sinceMs: 5 } as const;

  it('has no way back, running or done', () => {
    expect(noWayBack({ hops: [], hasEnded: false, replacing })).toEqual([why]);
    const hops = [{ hop: id, outcome: 'completed', startedAtMs: 5, endedAtMs: 9 }];
    expect(noWayBack({ hops, hasEnded: true, replacing })).toEqual([why]);
    expect(noWayBackText(why)).toBe(
      'hop-1.29 cannot be rolled back: it replaces machines, which no snapshot brings back',
    );
  });

  it('has gates that do not offer one', () => {
    const gate = { ...step, noWayBack: true } as const;
    expect(answersOf(gate)).toEqual(['approve', 'reject']);
    expect(gateSentence(gate)).toMatch(/try the step again, or reject it to end here$/);
    expect(gateSentence({ ...approval, noWayBack: true } as Gate)).toBe(
      'hop-1.30 waits for an approval; it replaces machines, and there is no way back from that' +
        ' - approve or reject approve/hop-1.30',
    );
  });
});

describe('before the machines of a pool are replaced', () => {
  const limited = {
    ...observation,
    machineDeployments: [{ ...deployment, drainTimeout: '10m0s' }],
  };
  const finding = {
    code: 'rollout-drain-limited',
    severity: 'warns',
    object: { kind: 'pool', name: 'workers' },
    message:
      'MachineDeployment web-md-0 deletes a machine that is not drained after 10m0s, whatever' +
      ' disruption budgets say',
    remedy: 'take nodeDrainTimeout out of its template, if budgets are to hold',
    about: 'web-md-0',
    evidence: { drainTimeout: '10m0s' },
  };

  it('a limit of their drains is told, past which budgets do not hold', () => {
    const [found] = rolloutFindings(limited);
    expect(found).toEqual(finding);
    expect(found === undefined ? '' : findingSentence(found)).toMatch(/^pool workers: Machine/);
    const { findings } = evaluatePreflight({ observation: limited, hop: theHop() });
    expect(findings).toContainEqual(finding);
  });

  it('drains without a limit are not worth a word, nor are other drivers', () => {
    expect(rolloutFindings(observation)).toEqual([]);
    expect(rolloutFindings(seen)).toEqual([]);
  });
});

it('the step says whom it asks, and for how long nothing may go on', () => {
  const steps = theHop().steps.filter((one): one is RolloutStep => one.kind === 'rollout');
  expect(steps.map(({ machineDeployment, stuckMs }) => [machineDeployment, stuckMs])).toEqual([
    ['web-md-0', 2_400_000],
  ]);
});
