import type { ClusterAccess } from '../../activities/access';
import type { ServedCluster } from '../../activities/adapters/open-cluster';
import { runWorkers, type RunWorkersOptions } from '../../worker/run-workers';
import { FakeCluster } from '../support/fake-cluster';

const access: ClusterAccess = {
  apiVersion: 'ascent/access/v1',
  cluster: 'lab',
  kubeconfig: '/nonexistent/kubeconfig',
  members: [],
  etcd: { members: [], ca: '', certificate: '', key: '' },
  driver: { kind: 'lab', socket: '/nonexistent/lab.sock' },
  snapshots: { directory: '/nonexistent' },
  tools: {},
};

/** Starts workers that can reach no Temporal. */
function start(options: Partial<RunWorkersOptions>): Promise<unknown> {
  return runWorkers({
    accessList: [access],
    config: {
      only: 'activities',
      maxCachedWorkflows: 2,
      maxConcurrentActivities: 1,
      shutdownGraceMs: 0,
      shutdownForceMs: 1_000,
      connectTimeoutMs: 0,
    },
    temporal: { address: '127.0.0.1:1' },
    env: {},
    signal: new AbortController().signal,
    log: () => undefined,
    ...options,
  });
}

const other = { ...access, cluster: 'other' };

describe('runWorkers', () => {
  it('refuses two access files of one cluster before it connects anywhere', async () => {
    await expect(start({ accessList: [access, other, access] })).rejects.toMatchObject({
      code: 'access-invalid',
      message: 'several access files name the same cluster: lab',
    });
  });

  it('refuses every kubeconfig that cannot be used before it connects anywhere', async () => {
    await expect(start({ accessList: [access, other] })).rejects.toMatchObject({
      code: 'access-invalid',
      problems: [
        'cluster lab: kubeconfig /nonexistent/kubeconfig cannot be read (ENOENT)',
        'cluster other: kubeconfig /nonexistent/kubeconfig cannot be read (ENOENT)',
      ],
    });
  });

  it('leaves no cluster open when Temporal does not answer', async () => {
    const closed: string[] = [];
    const openCluster = ({ cluster }: ClusterAccess): ServedCluster => ({
      ...new FakeCluster().ports,
      close: async () => void closed.push(cluster),
    });
    await expect(start({ accessList: [access, other], openCluster })).rejects.toMatchObject({
      code: 'temporal-unreachable',
    });
    expect(closed).toEqual(['lab', 'other']);
  });
});
