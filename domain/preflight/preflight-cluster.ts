// The part of the preflight that looks at nodes, disruption budgets and the snapshot store.

import { budgetText, podText, unreportedRemedy, unreportedText } from '../blocker-sentences';
import { budgetRule, sparesNone } from '../drain/budget-explanation';
import { cordonPurpose } from '../drain/cordon-reasons';
import type { DrainedPool, PreflightObservation } from './drains';
import type { Finding } from './findings';
import { boundedList } from '../lists';
import type {
  BudgetObservation,
  BudgetOverlap,
  NodeObservation,
  Observation,
} from '../observation';
import { isKubeletTooNew, isKubeletTooOld, oldestKubeletMinor } from '../plan/skew';
import type { KubeVersion } from '../versions';
import { compareVersions, minorOf, minorsBetween, parseVersion } from '../versions';
import { roomsFor } from '../snapshots/room';

/** How long it still takes as planned, from the moment of the observation (planned-time.ts). */
export interface PlannedTime {
  readonly hopMs: number;
  /** With all hops after it. */
  readonly pathMs: number;
  /** What the path ends at; absent where none is planned, or it began before this was known. */
  readonly pathTo?: KubeVersion;
}

/**
 * The hop's change of etcd. `to-come`: before anything else of the hop. `under-way`: members of
 * both versions are there. `done`: all of them are to run it.
 */
export interface EtcdChangeFacts {
  readonly to: KubeVersion;
  readonly stage: 'to-come' | 'under-way' | 'done';
}

/** What of an observation concerns the members alone. */
export type ControlPlaneObservation = Pick<Observation, 'members' | 'etcd' | 'leases'>;

export interface ControlPlaneFacts {
  readonly observation: ControlPlaneObservation;
  readonly hop: { readonly from: KubeVersion; readonly to: KubeVersion };
  /** Absent where nothing is planned: a hop that is only thought of takes no time. */
  readonly planned?: PlannedTime;
  /** Absent where the hop leaves etcd as it is, or does not change it yet. */
  readonly etcd?: EtcdChangeFacts;
}

export interface PreflightFacts extends ControlPlaneFacts {
  readonly observation: PreflightObservation;
  /** Hops before it are still to come: what they bring along counts as brought. */
  readonly isAhead?: boolean;
  /** Those that the hop drains; absent: nobody has said, so that any node may be drained. */
  readonly pools?: readonly DrainedPool[];
}

/** Ready, not cordoned by others, kubelet known and in skew before and during the hop. */
export function nodeFindings(facts: PreflightFacts): readonly Finding[] {
  const { unreportedNodes = [] } = facts.observation;
  const unreported = unreportedNodes.map((node) => ({
    code: 'kubelet-unreported' as const,
    severity: 'blocks' as const,
    object: { kind: 'node' as const, name: node.name },
    message: `it ${unreportedText(node)}`,
    remedy: unreportedRemedy,
  }));
  return [...unreported, ...reportedNodeFindings(facts)];
}

function reportedNodeFindings({ observation, hop }: PreflightFacts): readonly Finding[] {
  const versions = observation.members.flatMap(({ apiServer }) =>
    apiServer.kind === 'observed' ? [apiServer.version] : [],
  );
  const [oldest = hop.from] = versions.toSorted(compareVersions);
  return observation.nodes.flatMap((node) => {
    const findings = readinessFindings(node);
    const at = node.kubeletVersion;
    const skew = {
      code: 'version-skew',
      severity: 'blocks',
      object: { kind: 'node', name: node.name },
      about: 'kubelet',
      evidence: { version: at },
    } as const;
    if (isKubeletTooNew(at, oldest)) {
      const message = `its kubelet ${at} is newer than the oldest API server, ${oldest}`;
      const remedy = `return the kubelet to ${minorOf(oldest)}`;
      return [...findings, { ...skew, message, remedy }];
    }
    if (isKubeletTooOld(at, hop.to)) {
      const allowed = oldestKubeletMinor(hop.to);
      const message = `its kubelet ${at} is too old: ${hop.to} supports ${allowed} and newer`;
      const remedy = `upgrade the kubelet to ${minorOf(hop.from)} first`;
      return [...findings, { ...skew, message, remedy }];
    }
    return findings;
  });
}

function readinessFindings({ name, ready, cordon }: NodeObservation): readonly Finding[] {
  const object = { kind: 'node', name } as const;
  const findings: Finding[] = [];
  if (!ready) {
    // A node that an earlier hop set aside is known; what it needs was said when it was.
    const isSetAside = cordon.kind === 'ours';
    findings.push({
      code: 'node-not-ready',
      severity: isSetAside ? 'warns' : 'blocks',
      object,
      message: isSetAside
        ? `it is not Ready; it was set aside (${cordon.reason})`
        : 'it is not Ready',
      remedy: 'look at its kubelet and its container runtime, or take the node out of the cluster',
    });
  }
  if (cordon.kind === 'foreign') {
    findings.push({
      code: 'node-cordoned-by-other',
      severity: 'warns',
      object,
      message: 'somebody else has cordoned it',
      remedy: 'find out why; it will be upgraded and stay cordoned',
    });
  }
  if (cordon.kind === 'ours' && cordonPurpose(cordon.reason) === 'drain') {
    findings.push({
      code: 'node-drained',
      severity: 'notes',
      object,
      message: `a person drained it outside of an upgrade (${cordon.reason})`,
      evidence: { reason: cordon.reason },
      remedy:
        'nothing, when that is meant: it will be upgraded and stay cordoned; else uncordon it',
    });
  }
  return findings;
}

/** Budgets that no waiting helps with, and pods that evictions cannot decide on. */
export function budgetFindings({ budgets, budgetOverlaps }: Observation): readonly Finding[] {
  return [...budgets.flatMap(oneBudgetFindings), ...overlapFindings(budgetOverlaps)];
}

function oneBudgetFindings(budget: BudgetObservation): readonly Finding[] {
  const object = { kind: 'budget', budget: budget.budget } as const;
  if (budget.syncFailed) {
    return [
      {
        code: 'budget-sync-failed',
        severity: 'blocks',
        object,
        message: 'the disruption controller cannot work it out (SyncFailed), so it allows nothing',
        remedy: 'see that its pods belong to a controller that can be scaled, or use a count',
      },
    ];
  }
  if (!budget.observed) {
    return [
      {
        code: 'budget-sync-failed',
        severity: 'warns',
        object,
        message: 'the disruption controller has not looked at its latest change yet',
        remedy: 'see that kube-controller-manager runs; evictions wait until it has',
      },
    ];
  }
  if (!sparesNone(budget)) return [];
  return [
    {
      code: 'budget-never-satisfiable',
      severity: 'blocks',
      object,
      message:
        `it wants ${budget.desiredHealthy} of ${budget.expectedPods} pods healthy` +
        ` (${budgetRule(budget)}), so it never lets one leave`,
      remedy: 'add a replica, or let the budget spare at least one pod',
      evidence: { rule: budgetRule(budget) },
      figures: { healthy: budget.desiredHealthy, pods: budget.expectedPods },
    },
  ];
}

/** One finding for each set of budgets that overlap, however many pods they share. */
function overlapFindings(overlaps: readonly BudgetOverlap[]): readonly Finding[] {
  const podsByBudgets = new Map<string, { overlap: BudgetOverlap; pods: string[] }>();
  for (const overlap of overlaps) {
    const key = budgetNames(overlap).join(', ');
    const group = podsByBudgets.get(key) ?? { overlap, pods: [] };
    group.pods.push(podText(overlap.pod));
    podsByBudgets.set(key, group);
  }
  return [...podsByBudgets].flatMap(([names, { overlap, pods }]) =>
    overlap.budgets
      .toSorted((a, b) => (budgetText(a) < budgetText(b) ? -1 : 1))
      .slice(0, 1)
      .map((budget) => ({
        code: 'budgets-overlap' as const,
        severity: 'blocks' as const,
        object: { kind: 'budget' as const, budget },
        message:
          `evictions refuse pods that several budgets (${names}) select:` +
          ` ${boundedList(pods.toSorted())}`,
        remedy: 'narrow their selectors until each pod has one budget at most',
        about: names,
        figures: { pods: pods.length },
      })),
  );
}

function budgetNames({ budgets }: BudgetOverlap): readonly string[] {
  return budgets.map(budgetText).toSorted();
}

/** Writable, with room for the snapshot, and with the keys of what is in it. */
export function storeFindings({ observation, hop }: PreflightFacts): readonly Finding[] {
  return [
    ...roomFindings(observation),
    ...sealFindings(observation),
    ...servedFindings(observation, hop.from),
    ...toolFindings(observation),
  ];
}

/** An etcd does not open what a newer minor has written: the snapshot could not be verified. */
function toolFindings({
  etcd,
  snapshotEtcd: tool,
  snapshotStore: store,
}: Observation): readonly Finding[] {
  if (tool === undefined || etcd.kind === 'unobserved') return [];
  const newest = etcd.members
    .flatMap(({ version }) => parseVersion(version) ?? [])
    .toSorted(compareVersions)
    .at(-1);
  if (newest === undefined || minorsBetween(tool, newest) <= 0) return [];
  return [
    {
      code: 'snapshot-etcd-old',
      severity: 'blocks',
      object: { kind: 'snapshot-store', location: store.location },
      message:
        `its snapshots cannot be verified: the cluster runs etcd ${newest}, and they are` +
        ` restored into etcd ${tool}`,
      remedy:
        `name etcd and etcdutl of ${minorOf(newest)} in the access file:` +
        ' tools.etcd, tools.etcdutl',
      evidence: { cluster: minorOf(newest), here: minorOf(tool) },
    },
  ];
}

/** What the verification of the hop's snapshot will not prove. */
function servedFindings(
  { servedMinors, snapshotStore: store }: Observation,
  from: KubeVersion,
): readonly Finding[] {
  const minor = minorOf(from);
  if (servedMinors === undefined || servedMinors.includes(minor)) return [];
  return [
    {
      code: 'snapshot-unserved',
      severity: 'warns',
      object: { kind: 'snapshot-store', location: store.location },
      message:
        'its snapshot will be restored and compared, but no API server will read it:' +
        ` there is no kube-apiserver ${minor} here`,
      remedy: `name one in the access file: tools.apiServers["${minor}"]`,
      evidence: { minor },
    },
  ];
}

/** A lost key is found before the hop, not at the restore. */
function sealFindings({ snapshotStore: store }: Observation): readonly Finding[] {
  if (store.kind === 'unusable') return [];
  const object = { kind: 'snapshot-store', location: store.location } as const;
  const { keyProblem, recordsProblem, unopened = [] } = store;
  const findings: Finding[] = unopened.map(({ key, snapshots }) => ({
    code: 'snapshot-key-missing',
    severity: 'warns',
    object,
    message: `snapshots in it cannot be opened (${snapshots}): key ${key} is not at hand`,
    remedy: 'add that key below the first one in the key file; without it there is no way back',
    about: key,
    figures: { snapshots },
  }));
  if (keyProblem !== undefined) {
    findings.push({
      code: 'snapshot-key-missing',
      severity: 'blocks',
      object,
      message: `no snapshot can be sealed: ${keyProblem.message}`,
      remedy: 'put the key back, or make one: ascent snapshot key FILE',
      evidence: { problem: keyProblem.code },
    });
  }
  if (recordsProblem !== undefined) {
    findings.push({
      code: 'snapshot-records-unread',
      severity: 'warns',
      object,
      message: `what is in it cannot be told: ${recordsProblem.message}`,
      remedy: 'see whether the snapshot is needed; then remove it from the store, or bring it back',
      evidence: { problem: recordsProblem.code },
    });
  }
  return findings;
}

function roomFindings({ snapshotStore: store, etcd }: Observation): readonly Finding[] {
  const object = { kind: 'snapshot-store', location: store.location } as const;
  if (store.kind === 'unusable') {
    return [
      {
        code: 'snapshot-store-unusable',
        severity: 'blocks',
        object,
        message: `it cannot be written to: ${store.problem.message}`,
        remedy: 'make it writable for the worker: no hop begins without a verified snapshot',
        evidence: { problem: store.problem.code },
      },
    ];
  }
  const sizes = etcd.kind === 'observed' ? etcd.members.map((one) => one.dbSizeBytes) : [];
  const { location, freeBytes, scratch } = store;
  return roomsFor(Math.max(0, ...sizes), { location, freeBytes, scratch })
    .filter((room) => room.freeBytes < room.neededBytes)
    .map((room) => ({
      code: 'snapshot-store-unusable',
      severity: 'blocks',
      object: { kind: 'snapshot-store', location: room.location },
      message:
        `it has ${room.freeBytes} bytes free` + ` and a snapshot needs up to ${room.neededBytes}`,
      remedy: 'free some space, or name another directory in the cluster access file',
      evidence: { problem: 'no-room' },
      figures: { freeBytes: room.freeBytes, neededBytes: room.neededBytes },
    }));
}
