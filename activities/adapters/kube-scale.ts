// What scales the pods of a Deployment, on the official client.
// S1. Who wrote a field is told by `metadata.managedFields` (server-side apply, field management):
//     an annotation counts as ours only where it says so.

import type {
  V1Deployment,
  V1ManagedFieldsEntry,
  V1ObjectMeta,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';

import { parseSurgeMark, surgedText, surgeMarkText } from '../../domain/drain/surge';
import {
  type AutoscalerView,
  type DeploymentView,
  type ScaleApi,
  surgeAnnotation,
  surgeManager,
  type ScaleView,
} from '../drain/scale-api';
import { asMergePatch, type KubeRequests } from './kube-requests';
import { controllerOf, timeMs } from './kube-views';

export function scaleCalls(requests: KubeRequests): ScaleApi {
  const { apps, autoscaling } = requests;
  return {
    async ownerOfReplicaSet(namespace, name, signal) {
      const doing = `reading ReplicaSet ${namespace}/${name}`;
      const found = await requests.find({ doing, signal }, (call) =>
        apps.readNamespacedReplicaSet({ namespace, name }, call),
      );
      return controllerOf(found?.metadata ?? {}).controller;
    },

    getDeployment: (namespace, name, signal) =>
      findDeployment(requests, { namespace, name }, signal),

    listAutoscalers: (namespace, signal) =>
      requests.list(
        { doing: `listing the autoscalers of namespace ${namespace}`, signal },
        {
          request: (page, call) =>
            autoscaling.listNamespacedHorizontalPodAutoscaler({ ...page, namespace }, call),
          view: autoscalerView,
        },
      ),

    getScale: (object, signal) =>
      object.kind === 'Deployment'
        ? findDeployment(requests, object, signal)
        : findAutoscaler(requests, object, signal),

    listSurged: (signal) => listSurged(requests, signal),

    async setScale({ object, resourceVersion }, { replicas, mark }, signal) {
      const { kind, namespace, name } = object;
      const isMarked = mark !== undefined;
      const doing = `${isMarked ? 'raising' : 'putting back'} ${surgedText(object)}`;
      const annotations = { [surgeAnnotation]: isMarked ? surgeMarkText(mark) : null };
      const field = kind === 'Deployment' ? 'replicas' : 'minReplicas';
      // The version makes a change in between a conflict; null removes a field.
      const body = {
        metadata: { resourceVersion, annotations },
        ...(replicas === undefined ? {} : { spec: { [field]: replicas } }),
      };
      const patch = { namespace, name, body, fieldManager: surgeManager };
      await requests.change({ doing, signal }, async (call): Promise<void> => {
        if (kind === 'Deployment') await apps.patchNamespacedDeployment(patch, asMergePatch(call));
        else {
          await autoscaling.patchNamespacedHorizontalPodAutoscaler(patch, asMergePatch(call));
        }
      });
    },
  };
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

async function findDeployment(
  requests: KubeRequests,
  { namespace, name }: Named,
  signal: AbortSignal,
): Promise<DeploymentView | undefined> {
  const doing = `reading Deployment ${namespace}/${name}`;
  const found = await requests.find({ doing, signal }, (call) =>
    requests.apps.readNamespacedDeployment({ namespace, name }, call),
  );
  return found === undefined ? undefined : deploymentView(found);
}

async function findAutoscaler(
  requests: KubeRequests,
  { namespace, name }: Named,
  signal: AbortSignal,
): Promise<AutoscalerView | undefined> {
  const doing = `reading HorizontalPodAutoscaler ${namespace}/${name}`;
  const found = await requests.find({ doing, signal }, (call) =>
    requests.autoscaling.readNamespacedHorizontalPodAutoscaler({ namespace, name }, call),
  );
  return found === undefined ? undefined : autoscalerView(found);
}

async function listSurged(
  requests: KubeRequests,
  signal: AbortSignal,
): Promise<readonly ScaleView[]> {
  const { apps, autoscaling } = requests;
  const deployments = await requests.list(
    { doing: 'listing Deployments', signal },
    {
      request: (page, call) => apps.listDeploymentForAllNamespaces(page, call),
      view: deploymentView,
    },
  );
  const autoscalers = await requests.list(
    { doing: 'listing autoscalers', signal },
    {
      request: (page, call) => autoscaling.listHorizontalPodAutoscalerForAllNamespaces(page, call),
      view: autoscalerView,
    },
  );
  return [...deployments, ...autoscalers].filter(({ mark }) => mark !== undefined);
}

export function deploymentView({ metadata = {}, spec, status = {} }: V1Deployment): DeploymentView {
  const { name = '', namespace = '', generation = 0 } = metadata;
  // The API server fills in 1 where nothing was said.
  const replicas = spec?.replicas ?? 1;
  const { observedGeneration = 0, readyReplicas = 0 } = status;
  return {
    object: { kind: 'Deployment', namespace, name },
    deployment: name,
    ...scaleOf(metadata, 'f:replicas'),
    replicas,
    recreates: isRecreated(spec),
    isWhole: observedGeneration >= generation && readyReplicas >= replicas,
  };
}

function isRecreated(spec: V1Deployment['spec']): boolean {
  return spec?.strategy?.type === 'Recreate';
}

export function autoscalerView({ metadata = {}, spec }: V2HorizontalPodAutoscaler): AutoscalerView {
  const { name = '', namespace = '' } = metadata;
  const target = spec?.scaleTargetRef;
  return {
    object: { kind: 'HorizontalPodAutoscaler', namespace, name },
    ...(target?.kind === 'Deployment' ? { deployment: target.name } : {}),
    ...scaleOf(metadata, 'f:minReplicas'),
    replicas: spec?.minReplicas ?? 1,
    maxReplicas: spec?.maxReplicas ?? 0,
  };
}

type Scale = Pick<ScaleView, 'resourceVersion' | 'replicasBy' | 'mark'>;

function scaleOf({ resourceVersion = '', ...metadata }: V1ObjectMeta, field: string): Scale {
  const { annotations = {}, managedFields = [] } = metadata;
  const replicasBy = lastWriter(managedFields, ['f:spec', field]);
  const annotation = annotations[surgeAnnotation];
  const annotationField = ['f:metadata', 'f:annotations', `f:${surgeAnnotation}`];
  const isOurs = lastWriter(managedFields, annotationField) === surgeManager;
  const mark = isOurs && annotation !== undefined ? parseSurgeMark(annotation) : undefined;
  return {
    resourceVersion,
    ...(replicasBy === undefined ? {} : { replicasBy }),
    ...(mark === undefined ? {} : { mark }),
  };
}

/** S1. Appliers of the same value share a field; the last of them is who matters. */
function lastWriter(
  entries: readonly V1ManagedFieldsEntry[],
  path: readonly string[],
): string | undefined {
  const writers = entries.filter(({ fieldsV1 }) => hasPath(fieldsV1, path));
  const [last] = writers.toSorted((a, b) => writtenMs(b) - writtenMs(a));
  return last?.manager;
}

function writtenMs({ time }: V1ManagedFieldsEntry): number {
  return time === undefined ? 0 : timeMs(time);
}

function hasPath(fields: unknown, path: readonly string[]): boolean {
  let at: unknown = fields;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return false;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  return true;
}
