// A node outside of an upgrade, as transcripts meet it.

import type { OpenCluster } from '../../../activities/adapters/open-cluster';
import type { DrainEnd, DrainLook } from '../../../client';
import type { DrainBlocker } from '../../../domain/blockers';
import type { AuditEntry } from '../../../domain/status/control';
import { failureInfo } from '../../../domain/failure-remedies';
import { drainFailure } from '../../../domain/drain/node-drain';
import { aPool, clusterName, nodeName } from '../../support/builders';
import { FakeCluster } from '../../support/fake-cluster';
import type { FakeNode } from './fake-upgrade';
import { nowMs } from './fake-terminal';

const counts = { evicted: 8, refusals: 12, seconds: 62 };

export const nodeDrained: DrainEnd = { outcome: 'drained', cordon: 'ours', ...counts };

const byAda = { by: 'ada@workstation', reason: 'new memory' };

export const nodeUncordoned: DrainEnd = {
  outcome: 'undone',
  ...byAda,
  uncordon: 'removed',
  cordon: 'ascent: drained by ada@workstation: new memory',
  evicted: 0,
  refusals: 0,
  seconds: 0,
};

const waitingPod: DrainBlocker = {
  code: 'budget-exhausted',
  pod: { namespace: 'default', name: 'web-7f9' },
  budget: { namespace: 'default', name: 'web' },
  message: 'the budget needs 9 healthy pods and has 9 now',
  sinceMs: nowMs - 40_000,
};

export function drainingLook(node: string): DrainLook {
  const status = {
    cluster: clusterName('prod'),
    node: nodeName(node),
    phase: 'draining',
    phaseSinceMs: nowMs - 50_000,
    startedAtMs: nowMs - 51_000,
    ...byAda,
    policy: aPool().drain,
  } as const;
  return { status, evicted: 6, remaining: 2, blockers: [] };
}

function blockedLooks(node: string): readonly DrainLook[] {
  const first = drainingLook(node);
  const workflowId = `drain/prod/${node}`;
  const activity = 'drainNode';
  const unsettled = [
    { code: 'failing', failures: 2, message: 'no answer', activity, workflowId },
  ] as const;
  return [
    first,
    { ...first, blockers: [waitingPod] },
    { ...first, blockers: [waitingPod], unsettled },
  ];
}

const atDeadline: DrainEnd = {
  outcome: 'not-drained',
  failure: drainFailure(
    failureInfo(
      'drain-deadline',
      'node web-2 was not empty after 30 min: pods left: 2, evicted: 8',
    ),
  ),
  blockers: [waitingPod],
  ...counts,
};

const forbidden: DrainEnd = {
  outcome: 'not-drained',
  failure: drainFailure(failureInfo('drain-refused', 'node web-2 was not drained')),
  blockers: [
    { code: 'pod-unmanaged', pod: { namespace: 'ops', name: 'shell' }, sinceMs: nowMs - 1_000 },
  ],
  evicted: 0,
  refusals: 0,
  seconds: 1,
};

const inUpgrade = {
  kind: 'refused',
  refusal: {
    code: 'node-in-upgrade',
    node: nodeName('web-2'),
    cluster: clusterName('prod'),
    hop: 'hop-1.29',
    phase: 'draining',
  },
} as const;

/** Behaviours by the names that transcripts give them. */
export const nodes: Readonly<Record<string, FakeNode>> = {
  'waits for a budget until it is drained': { looks: blockedLooks, end: nodeDrained },
  'comes to its deadline': { looks: blockedLooks, end: atDeadline },
  'is followed until somebody presses Ctrl-C': { looks: blockedLooks, end: undefined as never },
  'has a pod that forbids it': { end: forbidden },
  'is drained already': { start: { kind: 'already-running', workflowId: 'drain/prod/web-2' } },
  'is in an upgrade': { start: inUpgrade, uncordon: inUpgrade },
  'does not exist': {
    start: { kind: 'refused', refusal: { code: 'node-missing', node: nodeName('web-2') } },
    uncordon: { kind: 'ended', end: { ...nodeUncordoned, uncordon: 'node-missing' } },
  },
  'was cordoned by somebody else': {
    uncordon: { kind: 'ended', end: { ...nodeUncordoned, uncordon: 'left-foreign' } },
  },
};

export function drainTrail(node: string): readonly AuditEntry[] {
  return [
    {
      atMs: nowMs - 51_000,
      actor: 'ada@workstation',
      event: 'command.drain',
      text: `ada@workstation asked to drain ${node} (new memory)`,
      requestId: 'request-0',
      node: nodeName(node),
    },
  ];
}

/** Node web-2 with a pod for each verdict, web-3 without any pod. */
export function nodesToLookAt(): OpenCluster {
  const { kube, ports } = new FakeCluster();
  kube.addNode('web-2').addNode('web-3');
  kube.daemonSets.add('kube-system/agent');
  const system = { namespace: 'kube-system' };
  kube
    .addPod('web-2', 'web-7f9', { ref: { namespace: 'default', name: 'web-7f9' } })
    .addPod('web-2', 'web-8c2', {
      ref: { namespace: 'default', name: 'web-8c2' },
      hasEmptyDir: true,
    })
    .addPod('web-2', 'web-9d1', {
      ref: { namespace: 'default', name: 'web-9d1' },
      deletionTimestampMs: nowMs + 1_000,
    })
    .addPod('web-2', 'agent-x', {
      ref: { ...system, name: 'agent-x' },
      controller: { kind: 'DaemonSet', name: 'agent' },
    })
    .addPod('web-2', 'nightly', {
      ref: { namespace: 'batch', name: 'nightly' },
      controller: { kind: 'Job', name: 'nightly' },
    })
    .addPod('web-2', 'etcd', { ref: { ...system, name: 'etcd' }, isMirror: true });
  const { controller: _none, ...shell } = [...kube.pods.values()][0] as NonNullable<
    ReturnType<typeof kube.pods.get>
  >;
  kube.pods.set('shell', { ...shell, uid: 'shell', ref: { namespace: 'ops', name: 'shell' } });
  return { ...ports, close: () => Promise.resolve() };
}
