import { previewDrain } from '../../../activities/drain/drain-preview';
import type { DrainPolicy } from '../../../domain/spec';
import { aPool } from '../../support/builders';
import { FakeCluster, nodeName } from '../../support/fake-cluster';

function preview(fake: FakeCluster, policy: DrainPolicy = aPool().drain) {
  const { signal } = new AbortController();
  return previewDrain({ ports: fake.ports, node: nodeName('worker-1'), policy, signal });
}

describe('previewDrain', () => {
  it('tells what would happen to every pod, and changes nothing', async () => {
    const fake = new FakeCluster();
    fake.kube.addNode('worker-1').addNode('worker-2');
    fake.kube
      .addPod('worker-1', 'web')
      .addPod('worker-1', 'cache', { hasEmptyDir: true })
      .addPod('worker-1', 'orphan', { controller: { kind: 'DaemonSet', name: 'gone' } })
      .addPod('worker-2', 'elsewhere');

    const policy = { ...aPool().drain, emptyDirData: 'refuse' } as const;

    expect(await preview(fake, policy)).toEqual({
      node: 'worker-1',
      cordon: { kind: 'none' },
      pods: [
        {
          namespace: 'shop',
          name: 'cache',
          verdict: 'refuse',
          reason: 'pod-emptydir',
          reasons: ['pod-emptydir'],
        },
        {
          namespace: 'shop',
          name: 'orphan',
          verdict: 'refuse',
          reason: 'daemonset-missing',
          reasons: ['daemonset-missing'],
        },
        {
          namespace: 'shop',
          name: 'web',
          verdict: 'evict',
          reason: 'managed',
          reasons: ['managed'],
        },
      ],
    });
    expect(fake.kube.mutations).toEqual([]);
    expect(fake.kube.podLists).toEqual(['now']);
  });

  it('says whose the cordon is', async () => {
    const fake = new FakeCluster();
    fake.kube.addNode('worker-1', { unschedulable: true });
    expect(await preview(fake)).toEqual({
      node: 'worker-1',
      cordon: { kind: 'foreign' },
      pods: [],
    });
  });

  it('knows no node that does not exist', async () => {
    expect(await preview(new FakeCluster())).toBeUndefined();
  });
});
