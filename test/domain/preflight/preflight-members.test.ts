import type { CertificateObservation, MemberObservation } from '../../../domain/observation';
import { evaluatePreflight, evaluateControlPlane } from '../../../domain/preflight/preflight';
import type { PlannedTime } from '../../../domain/preflight/preflight-cluster';
import {
  aCluster,
  aMember,
  anEtcd,
  anEtcdMember,
  aNode,
  type ClusterBuilder,
  version,
} from '../../support/builders';
import { told } from '../support/told-findings';

const hop = { from: version('1.28.15'), to: version('1.29.15') };
const healthy = aCluster().withNodes(2);
const dayMs = 86_400_000;

function findingsOf(seen: ClusterBuilder, planned?: PlannedTime) {
  const facts = { observation: seen.observation(), hop };
  return told(evaluatePreflight(planned === undefined ? facts : { ...facts, planned }).findings);
}

/** The three members, each on the node of its name in one of the zones. */
function inZones(...zones: readonly string[]): ClusterBuilder {
  return zones.reduce(
    (seen, zone, index) => seen.withNode(aNode(`cp-${index + 1}`, '1.28.15', { zone })),
    aCluster().withMembers(zones.length),
  );
}

describe('an API server that is not live', () => {
  const notLive = (failingLiveChecks: readonly string[]): ClusterBuilder =>
    healthy.withMember(
      aMember('cp-2', '1.28.15', {
        apiServer: {
          kind: 'observed',
          version: hop.from,
          ready: true,
          failingChecks: [],
          failingLiveChecks,
        },
      }),
    );

  it.each([
    { checks: ['poststarthook/rbac', 'etcd'], told: 'etcd, poststarthook/rbac' },
    { checks: [], told: 'none named' },
  ])('blocks, with $told', ({ checks, told }) => {
    expect(findingsOf(notLive(checks))).toEqual([
      {
        code: 'api-server-not-live',
        severity: 'blocks',
        object: { kind: 'member', name: 'cp-2' },
        message: `its API server is not live; failing checks: ${told}`,
        remedy: 'look at /livez?verbose and the log of this API server: its host will restart it',
      },
    ]);
  });
});

describe('how many members there are', () => {
  it('two bear no loss', () => {
    const found = findingsOf(aCluster().withMembers(2).withNodes(1));
    expect(found.map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
      'warns: 2 of 2 etcd members answer and 2 are needed, so none may be lost:' +
        ' without one of them nothing can be written',
      'warns: it has 2 control-plane members, an even number: it bears the loss of 0, as 1 would;' +
        ' while one changes, none may fail',
    ]);
  });

  it('two of three etcd members are a reason to stop', () => {
    const problem = { code: 'unreachable', message: 'connection refused' } as const;
    const unreachable = [{ name: 'etcd-3', endpoint: 'https://etcd-3:2379', problem }];
    const found = findingsOf(healthy.with({ etcd: anEtcd(2, { memberCount: 3, unreachable }) }));
    expect(found.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'blocks etcd-member-unreachable',
      'blocks etcd-quorum-margin',
    ]);
  });
});

describe('where members stand', () => {
  const at = (name: string, endpoint: string): MemberObservation =>
    aMember(name, '1.28.15', { endpoint });

  it('warns where the loss of one host is the loss of the quorum', () => {
    const seen = healthy
      .withMember(at('cp-1', 'https://10.0.0.1:6443'))
      .withMember(at('cp-2', 'https://10.0.0.1:6444'));
    expect(findingsOf(seen)).toEqual([
      {
        code: 'members-one-host',
        severity: 'warns',
        object: { kind: 'cluster' },
        message:
          '2 of 3 control-plane members are on host 10.0.0.1 (cp-1, cp-2):' +
          ' should it fail, 1 are left and 2 are needed',
        remedy: 'place each control-plane member on a host of its own',
      },
    ]);
  });

  it('names the host that most of them share', () => {
    const seen = ['a', 'b', 'b', 'a', 'b'].reduce(
      (builder, host, index) =>
        builder.withMember(at(`cp-${index + 1}`, `https://${host}.lab:${6443 + index}/`)),
      aCluster().withMembers(5).withNodes(1),
    );
    expect(findingsOf(seen).map(({ message }) => message)).toEqual([
      '3 of 5 control-plane members are on host b.lab (cp-2, cp-3, cp-5):' +
        ' should it fail, 2 are left and 3 are needed',
    ]);
  });

  it.each([
    { zones: ['a', 'b', 'c'], found: [] },
    { zones: ['a', 'b', 'c', 'a', 'b'], found: [] },
    { zones: ['', 'a', 'a'], found: [] },
    { zones: ['a', 'a', 'b'], found: ['notes in zone a (cp-1, cp-2)'] },
    { zones: ['b', 'a', 'b', 'b', 'c'], found: ['warns in zone b (cp-1, cp-3, cp-4)'] },
  ])('in zones $zones: $found', ({ zones, found }) => {
    const told = findingsOf(inZones(...zones)).map(({ severity, message }) => {
      const where = /in zone [^:]*/.exec(message)?.[0] ?? message;
      return `${severity} ${where}`;
    });
    expect(told).toEqual(found);
  });

  it('a node of another zone makes three zones', () => {
    const seen = inZones('a', 'a', 'b').withNode(aNode('worker', '1.28.15', { zone: 'c' }));
    expect(findingsOf(seen)).toEqual([
      {
        code: 'members-one-zone',
        severity: 'warns',
        object: { kind: 'cluster' },
        message:
          '2 of 3 control-plane members are in zone a (cp-1, cp-2):' +
          ' should it fail, 1 are left and 2 are needed',
        remedy: 'spread the control-plane members over three zones',
      },
    ]);
  });

  it('two members in two zones are told by their number alone', () => {
    expect(findingsOf(inZones('a', 'b')).map(({ code }) => code)).toEqual([
      'etcd-quorum-margin',
      'member-count-even',
    ]);
  });
});

describe('fragmentation', () => {
  const megabyte = 1024 * 1024;
  const withDatabase = (dbSizeBytes: number, dbSizeInUseBytes: number): ClusterBuilder =>
    healthy.with({
      etcd: anEtcd(3, {
        members: [
          anEtcdMember('etcd-1', { isLeader: true, dbSizeBytes, dbSizeInUseBytes }),
          anEtcdMember('etcd-2'),
          anEtcdMember('etcd-3'),
        ],
      }),
    });

  it('is told from 45 % of a database of 100 MiB', () => {
    expect(findingsOf(withDatabase(200 * megabyte, 110 * megabyte))).toEqual([
      {
        code: 'etcd-fragmented',
        severity: 'warns',
        object: { kind: 'etcd', name: 'etcd-1' },
        message:
          '45 % of its database is not in use (115343360 of 209715200 bytes are),' +
          ' which snapshots and a way back carry',
        remedy: 'defragment the members one at a time, the leader last, before the upgrade',
      },
    ]);
  });

  it.each([
    { of: 'a small database', size: 99, used: 1 },
    { of: 'a database in use', size: 200, used: 120 },
    { of: 'an empty one', size: 0, used: 0 },
  ])('of $of is not told', ({ size, used }) => {
    expect(findingsOf(withDatabase(size * megabyte, used * megabyte))).toEqual([]);
  });
});

describe('the version of etcd', () => {
  const unfit = (at: string, to: string): readonly unknown[] => {
    const members = [anEtcdMember('etcd-1', { isLeader: true, version: at })];
    const etcd = anEtcd(1, { members });
    const observation = healthy.with({ etcd }).observation();
    const { findings } = evaluateControlPlane({
      observation,
      hop: { from: hop.from, to: version(to) },
    });
    return told(findings.filter(({ code }) => code === 'etcd-version-unfit'));
  };

  it.each([
    ['3.5.10', '1.31.14'],
    ['3.4.30', '1.33.2'],
  ])('%s is too old for Kubernetes %s', (at, to) => {
    expect(unfit(at, to)).toEqual([
      {
        code: 'etcd-version-unfit',
        severity: 'blocks',
        object: { kind: 'etcd', name: 'etcd-1' },
        message: `it runs etcd ${at}, and Kubernetes ${to} wants 3.5.11 or newer`,
        remedy: 'bring the etcd members to 3.5.11 or newer, one at a time, the leader last',
      },
    ]);
  });

  it.each(['3.5.0', '3.5.2'])('%s is known to lose data', (at) => {
    expect(unfit(at, '1.30.14')).toEqual([
      {
        code: 'etcd-version-unfit',
        severity: 'warns',
        object: { kind: 'etcd', name: 'etcd-1' },
        message: `it runs etcd ${at}, whose members may come to hold different data`,
        remedy: 'bring the etcd members to the newest 3.5, one at a time, the leader last',
      },
    ]);
  });

  it.each([
    ['3.5.11', '1.31.14'],
    ['3.5.10', '1.30.14'],
    ['3.5.3', '1.29.15'],
    ['3.4.30', '1.29.15'],
    ['3.6.11', '1.34.1'],
    ['unknown', '1.31.14'],
  ])('%s is no reason against Kubernetes %s', (at, to) => {
    expect(unfit(at, to)).toEqual([]);
  });
});

describe('etcd that a hop changes', () => {
  const to = version('3.6.16');
  type Member = Partial<ReturnType<typeof anEtcdMember>>;
  const found = (stage: 'to-come' | 'under-way' | 'done', ...seen: readonly Member[]) => {
    const members = seen.map((one, index) =>
      anEtcdMember(`etcd-${index + 1}`, { isLeader: index === 0, ...one }),
    );
    const etcd = anEtcd(members.length, { members });
    const observation = healthy.with({ etcd }).observation();
    const { findings } = evaluateControlPlane({ observation, hop, etcd: { to, stage } });
    return told(findings.filter(({ code }) => code.startsWith('etcd-version')));
  };
  const mixed = 'etcd members run different versions: ';

  it('may be of two neighbouring minors meanwhile', () => {
    expect(found('under-way', { version: '3.5.35' }, { version: '3.6.16' }, {})).toEqual([]);
  });

  it.each([['3.4.30'], ['3.6.17'], ['unknown']])('may not be of %s as well', (other) => {
    expect(found('under-way', { version: '3.6.16' }, { version: other }, {})).toMatchObject([
      { code: 'etcd-version-mixed', severity: 'blocks' },
    ]);
  });

  it('may not be of two minors before or afterwards', () => {
    const seen = [{ version: '3.5.35' }, { version: '3.6.16', clusterVersion: '3.5.0' }];

    expect(found('to-come', ...seen)).toMatchObject([{ message: `${mixed}3.5.35, 3.6.16` }]);
    expect(found('done', ...seen)).toEqual([
      {
        code: 'etcd-version-behind',
        severity: 'blocks',
        object: { kind: 'etcd', name: 'etcd-1' },
        message:
          'it runs etcd 3.5.35 in a cluster of version 3.6.16, and all of it is to be at 3.6.16',
        remedy: 'look at the log of this member for what keeps it from its new version',
      },
      expect.objectContaining({
        code: 'etcd-version-behind',
        message:
          'it runs etcd 3.6.16 in a cluster of version 3.5.0, and all of it is to be at 3.6.16',
      }),
      expect.objectContaining({ code: 'etcd-version-mixed' }),
    ]);
  });

  it('is done when all of it has moved to the minor', () => {
    const there = { version: '3.6.16', clusterVersion: '3.6.0' };

    expect(found('done', there, there, { version: '3.6.16' })).toEqual([]);
  });

  it('before the API servers is no reason against them', () => {
    const members = [anEtcdMember('etcd-1', { isLeader: true, version: '3.5.9' })];
    const observation = healthy.with({ etcd: anEtcd(1, { members }) }).observation();
    const wants = { from: hop.from, to: version('1.31.14') };
    const unfit = (etcd?: { readonly to: typeof to; readonly stage: 'to-come' }) =>
      evaluateControlPlane({ observation, hop: wants, ...(etcd && { etcd }) }).findings.filter(
        ({ code }) => code === 'etcd-version-unfit',
      ).length;

    expect([unfit(), unfit({ to, stage: 'to-come' })]).toEqual([1, 0]);
  });
});

describe('a certificate', () => {
  const expiring = (days: number): CertificateObservation => ({
    expiresAt: '2026-12-01T04:00:00.000Z',
    expiresInSeconds: (days * dayMs) / 1_000,
  });
  const ofApiServer = (days: number): ClusterBuilder =>
    healthy.withMember(
      aMember('cp-2', '1.28.15', {
        certificates: { 'kube-apiserver': expiring(days), 'kube-scheduler': expiring(400) },
      }),
    );
  const planned = { hopMs: 2 * dayMs, pathMs: 9 * dayMs };

  it.each([
    [-1, 'blocks', 'has expired'],
    [1, 'blocks', 'expires in 1 d: the hop ends in 2 d as planned'],
    [8, 'warns', 'expires in 8 d: the path takes 9 d as planned'],
    [
      10,
      'warns',
      'expires in 10 d: the path takes 9 d as planned, and longer when people are waited for',
    ],
  ])('that ends in %s days %s', (days, severity, when) => {
    expect(findingsOf(ofApiServer(days), planned)).toEqual([
      {
        code: 'certificate-expires',
        severity,
        object: { kind: 'member', name: 'cp-2' },
        message:
          `the certificate of its kube-apiserver, or an authority of it, ${when}` +
          ' (2026-12-01T04:00:00.000Z)',
        remedy: 'renew it and restart what shows it, one member at a time, before the upgrade',
      },
    ]);
  });

  it('that outlasts the path by more than a week is not told', () => {
    expect(findingsOf(ofApiServer(17), planned)).toEqual([]);
  });

  it('counts from now where nothing is planned', () => {
    expect(findingsOf(ofApiServer(8))).toEqual([]);
    expect(findingsOf(ofApiServer(6)).map(({ severity, message }) => [severity, message])).toEqual([
      [
        'warns',
        'the certificate of its kube-apiserver, or an authority of it,' +
          ' expires in 6 d: within the week (2026-12-01T04:00:00.000Z)',
      ],
    ]);
  });

  it('of an etcd member is told of that member', () => {
    const members = [
      anEtcdMember('etcd-1', { isLeader: true }),
      anEtcdMember('etcd-2', { certificate: expiring(-1) }),
      anEtcdMember('etcd-3', { certificate: expiring(100) }),
    ];
    const found = findingsOf(healthy.with({ etcd: anEtcd(3, { members }) }), planned);
    expect(found.map(({ object, message }) => [object, message])).toEqual([
      [
        { kind: 'etcd', name: 'etcd-2' },
        'the certificate of this member, or an authority of it, has expired' +
          ' (2026-12-01T04:00:00.000Z)',
      ],
    ]);
  });
});

it('the gate of the members looks at nothing but them', () => {
  const seen = healthy.withNode(aNode('away', '1.28.15', { ready: false }));
  const silent = {
    kind: 'unobserved',
    problem: { code: 'unreachable', message: 'connection refused' },
  } as const;
  const observation = seen.withMember(aMember('cp-3', '1.28.15', { scheduler: silent }));
  const { findings } = evaluateControlPlane({ observation: observation.observation(), hop });
  expect(findings.map(({ code }) => code)).toEqual(['controller-unobserved']);
});
