import { findingCodes } from '../../../domain/preflight/findings';
import type { EtcdMemberObservation, Observation } from '../../../domain/observation';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { etcdDefaultQuotaBytes } from '../../../domain/preflight/preflight-etcd';
import { type Case, storeCases } from '../support/store-cases';
import { foundElsewhere } from './support/found-elsewhere';
import type { ClusterBuilder } from '../../support/builders';
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
import { told } from '../support/told-findings';

const hop = { from: version('1.28.15'), to: version('1.29.15') };
const healthy = aCluster().withNodes(2);
const problem = { code: 'unreachable', message: 'connection refused' } as const;
const silent = { kind: 'unobserved', problem } as const;

function findingsOf(cluster: ClusterBuilder, of = hop) {
  return told(evaluatePreflight({ observation: cluster.observation(), hop: of }).findings);
}

/** Three members that all say this is their version. */
function withVersion(text: string) {
  const members = [1, 2, 3].map((index) =>
    anEtcdMember(`etcd-${index}`, { version: text, isLeader: index === 1 }),
  );
  return anEtcd(3, { members });
}

/** One etcd member in trouble beside two healthy ones. */
function withEtcdMember(overrides: Partial<EtcdMemberObservation>): ClusterBuilder {
  const members = [
    anEtcdMember('etcd-1', { isLeader: true }),
    anEtcdMember('etcd-2', overrides),
    anEtcdMember('etcd-3'),
  ];
  return healthy.with({ etcd: anEtcd(3, { members }) });
}

it('a healthy cluster has no findings', () => {
  const observation = healthy.withBudget(aBudget('web')).observation();
  expect(evaluatePreflight({ observation, hop })).toEqual({
    schema: 'ascent.preflight/v1',
    findings: [],
  });
});

const member = { kind: 'member', name: 'cp-2' };
const cluster = { kind: 'cluster' };
const etcd2 = { kind: 'etcd', name: 'etcd-2' };
const budget = (name: string) => ({ kind: 'budget', budget: { namespace: 'default', name } });
const noReplicaToSpare = 'add a replica, or let the budget spare at least one pod';

const memberCases: readonly Case[] = [
  {
    when: 'an API server cannot be asked',
    cluster: healthy.withMember(aMember('cp-2', '1.28.15', { apiServer: silent })),
    finding: {
      code: 'api-server-unobserved',
      severity: 'blocks',
      object: member,
      message: 'its API server could not be asked: connection refused',
      remedy: 'bring the API server up and within reach of the worker',
    },
  },
  {
    when: 'no member is known',
    cluster: healthy.with({ members: [] }),
    finding: {
      code: 'api-server-unobserved',
      severity: 'blocks',
      object: cluster,
      message: 'no control-plane member of it is known',
      remedy: 'name the members in the cluster access file',
    },
  },
  {
    when: 'an API server is not ready',
    cluster: healthy.withMember(
      aMember('cp-2', '1.28.15', {
        apiServer: {
          kind: 'observed',
          version: hop.from,
          ready: false,
          failingChecks: ['poststarthook/rbac', 'etcd'],
        },
      }),
    ),
    finding: {
      code: 'api-server-not-ready',
      severity: 'blocks',
      object: member,
      message: 'its API server is not ready; failing checks: etcd, poststarthook/rbac',
      remedy: 'look at /readyz?verbose and the log of this API server',
    },
  },
  {
    when: 'an API server is not ready and does not say why',
    cluster: healthy.withMember(
      aMember('cp-2', '1.28.15', {
        apiServer: { kind: 'observed', version: hop.from, ready: false, failingChecks: [] },
      }),
    ),
    finding: {
      code: 'api-server-not-ready',
      severity: 'blocks',
      object: member,
      message: 'its API server is not ready; failing checks: none named',
      remedy: 'look at /readyz?verbose and the log of this API server',
    },
  },
  {
    when: 'an API server runs what the hop does not know',
    cluster: healthy.withMember(
      aMember('cp-2', '1.28.15', { apiServer: aMember('x', '1.28.2').apiServer }),
    ),
    finding: {
      code: 'version-skew',
      severity: 'blocks',
      object: member,
      message: 'its API server runs 1.28.2, not 1.28.15 where the hop begins',
      remedy: 'find out who changed it, bring it to 1.28.15, or plan again',
    },
  },
  {
    when: 'a controller cannot be asked',
    cluster: healthy.withMember(aMember('cp-2', '1.28.15', { scheduler: silent })),
    finding: {
      code: 'controller-unobserved',
      severity: 'blocks',
      object: member,
      message: 'its kube-scheduler could not be asked: connection refused',
      remedy: 'bring kube-scheduler up and within reach of the worker',
    },
  },
  {
    when: 'a controller is not healthy',
    cluster: healthy.withMember(
      aMember('cp-2', '1.28.15', {
        controllerManager: { kind: 'observed', version: hop.from, healthy: false },
      }),
    ),
    finding: {
      code: 'controller-unhealthy',
      severity: 'blocks',
      object: member,
      message: 'its kube-controller-manager says that it is not healthy',
      remedy: 'look at /healthz?verbose and the log of kube-controller-manager',
    },
  },
  {
    when: 'a controller is too old for the hop',
    cluster: healthy.withMember(
      aMember('cp-2', '1.28.15', { scheduler: aMember('x', '1.27.16').scheduler }),
    ),
    finding: {
      code: 'version-skew',
      severity: 'blocks',
      object: member,
      message: 'its kube-scheduler runs 1.27.16, not 1.28.15 where the hop begins',
      remedy: 'bring kube-scheduler to 1.28',
    },
  },
  {
    when: 'a controller is newer than the API servers',
    cluster: healthy.withMember(
      aMember('cp-2', '1.28.15', { scheduler: aMember('x', '1.29.3').scheduler }),
    ),
    finding: {
      code: 'version-skew',
      severity: 'blocks',
      object: member,
      message: 'its kube-scheduler runs 1.29.3, not 1.28.15 where the hop begins',
      remedy: 'bring kube-scheduler to 1.28',
    },
  },
  {
    when: 'the number of members is even',
    cluster: healthy.withMember(aMember('cp-4')),
    finding: {
      code: 'member-count-even',
      severity: 'warns',
      object: cluster,
      message: 'it has 4 control-plane members, an even number: it bears the loss of 1, as 3 would',
      remedy: 'add a member: an even number bears no more losses than one member less',
    },
  },
  {
    when: 'nobody holds a lease',
    cluster: healthy.with({
      leases: healthy
        .observation()
        .leases.map((lease) =>
          lease.component === 'kube-scheduler' ? { ...lease, holder: '' } : lease,
        ),
    }),
    finding: {
      code: 'lease-stale',
      severity: 'blocks',
      object: { kind: 'lease', name: 'kube-system/kube-scheduler' },
      message: 'nobody holds it',
      remedy: 'see that kube-scheduler runs on the members and can write its lease',
    },
  },
  {
    when: 'a lease is not renewed',
    cluster: healthy.with({
      leases: healthy
        .observation()
        .leases.map((lease) =>
          lease.component === 'kube-scheduler' ? { ...lease, renewedSecondsAgo: 40 } : lease,
        ),
    }),
    finding: {
      code: 'lease-stale',
      severity: 'blocks',
      object: { kind: 'lease', name: 'kube-system/kube-scheduler' },
      message: 'cp-1_4f1c holds it, but renewed it 40 s ago (duration 15 s)',
      remedy: 'see that kube-scheduler runs on the members and can write its lease',
    },
  },
  {
    when: 'a lease is missing',
    cluster: healthy.with({ leases: healthy.observation().leases.slice(0, 1) }),
    finding: {
      code: 'lease-stale',
      severity: 'blocks',
      object: { kind: 'lease', name: 'kube-system/kube-scheduler' },
      message: 'there is no such lease',
      remedy: 'see that kube-scheduler runs on the members and can write its lease',
    },
  },
];

const etcdCases: readonly Case[] = [
  {
    when: 'etcd cannot be asked',
    cluster: healthy.with({ etcd: silent }),
    finding: {
      code: 'etcd-unobserved',
      severity: 'blocks',
      object: cluster,
      message: 'etcd could not be asked: connection refused',
      remedy: 'bring etcd up and within reach of the worker, with a client certificate',
    },
  },
  {
    when: 'an etcd member of five does not answer',
    cluster: healthy.with({
      etcd: anEtcd(4, {
        memberCount: 5,
        unreachable: [{ name: 'etcd-5', endpoint: 'https://etcd-5:2379', problem }],
      }),
    }),
    finding: {
      code: 'etcd-member-unreachable',
      severity: 'blocks',
      object: { kind: 'etcd', name: 'etcd-5' },
      message: 'it does not answer at https://etcd-5:2379: connection refused',
      remedy: 'bring the member up, or remove it from the member list',
    },
  },
  {
    when: 'etcd has two members',
    cluster: healthy.with({ etcd: anEtcd(2) }),
    finding: {
      code: 'etcd-quorum-margin',
      severity: 'warns',
      object: cluster,
      message:
        '2 of 2 etcd members answer and 2 are needed, so none may be lost:' +
        ' without one of them nothing can be written',
      remedy: 'have three etcd members up, or one more than the quorum',
    },
  },
  {
    when: 'etcd has one member',
    cluster: healthy.with({ etcd: anEtcd(1) }),
    finding: {
      code: 'etcd-quorum-margin',
      severity: 'warns',
      object: cluster,
      message:
        '1 of 1 etcd members answer and 1 are needed, so none may be lost:' +
        ' without one of them nothing can be written',
      remedy: 'have three etcd members up, or one more than the quorum',
    },
  },
  {
    when: 'nobody leads etcd',
    cluster: healthy.with({ etcd: anEtcd(3, { members: [anEtcdMember('etcd-1')] }) }),
    finding: {
      code: 'etcd-no-leader',
      severity: 'blocks',
      object: cluster,
      message: 'etcd has no leader that all agree on: no member leads',
      remedy: 'look at the network and the disks of the etcd members, and wait for an election',
    },
  },
  {
    when: 'two members lead etcd',
    cluster: withEtcdMember({ isLeader: true }),
    finding: {
      code: 'etcd-no-leader',
      severity: 'blocks',
      object: cluster,
      message: 'etcd has no leader that all agree on: etcd-1, etcd-2 all lead',
      remedy: 'look at the network and the disks of the etcd members, and wait for an election',
    },
  },
  {
    when: 'a member is a learner',
    cluster: withEtcdMember({ isLearner: true }),
    finding: {
      code: 'etcd-learner',
      severity: 'blocks',
      object: etcd2,
      message: 'it is a learner, which counts for no quorum',
      remedy: 'promote it to a voting member, or remove it',
    },
  },
  {
    when: 'the alarm NOSPACE is raised',
    cluster: withEtcdMember({ alarms: ['NOSPACE'] }),
    finding: {
      code: 'etcd-alarm',
      severity: 'blocks',
      object: etcd2,
      message: 'alarm NOSPACE is raised',
      remedy: 'compact and defragment etcd or raise its quota, then disarm the alarm',
    },
  },
  {
    when: 'the alarm CORRUPT is raised',
    cluster: withEtcdMember({ alarms: ['CORRUPT'] }),
    finding: {
      code: 'etcd-alarm',
      severity: 'blocks',
      object: etcd2,
      message: 'alarm CORRUPT is raised',
      remedy: 'replace the corrupt member, then disarm the alarm',
    },
  },
  {
    when: 'the members hold different data',
    cluster: healthy.with({ etcd: anEtcd(3, { hashesAgree: false }) }),
    finding: {
      code: 'etcd-hash-mismatch',
      severity: 'blocks',
      object: cluster,
      message: 'etcd members hold different data at the same revision, or could not be compared',
      remedy: 'replace the corrupt member (remove it, empty its data directory, add it again)',
    },
  },
  {
    when: 'etcd members run different patches',
    cluster: withEtcdMember({ version: '3.5.15' }),
    finding: {
      code: 'etcd-version-mixed',
      severity: 'warns',
      object: cluster,
      message: 'etcd members run different versions: 3.5.15, 3.5.21',
      remedy: 'finish the update of etcd first',
    },
  },
  {
    when: 'etcd members run different minors',
    cluster: withEtcdMember({ version: '3.6.0' }),
    finding: {
      code: 'etcd-version-mixed',
      severity: 'blocks',
      object: cluster,
      message: 'etcd members run different versions: 3.5.21, 3.6.0',
      remedy: 'finish the update of etcd first',
    },
  },
  {
    when: 'an etcd member runs nobody knows what',
    cluster: withEtcdMember({ version: 'unknown' }),
    finding: {
      code: 'etcd-version-mixed',
      severity: 'blocks',
      object: cluster,
      message: 'etcd members run different versions: 3.5.21, unknown',
      remedy: 'finish the update of etcd first',
    },
  },
  {
    when: 'a database nears its quota',
    cluster: withEtcdMember({ dbSizeBytes: 800, dbSizeInUseBytes: 700, quotaBytes: 1_000 }),
    finding: {
      code: 'etcd-quota-near',
      severity: 'blocks',
      object: etcd2,
      message: 'its database has 800 bytes, 80 % of its quota',
      remedy: 'remove what is not needed, compact and defragment, or raise the quota',
    },
  },
  {
    when: 'a fragmented database nears the default quota',
    cluster: withEtcdMember({
      dbSizeBytes: etcdDefaultQuotaBytes,
      dbSizeInUseBytes: 1_000_000,
    }),
    finding: {
      code: 'etcd-quota-near',
      severity: 'warns',
      object: etcd2,
      message:
        'its database has 2147483648 bytes, 100 % of the default quota (its own is not known)',
      remedy: 'defragment the member: much of its database is not in use',
    },
  },
  {
    when: 'a member lags',
    cluster: withEtcdMember({ raftIndex: 2_000, raftAppliedIndex: 1_000 }),
    finding: {
      code: 'etcd-raft-lag',
      severity: 'warns',
      object: etcd2,
      message: '1000 committed entries are not applied yet',
      remedy: 'look at the disk and the load of this member, and wait until it has caught up',
    },
  },
  {
    when: 'a member lags so far that it refuses writes',
    cluster: withEtcdMember({ raftIndex: 6_000, raftAppliedIndex: 1_000 }),
    finding: {
      code: 'etcd-raft-lag',
      severity: 'blocks',
      object: etcd2,
      message: '5000 committed entries are not applied yet',
      remedy: 'look at the disk and the load of this member, and wait until it has caught up',
    },
  },
];

const clusterCases: readonly Case[] = [
  {
    when: 'a node is not Ready',
    cluster: healthy.withNode(aNode('w', '1.28.15', { ready: false })),
    finding: {
      code: 'node-not-ready',
      severity: 'blocks',
      object: { kind: 'node', name: 'w' },
      message: 'it is not Ready',
      remedy: 'look at its kubelet and its container runtime, or take the node out of the cluster',
    },
  },
  {
    when: 'a node that was set aside is not Ready',
    cluster: healthy.withNode(
      aNode('w', '1.28.15', { ready: false, cordon: { kind: 'ours', reason: 'quarantined' } }),
    ),
    finding: {
      code: 'node-not-ready',
      severity: 'warns',
      object: { kind: 'node', name: 'w' },
      message: 'it is not Ready; it was set aside (quarantined)',
      remedy: 'look at its kubelet and its container runtime, or take the node out of the cluster',
    },
  },
  {
    when: 'somebody else has cordoned a node',
    cluster: healthy.withNode(aNode('w', '1.28.15', { cordon: { kind: 'foreign' } })),
    finding: {
      code: 'node-cordoned-by-other',
      severity: 'warns',
      object: { kind: 'node', name: 'w' },
      message: 'somebody else has cordoned it',
      remedy: 'find out why; it will be upgraded and stay cordoned',
    },
  },
  {
    when: 'a person has drained a node through Ascent',
    cluster: healthy.withNode(
      aNode('w', '1.28.15', { cordon: { kind: 'ours', reason: 'ascent: drained by ada: memory' } }),
    ),
    finding: {
      code: 'node-drained',
      severity: 'notes',
      object: { kind: 'node', name: 'w' },
      message: 'a person drained it outside of an upgrade (ascent: drained by ada: memory)',
      remedy:
        'nothing, when that is meant: it will be upgraded and stay cordoned; else uncordon it',
    },
  },
  {
    when: 'a node does not say what its kubelet runs',
    cluster: healthy.with({ unreportedNodes: [{ name: nodeName('ghost'), reported: '' }] }),
    finding: {
      code: 'kubelet-unreported',
      severity: 'blocks',
      object: { kind: 'node', name: 'ghost' },
      message: 'it reports no kubelet version',
      remedy: 'see that its kubelet runs, or delete the Node object when no machine is behind it',
    },
  },
  {
    when: 'a kubelet is newer than the API servers',
    cluster: healthy.withNode(aNode('w', '1.29.1')),
    finding: {
      code: 'version-skew',
      severity: 'blocks',
      object: { kind: 'node', name: 'w' },
      message: 'its kubelet 1.29.1 is newer than the oldest API server, 1.28.15',
      remedy: 'return the kubelet to 1.28',
    },
  },
  {
    when: 'a kubelet is too old for the hop',
    cluster: healthy.withNode(aNode('w', '1.25.16')),
    finding: {
      code: 'version-skew',
      severity: 'blocks',
      object: { kind: 'node', name: 'w' },
      message: 'its kubelet 1.25.16 is too old: 1.29.15 supports 1.26 and newer',
      remedy: 'upgrade the kubelet to 1.28 first',
    },
  },
  {
    when: 'minAvailable wants all pods',
    cluster: healthy.withBudget(
      aBudget('web', {
        desiredHealthy: 3,
        expectedPods: 3,
        minAvailable: '100%',
        disruptionsAllowed: 0,
      }),
    ),
    finding: {
      code: 'budget-never-satisfiable',
      severity: 'blocks',
      object: budget('web'),
      message: 'it wants 3 of 3 pods healthy (minAvailable 100%), so it never lets one leave',
      remedy: noReplicaToSpare,
    },
  },
  {
    when: 'maxUnavailable is zero',
    cluster: healthy.withBudget(
      aBudget('web', { desiredHealthy: 3, expectedPods: 3, maxUnavailable: '0' }),
    ),
    finding: {
      code: 'budget-never-satisfiable',
      severity: 'blocks',
      object: budget('web'),
      message: 'it wants 3 of 3 pods healthy (maxUnavailable 0), so it never lets one leave',
      remedy: noReplicaToSpare,
    },
  },
  {
    when: 'a budget cannot be worked out',
    cluster: healthy.withBudget(aBudget('web', { syncFailed: true, observed: false })),
    finding: {
      code: 'budget-sync-failed',
      severity: 'blocks',
      object: budget('web'),
      message: 'the disruption controller cannot work it out (SyncFailed), so it allows nothing',
      remedy: 'see that its pods belong to a controller that can be scaled, or use a count',
    },
  },
  {
    when: 'a budget has changed and nobody looked at it yet',
    cluster: healthy.withBudget(aBudget('web', { observed: false })),
    finding: {
      code: 'budget-sync-failed',
      severity: 'warns',
      object: budget('web'),
      message: 'the disruption controller has not looked at its latest change yet',
      remedy: 'see that kube-controller-manager runs; evictions wait until it has',
    },
  },
  {
    when: 'budgets overlap on many pods',
    cluster: healthy.with({
      budgetOverlaps: ['d', 'b', 'a', 'c', 'e'].map((name, index) => ({
        pod: { namespace: 'default', name },
        budgets: [
          { namespace: 'default', name: 'one' },
          { namespace: 'default', name: 'two' },
        ].toSorted(() => (index % 2 === 0 ? 1 : -1)),
      })),
    }),
    finding: {
      code: 'budgets-overlap',
      severity: 'blocks',
      object: budget('one'),
      message:
        'evictions refuse pods that several budgets (default/one, default/two) select:' +
        ' default/a, default/b, default/c and 2 more',
      remedy: 'narrow their selectors until each pod has one budget at most',
    },
  },
  {
    when: 'budgets overlap on one pod',
    cluster: healthy.with({
      budgetOverlaps: [
        {
          pod: { namespace: 'default', name: 'a' },
          budgets: [
            { namespace: 'default', name: 'two' },
            { namespace: 'default', name: 'one' },
          ],
        },
      ],
    }),
    finding: {
      code: 'budgets-overlap',
      severity: 'blocks',
      object: budget('one'),
      message:
        'evictions refuse pods that several budgets (default/one, default/two) select: default/a',
      remedy: 'narrow their selectors until each pod has one budget at most',
    },
  },
  ...storeCases,
];

describe('there is a finding when', () => {
  it.each(memberCases)('$when: $finding.code', ({ cluster: seen, finding }) => {
    expect(findingsOf(seen)).toEqual([finding]);
  });

  it.each(etcdCases)('$when: $finding.code', ({ cluster: seen, finding }) => {
    expect(findingsOf(seen)).toEqual([finding]);
  });

  it.each(clusterCases)('$when: $finding.code', ({ cluster: seen, finding }) => {
    expect(findingsOf(seen)).toEqual([finding]);
  });

  it('a single member does everything, and its missing lease is no reason to stop', () => {
    const seen = aCluster().withMembers(1).with({ leases: [] });
    const found = findingsOf(seen).map(({ code, severity }) => `${severity} ${code}`);
    expect(found).toEqual([
      'warns etcd-quorum-margin',
      'warns lease-stale',
      'warns lease-stale',
      'warns member-single',
    ]);
  });

  it('the only etcd member does not answer', () => {
    const unreachable = [{ name: 'etcd-1', endpoint: 'https://etcd-1:2379', problem }];
    const etcd = anEtcd(1, { members: [], unreachable });
    expect(findingsOf(healthy.with({ etcd })).map(({ code }) => code)).toEqual([
      'etcd-member-unreachable',
      'etcd-no-leader',
      'etcd-quorum-margin',
    ]);
  });
});

it('every code is found by one of the cases above', () => {
  const found = [...memberCases, ...etcdCases, ...clusterCases].map(({ finding }) => finding.code);
  expect([...new Set([...found, ...foundElsewhere])].toSorted()).toEqual(
    [...findingCodes].toSorted(),
  );
});

describe('there is no finding when', () => {
  it('the hop has moved on before it is asked again', () => {
    const seen = aCluster()
      .withNodes(1)
      .withMember(aMember('cp-1', '1.29.15'))
      .withMember(
        aMember('cp-2', '1.29.15', {
          scheduler: { kind: 'observed', version: hop.from, healthy: true },
        }),
      );
    expect(findingsOf(seen)).toEqual([]);
  });

  it('a budget has no pods', () => {
    const empty = aBudget('web', { desiredHealthy: 0, expectedPods: 0, currentHealthy: 0 });
    expect(findingsOf(healthy.withBudget(empty))).toEqual([]);
  });

  it('a bucket does not tell its room', () => {
    const bucket = { kind: 'writable', location: 's3://snapshots/' } as const;
    expect(findingsOf(healthy.with({ snapshotStore: bucket }))).toEqual([]);
  });

  it.each([
    { when: 'of the same minor', etcd: anEtcd(), tool: '3.5.35' },
    { when: 'newer', etcd: anEtcd(), tool: '3.6.16' },
    { when: 'beside members without a version', etcd: withVersion('unknown'), tool: '3.4.37' },
  ])('the etcd that snapshots are verified with is $when', ({ etcd, tool }) => {
    expect(findingsOf(healthy.with({ etcd, snapshotEtcd: version(tool) }))).toEqual([]);
  });

  it('nobody knows which etcd has written what is to be verified, beyond that', () => {
    const seen = healthy.with({ etcd: silent, snapshotEtcd: version('3.4.37') });
    expect(findingsOf(seen).map(({ code }) => code)).toEqual(['etcd-unobserved']);
  });

  it('the size of a snapshot is not known, beyond that etcd does not answer', () => {
    const full = { kind: 'writable', location: '/s', freeBytes: 0 } as const;
    const seen = healthy.with({ etcd: silent, snapshotStore: full });
    expect(findingsOf(seen).map(({ code }) => code)).toEqual(['etcd-unobserved']);
  });
});

it('blocking findings come first, then codes, objects and messages in order', () => {
  const seen = aCluster()
    .withMember(aMember('cp-3', '1.28.15', { apiServer: silent }))
    .withMember(aMember('cp-4', '1.28.15', { apiServer: silent, scheduler: silent }))
    .withNode(aNode('b', '1.28.15', { cordon: { kind: 'foreign' } }))
    .withNode(aNode('a', '1.28.15', { cordon: { kind: 'foreign' }, ready: false }))
    .with({ etcd: anEtcd(2) });
  const reversed = seen.with({
    members: seen.observation().members.toReversed(),
    nodes: seen.observation().nodes.toReversed(),
  });
  const found = findingsOf(seen).map(({ severity, code, object }) => [
    severity,
    code,
    'name' in object ? object.name : object.kind,
  ]);
  expect(found).toEqual([
    ['blocks', 'api-server-unobserved', 'cp-3'],
    ['blocks', 'api-server-unobserved', 'cp-4'],
    ['blocks', 'controller-unobserved', 'cp-4'],
    ['blocks', 'node-not-ready', 'a'],
    ['warns', 'etcd-quorum-margin', 'cluster'],
    ['warns', 'member-count-even', 'cluster'],
    ['warns', 'node-cordoned-by-other', 'a'],
    ['warns', 'node-cordoned-by-other', 'b'],
  ]);
  expect(findingsOf(reversed)).toEqual(findingsOf(seen));
});

it('an unobserved control plane is compared by the version that the hop begins with', () => {
  const members = healthy.observation().members.map((one) => ({ ...one, apiServer: silent }));
  const observation: Observation = healthy
    .with({ members })
    .withNode(aNode('w', '1.29.1'))
    .observation();
  const { findings } = evaluatePreflight({ observation, hop });
  expect(findings.at(-1)?.message).toBe(
    'its kubelet 1.29.1 is newer than the oldest API server, 1.28.15',
  );
});

it('budgets without a rule are still told apart by their counts', () => {
  const { maxUnavailable: _rule, ...bare } = aBudget('web', { desiredHealthy: 1, expectedPods: 1 });
  expect(findingsOf(healthy.withBudget(bare))[0]?.message).toBe(
    'it wants 1 of 1 pods healthy (no rule), so it never lets one leave',
  );
});
