// What pods ask of the scheduler and tell about themselves, for simulations. Pure, but for the
// sharing of what is equal: of 150,000 pods most ask for the same.
// P1. What the API leaves out gets the meaning here that the API server or the scheduler gives it.

import type {
  V1Container,
  V1LabelSelector,
  V1NodeSelectorTerm,
  V1Pod,
  V1PodAffinityTerm,
  V1PodSpec,
  V1TopologySpreadConstraint,
} from '@kubernetes/client-node';

import type { LabelSelector } from '../../domain/label-match';
import type {
  HostPort,
  NodeTerm,
  PodShape,
  PodTerm,
  PodTraits,
  SimulatedPod,
  SpreadConstraint,
} from '../../domain/simulation/evidence';
import { claimsOf } from './volume-views';
import { podView } from './kube-views';
import { podRequests } from './pod-requests';
import { wholeOf } from './quantities';
import { share, tolerationOf } from './room-views';

/** For the scheduler's choice, a container that requests nothing counts as this much. */
const weighedAtLeast = { cpu: 100, memory: 200 * 1_048_576 };

/** A pod as simulations look at it. */
export function simulatedPod(pod: V1Pod): SimulatedPod {
  const view = podView(pod);
  const { priority, drainAnnotation, controller, deletionTimestampMs } = view;
  const spec: V1PodSpec = pod.spec ?? { containers: [] };
  return {
    ref: view.ref,
    phase: view.phase,
    labels: view.labels,
    isMirror: view.isMirror,
    hasEmptyDir: view.hasEmptyDir,
    node: view.node,
    ready: view.ready,
    finalizers: view.finalizers,
    gated: (spec.schedulingGates ?? []).length > 0,
    claims: boundClaims(spec),
    shape: share(shapeOf(view.ref.namespace, view.labels, spec)),
    ...(priority === undefined ? {} : { priority }),
    ...(drainAnnotation === undefined ? {} : { drainAnnotation }),
    ...(controller === undefined ? {} : { controller }),
    ...(deletionTimestampMs === undefined ? {} : { deletionTimestampMs }),
  };
}

/** Those of generic ephemeral volumes are made anew with the pod that takes its place. */
function boundClaims(spec: V1PodSpec): readonly string[] {
  const lasting = (spec.volumes ?? []).filter(({ ephemeral }) => ephemeral === undefined);
  return claimsOf({ containers: [], volumes: lasting }, '').claims ?? [];
}

function shapeOf(
  namespace: string,
  labels: Readonly<Record<string, string>>,
  spec: V1PodSpec,
): PodShape {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const { cpu = 0, memory = 0 } = podRequests(spec, weighedAtLeast);
  const terms = (of: typeof podAffinity): readonly PodTerm[] =>
    (of?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map((term) =>
      podTerm(namespace, term),
    );
  return {
    namespace,
    labels,
    requests: podRequests(spec),
    weighed: { cpu, memory },
    nodeSelector: spec.nodeSelector ?? {},
    ...ofNodes(spec),
    tolerations: (spec.tolerations ?? []).map(tolerationOf),
    affinity: terms(podAffinity),
    antiAffinity: terms(podAntiAffinity),
    spread: (spec.topologySpreadConstraints ?? []).map((one) => spreadOf(one, labels)),
    hostPorts: [...(spec.initContainers ?? []), ...spec.containers].flatMap(hostPortsOf),
    priority: spec.priority ?? 0,
    preempts: spec.preemptionPolicy !== 'Never',
    traits: traitsOf(spec),
  };
}

function ofNodes({ affinity = {} }: V1PodSpec): Pick<PodShape, 'nodeTerms' | 'preferredNodes'> {
  const required = affinity.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = affinity.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return {
    ...(required === undefined ? {} : { nodeTerms: nodeTerms(required.nodeSelectorTerms) }),
    preferredNodes: preferred.map(({ weight, preference }) => ({
      weight,
      term: nodeTerm(preference),
    })),
  };
}

export function nodeTerms(terms: readonly V1NodeSelectorTerm[]): readonly NodeTerm[] {
  return terms.map(nodeTerm);
}

function nodeTerm({ matchExpressions = [], matchFields = [] }: V1NodeSelectorTerm): NodeTerm {
  return { labels: matchExpressions, fields: matchFields };
}

function podTerm(namespace: string, term: V1PodAffinityTerm): PodTerm {
  const { topologyKey, namespaces = [], namespaceSelector, labelSelector } = term;
  const isOwn = namespaces.length === 0 && namespaceSelector === undefined;
  return {
    topologyKey,
    namespaces: isOwn ? [namespace] : namespaces,
    ...(namespaceSelector === undefined ? {} : { namespaceSelector }),
    ...(labelSelector === undefined ? {} : { selector: labelSelector }),
  };
}

function spreadOf(
  constraint: V1TopologySpreadConstraint,
  labels: Readonly<Record<string, string>>,
): SpreadConstraint {
  const { topologyKey, maxSkew, whenUnsatisfiable, minDomains = 1 } = constraint;
  const { nodeAffinityPolicy = 'Honor', nodeTaintsPolicy = 'Ignore' } = constraint;
  const { labelSelector, matchLabelKeys = [] } = constraint;
  return {
    topologyKey,
    maxSkew,
    isHard: whenUnsatisfiable === 'DoNotSchedule',
    minDomains,
    honorsAffinity: nodeAffinityPolicy === 'Honor',
    honorsTaints: nodeTaintsPolicy === 'Honor',
    ...selectorWith(labelSelector, matchLabelKeys, labels),
  };
}

/** Keys that the pod does not have are passed over. */
function selectorWith(
  selector: V1LabelSelector | undefined,
  keys: readonly string[],
  labels: Readonly<Record<string, string>>,
): { readonly selector?: LabelSelector } {
  if (selector === undefined) return {};
  const own = keys.flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator: 'In', values: [value] }];
  });
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return { selector: { matchLabels, matchExpressions: [...matchExpressions, ...own] } };
}

function hostPortsOf({ ports = [] }: V1Container): readonly HostPort[] {
  return ports.flatMap(({ hostPort = 0, hostIP = '', protocol = 'TCP' }) =>
    hostPort === 0 ? [] : [{ ip: hostIP === '' ? '0.0.0.0' : hostIP, protocol, port: hostPort }],
  );
}

const defaultGraceSeconds = 30;

function traitsOf(spec: V1PodSpec): PodTraits {
  const { containers, volumes = [] } = spec;
  return {
    hasReadinessProbe: containers.some(({ readinessProbe }) => readinessProbe !== undefined),
    hasPreStop: containers.some(({ lifecycle }) => lifecycle?.preStop !== undefined),
    emptyDirs: volumes.flatMap(({ name, emptyDir }) =>
      emptyDir === undefined
        ? []
        : [
            {
              name,
              isMemory: emptyDir.medium === 'Memory',
              sizeLimitBytes: wholeOf(emptyDir.sizeLimit),
              mountPaths: containers.flatMap(({ volumeMounts = [] }) =>
                volumeMounts.filter((one) => one.name === name).map(({ mountPath }) => mountPath),
              ),
            },
          ],
    ),
    hostPaths: volumes.flatMap(({ hostPath }) => (hostPath === undefined ? [] : [hostPath.path])),
    gracePeriodSeconds: spec.terminationGracePeriodSeconds ?? defaultGraceSeconds,
  };
}
