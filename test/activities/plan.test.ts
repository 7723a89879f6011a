import type { PreflightInput } from '../../domain/activity-contract';
import type { NodeName, PoolName } from '../../domain/names';
import { evidence, pod } from '../domain/simulation/support';
import { aSpec, hopId, version } from '../support/builders';
import { cluster, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

function aCluster(): FakeCluster {
  const fake = new FakeCluster();
  fake.hosts.installable = ['1.28.15', '1.29.15', '1.30.14'].map(version);
  fake.kube.addNode('worker-1').addNode('worker-2');
  return fake;
}

describe('planUpgrade', () => {
  it('plans from what it sees', async () => {
    const fake = aCluster();
    const result = await runOnce(fake, 'planUpgrade', { spec: aSpec() });
    expect(result).toMatchObject({
      kind: 'planned',
      plan: {
        cluster: 'lab',
        from: '1.28.15',
        to: '1.30.14',
        hops: [
          { id: 'hop-1.29', approval: 'none' },
          { id: 'hop-1.30', approval: 'required' },
        ],
      },
    });
    expect(await runOnce(fake, 'planUpgrade', { spec: aSpec() })).toEqual(result);
  });

  it('plans the rest of an upgrade that has a hop behind it', async () => {
    const fake = aCluster();
    fake.setControlPlane('1.29.15');
    fake.kube.addNode('worker-1', { kubeletVersion: 'v1.29.15' });
    fake.kube.addNode('worker-2', { kubeletVersion: 'v1.29.15' });
    const result = await runOnce(fake, 'planUpgrade', { spec: aSpec(), hopsDone: 1 });
    expect(result).toMatchObject({
      kind: 'planned',
      plan: { hops: [{ id: 'hop-1.30', approval: 'required' }] },
    });
  });

  it('gives blockers as a result', async () => {
    const fake = aCluster();
    fake.hosts.installable = ['1.28.15', '1.30.14'].map(version);
    expect(await runOnce(fake, 'planUpgrade', { spec: aSpec() })).toEqual({
      kind: 'blocked',
      blockers: [{ code: 'release-missing', minor: '1.29' }],
    });
  });

  it('is blocked where its driver cannot change what the plan takes', async () => {
    const fake = aCluster();
    fake.hosts.drives = ['node', 'apiServer', 'restore'];
    expect(await runOnce(fake, 'planUpgrade', { spec: aSpec() })).toEqual({
      kind: 'blocked',
      blockers: [{ code: 'change-undriven', hop: 'hop-1.29', change: 'controllers' }],
    });
  });

  it('refuses a cluster without a driver: nothing could carry a plan out', async () => {
    const fake = aCluster();
    fake.driver = 'none';
    expect(await failureOf(runOnce(fake, 'planUpgrade', { spec: aSpec() }))).toEqual({
      type: 'driver-missing',
      nonRetryable: true,
      message: 'cluster lab has no driver: its nodes can be drained, not upgraded',
      details: [],
    });
  });

  it('refuses the spec of another cluster', async () => {
    const spec = aSpec({ cluster: 'other' as typeof cluster });
    expect(await failureOf(runOnce(aCluster(), 'planUpgrade', { spec }))).toEqual({
      type: 'wrong-cluster',
      nonRetryable: true,
      message: 'planning the upgrade of cluster other: this worker serves cluster lab, not other',
      details: [{ serves: 'lab', asked: 'other' }],
    });
  });
});

describe('preflight', () => {
  const hop = { id: hopId('hop-1.29'), from: version('1.28.15'), to: version('1.29.15') };

  it('gives findings as a result', async () => {
    const fake = aCluster();
    fake.hosts.member('cp-2').apiServer.ready = false;
    const report = await runOnce(fake, 'preflight', { cluster, hop });
    expect(report.schema).toBe('ascent.preflight/v1');
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        code: 'api-server-not-ready',
        severity: 'blocks',
        object: { kind: 'member', name: 'cp-2' },
      }),
    );
  });

  it('looks at what its drains meet, and only where it drains', async () => {
    const fake = aCluster();
    const seen = { evidence: evidence({ pods: [pod('web-1', 'worker-1')] }), unread: [] };
    const ports = { ...fake.ports, simulation: { collect: () => Promise.resolve(seen) } };
    const drain = { timeoutMs: 600_000, emptyDirData: 'delete', unmanagedPods: 'evict' } as const;
    const workers = {
      pool: 'workers' as PoolName,
      nodes: ['worker-1' as NodeName],
      atOnce: 1,
      drain,
    };
    const codes = async (more: Pick<PreflightInput, 'pools'>) => {
      const { findings } = await runOnce({ ports, driver: undefined }, 'preflight', {
        cluster,
        hop,
        ...more,
      });
      return findings.map(({ code }) => code).filter((code) => code === 'single-replica');
    };
    expect(await codes({})).toEqual(['single-replica']);
    expect(await codes({ pools: [workers] })).toEqual(['single-replica']);
    expect(await codes({ pools: [] })).toEqual([]);
  });
});
