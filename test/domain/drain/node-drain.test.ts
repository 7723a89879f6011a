import { failureInfo } from '../../../domain/failure-remedies';
import {
  type DrainEnd,
  drainFailure,
  type DrainRefusal,
  drainRefusalCodes,
  type DrainStatus,
  policyDifferences,
} from '../../../domain/drain/node-drain';
import {
  drainEndSentence,
  drainRefusalSentence,
  drainStatusSentence,
} from '../../../domain/drain/node-drain-sentences';
import { drainWorkflowId } from '../../../domain/workflow-ids';
import { aPool, clusterName, nodeName } from '../../support/builders';

const node = nodeName('web-2');
const cluster = clusterName('prod');
const policy = aPool().drain;
const counts = { evicted: 10, refusals: 2, seconds: 62 };
const none = { evicted: 0, refusals: 0, seconds: 1 };
const bob = { by: 'bob', reason: 'not today' };

it('the lock of a node is an id that people can type', () => {
  expect(drainWorkflowId(cluster, node)).toBe('drain/prod/web-2');
});

describe('two policies', () => {
  it('differ in no field when they say the same, also where one is silent', () => {
    const silent = { ...policy, gracePeriodSeconds: undefined } as unknown as typeof policy;
    expect(policyDifferences(policy, silent)).toEqual([]);
  });

  it('differ in the fields of either', () => {
    const other = { ...policy, emptyDirData: 'refuse', gracePeriodSeconds: 5 } as const;
    expect(policyDifferences(policy, other)).toEqual(['emptyDirData', 'gracePeriodSeconds']);
    expect(policyDifferences(other, policy)).toEqual(['emptyDirData', 'gracePeriodSeconds']);
  });
});

describe('a failure of a drain outside of an upgrade', () => {
  it('is mended without the words for held nodes', () => {
    expect(drainFailure(failureInfo('drain-deadline', 'not empty'))).toEqual({
      code: 'drain-deadline',
      message: 'not empty',
      remedy: 'remove what its blockers name and drain the node again, or uncordon it',
    });
    const unreachable = failureInfo('cluster-unreachable', 'no answer');
    expect(drainFailure(unreachable)).toEqual(unreachable);
  });
});

describe('the sentence of a refusal', () => {
  const cases: readonly (readonly [DrainRefusal, string])[] = [
    [{ code: 'node-missing', node }, 'node web-2 does not exist - see its name'],
    [
      { code: 'node-in-upgrade', node, cluster },
      'the upgrade of prod has node web-2 in work' +
        ' - let it finish the node, or answer there: pause, skip-node, rollback',
    ],
    [
      { code: 'node-in-upgrade', node, cluster, hop: 'hop-1.29', phase: 'draining' },
      'the upgrade of prod has node web-2 in work (hop-1.29, draining)' +
        ' - let it finish the node, or answer there: pause, skip-node, rollback',
    ],
    [
      { code: 'node-in-upgrade', node, cluster, cordon: 'ascent: hop-1.29, to 1.29.15' },
      'the upgrade of prod has node web-2 in work; its cordon says "ascent: hop-1.29, to 1.29.15"' +
        ' - let it finish the node, or answer there: pause, skip-node, rollback',
    ],
    [
      { code: 'worker-missing', taskQueue: 'cluster/prod', waitedSeconds: 20 },
      'no worker took work from cluster/prod within 20 s' +
        ' - start a worker that serves this cluster, then try again',
    ],
    [
      { code: 'drain-conflict', differences: ['timeoutMs'] },
      'a drain of this node with another policy runs; they differ in timeoutMs' +
        ' - follow it by drain --follow, or uncordon the node to stop it',
    ],
    [
      { code: 'being-undone', by: 'bob' },
      'bob has the node uncordoned just now - drain it again when that is done',
    ],
    [
      { code: 'cordon-failed', failure: failureInfo('credentials-refused', 'forbidden') },
      'the node was not touched: forbidden' +
        " - correct the worker's credentials, its snapshot key or its rights, then try again",
    ],
    [{ code: 'drain-ended' }, 'the drain has ended just now - send it again'],
    [
      { code: 'request-malformed', problems: ['actor must be a text', 'reason must be a text'] },
      'the request is malformed: actor must be a text; reason must be a text' +
        ' - correct it and send it again',
    ],
  ];

  it.each(cases)('%j', (refusal, sentence) => {
    expect(drainRefusalSentence(refusal)).toBe(sentence);
  });

  it('exists for every code', () => {
    const told = new Set(cases.map(([{ code }]) => code));
    expect([...told].toSorted()).toEqual(drainRefusalCodes.toSorted());
  });
});

describe('the sentence of an end', () => {
  const cases: readonly (readonly [DrainEnd, string])[] = [
    [
      { outcome: 'drained', cordon: 'ours', ...counts },
      'node web-2 is drained: pods evicted: 10, in 1 min 2 s; it stays cordoned',
    ],
    [
      { outcome: 'drained', cordon: 'foreign', ...counts },
      'node web-2 is drained: pods evicted: 10, in 1 min 2 s;' +
        ' it stays cordoned, by somebody else than Ascent',
    ],
    [
      {
        outcome: 'not-drained',
        failure: failureInfo('cluster-unreachable', 'no answer'),
        blockers: [],
        ...counts,
      },
      'node web-2 is not drained and stays cordoned: no answer - see that the API server, etcd' +
        ' and the hosts answer from where the worker runs, then try again',
    ],
    [
      { outcome: 'refused', refusal: { code: 'node-missing', node } },
      'node web-2 does not exist - see its name',
    ],
    [
      { outcome: 'undone', ...bob, uncordon: 'removed', ...counts },
      'node web-2 is uncordoned; its drain was stopped, pods evicted before: 10',
    ],
    [
      { outcome: 'undone', ...bob, uncordon: 'not-cordoned', ...none },
      'node web-2 was not cordoned',
    ],
    [
      { outcome: 'undone', ...bob, uncordon: 'left-foreign', ...none },
      'node web-2 stays cordoned: somebody else did that, not Ascent',
    ],
    [
      { outcome: 'undone', ...bob, uncordon: 'left-ours', ...none },
      'node web-2 stays cordoned: an upgrade has it in work',
    ],
    [{ outcome: 'undone', ...bob, uncordon: 'node-missing', ...none }, 'node web-2 does not exist'],
    [
      { outcome: 'not-undone', ...bob, failure: failureInfo('unexpected', 'no'), ...none },
      'node web-2 could not be uncordoned: no' +
        ' - look at the log of the worker; try again when the cause is gone',
    ],
  ];

  it.each(cases)('%j', (end, sentence) => {
    expect(drainEndSentence(node, end)).toBe(sentence);
  });
});

describe('the sentence of where it stands', () => {
  const facts = {
    cluster,
    node,
    phaseSinceMs: 0,
    startedAtMs: 0,
    by: 'ada',
    reason: 'new memory',
  };

  it.each([
    { phase: 'cordoning', text: 'is being cordoned' },
    { phase: 'draining', text: 'is being drained' },
    { phase: 'undoing', text: 'is being uncordoned' },
  ] as const)('$phase', ({ phase, text }) => {
    const status: DrainStatus = { ...facts, phase };
    expect(drainStatusSentence(status)).toBe(`node web-2 ${text}, asked for by ada (new memory)`);
    expect(drainStatusSentence(status, 50_000)).toBe(
      `node web-2 ${text} for 50 s, asked for by ada (new memory)`,
    );
  });

  it('is that of its end, once it has one', () => {
    const end = { outcome: 'refused', refusal: { code: 'drain-ended' } } as const;
    const status: DrainStatus = { ...facts, phase: 'ended', end };
    expect(drainStatusSentence(status)).toBe(drainEndSentence(node, end));
  });
});
