// By what findings are known again: keys without figures, digests of what was seen, and what an
// answer of a person, given for one of them, is worth later.

import {
  type Acknowledgement,
  isAcknowledgement,
  maxAcknowledgements,
  standingText,
  withAcknowledgement,
  withoutAcknowledgement,
} from '../../../domain/findings/acknowledgement';
import type { FindingKey } from '../../../domain/names';
import { whyNeverAcknowledged } from '../../../domain/preflight/acknowledgeable';
import { type Finding, findingCodes } from '../../../domain/preflight/findings';
import { codeOfKey, evidenceDigest, findingKey } from '../../../domain/preflight/identity';
import { isAnsweredFor, isBlocking, judged } from '../../../domain/preflight/judgement';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { whyItMatters } from '../../../domain/preflight/reasons';
import { maxSeenFindings, seenFindings } from '../../../domain/preflight/seen';
import { findingSentence } from '../../../domain/status/sentences';
import {
  aBudget,
  aCluster,
  aMember,
  anEtcd,
  anEtcdMember,
  aNode,
  nodeName,
  version,
} from '../../support/builders';

const hop = { from: version('1.28.15'), to: version('1.29.15') };
const problem = { code: 'unreachable', message: 'connection refused' } as const;

const deadlock: Finding = {
  code: 'webhook-deadlock',
  severity: 'blocks',
  object: { kind: 'webhook', name: 'policy' },
  message: 'all that answers for it is on node w-1',
  remedy: 'run it on two nodes',
  evidence: { node: 'w-1' },
};
const key = 'webhook-deadlock:webhook/policy' as FindingKey;

function answerFor(finding: Finding, over: Partial<Acknowledgement> = {}): Acknowledgement {
  const seen = { finding: findingKey(finding), digest: evidenceDigest(finding) };
  return { ...seen, by: 'ada', reason: 'known', sinceMs: 0, untilMs: 100, ...over };
}

describe('a key', () => {
  it.each<[Partial<Finding>, string]>([
    [{ object: { kind: 'cluster' } }, 'webhook-deadlock:cluster'],
    [{ object: { kind: 'node', name: nodeName('w-1') } }, 'webhook-deadlock:node/w-1'],
    [
      { object: { kind: 'budget', budget: { namespace: 'web', name: 'b' } } },
      'webhook-deadlock:budget/web/b',
    ],
    [
      { object: { kind: 'snapshot-store', location: 's3://x/' } },
      'webhook-deadlock:snapshot-store/s3://x/',
    ],
    [{ about: 'kubelet flag --x' }, 'webhook-deadlock:webhook/policy:kubelet_flag_--x'],
  ])('of %j is %s', (over, text) => {
    expect(findingKey({ ...deadlock, ...over })).toBe(text);
  });

  it('names its check, where it is one of this release', () => {
    const keys = [key, 'nonsense:cluster', 'webhook-deadlock', ''];
    expect(keys.map(codeOfKey)).toEqual(['webhook-deadlock', undefined, undefined, undefined]);
  });

  it('tells apart what one check finds of one object', () => {
    const silent = { kind: 'unobserved', problem } as const;
    const observation = aCluster()
      .withNodes(2)
      .withMember(aMember('cp-2', '1.28.15', { scheduler: silent, controllerManager: silent }))
      .observation();
    const keys = evaluatePreflight({ observation, hop }).findings.map(findingKey);
    expect(keys.filter((one) => one.startsWith('controller'))).toEqual([
      'controller-unobserved:member/cp-2:kube-controller-manager',
      'controller-unobserved:member/cp-2:kube-scheduler',
    ]);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('a digest', () => {
  it('is of the evidence and the severity, not of words and figures', () => {
    const digest = evidenceDigest(deadlock);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    const retold: Finding = { ...deadlock, message: 'other', figures: { pods: 3 } };
    expect(evidenceDigest(retold)).toBe(digest);
    expect(evidenceDigest({ ...deadlock, evidence: { node: 'w-2' } })).not.toBe(digest);
    expect(evidenceDigest({ ...deadlock, severity: 'warns' })).not.toBe(digest);
    const { evidence: _none, ...bare } = deadlock;
    expect(evidenceDigest(bare)).toBe(evidenceDigest({ ...deadlock, evidence: {} }));
  });

  const raftLag = (entries: number) => {
    const lagging = anEtcdMember('etcd-2', { raftIndex: entries, raftAppliedIndex: 0 });
    const members = [anEtcdMember('etcd-1', { isLeader: true }), lagging, anEtcdMember('etcd-3')];
    return aCluster()
      .withNodes(1)
      .with({ etcd: anEtcd(3, { members }) });
  };
  const full = (freeBytes: number) =>
    aCluster().with({ snapshotStore: { kind: 'writable', location: '/s', freeBytes } });
  const greedy = (pods: number) =>
    aCluster().withBudget(aBudget('web', { desiredHealthy: pods, expectedPods: pods }));
  const stale = (renewedSecondsAgo: number) => {
    const cluster = aCluster().withNodes(1);
    const leases = cluster.observation().leases.map((one) => ({ ...one, renewedSecondsAgo }));
    return cluster.with({ leases });
  };
  const unreached = (message: string) => {
    const apiServer = { kind: 'unobserved', problem: { code: 'unreachable', message } } as const;
    return aCluster().withMember(aMember('cp-2', '1.28.15', { apiServer }));
  };

  it.each([
    ['entries that are not applied', raftLag(6_000), raftLag(7_000)],
    ['bytes that are free', full(1), full(2)],
    ['pods of a budget', greedy(3), greedy(4)],
    ['how long ago a lease was renewed', stale(1_000), stale(2_000)],
    ['what a connection says', unreached('port 40123 refused'), unreached('port 40124 refused')],
  ])('stays when only these change: %s', (_what, before, after) => {
    const [a, b] = [before, after].map((cluster) =>
      evaluatePreflight({ observation: cluster.observation(), hop }).findings.map((one) => [
        findingKey(one),
        evidenceDigest(one),
      ]),
    );
    expect(a).not.toEqual([]);
    expect(b).toEqual(a);
  });

  it('changes with a version that is seen', () => {
    const digestsAt = (at: string) => {
      const observation = aCluster().withNode(aNode('w', at)).observation();
      return evaluatePreflight({ observation, hop }).findings.map(evidenceDigest);
    };
    expect(digestsAt('1.29.1')).toHaveLength(1);
    expect(digestsAt('1.29.1')).not.toEqual(digestsAt('1.29.2'));
  });
});

describe('an acknowledgement', () => {
  const standing = (finding: Finding, one: Acknowledgement, nowMs = 50) =>
    judged([finding], [one], nowMs).map(({ acknowledgement }) => acknowledgement);
  const said = { by: 'ada', reason: 'known', untilMs: 100 };

  it('holds for what was seen, until its time is over', () => {
    const one = answerFor(deadlock);
    expect(standing(deadlock, one)).toEqual([{ state: 'holds', ...said }]);
    expect(standing(deadlock, one, 100)).toEqual([{ state: 'void', why: 'expired', ...said }]);
  });

  it('is void when what was seen has changed', () => {
    const moved = { ...deadlock, evidence: { node: 'w-2' } };
    const void_ = { state: 'void', why: 'evidence-changed', ...said };
    expect(standing(moved, answerFor(deadlock))).toEqual([void_]);
    const warned = answerFor({ ...deadlock, severity: 'warns' });
    expect(standing(deadlock, warned)).toEqual([void_]);
  });

  it('is worth nothing for what nobody can answer for, once that blocks', () => {
    const skew: Finding = { ...deadlock, code: 'version-skew' };
    expect(standing(skew, answerFor(skew))).toMatchObject([{ why: 'never-acknowledged' }]);
    const warned: Finding = { ...skew, severity: 'warns' };
    expect(standing(warned, answerFor(warned))).toMatchObject([{ state: 'holds' }]);
  });

  it('is of its finding alone, and forgotten with it', () => {
    const other: Finding = { ...deadlock, object: { kind: 'webhook', name: 'other' } };
    const both = judged([deadlock, other], [answerFor(deadlock)], 0);
    expect(both.map(isBlocking)).toEqual([false, true]);
    expect(both.map(isAnsweredFor)).toEqual([true, false]);
    expect(judged(both, [], 0)).toEqual([deadlock, other]);
    expect(isBlocking({ ...deadlock, severity: 'warns' })).toBe(false);
    expect(isAnsweredFor({ ...deadlock, severity: 'warns' })).toBe(false);
  });

  it('takes the place of an earlier one of the same finding; the oldest go first', () => {
    const [first, second] = [answerFor(deadlock), answerFor(deadlock, { by: 'bob' })];
    expect(withAcknowledgement([first], second)).toEqual([second]);
    expect(withoutAcknowledgement([first], key)).toEqual([]);
    const many = Array.from({ length: maxAcknowledgements }, (_, index) =>
      answerFor(deadlock, { finding: `x:${index}` as FindingKey }),
    );
    const kept = withAcknowledgement(many, first);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([maxAcknowledgements, many[1], first]);
  });

  it('is only one that has all that it needs', () => {
    const one = answerFor(deadlock);
    const { by: _by, ...nameless } = one;
    const judgedOnes = [one, nameless, { ...one, untilMs: '1' }, null, 'x'].map(isAcknowledgement);
    expect(judgedOnes).toEqual([true, false, false, false, false]);
  });

  it('is told beside what was found', () => {
    const told = (nowMs: number) =>
      judged([deadlock], [answerFor(deadlock)], nowMs).map(findingSentence);
    expect(told(0)).toEqual([
      'webhook policy: all that answers for it is on node w-1 (acknowledged by ada (known))' +
        ' - run it on two nodes',
    ]);
    expect(told(100)[0]).toContain('ada (known), but its time is over)');
    const never = { state: 'void', why: 'never-acknowledged', ...said } as const;
    expect(standingText(never)).toBe(
      'acknowledged by ada (known), but nobody can answer for this one',
    );
  });
});

it('nobody can answer for what a hop cannot go on with, nor for a way back that is none', () => {
  const never = findingCodes.filter((code) => whyNeverAcknowledged(code) !== undefined);
  const takes = ['snapshot-store-unusable', 'etcd-hash-mismatch'] as const;
  expect(takes.map(whyNeverAcknowledged)).toEqual(['no-way-back', 'no-way-back']);
  expect(whyNeverAcknowledged('flag-removed')).toBe('cannot-go-on');
  expect(never).not.toContain('webhook-deadlock');
  expect(never).not.toContain('node-not-ready');
});

describe('why a finding matters', () => {
  it('is said for every check, without a word of another hop', () => {
    const all = findingCodes.map((code) => whyItMatters({ code }, hop));
    expect(all.filter((text) => text.length < 20 || text.length > 120)).toEqual([]);
    expect(whyItMatters({ code: 'removed-api-used' }, hop)).toBe(
      'API servers of 1.29 answer such requests with 404',
    );
  });

  it('is what the finding itself says, where it does', () => {
    expect(whyItMatters({ ...deadlock, why: 'of this one' }, hop)).toBe('of this one');
  });
});

describe('a look beside the one before it', () => {
  const lease: Finding = { ...deadlock, code: 'lease-stale' };

  it('has nothing new when it is the first', () => {
    const seen = { key, digest: evidenceDigest(deadlock), firstSeenMs: 7 };
    expect(seenFindings([deadlock], 7)).toEqual({
      atMs: 7,
      findings: [{ ...deadlock, ...seen }],
      gone: [],
      more: 0,
    });
  });

  it('says what is new, changed and gone, and since when the rest is there', () => {
    const before = seenFindings([deadlock, lease], 1);
    const moved = { ...deadlock, evidence: { node: 'w-2' } };
    const fresh: Finding = { ...deadlock, code: 'webhook-unanswered' };
    const { findings, gone } = seenFindings([moved, fresh, fresh], 9, before);
    expect(findings.map((one) => [one.key, one.change, one.firstSeenMs])).toEqual([
      [key, 'changed', 1],
      ['webhook-unanswered:webhook/policy', 'new', 9],
    ]);
    expect(gone).toEqual(['lease-stale:webhook/policy']);
    const again = seenFindings([moved, fresh], 12, { more: 0, findings });
    expect(again.findings.map((one) => [one.change, one.firstSeenMs])).toEqual([
      [undefined, 1],
      [undefined, 9],
    ]);
  });

  it('is bounded, and calls nothing new that may only have been left out', () => {
    const many = Array.from({ length: maxSeenFindings + 2 }, (_, index) => {
      const object = { kind: 'webhook', name: `w-${index}` } as const;
      return { ...deadlock, object };
    });
    const before = seenFindings(many, 1);
    expect([before.findings.length, before.more]).toEqual([maxSeenFindings, 2]);
    const after = seenFindings(many.slice(-3), 2, before);
    expect(after.findings.map(({ change }) => change)).toEqual([undefined, undefined, undefined]);
  });
});
