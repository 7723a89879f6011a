// What kwok plays: pods that become Ready, end and leave. The nodes themselves are reported by
// the supervisor's machine agent; kwok renews their leases and heals what the node lifecycle
// controller marked (a real kubelet would do both).
// K1. A pod asked to go stays for a second and then leaves; finalizers are left alone.
// K2. A node that is NotReady because its machine says so stays NotReady: only `Unknown` is healed.

import { stringify } from 'yaml';

/** A pod stays this long after it was asked to go, unless the annotation says otherwise. */
const terminationMs = 1_000;
/** Go duration: how long this pod takes to end, beyond its grace period too. */
export const terminationAnnotation = 'lab.ascent/terminates-after';
/** Go duration: how long this pod of a Job works, from its readiness on. */
export const jobDurationAnnotation = 'lab.ascent/works-for';
const jobDurationMs = 5_000;

interface Stage {
  readonly name: string;
  readonly kind: 'Pod' | 'Node';
  readonly matches: readonly (readonly [
    key: string,
    operator: string,
    values?: readonly string[],
  ])[];
  readonly delay?: Readonly<Record<string, unknown>>;
  readonly next: Readonly<Record<string, unknown>>;
}

const readyCondition = (type: string): string =>
  `.status.conditions.[] | select( .type == "${type}" ) | .status`;

const conditionsTemplate = (types: readonly string[], status: 'True' | 'False'): string =>
  types
    .map((type) => `- {lastTransitionTime: {{ $now | Quote }}, status: "${status}", type: ${type}}`)
    .join('\n');

/** Of a container, as a part of its list item. */
const completedState = `  state:
    terminated:
      exitCode: 0
      reason: Completed
      finishedAt: {{ $now | Quote }}
      startedAt: {{ $now | Quote }}
`;

const podReadyTemplate = `{{ $now := Now }}
conditions:
${conditionsTemplate(['Initialized', 'Ready', 'ContainersReady'], 'True')}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: true
  restartCount: 0
${completedState}{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
{{ $hostNetwork := or .spec.hostNetwork false }}
{{ $uid := or .metadata.uid "" }}
{{ $name := or .metadata.name "" }}
{{ $namespace := or .metadata.namespace "" }}
podIP: {{ PodIPWith .spec.nodeName $hostNetwork $uid $name $namespace | Quote }}
phase: Running
startTime: {{ $now | Quote }}
`;

const podCompleteTemplate = `{{ $now := Now }}
conditions:
${conditionsTemplate(['Ready', 'ContainersReady'], 'False')}
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  name: {{ .name | Quote }}
  ready: false
  started: false
  restartCount: 0
${completedState}{{ end }}
phase: Succeeded
`;

const podHealedTemplate = `{{ $now := Now }}
conditions:
${conditionsTemplate(['Ready', 'ContainersReady'], 'True')}
`;

const nodeHealedTemplate = `{{ $now := Now }}
conditions:
- type: Ready
  status: "True"
  reason: KubeletReady
  message: kubelet is posting ready status
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
`;

const notTerminating = ['.metadata.deletionTimestamp', 'DoesNotExist'] as const;

const stages: readonly Stage[] = [
  {
    name: 'pod-ready',
    kind: 'Pod',
    matches: [notTerminating, ['.status.podIP', 'DoesNotExist']],
    delay: { durationMilliseconds: 100, jitterDurationMilliseconds: 500 },
    next: { statusTemplate: podReadyTemplate },
  },
  {
    name: 'pod-healed',
    kind: 'Pod',
    matches: [
      notTerminating,
      ['.status.phase', 'In', ['Running']],
      ['.status.podIP', 'Exists'],
      [readyCondition('Ready'), 'In', ['False']],
    ],
    delay: { durationMilliseconds: 1_000 },
    next: { statusTemplate: podHealedTemplate },
  },
  {
    name: 'pod-complete',
    kind: 'Pod',
    matches: [
      notTerminating,
      ['.status.phase', 'In', ['Running']],
      [readyCondition('Ready'), 'In', ['True']],
      ['.metadata.ownerReferences.[].kind', 'In', ['Job']],
    ],
    delay: {
      durationMilliseconds: jobDurationMs,
      durationFrom: { expressionFrom: `.metadata.annotations["${jobDurationAnnotation}"]` },
    },
    next: { statusTemplate: podCompleteTemplate },
  },
  {
    // K1. A pod with a shorter grace period leaves at its deletionTimestamp by the API's own rule.
    name: 'pod-delete',
    kind: 'Pod',
    matches: [
      ['.metadata.deletionTimestamp', 'Exists'],
      ['.metadata.finalizers', 'DoesNotExist'],
    ],
    delay: {
      durationMilliseconds: terminationMs,
      durationFrom: { expressionFrom: `.metadata.annotations["${terminationAnnotation}"]` },
    },
    next: { delete: true },
  },
  {
    // K2.
    name: 'node-healed',
    kind: 'Node',
    matches: [[readyCondition('Ready'), 'In', ['Unknown']]],
    next: { statusTemplate: nodeHealedTemplate },
  },
];

/** The file for `kwok --config`: options and stages as YAML documents. */
export function kwokConfig(): string {
  const options = {
    apiVersion: 'config.kwok.x-k8s.io/v1alpha1',
    kind: 'KwokConfiguration',
    // The defaults of 4 make 1,200 pods take minutes.
    options: {
      podPlayStageParallelism: 16,
      nodePlayStageParallelism: 8,
      nodeLeaseParallelism: 8,
      podsOnNodeSyncParallelism: 8,
    },
  };
  const documents = stages.map((stage) => ({
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name: stage.name },
    spec: {
      resourceRef: { apiGroup: 'v1', kind: stage.kind },
      selector: {
        matchExpressions: stage.matches.map(([key, operator, values]) => ({
          key,
          operator,
          ...(values === undefined ? {} : { values }),
        })),
      },
      ...(stage.delay === undefined ? {} : { delay: stage.delay }),
      next: stage.next,
    },
  }));
  return [options, ...documents].map((document) => stringify(document)).join('---\n');
}
