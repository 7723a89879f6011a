import type { ClusterAccess } from '../../activities/access';
import { runWorkers } from '../../worker/run-workers';

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

describe('runWorkers', () => {
  it('refuses two access files of one cluster before it connects anywhere', async () => {
    const other = { ...access, cluster: 'other' };
    const starting = runWorkers({
      accessList: [access, other, access],
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
    });
    await expect(starting).rejects.toMatchObject({
      code: 'access-invalid',
      message: 'several access files name the same cluster: lab',
    });
  });
});
