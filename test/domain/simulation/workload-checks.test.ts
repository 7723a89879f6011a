// Each check with a case that triggers it and one that does not.

import type { PodTraits, SimulationEvidence } from '../../../domain/simulation/evidence';
import { workloadChecks } from '../../../domain/simulation/findings';
import { checkWorkloads } from '../../../domain/simulation/workload-checks';
import { bare, budget, evidence, node, pod, zonal } from './support';

const traits = (more: Partial<PodTraits>) => ({ shape: { traits: more as PodTraits } });
const volume = (isLocal: boolean) => ({
  claims: [{ namespace: 'shop', name: 'data', volume: 'v1', storageClass: '' }],
  volumes: [{ name: 'v1', zones: {}, isLocal }],
});
const emptyDir = (path: string, more: object = {}) =>
  traits({
    emptyDirs: [{ name: 'x', isMemory: false, sizeLimitBytes: 0, mountPaths: [path], ...more }],
  });
const job = { controller: { kind: 'Job', name: 'web' } };
const set = { controller: { kind: 'StatefulSet', name: 'web' } };
const ofDeployment = (hash: string) => ({
  controller: { kind: 'ReplicaSet', name: `web-${hash}` },
  labels: { 'pod-template-hash': hash },
});
const nodes = [zonal('a', 'x'), zonal('b', 'x'), zonal('c', 'y')];
const service = (selector: Readonly<Record<string, string>>, namespace = 'shop') => ({
  services: [{ namespace, name: 'web', selector }],
});
const noHook = traits({ hasPreStop: false });
const noProbe = traits({ hasReadinessProbe: false });

type Some = Partial<SimulationEvidence>;
interface Case {
  readonly check: (typeof workloadChecks)[number];
  readonly found: Some;
  readonly told: object;
  readonly clear: readonly Some[];
}

const one = (more: Parameters<typeof pod>[2] = {}): Some => ({ pods: [pod('web-1', 'a', more)] });
const two = (on: string, other: string): Some => ({
  pods: [pod('web-1', on), pod('web-2', other)],
});

const cases: readonly Case[] = [
  {
    check: 'budget-never',
    found: { ...one(), budgets: [budget('web', { desiredHealthy: 2, maxUnavailable: '0' })] },
    told: { severity: 'blocks', evidence: 'maxUnavailable 0: 2 of 2 pods must be healthy' },
    clear: [
      { ...one(), budgets: [budget('web')] },
      { ...one(), budgets: [budget('web', { desiredHealthy: 2, observed: false })] },
    ],
  },
  {
    check: 'budget-overlap',
    found: {
      ...two('a', 'b'),
      budgets: [budget('web'), budget('web', { budget: { namespace: 'shop', name: 'too' } })],
    },
    told: { evidence: 'web, too select 2 pods' },
    clear: [{ ...one(), budgets: [budget('web'), budget('db')] }],
  },
  {
    check: 'budget-empty',
    found: { ...one(), budgets: [budget('db')] },
    told: { object: { kind: 'PodDisruptionBudget', namespace: 'shop', name: 'db' } },
    clear: [{ ...one(), budgets: [budget('web')] }],
  },
  {
    check: 'budget-sync-failed',
    found: { ...one(), budgets: [budget('web', { syncFailed: true })] },
    told: { severity: 'blocks' },
    clear: [{ ...one(), budgets: [budget('web')] }],
  },
  {
    check: 'budget-missing',
    found: two('a', 'b'),
    told: { evidence: 'it has 2 pods' },
    clear: [one(), { ...two('a', 'b'), budgets: [budget('web')] }],
  },
  {
    check: 'single-replica',
    found: one(),
    told: { object: { kind: 'ReplicaSet', name: 'web' }, evidence: 'its only pod is web-1' },
    clear: [two('a', 'b'), one(job), one({ phase: 'Succeeded' }), one({ isMirror: true })],
  },
  {
    check: 'single-replica',
    found: one(ofDeployment('f00')),
    told: { object: { kind: 'Deployment', namespace: 'shop', name: 'web' } },
    clear: [
      { pods: [pod('web-1', 'a', ofDeployment('f00')), pod('web-2', 'b', ofDeployment('ba7'))] },
    ],
  },
  {
    check: 'one-node',
    found: two('a', 'a'),
    told: { evidence: '2 pods on a' },
    clear: [two('a', 'b'), one(), two('', '')],
  },
  {
    check: 'one-zone',
    found: { nodes, ...two('a', 'b') },
    told: { evidence: '2 pods in x' },
    clear: [
      { nodes, ...two('a', 'c') },
      { nodes, ...two('a', 'a') },
      { nodes: nodes.slice(0, 2), ...two('a', 'b') },
      { nodes: [...nodes, node('d'), node('e')], ...two('d', 'e') },
    ],
  },
  {
    check: 'no-readiness-probe',
    found: one(noProbe),
    told: { severity: 'notes', evidence: 'none of its containers has a readinessProbe' },
    clear: [one(), one({ ...noProbe, ...job })],
  },
  {
    check: 'no-readiness-probe',
    found: { ...one(noProbe), ...service({ app: 'web' }) },
    told: {
      severity: 'warns',
      evidence: 'none of its containers has a readinessProbe, and Service web selects it',
    },
    clear: [{ ...one(), ...service({ app: 'web' }) }],
  },
  {
    check: 'no-pre-stop',
    found: { ...one(noHook), ...service({ app: 'web' }) },
    told: { evidence: 'Service web selects its pods' },
    clear: [
      { ...one(), ...service({ app: 'web' }) },
      { ...one(noHook), ...service({}) },
      { ...one(noHook), ...service({ app: 'db' }) },
      { ...one(noHook), ...service({ app: 'web' }, 'ops') },
    ],
  },
  {
    check: 'empty-dir-data',
    found: one(emptyDir('/var/lib/data')),
    told: { severity: 'notes', evidence: 'mounted at /var/lib/data' },
    clear: [
      one(),
      one(emptyDir('/tmp')),
      one(emptyDir('/var/cache/nginx')),
      one(emptyDir('/data', { isMemory: true })),
    ],
  },
  {
    check: 'empty-dir-data',
    found: one({ ...emptyDir('/data'), ...set }),
    told: { severity: 'warns' },
    clear: [one(set)],
  },
  {
    check: 'bare-pod',
    found: { pods: [bare('alone', 'a'), bare('also', 'a')] },
    told: { object: { kind: 'Pod', namespace: 'shop', name: 'alone' }, evidence: 'it is on a' },
    clear: [one()],
  },
  {
    check: 'long-grace',
    found: one(traits({ gracePeriodSeconds: 3_600 })),
    told: { evidence: 'it may take 3600 s' },
    clear: [one(), one(traits({ gracePeriodSeconds: 300 }))],
  },
  {
    check: 'finalizer',
    found: one({ finalizers: ['example.com/hold'] }),
    told: { evidence: 'example.com/hold' },
    clear: [one(), one({ ...job, finalizers: ['batch.kubernetes.io/job-tracking'] })],
  },
  {
    check: 'host-path',
    found: one(traits({ hostPaths: ['/var/data'] })),
    told: { evidence: '/var/data' },
    clear: [
      one(),
      one({ ...traits({ hostPaths: ['/'] }), controller: { kind: 'DaemonSet', name: 'x' } }),
    ],
  },
  {
    check: 'local-volume',
    found: { ...one({ claims: ['data'] }), ...volume(true) },
    told: { evidence: 'v1' },
    clear: [
      { ...one({ claims: ['data'] }), ...volume(false) },
      { ...one({ claims: ['other'] }), ...volume(true) },
    ],
  },
];

describe('the checks of workloads', () => {
  const found = (check: string, some: Some) =>
    checkWorkloads(evidence(some)).filter((finding) => finding.check === check);

  it.each(cases)('find $check', ({ check, found: some, told }) => {
    expect(found(check, some)[0]).toMatchObject({ check, ...told });
  });

  it.each(cases)('do not find $check where there is none', ({ check, clear }) => {
    expect(clear.map((some) => found(check, some))).toEqual(clear.map(() => []));
  });

  it('are all tried here', () => {
    expect(new Set(cases.map(({ check }) => check))).toEqual(new Set(workloadChecks));
  });

  it('tell objects in the order of their names', () => {
    const pods = ['b', 'a', 'c'].map((name) => bare(name, ''));
    const bares = found('bare-pod', { pods });
    expect(bares.map(({ object, evidence: seen }) => [object.name, seen])).toEqual(
      ['a', 'b', 'c'].map((name) => [name, 'it is on no node']),
    );
  });

  it('name a few of many', () => {
    const many = one({ finalizers: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] });
    expect(found('finalizer', many)[0]?.evidence).toBe('a, b, c, d, e and 2 more');
  });
});
