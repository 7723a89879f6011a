import type { V1Container, V1NodeStatus, V1PodSpec } from '@kubernetes/client-node';

import { nodeView, podView } from '../../../activities/adapters/kube-views';

const mebibyte = 2 ** 20;

function container(cpu?: string, memory?: string, more: Partial<V1Container> = {}): V1Container {
  const requests = {
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
  };
  return { name: 'one', resources: { requests }, ...more };
}

function requestsOf(spec: V1PodSpec): object | undefined {
  return podView({ metadata: { name: 'web-1' }, spec }).requests;
}

describe('what a pod requests', () => {
  it('is absent where it requests nothing', () => {
    expect(podView({ spec: { containers: [{ name: 'one' }] } })).not.toHaveProperty('requests');
  });

  it('is the sum of its containers and the overhead', () => {
    const containers = [container('100m', '64Mi'), container('1'), container(undefined, '1Gi')];
    const overhead = { cpu: '10m', memory: '6Mi' };
    expect(requestsOf({ containers, overhead })).toEqual({
      cpuMilli: 1_110,
      memoryBytes: 1_094 * mebibyte,
    });
  });

  it('is that of the init container that takes more, beside the sidecars before it', () => {
    const sidecar = container('50m', '32Mi', { restartPolicy: 'Always' });
    const initContainers = [container('600m'), sidecar, container('500m', '16Mi'), sidecar];
    const containers = [container('100m', '64Mi')];
    expect(requestsOf({ containers, initContainers })).toEqual({
      cpuMilli: 600,
      memoryBytes: 128 * mebibyte,
    });
  });

  it('is that of the pod itself where it says so', () => {
    const resources = { requests: { cpu: '2' } };
    const spec = { containers: [container('100m', '64Mi')], resources };
    expect(requestsOf(spec)).toEqual({ cpuMilli: 2_000, memoryBytes: 64 * mebibyte });
    const both = { ...spec, resources: { requests: { memory: '1Gi' } } };
    expect(requestsOf(both)).toEqual({ cpuMilli: 100, memoryBytes: 1_024 * mebibyte });
  });

  it('is one object for all pods that request the same', () => {
    const seen = [1, 2].map(() => requestsOf({ containers: [container('123m', '7Mi')] }));
    expect(seen[0]).toBe(seen[1]);
  });

  it('stays right when thousands of pods request something else', () => {
    const all = Array.from({ length: 10_050 }, (_, index) =>
      requestsOf({ containers: [container(`${index + 1}m`)] }),
    );
    expect(all[0]).toEqual({ cpuMilli: 1, memoryBytes: 0 });
    expect(all.at(-1)).toEqual({ cpuMilli: 10_050, memoryBytes: 0 });
  });
});

describe('where a pod may go', () => {
  it('is said by its node selector and its tolerations, but for those with a time', () => {
    const forAWhile = {
      key: 'node.kubernetes.io/not-ready',
      operator: 'Exists',
      effect: 'NoExecute',
      tolerationSeconds: 300,
    };
    const whole = { key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' };
    const tolerations = [forAWhile, whole, {}];
    const spec = { containers: [], nodeSelector: { disk: 'ssd' }, tolerations };
    expect(podView({ spec })).toMatchObject({
      nodeSelector: { disk: 'ssd' },
      tolerations: [whole, {}],
    });
    const plain = podView({ spec: { containers: [], nodeSelector: {}, tolerations: [forAWhile] } });
    expect(plain).not.toHaveProperty('nodeSelector');
    expect(plain).not.toHaveProperty('tolerations');
  });
});

describe('what a node offers', () => {
  it('is what its kubelet leaves to pods', () => {
    const status: V1NodeStatus = { allocatable: { cpu: '3920m', memory: '1Gi', pods: '110' } };
    expect(nodeView({ status }).allocatable).toEqual({
      cpuMilli: 3_920,
      memoryBytes: 1_024 * mebibyte,
      pods: 110,
    });
  });

  it('is absent before its kubelet has told it', () => {
    expect(nodeView({ status: {} })).not.toHaveProperty('allocatable');
  });

  it('is kept from pods by the taints that are hard', () => {
    const taints = [
      { key: 'ascent.dev/waiting', effect: 'PreferNoSchedule' },
      { key: 'dedicated', value: 'db', effect: 'NoSchedule' },
      { key: 'broken', effect: 'NoExecute' },
    ];
    expect(nodeView({ spec: { taints } }).taints).toEqual([
      { key: 'dedicated', value: 'db', effect: 'NoSchedule' },
      { key: 'broken', value: '', effect: 'NoExecute' },
    ]);
    const [waiting] = taints;
    const spec = { taints: waiting === undefined ? [] : [waiting] };
    expect(nodeView({ spec })).not.toHaveProperty('taints');
  });
});
