import type { V1Pod, V1PodSpec } from '@kubernetes/client-node';

import { podRequests } from '../../../activities/adapters/pod-requests';
import { simulatedPod } from '../../../activities/adapters/pod-shapes';

const mebibyte = 2 ** 20;
const container = (name: string, cpu?: string, more: object = {}) => ({
  name,
  ...(cpu === undefined ? {} : { resources: { requests: { cpu, memory: '64Mi' } } }),
  ...more,
});

describe('what a pod requests', () => {
  it.each<{ name: string; spec: V1PodSpec; cpu: number }>([
    {
      name: 'its containers together',
      spec: { containers: [container('a', '100m'), container('b', '0.2')] },
      cpu: 300,
    },
    {
      name: 'the largest init container, where that is more',
      spec: {
        containers: [container('a', '100m')],
        initContainers: [container('x', '500m'), container('y', '400m')],
      },
      cpu: 500,
    },
    {
      name: 'sidecars beside its containers, and beside the init containers after them',
      spec: {
        containers: [container('a', '100m')],
        initContainers: [
          container('before', '200m'),
          container('sidecar', '300m', { restartPolicy: 'Always' }),
          container('after', '250m'),
        ],
      },
      cpu: 550,
    },
    {
      name: 'its overhead as well',
      spec: { containers: [container('a', '100m')], overhead: { cpu: '50m' } },
      cpu: 150,
    },
  ])('is $name', ({ spec, cpu }) => {
    expect(podRequests(spec)['cpu']).toBe(cpu);
  });

  it('has every resource, with what counts for a container that asks for none', () => {
    const gpu = { resources: { requests: { 'example.com/gpu': '2' } } };
    const spec = { containers: [container('a', '100m'), container('b', undefined, gpu)] };
    expect(podRequests(spec, { cpu: 100, memory: 1 })).toEqual({
      cpu: 200,
      memory: 64 * mebibyte + 1,
      'example.com/gpu': 2,
    });
  });
});

describe('a pod as simulations see it', () => {
  const plain: V1Pod = {
    metadata: { namespace: 'shop', name: 'web-1', labels: { app: 'web' } },
    spec: { nodeName: 'a', containers: [container('web')] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };

  it('has the meaning of all that is left out', () => {
    expect(simulatedPod(plain)).toEqual({
      ref: { namespace: 'shop', name: 'web-1' },
      phase: 'Running',
      labels: { app: 'web' },
      isMirror: false,
      hasEmptyDir: false,
      node: 'a',
      ready: true,
      finalizers: [],
      gated: false,
      claims: [],
      shape: {
        namespace: 'shop',
        labels: { app: 'web' },
        requests: {},
        weighed: { cpu: 100, memory: 200 * mebibyte },
        nodeSelector: {},
        preferredNodes: [],
        tolerations: [],
        affinity: [],
        antiAffinity: [],
        spread: [],
        hostPorts: [],
        priority: 0,
        preempts: true,
        traits: {
          hasReadinessProbe: false,
          hasPreStop: false,
          emptyDirs: [],
          hostPaths: [],
          gracePeriodSeconds: 30,
        },
      },
    });
  });

  it('shares what it asks with pods that ask the same', () => {
    const other = structuredClone(plain);
    expect(simulatedPod(other).shape).toBe(simulatedPod(plain).shape);
  });

  it('has affinities in their own namespace, and spread with the labels of its revision', () => {
    const required = 'requiredDuringSchedulingIgnoredDuringExecution';
    const labelSelector = { matchLabels: { app: 'web' } };
    const { shape } = simulatedPod({
      metadata: { namespace: 'shop', name: 'x', labels: { app: 'web', hash: '1' } },
      spec: {
        containers: [],
        affinity: {
          podAffinity: { [required]: [{ topologyKey: 'zone', labelSelector }] },
          podAntiAffinity: {
            [required]: [{ topologyKey: 'host', namespaces: ['ops'] }],
          },
        },
        topologySpreadConstraints: [
          {
            topologyKey: 'zone',
            maxSkew: 2,
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector,
            matchLabelKeys: ['hash', 'absent'],
            nodeTaintsPolicy: 'Honor',
          },
        ],
      },
    });
    expect(shape).toMatchObject({
      affinity: [{ topologyKey: 'zone', namespaces: ['shop'], selector: labelSelector }],
      antiAffinity: [{ topologyKey: 'host', namespaces: ['ops'] }],
      spread: [
        {
          topologyKey: 'zone',
          maxSkew: 2,
          isHard: true,
          minDomains: 1,
          honorsAffinity: true,
          honorsTaints: true,
          selector: {
            matchLabels: { app: 'web' },
            matchExpressions: [{ key: 'hash', operator: 'In', values: ['1'] }],
          },
        },
      ],
    });
  });

  it('takes its lasting claims along, and no ephemeral ones', () => {
    const { claims } = simulatedPod({
      metadata: { namespace: 'shop', name: 'x' },
      spec: {
        containers: [],
        volumes: [
          { name: 'data', persistentVolumeClaim: { claimName: 'data-x' } },
          { name: 'scratch', ephemeral: {} },
        ],
      },
    });
    expect(claims).toEqual(['data-x']);
  });
});
