import type { V1Pod, V1PodDisruptionBudget } from '@kubernetes/client-node';

import { budgetView, nodeView, podView } from '../../../activities/adapters/kube-views';

describe('a budget', () => {
  const pod = podView({ metadata: { namespace: 'shop', name: 'web-1', labels: { app: 'web' } } });
  const metadata = { namespace: 'shop', name: 'web', uid: 'b-1', generation: 2 };
  const spec = { maxUnavailable: '10%', selector: {} };
  const status = {
    disruptionsAllowed: 1,
    currentHealthy: 3,
    desiredHealthy: 2,
    expectedPods: 3,
    observedGeneration: 2,
  };
  const budget: V1PodDisruptionBudget = { metadata, spec, status };

  it('is told with its status and its limits as they are written', () => {
    expect(budgetView(budget)).toEqual({
      budget: { namespace: 'shop', name: 'web' },
      disruptionsAllowed: 1,
      currentHealthy: 3,
      desiredHealthy: 2,
      expectedPods: 3,
      observed: true,
      syncFailed: false,
      maxUnavailable: '10%',
      selectsAs: 'b-1/2',
      selects: expect.any(Function) as unknown,
    });
  });

  it('selects pods of its own namespace only', () => {
    const elsewhere = { ...pod, ref: { namespace: 'lab', name: 'web-1' } };
    expect([budgetView(budget).selects(pod), budgetView(budget).selects(elsewhere)]).toEqual([
      true,
      false,
    ]);
  });

  it('that nobody has looked at yet allows nothing and is not observed', () => {
    const fresh = budgetView({ metadata, spec: { minAvailable: 1 } });
    expect(fresh).toMatchObject({ disruptionsAllowed: 0, observed: false, minAvailable: '1' });
    expect(fresh.selects(pod)).toBe(false);
  });

  it('whose sync fails says so', () => {
    const failed = {
      type: 'DisruptionAllowed',
      status: 'False',
      reason: 'SyncFailed',
      message: '',
      lastTransitionTime: new Date(0),
    };
    const view = budgetView({ metadata, spec, status: { ...status, conditions: [failed] } });
    expect(view.syncFailed).toBe(true);
  });
});

describe('a pod', () => {
  it('is told with its owner, its volumes and its end', () => {
    const pod: V1Pod = {
      metadata: {
        namespace: 'shop',
        name: 'web-1',
        uid: 'uid-1',
        labels: { app: 'web' },
        annotations: { 'ascent.dev/drain': 'wait' },
        finalizers: ['example.com/hold'],
        deletionTimestamp: new Date(1_000),
        deletionGracePeriodSeconds: 30,
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Other', name: 'o', uid: '1' },
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: '2', controller: true },
        ],
      },
      spec: {
        nodeName: 'worker-1',
        containers: [],
        volumes: [{ name: 'tmp', emptyDir: {} }],
        priority: 2_000_000_000,
      },
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
    };
    expect(podView(pod)).toEqual({
      ref: { namespace: 'shop', name: 'web-1' },
      uid: 'uid-1',
      node: 'worker-1',
      phase: 'Running',
      ready: true,
      labels: { app: 'web' },
      priority: 2_000_000_000,
      drainAnnotation: 'wait',
      isMirror: false,
      hasEmptyDir: true,
      controller: { kind: 'ReplicaSet', name: 'web' },
      deletionTimestampMs: 1_000,
      deletionGracePeriodSeconds: 30,
      finalizers: ['example.com/hold'],
    });
    // As a watch tells it, whose times are texts.
    expect(podView(JSON.parse(JSON.stringify(pod)) as V1Pod)).toEqual(podView(pod));
  });

  it('that was written by a kubelet is a mirror', () => {
    const annotations = { 'kubernetes.io/config.mirror': 'hash' };
    expect(podView({ metadata: { name: 'etcd-cp-1', annotations } })).toEqual({
      ref: { namespace: '', name: 'etcd-cp-1' },
      uid: '',
      node: '',
      phase: 'Unknown',
      ready: false,
      labels: {},
      isMirror: true,
      hasEmptyDir: false,
      finalizers: [],
    });
  });

  it('that is a component of kube-system by a static pod says what that is told', () => {
    const annotations = { 'kubernetes.io/config.mirror': 'hash' };
    const containers = [{ name: 'etcd', command: ['etcd', '--data-dir=/s3cret'] }];
    const seen = (metadata: object, spec: object = { containers }) =>
      podView({ metadata: { namespace: 'kube-system', annotations, ...metadata }, spec } as V1Pod)
        .options;
    expect(seen({})).toEqual({ component: 'etcd', flags: ['data-dir'], gates: [], plugins: [] });
    expect(seen({ annotations: {} })).toBeUndefined();
    expect(seen({ namespace: 'shop' })).toBeUndefined();
    expect(seen({}, { containers: [{ name: 'kube-vip' }] })).toBeUndefined();
    expect(podView({ metadata: { namespace: 'kube-system', annotations } })).not.toHaveProperty(
      'options',
    );
  });

  it('says since when it is not ready', () => {
    const seen = (status: string): object => {
      const lastTransitionTime = new Date('2026-01-01T00:00:00Z');
      return podView({ status: { conditions: [{ type: 'Ready', status, lastTransitionTime }] } });
    };
    expect(seen('False')).toMatchObject({ ready: false, notReadySinceMs: 1_767_225_600_000 });
    expect(seen('True')).not.toHaveProperty('notReadySinceMs');
  });
});

describe('a node', () => {
  it('is told with its taints, its cordon and its kubelet', () => {
    const view = nodeView({
      metadata: { name: 'worker-1', labels: { zone: 'a' }, annotations: { why: 'x' } },
      spec: { unschedulable: true, taints: [{ key: 'dedicated', effect: 'NoSchedule' }] },
      status: {
        conditions: [{ type: 'Ready', status: 'Unknown' }],
        nodeInfo: { kubeletVersion: 'v1.28.15' } as never,
      },
    });
    expect(view).toEqual({
      name: 'worker-1',
      labels: { zone: 'a' },
      annotations: { why: 'x' },
      taintKeys: ['dedicated'],
      taints: [{ key: 'dedicated', value: '', effect: 'NoSchedule' }],
      unschedulable: true,
      ready: false,
      kubeletVersion: 'v1.28.15',
    });
  });
});
