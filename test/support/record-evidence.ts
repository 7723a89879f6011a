// What was told of one upgrade, for change records: two hops over three days, a pause, a gate of a
// step, and the second hop rolled back at a person's word.

import type { SnapshotRecord } from '../../domain/activity-contract';
import type { GateId, HopId, SnapshotId } from '../../domain/names';
import type { Finding } from '../../domain/preflight/findings';
import type { RecordEvidence } from '../../domain/record/build-record';
import type { StepMark } from '../../domain/record/record';
import type { AuditEntry } from '../../domain/status/control';
import type { HopOutcome, NodeOutcome, UpgradeStatus } from '../../domain/status/progress';
import { aCluster, aPlan, aSpec, clusterName, hopId, memberName, nodeName } from './builders';
import { version } from './builders';

/** 2026-11-18T08:00:00Z. */
export const startMs = Date.UTC(2026, 10, 18, 8);
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

export const recordedPlan = aPlan(
  aSpec({ cluster: clusterName('prod') }),
  aCluster('prod').withNodes(3).observation(),
);

const first = hopId('hop-1.29');
const second = hopId('hop-1.30');
const [from, middle, to] = ['1.28.15', '1.29.15', '1.30.14'].map(version) as [
  ReturnType<typeof version>,
  ReturnType<typeof version>,
  ReturnType<typeof version>,
];

function snapshot(hop: HopId, kubeVersion: typeof from, takenAt: string): SnapshotRecord {
  return {
    id: `prod-${hop}-0123456789ab` as SnapshotId,
    hop,
    kubeVersion,
    etcdVersion: '3.5.21',
    location: `/var/lib/ascent/snapshots/prod-${hop}-0123456789ab.db`,
    sha256: 'ab'.repeat(32),
    sizeBytes: 48_234_496,
    revision: 91_244,
    totalKeys: 5_120,
    takenAt,
    verified: { by: 'restore', hashKv: '1234567', keys: 5_120, seconds: 11 },
  };
}

function node(
  name: string,
  outcome: NodeOutcome['outcome'],
  [before, after]: readonly [typeof from, typeof from],
  evicted: number,
): NodeOutcome {
  return { node: nodeName(name), outcome, before, after, evicted, refusals: 2, seconds: 180 };
}

const members = ['cp-1', 'cp-2', 'cp-3'].map(memberName);

function membersOf(before: typeof from, after: typeof from): HopOutcome['members'] {
  return members.map((member) => {
    return { member, component: 'kube-apiserver', before, after, changed: true, seconds: 40 };
  });
}

const firstSteps = {
  preflight: 4,
  snapshot: 21,
  'api-server cp-1': 42,
  'api-server cp-2': 40,
  'api-server cp-3': 43,
  'controllers cp-2': 9,
  'pool workers': 7_200,
  verify: 6,
  soak: 3_600,
};

const secondSteps = {
  preflight: 300,
  snapshot: 22,
  'api-server cp-1': 44,
  'pool workers': 340,
};

const backSteps = {
  'rollback look': 1,
  'rollback pool workers': 190,
  'rollback restore': 44,
  'rollback verify': 8,
};

const firstMs = startMs + 2 * minute;
const secondMs = startMs + 2 * day;
const backMs = secondMs + 30 * minute;

export const recordedHops: readonly HopOutcome[] = [
  {
    hop: first,
    from,
    to: middle,
    outcome: 'completed',
    snapshot: snapshot(first, from, '2026-11-18T08:02:10Z'),
    members: membersOf(from, middle),
    nodes: [
      node('worker-1', 'upgraded', [from, middle], 14),
      node('worker-2', 'upgraded', [from, middle], 9),
      node('worker-3', 'upgraded', [from, middle], 11),
    ],
    stepSeconds: firstSteps,
    startedAtMs: firstMs,
    endedAtMs: startMs + 3 * hour + 6 * minute,
  },
  {
    hop: second,
    from: middle,
    to,
    outcome: 'rolled-back',
    snapshot: snapshot(second, middle, '2026-11-20T08:06:00Z'),
    members: membersOf(middle, to),
    nodes: [
      node('worker-1', 'undone', [middle, middle], 22),
      node('worker-2', 'quarantined', [middle, middle], 3),
    ],
    stepSeconds: { ...secondSteps, ...backSteps },
    account: {
      schema: 'ascent.restore-account/v1',
      orphans: [{ code: 'node-unknown', count: 1, objects: [{ name: 'worker-9' }] }],
      gaps: [],
    },
    startedAtMs: secondMs,
    endedAtMs: backMs + 5 * minute,
  },
];

/** One after the other, each where the one before it ends. */
function marks(hop: HopId, beginMs: number, seconds: Readonly<Record<string, number>>) {
  let atMs = beginMs;
  return Object.entries(seconds).map(([label, time]): StepMark => {
    const mark = { hop, label, atMs };
    atMs += time * 1_000;
    return mark;
  });
}

const gate = (id: string) => id as GateId;

export const recordedTrail: readonly AuditEntry[] = [
  entry(0, 'ada', 'upgrade.asked', 'ada asked to upgrade prod to 1.30'),
  entry(1, 'ascent', 'plan.made', `plan ${recordedPlan.digest} goes from 1.28.15 to 1.30.14`),
  entry(2 * minute, 'ascent', 'hop.begun', 'hop-1.29 begins: 1.28.15 to 1.29.15'),
  entry(20 * minute, 'grace', 'command.pause', 'grace asked to pause (a release): work ends', {
    requestId: 'r-1',
  }),
  entry(2 * hour, 'grace', 'command.resume', 'grace asked to resume (it is out): goes on', {
    requestId: 'r-2',
  }),
  entry(3 * hour + 6 * minute, 'ascent', 'hop.completed', 'hop-1.29 ended: completed'),
  entry(3 * hour + 6 * minute, 'ascent', 'gate.opened', 'gate approve/hop-1.30 waits', {
    gate: gate('approve/hop-1.30'),
  }),
  entry(2 * day, 'ada', 'command.approve', 'ada asked to approve approve/hop-1.30 (looks good)', {
    requestId: 'r-3',
    gate: gate('approve/hop-1.30'),
  }),
  entry(2 * day, 'ascent', 'hop.begun', 'hop-1.30 begins: 1.29.15 to 1.30.14'),
  entry(2 * day + minute, 'ascent', 'gate.opened', 'gate hop-1.30/preflight waits', {
    gate: gate('hop-1.30/preflight'),
  }),
  entry(2 * day + 5 * minute, 'linus', 'command.approve', 'linus asked to approve it (mended)', {
    requestId: 'r-4',
    gate: gate('hop-1.30/preflight'),
  }),
  entry(2 * day + 14 * minute, 'ascent', 'gate.opened', 'gate node/worker-2 waits', {
    gate: gate('node/worker-2'),
    node: nodeName('worker-2'),
  }),
  entry(2 * day + 20 * minute, 'linus', 'command.quarantineNode', 'linus asked to quarantine it', {
    requestId: 'r-5',
    node: nodeName('worker-2'),
  }),
  entry(2 * day + 29 * minute, 'ada', 'command.rollBack', 'ada asked to roll back (errors rise)', {
    requestId: 'r-6',
  }),
  entry(2 * day + 30 * minute, 'ascent', 'rollback.begun', 'hop-1.30 is rolled back to 1.29.15'),
  entry(2 * day + 35 * minute, 'ascent', 'hop.rolled-back', 'hop-1.30 ended: rolled-back'),
  entry(2 * day + 35 * minute, 'ascent', 'upgrade.rolled-back', 'prod was rolled back'),
];

function entry(
  afterMs: number,
  actor: string,
  event: string,
  text: string,
  more: Partial<AuditEntry> = {},
): AuditEntry {
  return { atMs: startMs + afterMs, actor, event, text, ...more };
}

export const blockingFinding: Finding = {
  code: 'node-not-ready',
  severity: 'blocks',
  object: { kind: 'node', name: nodeName('worker-3') },
  message: 'it is not Ready',
  remedy: 'look at its kubelet',
};

export const warningFinding: Finding = {
  code: 'certificate-expires',
  severity: 'warns',
  object: { kind: 'member', name: memberName('cp-1') },
  message: 'its certificate ends in 20 days',
  remedy: 'renew it',
};

const recordedStatus: UpgradeStatus = {
  schema: 'ascent.status/v1',
  cluster: clusterName('prod'),
  phase: 'ended',
  sentence: 'prod was rolled back to 1.29.15',
  from,
  to,
  planDigest: recordedPlan.digest,
  gates: [],
  hops: recordedHops,
  startedAtMs: startMs,
  result: { outcome: 'rolled-back', at: middle, hop: second, seconds: 243, hops: recordedHops },
};

/** Everything is known. */
export const recordEvidence: RecordEvidence = {
  upgrade: '480b6208-2149-4a96-8417-1b554fcdae5f',
  status: recordedStatus,
  trails: [[], recordedTrail.slice(0, 6), recordedTrail],
  plans: [recordedPlan, recordedPlan],
  requests: [
    { requestId: 'r-1', command: 'pause', actor: 'grace', reason: 'a release' },
    { requestId: 'r-2', command: 'resume', actor: 'grace', reason: 'it is out' },
    {
      requestId: 'r-3',
      command: 'approve',
      actor: 'ada',
      reason: 'looks good',
      gate: gate('approve/hop-1.30'),
      planDigest: recordedPlan.digest,
    },
    {
      requestId: 'r-4',
      command: 'approve',
      actor: 'linus',
      reason: 'mended',
      gate: gate('hop-1.30/preflight'),
      planDigest: recordedPlan.digest,
    },
    {
      requestId: 'r-5',
      command: 'quarantineNode',
      actor: 'linus',
      reason: 'its disk is worn',
      node: nodeName('worker-2'),
    },
    {
      requestId: 'r-6',
      command: 'rollBack',
      actor: 'ada',
      reason: 'errors rise',
      hop: second,
      report: 'cd'.repeat(32),
    },
  ],
  steps: [
    ...marks(first, firstMs, firstSteps),
    ...marks(second, secondMs, secondSteps),
    ...marks(second, backMs, backSteps),
  ],
  looks: [
    { hop: first, step: 'preflight', atMs: firstMs + 4_000, findings: [warningFinding] },
    {
      hop: second,
      step: 'preflight',
      atMs: secondMs + 30_000,
      findings: [blockingFinding, warningFinding],
    },
    { hop: second, step: 'preflight', atMs: secondMs + 300_000, findings: [warningFinding] },
  ],
  unread: [],
};

/** The same path in the middle of its second hop. */
export const runningEvidence: RecordEvidence = {
  ...recordEvidence,
  status: unfinished(recordedStatus),
  trails: [recordedTrail.slice(0, 12)],
  requests: recordEvidence.requests.slice(0, 4),
  steps: [
    ...marks(first, firstMs, firstSteps),
    ...marks(second, secondMs, { ...secondSteps, 'pool workers': 0 }),
  ],
  now: {
    asOfMs: secondMs + 20 * minute,
    sentence: 'prod needs an operator: node worker-2 waits',
    hop: {
      id: second,
      step: 'pool workers',
      stepSinceMs: secondMs + 366_000,
      steps: Object.entries(secondSteps)
        .slice(0, 3)
        .map(([label, seconds]) => ({ label, seconds })),
      members: [],
      nodes: [node('worker-1', 'upgraded', [middle, to], 8)],
    },
  },
};

function unfinished({ result: _none, ...status }: UpgradeStatus): UpgradeStatus {
  const hops = recordedHops.slice(0, 1);
  return { ...status, phase: 'needs-operator', sentence: 'it needs an operator', hops };
}
