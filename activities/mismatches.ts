// What differs between what should run and what was seen, as data (R3), and the one place here
// that puts it into words. Details of `verification-failed`, `member-not-ready`, `node-not-ready`.

import { podText } from '../domain/blocker-sentences';
import type { MemberName, NodeName, PodRef } from '../domain/names';
import type {
  ApiServerObservation,
  ControllerObservation,
  MemberComponent,
  Problem,
} from '../domain/observation';
import {
  type KubeMinor,
  type KubeVersion,
  parseVersion,
  type Programs,
  servedMinor,
} from '../domain/versions';
import type { NodeView } from './ports';

export type Mismatch =
  | {
      readonly code: 'component-unobserved';
      readonly member: MemberName;
      readonly component: MemberComponent;
      readonly problem: Problem;
    }
  | {
      readonly code: 'component-version';
      readonly member: MemberName;
      readonly component: MemberComponent;
      readonly expected: KubeVersion;
      readonly actual: KubeVersion;
    }
  | {
      readonly code: 'component-emulation';
      readonly member: MemberName;
      readonly component: MemberComponent;
      /** Minors that it should serve as, and does. */
      readonly expected: KubeMinor;
      readonly actual: KubeMinor;
    }
  | {
      readonly code: 'component-not-ready';
      readonly member: MemberName;
      readonly component: MemberComponent;
      readonly failingChecks: readonly string[];
    }
  | { readonly code: 'etcd-unobserved'; readonly problem: Problem }
  | { readonly code: 'etcd-member-unreachable'; readonly member: string; readonly problem: Problem }
  | { readonly code: 'etcd-hashes-differ' }
  | { readonly code: 'etcd-leaderless' }
  | {
      readonly code: 'etcd-version';
      readonly member: string;
      readonly expected: KubeVersion;
      readonly actual: string;
    }
  | { readonly code: 'node-missing'; readonly node: NodeName }
  | {
      readonly code: 'kubelet-version';
      readonly node: NodeName;
      readonly expected: KubeVersion;
      readonly actual: string;
    }
  | { readonly code: 'node-not-ready'; readonly node: NodeName }
  | { readonly code: 'daemonset-pod-not-ready'; readonly node: NodeName; readonly pod: PodRef };

/** First detail of every failure that mismatches caused. */
export interface MismatchDetails {
  readonly mismatches: readonly Mismatch[];
}

/** What is wrong with an API server; empty when it is ready, runs `expected` and serves so. */
export function apiServerMismatches(
  member: MemberName,
  observed: ApiServerObservation,
  expected: Programs | undefined,
): readonly Mismatch[] {
  const subject = { member, component: 'kube-apiserver' } as const;
  if (observed.kind === 'unobserved') {
    return [{ code: 'component-unobserved', ...subject, problem: observed.problem }];
  }
  return [
    ...versionMismatch(subject, observed.version, expected?.version),
    ...emulationMismatch(subject, observed, expected),
    ...(observed.ready
      ? []
      : [
          {
            code: 'component-not-ready' as const,
            ...subject,
            failingChecks: observed.failingChecks,
          },
        ]),
  ];
}

/** What is wrong with a controller; empty when it runs `expected` and is healthy. */
export function controllerMismatches(
  subject: {
    readonly member: MemberName;
    readonly component: 'kube-controller-manager' | 'kube-scheduler';
  },
  observed: ControllerObservation,
  expected: KubeVersion,
): readonly Mismatch[] {
  if (observed.kind === 'unobserved') {
    return [{ code: 'component-unobserved', ...subject, problem: observed.problem }];
  }
  const { healthy } = observed;
  return [
    ...versionMismatch(subject, observed.version, expected),
    ...(healthy ? [] : [{ code: 'component-not-ready' as const, ...subject, failingChecks: [] }]),
  ];
}

function versionMismatch(
  subject: { readonly member: MemberName; readonly component: MemberComponent },
  actual: KubeVersion,
  expected: KubeVersion | undefined,
): readonly Mismatch[] {
  if (expected === undefined || actual === expected) return [];
  return [{ code: 'component-version', ...subject, expected, actual }];
}

/** Of the right version only: another one is told by itself. */
function emulationMismatch(
  subject: { readonly member: MemberName; readonly component: MemberComponent },
  observed: Programs,
  wanted: Programs | undefined,
): readonly Mismatch[] {
  if (wanted === undefined || wanted.version !== observed.version) return [];
  const [expected, actual] = [servedMinor(wanted), servedMinor(observed)];
  return actual === expected ? [] : [{ code: 'component-emulation', ...subject, expected, actual }];
}

/** What is wrong with a node; a cordon is no mismatch. */
export function nodeMismatches(
  name: NodeName,
  node: NodeView | undefined,
  expected: KubeVersion,
): readonly Mismatch[] {
  if (node === undefined) return [{ code: 'node-missing', node: name }];
  const actual = node.kubeletVersion;
  const isVersion = parseVersion(actual) === expected;
  return [
    ...(isVersion ? [] : [{ code: 'kubelet-version' as const, node: name, expected, actual }]),
    ...(node.ready ? [] : [{ code: 'node-not-ready' as const, node: name }]),
  ];
}

type ComponentMismatch = Extract<Mismatch, { readonly component: MemberComponent }>;

/** One clause, without a full stop. */
function mismatchText(mismatch: Mismatch): string {
  if ('component' in mismatch) return componentText(mismatch);
  switch (mismatch.code) {
    case 'etcd-unobserved':
      return `etcd does not answer (${mismatch.problem.message})`;
    case 'etcd-member-unreachable':
      return `etcd member ${mismatch.member} does not answer (${mismatch.problem.message})`;
    case 'etcd-hashes-differ':
      return 'the etcd members do not hold the same data';
    case 'etcd-leaderless':
      return 'etcd has no leader that all agree on';
    case 'etcd-version':
      return `etcd of ${mismatch.member} runs ${mismatch.actual}, not ${mismatch.expected}`;
    case 'node-missing':
      return `node ${mismatch.node} does not exist`;
    case 'kubelet-version': {
      const actual = mismatch.actual === '' ? 'no kubelet version' : `kubelet ${mismatch.actual}`;
      return `node ${mismatch.node} reports ${actual}, not ${mismatch.expected}`;
    }
    case 'node-not-ready':
      return `node ${mismatch.node} is not Ready`;
    case 'daemonset-pod-not-ready':
      return `DaemonSet pod ${podText(mismatch.pod)} on node ${mismatch.node} is not Ready`;
  }
}

function componentText(mismatch: ComponentMismatch): string {
  const subject = `${mismatch.component} of ${mismatch.member}`;
  switch (mismatch.code) {
    case 'component-unobserved':
      return `${subject} does not answer (${mismatch.problem.message})`;
    case 'component-version':
      return `${subject} runs ${mismatch.actual}, not ${mismatch.expected}`;
    case 'component-emulation':
      return `${subject} serves as ${mismatch.actual}, not as ${mismatch.expected}`;
    case 'component-not-ready': {
      const checks = mismatch.failingChecks.join(', ');
      return `${subject} is not ready${checks === '' ? '' : ` (failing: ${checks})`}`;
    }
  }
}

const toldAtMost = 3;

/** The first few in words; the rest are in the details. */
export function mismatchesText(mismatches: readonly Mismatch[]): string {
  const told = mismatches.slice(0, toldAtMost).map(mismatchText).join('; ');
  const more = mismatches.length - toldAtMost;
  return more > 0 ? `${told}; and ${more} more` : told;
}
