import type { UnsettledActivity, UpgradeResult } from '../../../domain/status/progress';
import type { StatusFacts } from '../../../domain/status/status-sentences';
import {
  resultSentence,
  statusSentence,
  unsettledSentences,
} from '../../../domain/status/status-sentences';
import { clusterName, hopId, version } from '../../support/builders';
import { approval, failure, gateIdOf, held, step } from '../support/waiting-gates';

const cluster = clusterName('lab');
const at = version('1.28.15');

describe('the status of', () => {
  const quiet: StatusFacts = { cluster, phase: 'planning', gates: [], hops: [], startedAtMs: 0 };
  const hop = {
    id: hopId('hop-1.29'),
    position: 1,
    count: 2,
    step: 'pool web',
    stepSinceMs: 0,
  };
  const under: StatusFacts = {
    ...quiet,
    phase: 'upgrading',
    from: at,
    to: version('1.30.14'),
    hop,
    secondsLeft: 600,
  };
  const paused = { by: 'ana', reason: 'incident 12', sinceMs: 0 };
  const rollBackTo = { hop: hopId('hop-1.29'), at };

  it.each<{ phase: string; status: StatusFacts; sentence: string; nowMs?: number }>([
    {
      phase: 'planning',
      status: quiet,
      sentence: 'planning the upgrade of lab: looking at the cluster',
    },
    {
      phase: 'upgrading',
      status: under,
      sentence:
        'upgrading lab from 1.28.15 to 1.30.14; hop 1 of 2 (hop-1.29), step pool web;' +
        ' about 10 min left',
    },
    {
      phase: 'upgrading, told the time',
      status: under,
      nowMs: 185_000,
      sentence:
        'upgrading lab from 1.28.15 to 1.30.14; hop 1 of 2 (hop-1.29), step pool web for 3 min' +
        ' 5 s; about 10 min left',
    },
    {
      phase: 'upgrading, before a hop began',
      status: { ...quiet, phase: 'upgrading' },
      sentence: 'upgrading lab',
    },
    {
      phase: 'upgrading, with a target that is not known yet',
      status: { ...quiet, phase: 'upgrading', from: at },
      sentence: 'upgrading lab',
    },
    {
      phase: 'soaking',
      status: { ...under, phase: 'soaking', hop: { ...hop, step: 'soak' } },
      sentence:
        'soaking lab from 1.28.15 to 1.30.14; hop 1 of 2 (hop-1.29), step soak; about 10 min' +
        ' left; nothing needs to be done, the cluster is checked meanwhile',
    },
    {
      phase: 'waiting-for-approval',
      status: { ...quiet, phase: 'waiting-for-approval', gates: [approval], rollBackTo },
      nowMs: 60_000,
      sentence:
        'lab waits for a person: hop-1.30 has waited for 1 min for an approval - approve or' +
        ' reject approve/hop-1.30; rolling back hop-1.29 would return it to 1.28.15',
    },
    {
      phase: 'waiting-for-approval, with nothing to roll back',
      status: { ...quiet, phase: 'waiting-for-approval', gates: [approval] },
      sentence:
        'lab waits for a person: hop-1.30 waits for an approval - approve or reject' +
        ' approve/hop-1.30',
    },
    {
      phase: 'needs-operator',
      status: { ...quiet, phase: 'needs-operator', gates: [{ ...held, blockers: [] }, approval] },
      sentence:
        'lab needs an operator: node worker-2 of pool web is held: not Ready - look -' +
        ' retry, skip or quarantine node worker-2, or roll back hop-1.29; hop-1.30 waits' +
        ' for an approval - approve or reject approve/hop-1.30',
    },
    {
      phase: 'needs-operator, before a hop that cannot be planned any more',
      status: {
        ...quiet,
        phase: 'needs-operator',
        gates: [{ ...step, step: 'plan', id: gateIdOf('hop-1.30/plan'), findings: [] }],
        rollBackTo,
      },
      sentence:
        'lab needs an operator: step plan of hop-1.29 is stopped: 1 finding blocks -' +
        ' remove it - approve hop-1.30/plan to try the step again, or reject it to end here;' +
        ' rolling back hop-1.29 would return it to 1.28.15',
    },
    {
      phase: 'needs-operator, before the gate is told',
      status: { ...quiet, phase: 'needs-operator' },
      sentence: 'lab needs an operator: the gate is being opened',
    },
    {
      phase: 'pausing',
      status: { ...under, phase: 'pausing', paused },
      nowMs: 5_000,
      sentence:
        'pausing lab for 5 s by ana (incident 12): work under way ends at the next safe point;' +
        ' hop 1 of 2 (hop-1.29), step pool web for 5 s',
    },
    {
      phase: 'paused',
      status: { ...under, phase: 'paused', paused },
      sentence:
        'lab is paused by ana (incident 12); hop 1 of 2 (hop-1.29), step pool web - resume to' +
        ' go on',
    },
    {
      phase: 'paused, while something waits for an answer',
      status: { ...under, phase: 'paused', paused, gates: [approval] },
      sentence:
        'lab is paused by ana (incident 12); hop 1 of 2 (hop-1.29), step pool web - resume to' +
        ' go on; meanwhile hop-1.30 waits for an approval - approve or reject' +
        ' approve/hop-1.30',
    },
    {
      phase: 'paused, by nobody that is known',
      status: { ...quiet, phase: 'paused' },
      sentence: 'lab is paused - resume to go on',
    },
    {
      phase: 'rolling-back',
      status: { ...quiet, phase: 'rolling-back', rollBackTo },
      sentence: 'rolling back lab to 1.28.15, from before hop-1.29',
    },
    {
      phase: 'rolling-back, before the target is told',
      status: { ...quiet, phase: 'rolling-back' },
      sentence: 'rolling back lab',
    },
    {
      phase: 'ended, after a failure',
      status: { ...quiet, phase: 'ended', lastFailure: failure },
      sentence: 'the upgrade of lab has ended: not Ready - look',
    },
    {
      phase: 'ended, without a word',
      status: { ...quiet, phase: 'ended' },
      sentence: 'the upgrade of lab has ended',
    },
    {
      phase: 'ended, with a result',
      status: {
        ...quiet,
        phase: 'ended',
        result: { outcome: 'completed', from: at, to: version('1.28.20'), hops: [] },
      },
      sentence: 'lab was upgraded from 1.28.15 to 1.28.20 in 0 hops',
    },
  ])('an upgrade that is $phase', ({ status, sentence, nowMs }) => {
    expect(statusSentence(status, nowMs)).toBe(sentence);
  });
});

describe('the end', () => {
  const outcome = {
    hop: hopId('hop-1.29'),
    from: at,
    to: version('1.29.15'),
    outcome: 'completed',
    members: [],
    nodes: [],
    stepSeconds: {},
    startedAtMs: 0,
    endedAtMs: 1,
  } as const;

  it.each<{ result: UpgradeResult; sentence: string }>([
    {
      result: { outcome: 'completed', from: at, to: version('1.29.15'), hops: [outcome] },
      sentence: 'lab was upgraded from 1.28.15 to 1.29.15 in 1 hop',
    },
    {
      result: { outcome: 'rejected', at, by: 'ana', reason: 'not now', hops: [] },
      sentence: 'the upgrade of lab was rejected by ana (not now); its control plane runs 1.28.15',
    },
    {
      result: { outcome: 'cancelled', at, by: 'ops', reason: 'wrong cluster', hops: [] },
      sentence:
        'the upgrade of lab was cancelled by ops (wrong cluster); its control plane runs 1.28.15',
    },
    {
      result: { outcome: 'rolled-back', at, hop: hopId('hop-1.29'), seconds: 65, hops: [] },
      sentence: 'lab was rolled back to 1.28.15, from before hop-1.29, in 1 min 5 s',
    },
    {
      result: {
        outcome: 'blocked',
        refusal: { code: 'worker-missing', taskQueue: 'cluster/lab', waitedSeconds: 20 },
      },
      sentence:
        'the upgrade of lab did not begin: no worker took work from cluster/lab within 20 s -' +
        ' start a worker that serves this cluster, then start again',
    },
  ])('$result.outcome', ({ result, sentence }) => {
    expect(resultSentence('lab', result)).toBe(sentence);
  });
});

describe('what does not get on', () => {
  const taken = { activity: 'drainNode', code: 'not-taken', sinceMs: 0 } as const;
  const failed = { activity: 'preflight', code: 'failing', message: 'the API is away' } as const;
  const workflowId = 'upgrade/lab/hop-1.29';

  it.each<{
    name: string;
    unsettled: readonly UnsettledActivity[];
    nowMs?: number;
    sentences: readonly string[];
  }>([
    { name: 'nothing', unsettled: [], sentences: [] },
    {
      name: 'a worker that is away',
      unsettled: [{ ...taken, workflowId }],
      nowMs: 120_000,
      sentences: [
        'no worker has taken drainNode of upgrade/lab/hop-1.29 for 2 min' +
          ' - see that a worker runs that serves cluster/lab',
      ],
    },
    {
      name: 'one reason of several activities, without a clock',
      unsettled: [
        { ...taken, workflowId },
        { ...taken, workflowId: 'upgrade/lab/hop-1.29/workers/worker-1' },
        { ...taken, workflowId: 'upgrade/lab/hop-1.29/workers/worker-2' },
      ],
      sentences: [
        'no worker has taken drainNode of upgrade/lab/hop-1.29 (and 2 more)' +
          ' - see that a worker runs that serves cluster/lab',
      ],
    },
    {
      name: 'failures, one sentence a message',
      unsettled: [
        { ...failed, workflowId, failures: 1 },
        { ...failed, workflowId, failures: 4, message: 'etcd is away' },
      ],
      sentences: [
        'preflight of upgrade/lab/hop-1.29 has failed once and is tried again: the API is away',
        'preflight of upgrade/lab/hop-1.29 has failed 4 times and is tried again: etcd is away',
      ],
    },
  ])('$name', ({ unsettled, nowMs, sentences }) => {
    expect(unsettledSentences(cluster, unsettled, nowMs)).toEqual(sentences);
  });
});
