import type { V1Deployment, V1ManagedFieldsEntry } from '@kubernetes/client-node';

import { autoscalerView, deploymentView } from '../../../activities/adapters/kube-scale';
import { surgeAnnotation } from '../../../activities/drain/scale-api';
import { surgeMarkText } from '../../../domain/drain/surge';
import { clusterName, nodeName } from '../../support/builders';

const mark = {
  from: 1,
  to: 2,
  node: nodeName('worker-1'),
  cluster: clusterName('lab'),
  at: '2026-01-01T00:00:00.000Z',
};

const replicas = { 'f:spec': { 'f:replicas': {} } };
const annotation = { 'f:metadata': { 'f:annotations': { [`f:${surgeAnnotation}`]: {} } } };

function written(manager: string, second: number, fieldsV1: object): V1ManagedFieldsEntry {
  return { manager, time: new Date(Date.UTC(2026, 0, 1, 0, 0, second)), fieldsV1 };
}

function aDeployment(
  managedFields: V1ManagedFieldsEntry[],
  over: Partial<V1Deployment> = {},
): V1Deployment {
  const annotations = { [surgeAnnotation]: surgeMarkText(mark) };
  const metadata = { namespace: 'shop', name: 'web', resourceVersion: '7', generation: 3 };
  return {
    metadata: { ...metadata, annotations, managedFields },
    spec: { replicas: 2, selector: {}, template: {} },
    status: { observedGeneration: 3, readyReplicas: 2 },
    ...over,
  };
}

const object = { kind: 'Deployment', namespace: 'shop', name: 'web' } as const;
const seen = { object, deployment: 'web', resourceVersion: '7', replicas: 2 };

describe('a Deployment', () => {
  it('tells who wrote its replicas last, and the mark that Ascent wrote', () => {
    const fields = [
      written('kubectl', 1, replicas),
      written('ascent-surge', 2, { ...replicas, ...annotation }),
    ];
    expect(deploymentView(aDeployment(fields))).toEqual({
      ...seen,
      replicasBy: 'ascent-surge',
      mark,
      recreates: false,
      isWhole: true,
    });
  });

  it('has no mark when somebody copied it there, as a rollback does', () => {
    const fields = [written('argocd-controller', 3, replicas), written('kubectl', 1, annotation)];
    const { mark: found, replicasBy } = deploymentView(aDeployment(fields));
    expect([found, replicasBy]).toEqual([undefined, 'argocd-controller']);
  });

  it('is whole only when its controller has seen the last change and all pods are Ready', () => {
    const of = (status: V1Deployment['status'] & object) =>
      deploymentView(aDeployment([], { status })).isWhole;
    expect(of({ observedGeneration: 2, readyReplicas: 2 })).toBe(false);
    expect(of({ observedGeneration: 3, readyReplicas: 1 })).toBe(false);
    expect(deploymentView({ metadata: { generation: 1 } }).isWhole).toBe(false);
  });

  it('says that it lets no two pods be at a time', () => {
    const spec = { selector: {}, template: {}, strategy: { type: 'Recreate' } };
    expect(deploymentView(aDeployment([], { spec }))).toMatchObject({ recreates: true });
  });
});

describe('an autoscaler', () => {
  const metadata = { namespace: 'shop', name: 'web', resourceVersion: '7' };

  it('tells what it scales, and between which numbers', () => {
    const scaleTargetRef = { kind: 'Deployment', name: 'web' };
    const spec = { scaleTargetRef, minReplicas: 2, maxReplicas: 5 };
    const minimum = { 'f:spec': { 'f:minReplicas': {} } };
    const managedFields = [written('kubectl', 1, minimum)];
    expect(autoscalerView({ metadata: { ...metadata, managedFields }, spec })).toEqual({
      ...seen,
      object: { ...object, kind: 'HorizontalPodAutoscaler' },
      replicasBy: 'kubectl',
      maxReplicas: 5,
    });
  });

  it('is about no Deployment when it scales something else', () => {
    const scaleTargetRef = { kind: 'StatefulSet', name: 'db' };
    const view = autoscalerView({ metadata, spec: { scaleTargetRef, maxReplicas: 5 } });
    expect(view).toEqual({
      object: { ...object, kind: 'HorizontalPodAutoscaler' },
      resourceVersion: '7',
      replicas: 1,
      maxReplicas: 5,
    });
  });
});
