import { planDigestOf } from '../../../domain/plan/digest';
import type { Plan, PlanResult } from '../../../domain/plan/plan';
import { planUpgrade } from '../../../domain/plan/planner';
import { knownReleases } from '../../../domain/plan/releases';
import type { Observation } from '../../../domain/observation';
import type { PoolSpec, UpgradeSpec } from '../../../domain/spec';
import {
  aCluster,
  aDrainPolicy,
  aMember,
  aNode,
  aPlan,
  aPool,
  aSpec,
  minor,
  nodeName,
  poolName,
  version,
} from '../../support/builders';

function planOf(spec: UpgradeSpec, observation: Observation): PlanResult {
  return planUpgrade({ spec, observation, releases: knownReleases });
}

function blockersOf(spec: UpgradeSpec, observation: Observation) {
  const result = planOf(spec, observation);
  return result.kind === 'blocked' ? result.blockers : [];
}

/** Short form of a plan: `hop-1.29 1.28.15>1.29.15`, then its members and nodes, indented. */
function outline(plan: Plan): readonly string[] {
  return plan.hops.flatMap((hop) => [
    `${hop.id} ${hop.from}>${hop.to}`,
    ...hop.steps.flatMap((step) => {
      if (step.kind === 'api-server') return [`  api-server ${step.member}`];
      if (step.kind === 'controllers') return [`  controllers ${step.members.join(' ')}`];
      if (step.kind !== 'pool') return [];
      return step.nodes.map((node) => `  ${step.pool} ${node.name} ${node.from}>${node.to}`);
    }),
  ]);
}

describe('a plan from 1.28 to 1.30', () => {
  const observation = aCluster()
    .withMembers(2)
    .withNode(aNode('w-2', '1.28.15', { zone: 'a' }))
    .withNode(aNode('w-1', '1.28.15', { zone: 'b' }))
    .withNode(aNode('w-3', '1.28.15', { zone: 'a' }))
    .observation();
  const plan = aPlan(aSpec(), observation);
  const hop = (id: string, from: string, to: string, approval: string) => ({
    id,
    from,
    to,
    approval,
    steps: [
      { kind: 'preflight' },
      { kind: 'snapshot', snapshotId: `lab-${id}-from-${from}` },
      { kind: 'api-server', member: 'cp-1', from, to, timeoutMs: 300_000 },
      { kind: 'api-server', member: 'cp-2', from, to, timeoutMs: 300_000 },
      {
        kind: 'controllers',
        members: ['cp-1', 'cp-2'],
        order: 'leader-last',
        from,
        to,
        timeoutMs: 300_000,
      },
      {
        kind: 'pool',
        pool: 'workers',
        lane: 'every-hop',
        nodes: [
          { name: 'w-2', zone: 'a', from, to },
          { name: 'w-3', zone: 'a', from, to },
          { name: 'w-1', zone: 'b', from, to },
        ],
        maxUnavailable: 1,
        window: { zones: 'one-at-a-time', order: 'least-disruptive' },
        drain: aDrainPolicy,
        upgradeTimeoutMs: 600_000,
        nodeSoakMs: 10_000,
      },
      { kind: 'verify' },
      { kind: 'soak', durationMs: 30_000 },
    ],
  });

  it('goes through 1.29, members by name, nodes by zone and name', () => {
    expect(plan).toEqual({
      schema: 'ascent.plan/v1',
      digest: planDigestOf(plan),
      cluster: 'lab',
      from: '1.28.15',
      to: '1.30.14',
      hops: [
        hop('hop-1.29', '1.28.15', '1.29.15', 'none'),
        hop('hop-1.30', '1.29.15', '1.30.14', 'required'),
      ],
    });
  });

  it('has the same rest when it is made again after the first hop', () => {
    const after = aCluster()
      .withMembers(2, '1.29.15')
      .with({
        nodes: observation.nodes.map((node) => ({ ...node, kubeletVersion: version('1.29.15') })),
      });
    const input = { spec: aSpec(), observation: after.observation(), releases: knownReleases };
    const again = planUpgrade({ ...input, hopsDone: 1 });
    expect(again.kind === 'planned' ? again.plan.hops : []).toEqual(plan.hops.slice(1));
  });

  it('does not depend on when the cluster was looked at', () => {
    const later = { ...observation, observedAt: '2026-12-24T00:00:00Z' };
    expect(aPlan(aSpec(), later)).toEqual(plan);
  });
});

describe('approvals', () => {
  const observation = aCluster().withNodes(1).observation();
  it.each([
    { approvals: 'none', hops: ['none', 'none'] },
    { approvals: 'between-hops', hops: ['none', 'required'] },
    { approvals: 'every-hop', hops: ['required', 'required'] },
  ] as const)('$approvals gives $hops', ({ approvals, hops }) => {
    const plan = aPlan(aSpec({ approvals }), observation);
    expect(plan.hops.map((one) => one.approval)).toEqual(hops);
  });
});

describe('releases', () => {
  const observation = aCluster().withNodes(1).observation();

  it('are the newest that the driver can install', () => {
    const seen = aCluster()
      .withNodes(1)
      .withAvailable('1.30.2', '1.29.3', '1.29.11', '1.30.10', '1.28.15', '2.0.0');
    const plan = aPlan(aSpec(), seen.observation());
    expect(plan.hops.map((hop) => hop.to)).toEqual(['1.29.11', '1.30.10']);
  });

  it('are the ones that via and target name', () => {
    const spec = aSpec({ target: version('1.30.9'), via: [version('1.29.4')] });
    expect(aPlan(spec, observation).hops.map((hop) => hop.to)).toEqual(['1.29.4', '1.30.9']);
  });

  it('are not taken back when what runs is newer than what is known', () => {
    const seen = aCluster().withMembers(3, '1.30.20').withNodes(1, '1.30.14').observation();
    expect(outline(aPlan(aSpec(), seen))).toEqual([
      'hop-1.30 1.30.20>1.30.20',
      '  workers worker-1 1.30.14>1.30.20',
    ]);
  });

  it('are not needed for a minor that runs already', () => {
    const seen = aCluster().withMembers(3, '1.30.2').withNodes(1).withAvailable().observation();
    expect(outline(aPlan(aSpec(), seen))).toEqual([
      'hop-1.30 1.30.2>1.30.2',
      '  workers worker-1 1.28.15>1.30.2',
    ]);
  });
});

describe('lane fewest-drains', () => {
  const pools = [aPool({ lane: 'fewest-drains' })];
  const controllers = '  controllers cp-1';
  const single = { memberTimeoutMs: 1, allowSingleMember: true };

  it('drains once, at the end, over three minors', () => {
    const spec = aSpec({ target: minor('1.31'), pools, controlPlane: single });
    expect(outline(aPlan(spec, aCluster().withMembers(1).withNodes(1).observation()))).toEqual([
      'hop-1.29 1.28.15>1.29.15',
      '  api-server cp-1',
      controllers,
      'hop-1.30 1.29.15>1.30.14',
      '  api-server cp-1',
      controllers,
      'hop-1.31 1.30.14>1.31.14',
      '  api-server cp-1',
      controllers,
      '  workers worker-1 1.28.15>1.31.14',
    ]);
  });

  it('goes before the next API servers would leave a kubelet too old, node by node', () => {
    const seen = aCluster()
      .withMembers(1)
      .withNode(aNode('a', '1.26.15'))
      .withNode(aNode('b', '1.28.15'));
    const spec = aSpec({ target: minor('1.32'), pools, controlPlane: single });
    const nodes = outline(aPlan(spec, seen.observation())).filter((line) => /workers/.test(line));
    expect(nodes).toEqual([
      '  workers a 1.26.15>1.29.15',
      '  workers b 1.28.15>1.31.14',
      '  workers a 1.29.15>1.32.13',
      '  workers b 1.31.14>1.32.13',
    ]);
  });
});

describe('an upgrade that was interrupted', () => {
  it('is finished by a hop of its nodes when the control plane is at the target', () => {
    const seen = aCluster()
      .withMembers(3, '1.30.14')
      .withNodes(1, '1.29.15')
      .withNodes(1, '1.30.14', { prefix: 'done' });
    const plan = aPlan(aSpec(), seen.observation());
    expect(plan.hops.map((hop) => hop.steps.map((step) => step.kind))).toEqual([
      ['preflight', 'snapshot', 'pool', 'verify', 'soak'],
    ]);
    expect(outline(plan)).toEqual([
      'hop-1.30 1.30.14>1.30.14',
      '  workers worker-1 1.29.15>1.30.14',
    ]);
  });

  it('takes nodes that stayed behind along in one drain', () => {
    const seen = aCluster().withMembers(3, '1.29.15').withNodes(1, '1.28.15').observation();
    expect(outline(aPlan(aSpec(), seen))).toEqual([
      'hop-1.30 1.29.15>1.30.14',
      '  api-server cp-1',
      '  api-server cp-2',
      '  api-server cp-3',
      '  controllers cp-1 cp-2 cp-3',
      '  workers worker-1 1.28.15>1.30.14',
    ]);
  });

  it('brings controllers to the patch of their API servers', () => {
    const behind = { kind: 'observed', version: version('1.30.2'), healthy: true } as const;
    const seen = aCluster()
      .withMembers(3, '1.30.14')
      .withMember(aMember('cp-2', '1.30.14', { scheduler: behind }))
      .withNodes(1, '1.30.14');
    const plan = aPlan(aSpec(), seen.observation());
    expect(plan.hops[0]?.steps[2]).toEqual({
      kind: 'controllers',
      members: ['cp-2'],
      order: 'leader-last',
      from: '1.30.2',
      to: '1.30.14',
      timeoutMs: 300_000,
    });
    expect(outline(plan)).toEqual(['hop-1.30 1.30.14>1.30.14', '  controllers cp-2']);
  });
});

describe('a patch', () => {
  it('is a hop inside the minor', () => {
    const seen = aCluster().withMembers(1, '1.30.2').withNodes(1, '1.30.2').observation();
    const spec = aSpec({ controlPlane: { memberTimeoutMs: 1, allowSingleMember: true } });
    expect(outline(aPlan(spec, seen))).toEqual([
      'hop-1.30 1.30.2>1.30.14',
      '  api-server cp-1',
      '  controllers cp-1',
      '  workers worker-1 1.30.2>1.30.14',
    ]);
  });

  it('leaves a kubelet alone that has a newer one', () => {
    const seen = aCluster().withMembers(3, '1.30.2').withNodes(1, '1.30.20').observation();
    expect(outline(aPlan(aSpec(), seen))).toEqual([
      'hop-1.30 1.30.2>1.30.14',
      '  api-server cp-1',
      '  api-server cp-2',
      '  api-server cp-3',
      '  controllers cp-1 cp-2 cp-3',
    ]);
  });
});

describe('pools', () => {
  const web = aPool({ name: poolName('web'), nodeSelector: { role: 'web' } });
  const rest = aPool({ name: poolName('rest') });

  it('take nodes in the order of the spec', () => {
    const seen = aCluster()
      .withMembers(3, '1.29.15')
      .withNode(aNode('a', '1.29.15', { labels: { role: 'web', disk: 'ssd' } }))
      .withNode(aNode('b', '1.29.15', { labels: { role: 'db' } }));
    const plan = aPlan(aSpec({ pools: [rest, web].toReversed() }), seen.observation());
    expect(outline(plan).slice(-2)).toEqual([
      '  web a 1.29.15>1.30.14',
      '  rest b 1.29.15>1.30.14',
    ]);
  });

  it.each([
    { maxUnavailable: 3, count: 10, resolved: 3 },
    { maxUnavailable: '25%', count: 10, resolved: 2 },
    { maxUnavailable: '5%', count: 10, resolved: 1 },
    { maxUnavailable: '100%', count: 10, resolved: 10 },
  ] as const)('resolve $maxUnavailable of $count nodes to $resolved', (row) => {
    const seen = aCluster().withMembers(3, '1.29.15').withNodes(row.count, '1.29.15');
    const spec = aSpec({ pools: [aPool({ maxUnavailable: row.maxUnavailable })] });
    const step = aPlan(spec, seen.observation()).hops[0]?.steps.find((one) => one.kind === 'pool');
    expect(step?.maxUnavailable).toBe(row.resolved);
  });

  it('say their size in a hop that some of their nodes need not take', () => {
    const seen = aCluster()
      .withMembers(3, '1.29.15')
      .withNodes(4, '1.29.15')
      .withNode(aNode('old', '1.27.16'));
    const pool = aPool({ lane: 'fewest-drains', maxUnavailable: '40%' });
    const spec = aSpec({ target: minor('1.31'), pools: [pool] });
    const plan = aPlan(spec, seen.observation());
    const steps = plan.hops.flatMap((hop) => hop.steps.filter((step) => step.kind === 'pool'));
    expect(
      steps.map(({ nodes, poolSize, maxUnavailable }) => [nodes.length, poolSize, maxUnavailable]),
    ).toEqual([
      [1, 5, 2],
      [5, undefined, 2],
    ]);
  });

  const controlPlane = {
    isControlPlane: true,
    labels: { 'node-role.kubernetes.io/control-plane': '', zone: 'a' },
  };

  it('leave control-plane nodes alone, also when a selector happens to fit', () => {
    const seen = aCluster()
      .withMembers(3, '1.29.15')
      .withNode(aNode('cp-1', '1.29.15', controlPlane))
      .withNode(aNode('w-1', '1.29.15', { labels: { zone: 'a' } }));
    const spec = aSpec({ pools: [aPool({ nodeSelector: { zone: 'a' } })] });
    expect(outline(aPlan(spec, seen.observation())).slice(-1)).toEqual([
      '  workers w-1 1.29.15>1.30.14',
    ]);
  });

  it.each([
    { nodeSelector: { 'node-role.kubernetes.io/control-plane': '' }, labels: controlPlane.labels },
    {
      nodeSelector: { 'kubernetes.io/hostname': 'cp-1' },
      labels: { 'kubernetes.io/hostname': 'cp-1' },
    },
  ])('take control-plane nodes that $nodeSelector names', ({ nodeSelector, labels }) => {
    const seen = aCluster()
      .withMembers(3, '1.29.15')
      .withNode(aNode('cp-1', '1.29.15', { ...controlPlane, labels }));
    const spec = aSpec({ pools: [aPool({ name: poolName('masters'), nodeSelector })] });
    expect(outline(aPlan(spec, seen.observation())).slice(-1)).toEqual([
      '  masters cp-1 1.29.15>1.30.14',
    ]);
  });
});

describe('no plan is made', () => {
  const healthy = aCluster().withNodes(1);
  const at = (text: string) => aCluster().withMembers(3, text).withNodes(1, text);

  it('when everything is at the target', () => {
    expect(blockersOf(aSpec(), at('1.30.14').observation())).toEqual([
      { code: 'already-at-target', cluster: 'lab', at: '1.30.14' },
    ]);
  });

  it.each([
    { running: '1.30.14', target: minor('1.29') },
    { running: '1.30.14', target: version('1.30.2') },
    { running: '1.30.14', target: version('0.9.9') },
  ])('when $target is lower than $running', ({ running, target }) => {
    expect(blockersOf(aSpec({ target }), at(running).observation())).toEqual([
      { code: 'target-lower', at: running, target },
    ]);
  });

  it.each([
    { target: version('1.30.99'), newestKnown: '1.36.1' },
    { target: minor('1.99'), newestKnown: '1.36.1' },
    { target: minor('2.0'), newestKnown: '1.36.1' },
  ])('when nobody knows $target', ({ target, newestKnown }) => {
    expect(blockersOf(aSpec({ target }), healthy.observation())).toEqual([
      { code: 'target-unknown', target, newestKnown },
    ]);
  });

  it('when the driver has neither the target nor a minor on the way', () => {
    const seen = healthy.withAvailable('1.28.15', '1.30.14').observation();
    expect(blockersOf(aSpec({ target: minor('1.31') }), seen)).toEqual([
      { code: 'target-unknown', target: '1.31', newestKnown: '1.30.14' },
      { code: 'release-missing', minor: '1.29' },
    ]);
  });

  it('when a minor on the way is missing, which it never skips', () => {
    const seen = healthy.withAvailable('1.28.15', '1.30.14').observation();
    expect(blockersOf(aSpec(), seen)).toEqual([{ code: 'release-missing', minor: '1.29' }]);
  });

  it('when a minor is outside of what is supported', () => {
    const supported = { oldest: '1.28', newest: '1.36' };
    expect(blockersOf(aSpec({ target: minor('1.28') }), at('1.27.16').observation())).toEqual([
      { code: 'hop-unsupported', minor: '1.27', ...supported },
    ]);
    const newer = at('1.36.1').withAvailable('1.37.0').observation();
    expect(blockersOf(aSpec({ target: minor('1.37') }), newer)).toEqual([
      { code: 'hop-unsupported', minor: '1.37', ...supported },
    ]);
  });

  it('when via names releases that are of no use, each with its reason', () => {
    const via = ['1.28.20', '1.29.3', '1.30.2', '1.31.0', '1.29.4', '1.29.4'].map(version);
    expect(blockersOf(aSpec({ via }), healthy.observation())).toEqual([
      { code: 'via-unusable', version: '1.28.20', why: 'not-on-path' },
      { code: 'via-unusable', version: '1.29.3', why: 'duplicate-minor' },
      { code: 'via-unusable', version: '1.29.4', why: 'duplicate-minor' },
      { code: 'via-unusable', version: '1.30.2', why: 'duplicate-minor' },
      { code: 'via-unusable', version: '1.31.0', why: 'not-on-path' },
    ]);
    const seen = healthy.withAvailable('1.29.15', '1.30.14').observation();
    expect(blockersOf(aSpec({ via: [version('1.29.3')] }), seen)).toEqual([
      { code: 'via-unusable', version: '1.29.3', why: 'not-available' },
    ]);
  });

  it('when no member is known', () => {
    const seen = aCluster().with({ members: [] }).withNodes(1).observation();
    expect(blockersOf(aSpec(), seen)).toEqual([{ code: 'no-members', cluster: 'lab' }]);
  });

  it('when a single member would take the API down unasked', () => {
    const seen = aCluster().withMembers(1).withNodes(1);
    const blocker = { code: 'single-member-not-allowed', member: 'cp-1' };
    expect(blockersOf(aSpec(), seen.observation())).toEqual([blocker]);
    expect(blockersOf(aSpec({ target: minor('1.27') }), seen.observation())).toEqual([
      { code: 'target-lower', at: '1.28.15', target: '1.27' },
      blocker,
    ]);
    const allowed = aSpec({ controlPlane: { memberTimeoutMs: 1, allowSingleMember: true } });
    expect(planOf(allowed, seen.observation()).kind).toBe('planned');
  });

  it.each([
    [300_000, 30_000],
    [10_000, 10_000],
  ])('a single member that may take %s ms is expected back after %s', (limit, expected) => {
    const spec = aSpec({ controlPlane: { memberTimeoutMs: limit, allowSingleMember: true } });
    const { hops } = aPlan(spec, aCluster().withMembers(1).withNodes(1).observation());
    const steps = hops.flatMap((hop) => hop.steps.filter(({ kind }) => kind === 'api-server'));
    expect(steps).toEqual(
      steps.map((step) => ({ ...step, timeoutMs: limit, expectedDowntimeMs: expected })),
    );
    expect(steps).toHaveLength(2);
  });

  it('asks nothing of a single member whose nodes only are finished', () => {
    const seen = aCluster().withMembers(1, '1.30.14').withNodes(1, '1.29.15').observation();
    expect(planOf(aSpec(), seen).kind).toBe('planned');
  });

  it('when components could not be asked', () => {
    const problem = { code: 'unreachable', message: 'connection refused' } as const;
    const silent = { kind: 'unobserved', problem } as const;
    const seen = healthy
      .withMember(aMember('cp-2', '1.28.15', { controllerManager: silent, scheduler: silent }))
      .withMember(aMember('cp-3', '1.28.15', { apiServer: silent }));
    const unobserved = (member: string, component: string) => ({
      code: 'member-unobserved',
      member,
      component,
      problem: 'connection refused',
    });
    expect(blockersOf(aSpec(), seen.observation())).toEqual([
      unobserved('cp-3', 'kube-apiserver'),
      unobserved('cp-2', 'kube-controller-manager'),
      unobserved('cp-2', 'kube-scheduler'),
    ]);
  });

  it('when no API server could be asked, and names the pools that are wrong all the same', () => {
    const problem = { code: 'timeout', message: 'no answer in 5 s' } as const;
    const silent = { kind: 'unobserved', problem } as const;
    const seen = aCluster().with({ members: [aMember('cp-1', '1.28.15', { apiServer: silent })] });
    expect(blockersOf(aSpec(), seen.observation())).toEqual([
      {
        code: 'member-unobserved',
        member: 'cp-1',
        component: 'kube-apiserver',
        problem: 'no answer in 5 s',
      },
      { code: 'pool-empty', pool: 'workers' },
    ]);
  });

  it('when a pool gets no node because those before it take all of its own', () => {
    const seen = aCluster()
      .withMembers(2)
      .withNode(aNode('w-1', '1.28.15', { labels: { role: 'web' } }))
      .withNode(aNode('w-2', '1.28.15', { labels: { role: 'db' } }))
      .observation();
    const [web, db] = ['web', 'db'].map((role) =>
      aPool({ name: poolName(role), nodeSelector: { role } }),
    ) as [PoolSpec, PoolSpec];
    const rest = aPool({ name: poolName('rest') });
    expect(blockersOf(aSpec({ pools: [rest, web] }), seen)).toEqual([
      { code: 'pool-empty', pool: 'web', takenBy: ['rest'] },
    ]);
    expect(blockersOf(aSpec({ pools: [web, db, rest] }), seen)).toEqual([
      { code: 'pool-empty', pool: 'rest', takenBy: ['web', 'db'] },
    ]);
  });

  it('when the pod selector of a drain policy cannot be read', () => {
    const drain = { ...aDrainPolicy, podSelector: 'app in web' };
    const pools = [aPool({ drain })];
    expect(blockersOf(aSpec({ pools }), healthy.observation())).toEqual([
      {
        code: 'pod-selector-unreadable',
        pool: 'workers',
        podSelector: 'app in web',
        mistakes: ['column 8: expected (, got "web"'],
      },
    ]);
  });

  it.each([
    [[], 'no-end'],
    [['surge'], 'no-end'],
    [['hold', 'quarantine'], 'two-ends'],
    [['surge', 'surge', 'hold'], 'repeated'],
    [['quarantine', 'surge'], 'surge-late'],
  ] as const)('refuses the ladder %j, because of %s', (ladder, why) => {
    const pools = [aPool({ drain: { ...aPool().drain, ladder } })];
    expect(blockersOf(aSpec({ pools }), healthy.observation())).toEqual([
      { code: 'ladder-endless', pool: 'workers', ladder, why },
    ]);
  });

  it.each([[['hold']], [['quarantine']], [['surge', 'hold']], [['surge', 'quarantine']]] as const)(
    'plans with the ladder %j',
    (ladder) => {
      const pools = [aPool({ drain: { ...aPool().drain, ladder } })];
      const input = { spec: aSpec({ pools }), observation: healthy.observation(), releases: [] };
      expect(planUpgrade({ ...input, releases: knownReleases })).toMatchObject({ kind: 'planned' });
    },
  );

  describe('when nodes lack the label that orders their pool', () => {
    const pools = [aPool({ orderLabel: 'turn' })];
    const seen = aCluster()
      .withNode(aNode('worker-2'))
      .withNode(aNode('worker-1'))
      .withNode(aNode('worker-3', '1.28.15', { labels: { turn: '1' } }))
      .observation();

    it('and names all of them by their names', () => {
      expect(blockersOf(aSpec({ pools }), seen)).toEqual([
        {
          code: 'order-label-missing',
          pool: 'workers',
          label: 'turn',
          nodes: ['worker-1', 'worker-2'],
        },
      ]);
    });

    it('but not in the middle of an upgrade, where they go last', () => {
      const spec = aSpec({ pools, target: minor('1.29') });
      const result = planUpgrade({
        spec,
        observation: seen,
        releases: knownReleases,
        hopsDone: 0,
      });
      const steps = result.kind === 'planned' ? result.plan.hops.flatMap(({ steps }) => steps) : [];
      const nodes = steps.flatMap((step) => (step.kind === 'pool' ? step.nodes : []));
      expect(nodes.map(({ name }) => name)).toEqual(['worker-3', 'worker-1', 'worker-2']);
    });
  });

  describe('when a drain policy names a namespace that does not exist', () => {
    const drain = { ...aDrainPolicy, namespaces: { web: 'wait', bathc: 'skip' } } as const;
    const pools = [aPool({ drain })];
    const seen = (namespaces?: readonly string[]): Observation =>
      healthy.with(namespaces === undefined ? {} : { namespaces }).observation();

    it('and names each with its pool', () => {
      expect(blockersOf(aSpec({ pools }), seen(['batch', 'web']))).toEqual([
        { code: 'namespace-unknown', pool: 'workers', namespace: 'bathc' },
      ]);
      expect(blockersOf(aSpec({ pools }), seen([]))).toEqual([
        { code: 'namespace-unknown', pool: 'workers', namespace: 'bathc' },
        { code: 'namespace-unknown', pool: 'workers', namespace: 'web' },
      ]);
    });

    it('but not with an observation that does not know namespaces, nor in mid-upgrade', () => {
      const spec = aSpec({ pools });
      const planned = { kind: 'planned' };
      expect(planOf(spec, seen())).toMatchObject(planned);
      expect(planOf(aSpec(), seen([]))).toMatchObject(planned);
      const again = { spec, observation: seen([]), releases: knownReleases, hopsDone: 0 };
      expect(planUpgrade(again)).toMatchObject(planned);
    });
  });

  it('when API servers run different releases', () => {
    const seen = healthy.withMember(aMember('cp-2', '1.29.15'));
    expect(blockersOf(aSpec(), seen.observation())).toEqual([
      {
        code: 'mixed-control-plane',
        versions: [
          { member: 'cp-1', at: '1.28.15' },
          { member: 'cp-2', at: '1.29.15' },
          { member: 'cp-3', at: '1.28.15' },
        ],
      },
    ]);
  });

  it('when controllers are of another minor than their API server', () => {
    const old = { kind: 'observed', version: version('1.28.15'), healthy: true } as const;
    const seen = at('1.29.15').withMember(aMember('cp-2', '1.29.15', { controllerManager: old }));
    expect(blockersOf(aSpec(), seen.observation())).toEqual([
      {
        code: 'controller-skewed',
        member: 'cp-2',
        component: 'kube-controller-manager',
        at: '1.28.15',
        apiServer: '1.29.15',
      },
    ]);
  });

  it('when a kubelet is too old for the first hop', () => {
    const seen = healthy.withNode(aNode('old', '1.25.16')).observation();
    expect(blockersOf(aSpec(), seen)).toEqual([
      {
        code: 'kubelet-too-old',
        node: 'old',
        at: '1.25.16',
        oldestAllowed: '1.26',
        apiServer: '1.29.15',
      },
    ]);
  });

  it('when a control-plane kubelet that nobody upgrades becomes too old in a later hop', () => {
    const node = aNode('cp-1', '1.27.16', { isControlPlane: true, labels: {} });
    const seen = healthy.withNode(node).observation();
    expect(blockersOf(aSpec({ target: minor('1.32') }), seen)).toEqual([
      {
        code: 'kubelet-too-old',
        node: 'cp-1',
        at: '1.27.16',
        oldestAllowed: '1.28',
        apiServer: '1.31.14',
      },
    ]);
  });

  it('when a kubelet is newer than the API servers', () => {
    const seen = healthy.withNode(aNode('new', '1.29.15')).observation();
    expect(blockersOf(aSpec(), seen)).toEqual([
      { code: 'kubelet-too-new', node: 'new', at: '1.29.15', apiServer: '1.28.15' },
    ]);
  });

  it('when a node does not say what its kubelet runs, in a pool or not', () => {
    const unreportedNodes = [
      { name: nodeName('odd'), reported: 'dev' },
      { name: nodeName('ghost'), reported: '' },
    ];
    expect(blockersOf(aSpec(), healthy.with({ unreportedNodes }).observation())).toEqual([
      { code: 'kubelet-unreported', node: 'ghost', reported: '' },
      { code: 'kubelet-unreported', node: 'odd', reported: 'dev' },
    ]);
  });

  it('when a pool has no node, or a node no pool', () => {
    const pools = [aPool({ name: poolName('web'), nodeSelector: { role: 'web' } })];
    expect(
      blockersOf(aSpec({ pools }), healthy.withNodes(1, '1.28.15', { prefix: 'x' }).observation()),
    ).toEqual([
      { code: 'pool-empty', pool: 'web' },
      { code: 'node-without-pool', node: 'worker-1' },
      { code: 'node-without-pool', node: 'x-1' },
    ]);
  });

  it('and every reason is told at once', () => {
    const seen = aCluster()
      .withMember(aMember('cp-3', '1.29.15'))
      .withNode(aNode('new', '1.30.1'))
      .withNode(aNode('old', '1.24.1'));
    const pools = [aPool(), aPool({ name: poolName('empty') })];
    const codes = blockersOf(aSpec({ target: minor('1.99'), pools }), seen.observation());
    expect(codes.map((blocker) => blocker.code)).toEqual([
      'target-unknown',
      'mixed-control-plane',
      'kubelet-too-old',
      'kubelet-too-new',
      'pool-empty',
    ]);
  });
});
