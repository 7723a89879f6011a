// What a hop is told of the workloads that its drains meet: by check and namespace, bounded, and
// only of what leaves.

import type { NodeName, PoolName } from '../../../domain/names';
import type { PodTraits, SimulationEvidence } from '../../../domain/simulation/evidence';
import { workloadChecks } from '../../../domain/simulation/findings';
import { type DrainedPool, drainedPools } from '../../../domain/preflight/drains';
import { type Finding, findingCodes } from '../../../domain/preflight/findings';
import { evidenceDigest, findingKey } from '../../../domain/preflight/identity';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { workloadFindings } from '../../../domain/preflight/preflight-workloads';
import type { Step } from '../../../domain/plan/plan';
import { findingSentence } from '../../../domain/status/sentences';
import { aCluster, version } from '../../support/builders';
import { bare, budget, evidence, node, pod } from '../simulation/support';

type Some = Partial<SimulationEvidence>;

const policy = { emptyDirData: 'delete', unmanagedPods: 'evict' } as const;
const pool = (nodes: readonly string[], timeoutMs = 600_000, grace?: number): DrainedPool => ({
  pool: 'workers' as PoolName,
  nodes: nodes as readonly NodeName[],
  atOnce: 1,
  drain: {
    timeoutMs,
    ...policy,
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
  },
});

function found(some: Some, pools?: readonly DrainedPool[]): readonly Finding[] {
  const drains = { kind: 'observed', evidence: evidence(some), unread: [] } as const;
  return workloadFindings({ observation: { drains }, ...(pools === undefined ? {} : { pools }) });
}

const keysOf = (findings: readonly Finding[]): readonly string[] => findings.map(findingKey);
const grace = (gracePeriodSeconds: number) => ({
  shape: { traits: { gracePeriodSeconds } as PodTraits },
});
/** The only pods of workloads of one namespace. */
const singles = (namespace: string, ...names: readonly string[]) =>
  names.map((name) => pod(`${name}-1`, 'a', { ref: { namespace, name: `${name}-1` } }));

it('nothing is found where nobody looked, where all is well, and where nothing is drained', () => {
  const pods = [pod('web-1', 'a'), pod('web-2', 'b')];
  expect(workloadFindings({ observation: {} })).toEqual([]);
  expect(found({ pods, budgets: [budget('web')] })).toEqual([]);
  expect(found({ pods: singles('shop', 'web') }, [])).toEqual([]);
});

it('one object is told as it is', () => {
  expect(found({ pods: singles('shop', 'web') })).toEqual([
    {
      code: 'single-replica',
      severity: 'warns',
      object: { kind: 'namespace', name: 'shop' },
      message: 'ReplicaSet web: its only pod is web-1',
      remedy: 'run a second replica while nodes are drained, or accept the gap',
      why: 'while its only pod moves it serves nobody',
      evidence: { objects: ['ReplicaSet web'] },
      figures: { objects: 1 },
    },
  ]);
});

it('what warns is told by namespace, a few of many by name', () => {
  const pods = [...singles('shop', 'a', 'b', 'c', 'd'), ...singles('data', 'z')];
  expect(found({ pods }).map(findingSentence)).toEqual([
    'namespace data: ReplicaSet z: its only pod is z-1' +
      ' - run a second replica while nodes are drained, or accept the gap',
    'namespace shop: 4 workloads: ReplicaSet a (its only pod is a-1), ReplicaSet b (its only pod' +
      ' is b-1), ReplicaSet c (its only pod is c-1) and 1 more' +
      ' - run a second replica while nodes are drained, or accept the gap',
  ]);
});

it('what is a note is told once for each check', () => {
  const pods = [pod('web-1', 'a'), pod('web-2', 'b')];
  const budgets = [
    budget('old'),
    budget('web'),
    budget('other', {
      budget: { namespace: 'data', name: 'other' },
    }),
  ];
  expect(found({ pods, budgets })).toEqual([
    {
      code: 'budget-empty',
      severity: 'notes',
      object: { kind: 'cluster' },
      message:
        '2 budgets in 2 namespaces: PodDisruptionBudget data/other (its rule is no rule),' +
        ' PodDisruptionBudget shop/old (its rule is no rule)',
      remedy: 'correct its selector, or take it away',
      why: 'it selects no pod: what it was meant for is not guarded',
      evidence: {
        objects: ['PodDisruptionBudget data/other', 'PodDisruptionBudget shop/old'],
      },
      figures: { objects: 2 },
    },
  ]);
  expect(found({ pods }).map(({ code, object }) => [code, object.kind])).toEqual([
    ['budget-missing', 'cluster'],
  ]);
});

it('pods are told as pods, and those that their Job lets go are not', () => {
  const held = { finalizers: ['example.com/hold'] };
  const tracked = {
    controller: { kind: 'Job', name: 'night' },
    finalizers: ['batch.kubernetes.io/job-tracking'],
  };
  const pods = [bare('one', 'a', held), bare('two', 'a'), pod('night-1', 'a', tracked)];
  expect(found({ pods }).map(({ code, message }) => [code, message])).toEqual([
    ['bare-pod', '2 pods: Pod one (it is on a), Pod two (it is on a)'],
    ['finalizer', 'Pod one: example.com/hold'],
  ]);
});

it('what blocks is left to the checks of budgets', () => {
  const budgets = [budget('web', { desiredHealthy: 2, maxUnavailable: '0' })];
  expect(found({ pods: [pod('web-1', 'a'), pod('web-2', 'b')], budgets })).toEqual([]);
});

describe('of many namespaces', () => {
  const spaces = Array.from({ length: 23 }, (_, at) => `team-${String(at).padStart(2, '0')}`);
  const many = found({ pods: spaces.flatMap((name) => singles(name, 'web')) });

  it('twenty are told by name, the others as one', () => {
    expect(many).toHaveLength(21);
    expect(keysOf(many).slice(18)).toEqual([
      'single-replica:namespace/team-18',
      'single-replica:namespace/team-19',
      'single-replica:cluster:other-namespaces',
    ]);
    expect(many.at(-1)?.message).toBe(
      '3 workloads in 3 namespaces: ReplicaSet team-20/web (its only pod is web-1),' +
        ' ReplicaSet team-21/web (its only pod is web-1),' +
        ' ReplicaSet team-22/web (its only pod is web-1)',
    );
  });

  it('no two have one key, also where a check warns and notes', () => {
    const emptyDirs = [
      { name: 'x', isMemory: false, sizeLimitBytes: 0, mountPaths: ['/data'] },
    ] as const;
    const both = spaces.flatMap((namespace) =>
      ['StatefulSet', 'Widget'].flatMap((kind) =>
        ['a', 'b'].map((on) =>
          pod(`${kind}-${on}`, on, {
            ref: { namespace, name: `${kind}-${on}` },
            controller: { kind, name: 'db' },
            shape: { traits: { emptyDirs } as unknown as PodTraits },
          }),
        ),
      ),
    );
    const keys = keysOf(found({ pods: both }));
    expect(keys.filter((key) => key.startsWith('empty-dir-data:cluster'))).toEqual([
      'empty-dir-data:cluster:other-namespaces',
      'empty-dir-data:cluster',
    ]);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('the digest', () => {
  const digests = (...names: readonly string[]): readonly string[] =>
    found({ pods: singles('shop', ...names) }).map(evidenceDigest);

  it('stays when pods move or are called otherwise', () => {
    const label = { 'pod-template-hash': 'f00' };
    const of = (name: string, on: string, hash: string) =>
      found({
        pods: [
          pod(name, on, {
            controller: { kind: 'ReplicaSet', name: `web-${hash}` },
            labels: { 'pod-template-hash': hash },
          }),
        ],
      });
    expect(of('web-1', 'a', 'f00')[0]?.evidence).toEqual({ objects: ['Deployment web'] });
    expect(of('web-2', 'b', 'ba7').map(evidenceDigest)).toEqual(
      of('web-1', 'a', 'f00').map(evidenceDigest),
    );
    const other = { kind: 'ReplicaSet', name: 'lone' };
    const lone = found({ pods: [pod('web-1', 'a', { controller: other, labels: label })] });
    expect(lone[0]?.evidence).toEqual({ objects: ['ReplicaSet lone'] });
  });

  it('changes with each workload, also with those that are not named', () => {
    const letters = 'abcdefghijkl'.split('');
    expect(digests('a')).not.toEqual(digests('a', 'b'));
    expect(digests(...letters)).not.toEqual(digests(...letters.slice(0, -1), 'z'));
    expect(found({ pods: singles('shop', ...letters) })[0]?.evidence).toEqual({
      objects: letters.slice(0, 10).map((name) => `ReplicaSet ${name}`),
      others: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    });
  });
});

describe('of a hop that drains some nodes', () => {
  it('only workloads are told that have a pod there', () => {
    const pods = [
      ...singles('shop', 'web'),
      pod('db-1', 'b'),
      bare('here', 'a'),
      bare('there', 'b'),
      pod('api-1', 'a'),
      pod('api-2', 'b'),
    ];
    const budgets = [budget('api')];
    const told = found({ pods, budgets }, [pool(['a'])]).map(({ message }) => message);
    expect(told).toEqual(['ReplicaSet web: its only pod is web-1', 'Pod here: it is on a']);
  });

  const slow = (on: string) => ({ pods: [pod('web-1', on, grace(600)), pod('web-2', 'c')] });
  const graces = (some: Some, pools: readonly DrainedPool[]) =>
    found({ ...some, budgets: [budget('web')] }, pools).map(
      ({ severity, message }) => `${severity}: ${message}`,
    );

  it.each([
    [
      'as long as its drain may take',
      [pool(['a'])],
      ['warns: ReplicaSet web: it may take 600 s, its drain 600 s'],
    ],
    [
      'shorter than that',
      [pool(['a'], 601_000)],
      ['notes: ReplicaSet shop/web: it may take 600 s'],
    ],
    [
      'set by the pool',
      [pool(['a'], 60_000, 60)],
      ['warns: ReplicaSet web: it may take 60 s, its drain 60 s'],
    ],
    ['shortened by the pool', [pool(['a'], 600_000, 30)], []],
  ] as const)('a grace period is %s', (_what, pools, told) => {
    expect(graces(slow('a'), pools)).toEqual(told);
  });
});

describe('what could not be read', () => {
  const refused = { code: 'forbidden', message: 'listing claims of volumes: HTTP 403' } as const;

  it('is told for all of it', () => {
    const drains = { kind: 'unobserved', problem: refused } as const;
    const told = workloadFindings({ observation: { drains } });
    expect(told).toEqual([
      {
        code: 'workloads-unobserved',
        severity: 'warns',
        object: { kind: 'cluster' },
        message: 'what its drains meet was not all looked at: listing claims of volumes: HTTP 403',
        remedy: 'allow the worker to list what is named: deploy/rbac/planner.yaml has the rules',
        evidence: { problem: 'forbidden' },
      },
    ]);
  });

  it('is told for a part of it, and the rest is still looked at', () => {
    const unread = [{ what: 'services', problem: 'listing services: HTTP 403' }];
    const some = evidence({ pods: singles('shop', 'web') });
    const drains = { kind: 'observed', evidence: some, unread } as const;
    expect(keysOf(workloadFindings({ observation: { drains } }))).toEqual([
      'workloads-unobserved:cluster:services',
      'single-replica:namespace/shop',
    ]);
  });
});

it('every check of workloads is one of the preflight', () => {
  // The last is one of the observation's budgets as well, and told by those.
  const told = ['budget-never', 'budget-overlap'];
  const codes: readonly string[] = findingCodes;
  expect(workloadChecks.filter((check) => !codes.includes(check))).toEqual(told);
});

it('a preflight has them among its own', () => {
  const hop = { from: version('1.28.15'), to: version('1.29.15') };
  const seen = evidence({ nodes: [node('a')], pods: singles('shop', 'web') });
  const drains = { kind: 'observed', evidence: seen, unread: [] } as const;
  const observation = { ...aCluster().withNodes(2).observation(), drains };
  const at = (pools?: readonly DrainedPool[]) =>
    evaluatePreflight({ observation, hop, ...(pools === undefined ? {} : { pools }) });
  expect(keysOf(at().findings)).toEqual(['single-replica:namespace/shop']);
  expect(keysOf(at([pool(['b'])]).findings)).toEqual([]);
});

describe('what a hop drains', () => {
  const step = {
    kind: 'pool',
    pool: 'workers' as PoolName,
    lane: 'every-hop',
    nodes: [{ name: 'a' as NodeName, zone: '', from: version('1.28.15'), to: version('1.29.15') }],
    maxUnavailable: 1,
    drain: { timeoutMs: 600_000, ...policy },
    upgradeTimeoutMs: 1,
    nodeSoakMs: 0,
  } as const satisfies Step;
  const rollout = {
    kind: 'rollout',
    pool: 'others' as PoolName,
    lane: 'every-hop',
    machineDeployment: 'others',
    from: version('1.28.15'),
    to: version('1.29.15'),
    replicas: 1,
    stuckMs: 1,
  } as const satisfies Step;

  it.each<[string, readonly Step[], readonly DrainedPool[] | undefined]>([
    ['the nodes of its pools', [{ kind: 'preflight' }, step], [pool(['a'])]],
    ['nothing', [{ kind: 'preflight' }], []],
    ['what others say, where machines are replaced', [step, rollout], undefined],
  ])('is %s', (_what, steps, pools) => {
    expect(drainedPools({ steps })).toEqual(pools);
  });
});
