// The cluster, the spec and the moments of its upgrade that transcripts are about.

import { blockerSentence } from '../../../domain/blocker-sentences';
import type { DrainBlocker } from '../../../domain/blockers';
import type { Gate } from '../../../domain/status/control';
import { failureInfo } from '../../../domain/failure-remedies';
import { approvalGateId, nodeGateId } from '../../../domain/status/gates';
import type { SnapshotId } from '../../../domain/names';
import type { Observation } from '../../../domain/observation';
import type { Plan } from '../../../domain/plan/plan';
import type {
  HopOutcome,
  NodeOutcome,
  UpgradeProgress,
  UpgradeStatus,
} from '../../../domain/status/progress';
import type { RestoreAccount } from '../../../domain/rollback/account';
import { cheapestRung } from '../../../domain/rollback/rungs';
import { statusSentence } from '../../../domain/status/status-sentences';
import {
  aBudget,
  aCluster,
  aPlan,
  aPool,
  aSpec,
  clusterName,
  hopId,
  minor,
  nodeName,
  poolName,
  version,
} from '../../support/builders';
import { nowMs } from './fake-terminal';

const minuteMs = 60_000;

/** `prod`: three members, four nodes of pool web and two of pool batch, all 1.28.15. */
export const observation = aCluster('prod')
  .withNodes(4, '1.28.15', { prefix: 'web', labels: { pool: 'web' } })
  .withNodes(2, '1.28.15', { prefix: 'batch', labels: { pool: 'batch' } })
  .withBudget(aBudget('web'))
  .withAvailable('1.28.15', '1.29.15', '1.30.14')
  .observation();

export const specText = `apiVersion: ascent/v1
cluster: prod
target: "1.30"
soak: 1h
pools:
  - name: web
    nodeSelector: { pool: web }
    maxUnavailable: 2
  - name: batch
    lane: fewest-drains
`;

/** One hop, nodes of pool web by their rack, of any zone. */
export const orderedSpecText = `apiVersion: ascent/v1
cluster: prod
target: "1.29"
pools:
  - name: web
    nodeSelector: { pool: web }
    zones: any
    orderLabel: example.com/rack
  - name: batch
`;

const load: Readonly<Record<string, readonly [rack: string, pods: number, stateful: number]>> = {
  'web-1': ['10', 12, 3],
  'web-2': ['9', 8, 0],
  'web-3': ['10', 8, 0],
  'web-4': ['2', 20, 0],
  'batch-1': ['1', 0, 0],
};

/** The same cluster with pods that make a difference. */
export const busyObservation: Observation = {
  ...observation,
  nodes: observation.nodes.map((node) => {
    const [rack, evictablePods, statefulPods] = load[node.name] ?? ['1', 1, 1];
    const labels = { ...node.labels, 'example.com/rack': rack };
    return { ...node, labels, evictablePods, statefulPods };
  }),
};

/** The same: what the first hop takes away is in use, and of 1.29 there is no API server here. */
export const usedObservation: Observation = {
  ...observation,
  servedMinors: [minor('1.28')],
  deprecatedUse: observation.members.map(({ name }) => ({
    member: name,
    use: {
      kind: 'observed',
      items: [
        {
          group: 'flowcontrol.apiserver.k8s.io',
          version: 'v1beta2',
          resource: 'flowschemas',
          removedIn: '1.29',
          requests: 2,
        },
      ],
    },
  })),
};

/** The same with its control plane at 1.29.15, and two nodes: an upgrade was interrupted. */
export const halfDone: Observation = aCluster('prod')
  .withMembers(3, '1.29.15')
  .with({
    nodes: busyObservation.nodes.map((node) =>
      node.name === 'web-1' || node.name === 'batch-2'
        ? { ...node, kubeletVersion: version('1.29.15') }
        : node,
    ),
  })
  .observation();

const spec = aSpec({
  cluster: clusterName('prod'),
  hopSoakMs: 60 * minuteMs,
  controlPlane: { memberTimeoutMs: 15 * minuteMs, allowSingleMember: false },
  pools: [
    aPool({
      name: poolName('web'),
      nodeSelector: { pool: 'web' },
      maxUnavailable: 2,
      upgradeTimeoutMs: 15 * minuteMs,
    }),
    aPool({
      name: poolName('batch'),
      lane: 'fewest-drains',
      upgradeTimeoutMs: 15 * minuteMs,
    }),
  ],
});

export const plan: Plan = aPlan(spec, observation);

const first = hopId('hop-1.29');
const second = hopId('hop-1.30');

function nodeDone(name: string, seconds: number, evicted: number): NodeOutcome {
  return {
    node: nodeName(name),
    outcome: 'upgraded',
    before: version('1.28.15'),
    after: version('1.29.15'),
    evicted,
    refusals: 0,
    seconds,
  };
}

const firstHopDone: HopOutcome = {
  hop: first,
  from: version('1.28.15'),
  to: version('1.29.15'),
  outcome: 'completed',
  members: [],
  nodes: [nodeDone('web-1', 62, 10), nodeDone('web-2', 58, 10)],
  stepSeconds: { preflight: 3, snapshot: 12 },
  startedAtMs: nowMs - 90 * minuteMs,
  endedAtMs: nowMs - 5 * minuteMs,
};

type Facts = Omit<UpgradeStatus, 'schema' | 'sentence' | 'cluster' | 'gates' | 'hops'> &
  Partial<Pick<UpgradeStatus, 'gates' | 'hops'>>;

/** A status as the upgrade would say it. */
function aStatus(facts: Facts): UpgradeStatus {
  const whole = {
    schema: 'ascent.status/v1' as const,
    cluster: clusterName('prod'),
    from: version('1.28.15'),
    to: version('1.30.14'),
    planDigest: plan.digest,
    gates: [],
    hops: [],
    ...facts,
  };
  return { ...whole, sentence: statusSentence(whole) };
}

const waitingPod: DrainBlocker = {
  code: 'budget-exhausted',
  pod: { namespace: 'default', name: 'web-7f9' },
  budget: { namespace: 'default', name: 'web' },
  message: 'the budget needs 9 healthy pods and has 9 now',
  sinceMs: nowMs - 40_000,
  explanation: {
    healthy: 9,
    wanted: 9,
    expected: 10,
    missing: 1,
    pods: [
      {
        pod: { namespace: 'default', name: 'web-x2k' },
        node: 'web-1',
        owner: { kind: 'ReplicaSet', name: 'web' },
        sinceMs: nowMs - 38_000,
        trouble: {
          code: 'container-waiting',
          container: 'app',
          reason: 'ImagePullBackOff',
          message: 'Back-off pulling image "web:2"',
        },
      },
    ],
    more: 0,
    absent: 0,
  },
};

const begun = nowMs - 30 * minuteMs;
const known = { unsettled: [], isLost: false };

/** In the middle of pool web of the first hop: one node done, two drained, one of them waits. */
export const upgrading: UpgradeProgress = {
  status: aStatus({
    phase: 'upgrading',
    hop: { id: first, position: 1, count: 2, step: 'pool web', stepSinceMs: nowMs - 3 * minuteMs },
    startedAtMs: begun,
    secondsLeft: 5_400,
    rollBackTo: {
      hop: first,
      at: version('1.28.15'),
      snapshot: {
        id: 'prod-hop-1.29-from-1.28.15-0123abcd' as SnapshotId,
        takenAt: '2026-11-21T02:35:00.000Z',
        revision: 41_200,
      },
      until: { reason: 'next-hop-begins', hop: second, gate: approvalGateId(second) },
      cheapest: cheapestRung({ done: ['api-server cp-1'], current: 'pool web', ...known }),
    },
  }),
  pool: {
    pool: poolName('web'),
    total: 4,
    pending: 1,
    done: [nodeDone('web-1', 62, 10)],
    paused: false,
  },
  members: [],
  stepSeconds: {
    preflight: 3,
    snapshot: 12,
    'api-server cp-1': 41,
    'api-server cp-2': 39,
    'api-server cp-3': 40,
    'controllers cp-2': 9,
    'controllers cp-3': 8,
    'controllers cp-1': 9,
  },
  nodes: [
    {
      node: nodeName('web-2'),
      phase: 'draining',
      phaseSinceMs: nowMs - 50_000,
      evicted: 8,
      remaining: 2,
      blockers: [waitingPod],
    },
    {
      node: nodeName('web-3'),
      phase: 'upgrading',
      phaseSinceMs: nowMs - 12_000,
      blockers: [],
    },
  ],
};

/** As before, after somebody let more nodes of pool web go at once. */
export const faster: UpgradeProgress = {
  ...upgrading,
  nodes: upgrading.nodes.map((node) => ({ ...node, blockers: [] })),
  status: aStatus({
    ...upgrading.status,
    limits: [
      {
        pool: poolName('web'),
        asked: '75%',
        by: 'ada@workstation',
        reason: 'quiet at night',
        sinceMs: nowMs - minuteMs,
        maxUnavailable: 3,
        planned: 2,
      },
    ],
  }),
};

export const paused: UpgradeProgress = {
  ...upgrading,
  status: aStatus({
    ...upgrading.status,
    phase: 'paused',
    paused: { by: 'ada@workstation', reason: 'release day', sinceMs: nowMs - minuteMs },
  }),
  nodes: upgrading.nodes.map((node) => ({ ...node, phase: 'paused', blockers: [] })),
};

const approvalGate: Gate = {
  kind: 'approval',
  id: approvalGateId(second),
  hop: second,
  sinceMs: nowMs - 5 * minuteMs,
};

/** Between the hops: the second one waits for an approval. */
export const waitingForApproval: UpgradeProgress = {
  status: aStatus({
    phase: 'waiting-for-approval',
    gates: [approvalGate],
    hops: [firstHopDone],
    startedAtMs: nowMs - 90 * minuteMs,
    rollBackTo: {
      hop: first,
      at: version('1.28.15'),
      until: { reason: 'next-hop-begins', hop: second, gate: approvalGateId(second) },
    },
  }),
  members: [],
  nodes: [],
};

const heldGate: Gate = {
  kind: 'node',
  id: nodeGateId(nodeName('web-2')),
  hop: first,
  pool: poolName('web'),
  node: nodeName('web-2'),
  failure: failureInfo('drain-deadline', 'the drain of node web-2 did not end within 30 min'),
  blockers: [waitingPod],
  sinceMs: nowMs - 2 * minuteMs,
};

/** A node is held: its drain has come to its deadline. */
export const nodeHeld: UpgradeProgress = {
  ...upgrading,
  status: aStatus({ ...upgrading.status, phase: 'needs-operator', gates: [heldGate] }),
  nodes: [
    { node: nodeName('web-2'), phase: 'held', phaseSinceMs: nowMs - 2 * minuteMs, blockers: [] },
  ],
};

const lostPod: DrainBlocker = {
  code: 'pod-terminating',
  pod: { namespace: 'db', name: 'db-0' },
  finalizers: [],
  gracePeriodSeconds: 30,
  cause: 'node-not-ready',
  sinceMs: nowMs - 10 * minuteMs,
};
const stuckGate: Gate = {
  ...heldGate,
  blockers: [waitingPod, lostPod],
  pods: [waitingPod, lostPod].map(({ pod }) => ({ ...pod, uid: `uid-${pod.name}` })),
};

/** The same, and the drain has named the pods that it left. */
const nodeStuck: UpgradeProgress = {
  ...nodeHeld,
  status: aStatus({ ...nodeHeld.status, gates: [stuckGate] }),
};

const bothHops: readonly HopOutcome[] = [
  firstHopDone,
  { ...firstHopDone, hop: second, from: version('1.29.15'), to: version('1.30.14') },
];

export const completed: UpgradeProgress = {
  status: aStatus({
    phase: 'ended',
    hops: bothHops,
    startedAtMs: nowMs - 180 * minuteMs,
    result: {
      outcome: 'completed',
      from: version('1.28.15'),
      to: version('1.30.14'),
      hops: bothHops,
    },
  }),
  members: [],
  nodes: [],
};

const inShop = { resource: 'pods', namespace: 'shop', snapshot: 20, cluster: 19 } as const;
const account: RestoreAccount = {
  schema: 'ascent.restore-account/v1',
  workloads: {
    totals: [
      { resource: 'deployments', snapshot: 4, cluster: 4 },
      { resource: 'pods', snapshot: 60, cluster: 59 },
    ],
    differing: [inShop],
    more: 0,
  },
  orphans: [
    { code: 'node-unknown', count: 1, objects: [{ name: 'web-9' }] },
    { code: 'volume-unknown', count: 2, objects: [{ name: 'pv-8' }, { name: 'pv-9' }] },
  ],
  gaps: [{ code: 'counted-in-part', limit: 'seconds' }],
};

export const rolledBack: UpgradeProgress = {
  status: aStatus({
    phase: 'ended',
    hops: [{ ...firstHopDone, outcome: 'rolled-back', account }],
    startedAtMs: nowMs - 90 * minuteMs,
    result: {
      outcome: 'rolled-back',
      at: version('1.28.15'),
      hop: first,
      seconds: 75,
      hops: [],
    },
  }),
  members: [],
  nodes: [],
};

/** The policy of its pool has set a node aside, and the pool goes on. */
export const setAside: UpgradeProgress = {
  ...faster,
  ...(upgrading.pool === undefined
    ? {}
    : {
        pool: {
          ...upgrading.pool,
          setAside: [
            {
              node: nodeName('web-4'),
              sinceMs: nowMs - 5 * minuteMs,
              why: `node web-4 was not empty after 30 min: ${blockerSentence(lostPod)}`,
            },
          ],
        },
      }),
};

/** The moments by the names that transcripts give them. */
export const moments: Readonly<Record<string, UpgradeProgress>> = {
  upgrading,
  'upgrading faster': faster,
  paused,
  'waiting for approval': waitingForApproval,
  'held by a node': nodeHeld,
  'held by pods that stay': nodeStuck,
  'going on without a node': setAside,
  completed,
  'rolled back': rolledBack,
};
