// The part of the preflight that plays the drains of a hop on paper (domain/simulation): which
// nodes would not drain now and what stops them, and whether everything finds room meanwhile.
// S1. Nothing of it blocks: it is about now, a drain waits for what changes, and holds its node and
//     asks a person where nothing does.
// S2. Bounded in time, since the worker does nothing else meanwhile: of a large pool the fullest
//     nodes and windows are played, and it says so.
// S3. Without the pools of a plan nothing is played: nobody has said how much is out at a time.

import { budgetText, podText } from '../blocker-sentences';
import { count } from '../counts';
import { boundedList } from '../lists';
import type { PodRef } from '../names';
import { type UnplacedPods, refusalWords } from '../simulation/answers';
import type { SimulationEvidence } from '../simulation/evidence';
import { schedulerWords } from '../simulation/refusals';
import {
  type DrainsReport,
  type NodeReport,
  type PoolReport,
  simulateDrains,
} from '../simulation/report';
import { stopText } from '../simulation/stop-words';
import type { NodeStop } from '../simulation/windows';
import { compareTexts } from '../text-order';
import { boundedNames } from './bounded-names';
import type { DrainedPool, DrainsObservation } from './drains';
import type { Finding, FindingObject } from './findings';

interface DrainFacts {
  readonly observation: { readonly drains?: DrainsObservation };
  readonly pools?: readonly DrainedPool[];
}

/** S2: of a pool; what windows cost goes by their nodes. */
const nodesAtMost = 200;
const windowsAtMost = 20;
const windowNodesAtMost = 1_000;

export function drainFindings({
  observation: { drains },
  pools = [],
}: DrainFacts): readonly Finding[] {
  if (drains?.kind !== 'observed' || pools.length === 0) return [];
  return findingsOf(played(drains.evidence, pools), pools);
}

function played(evidence: SimulationEvidence, pools: readonly DrainedPool[]): DrainsReport {
  const largest = Math.max(...pools.map(({ atOnce }) => atOnce));
  return simulateDrains(evidence, {
    pools: pools.map(({ pool, nodes, atOnce, drain }) => ({
      name: pool,
      nodes,
      maxUnavailable: atOnce,
      drain,
    })),
    headroom: false,
    replacedBy: new Map(),
    nodesAtMost,
    windowsAtMost: Math.max(1, Math.min(windowsAtMost, Math.floor(windowNodesAtMost / largest))),
  });
}

function findingsOf(report: DrainsReport, pools: readonly DrainedPool[]): readonly Finding[] {
  const { nodes, pending } = report;
  return [
    ...pools.flatMap((pool, at) => {
      const object = { kind: 'pool', name: pool.pool } as const;
      const own = nodes.filter((node) => node.pool === pool.pool);
      // There is a report for each pool, in their order.
      const windows = report.pools[at] as PoolReport;
      return [...stopFindings(object, own), ...roomFindings(object, windows)];
    }),
    ...pendingFindings(pending),
  ];
}

/** One for each code of what stops a node: each has another way out. */
function stopFindings(object: FindingObject, nodes: readonly NodeReport[]): readonly Finding[] {
  const codes = new Set(nodes.flatMap(({ stops }) => stops.map(({ code }) => code)));
  return [...codes].toSorted(compareTexts).map((code): Finding => {
    const stopped = nodes.flatMap(({ node, stops }) => {
      const own = stops.filter((stop) => stop.code === code);
      return own.length === 0 ? [] : [{ node, own: own as [NodeStop, ...NodeStop[]] }];
    });
    const told = stopped.map(({ node, own: [first, ...more] }) => {
      const others = more.length === 0 ? '' : ` and ${count(more.length, 'more pod')}`;
      return `${node} (${stopText(first)}${others})`;
    });
    const stops = stopped.flatMap(({ own }) => own);
    return {
      code: 'drain-stopped',
      severity: 'warns',
      object,
      message:
        `${stopped.length} of ${count(nodes.length, 'node')} would not drain now:` +
        ` ${boundedList(told)}`,
      remedy: stopRemedies[code],
      about: code,
      evidence: boundedNames(stops.map(stoppedBy)),
      figures: { nodes: stopped.length, played: nodes.length, pods: stops.length },
    };
  });
}

/** The budget, or whose pod it is: what pods are called changes by itself. */
function stoppedBy(stop: NodeStop): string {
  if ('budget' in stop) return budgetText(stop.budget);
  if ('budgets' in stop) return stop.budgets.map(budgetText).toSorted(compareTexts).join(' ');
  return namespaceOf(stop);
}

function namespaceOf({ pod }: { readonly pod: PodRef }): string {
  return pod.namespace;
}

const stopRemedies: Readonly<Record<NodeStop['code'], string>> = {
  'budget-never': 'add a replica, or let the budget spare at least one pod',
  'budget-exhausted': 'see why pods of the budget are not healthy, or add a replica',
  'budget-sync-failed': 'see the events of the budget: its pods need an owner that can be scaled',
  'budget-unobserved': 'see that kube-controller-manager runs',
  'budgets-overlap': 'change the selectors so that each pod has one budget at the most',
  'pod-unmanaged': 'run it by a controller, delete it before, or let the pool evict such pods',
  'pod-emptydir': 'see whether it is data; then let the pool delete what is in an emptyDir',
  'daemonset-missing': 'delete the pod: its DaemonSet is gone',
  'pod-held': 'ask who holds it, and have that taken away before its node is drained',
  'drain-annotation-unreadable': 'correct the annotation ascent.dev/drain of the pod',
};

function roomFindings(object: FindingObject, pool: PoolReport): readonly Finding[] {
  const { atOnce, windows, reckoned, short } = pool;
  const of =
    reckoned === windows
      ? count(windows, 'window')
      : `the ${reckoned} fullest of ${windows} windows`;
  const where = ` of ${of} of ${count(atOnce, 'node')}`;
  const without = short.filter(({ unplaced }) => unplaced.length > 0);
  const pushing = short.filter(({ preempting }) => preempting.length > 0);
  const findings: Finding[] = [];
  if (without.length > 0) {
    const told = without.map(
      ({ nodes, unplaced }) => `without ${boundedList(nodes)}, ${boundedList(unplaced.map(pods))}`,
    );
    findings.push({
      code: 'room-short',
      severity: 'warns',
      object,
      message: `in ${without.length}${where} pods find no room: ${boundedList(told)}`,
      remedy: 'add room, or lower maxUnavailable of the pool; `ascent simulate` tells each window',
      evidence: boundedNames(without.flatMap(({ unplaced }) => unplaced.map(namespaceOf))),
      figures: { short: without.length, played: reckoned, windows },
    });
  }
  if (pushing.length > 0) {
    const all = pushing.flatMap(({ preempting }) => preempting);
    const told = all.map(
      ({ pod, pushesAway }) => `${podText(pod)} for ${boundedList(pushesAway.map(podText))}`,
    );
    findings.push({
      code: 'room-by-preemption',
      severity: 'notes',
      object,
      message:
        `in ${pushing.length}${where} pods find room by pushing away others:` +
        ` ${boundedList(told)}`,
      remedy: 'add room, or lower maxUnavailable of the pool, if others are not to be pushed away',
      evidence: boundedNames(all.map(namespaceOf)),
      figures: { short: pushing.length, played: reckoned, windows },
    });
  }
  return findings;
}

function pendingFindings(pending: readonly UnplacedPods[]): readonly Finding[] {
  if (pending.length === 0) return [];
  const all = pending.reduce((sum, one) => sum + one.pods, 0);
  return [
    {
      code: 'pods-pending',
      severity: 'warns',
      object: { kind: 'cluster' },
      message: `${count(all, 'pod')} without a node already: ${boundedList(pending.map(pods))}`,
      remedy: 'give them room, or take them away, before their number grows with each window',
      evidence: boundedNames(pending.map(namespaceOf)),
      figures: { pods: all },
    },
  ];
}

/** `2 pods like shop/web-1 (2 Insufficient cpu)`. */
function pods({ pod, pods: number, refusal, groups }: UnplacedPods): string {
  const why = refusal === undefined ? refusalWords(groups) : schedulerWords(refusal);
  const which = number === 1 ? podText(pod) : `${number} pods like ${podText(pod)}`;
  return `${which} (${why})`;
}
