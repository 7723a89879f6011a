// The demo's report: what was seen on the cluster before and after, what the independent observer
// counted, and the verdict. `ok` is computed here and nowhere else, from observations only.

import type { NodeObservation, Observation } from '../../domain/observation';
import type { UpgradeResult } from '../../domain/status/progress';
import type { SnapshotRecord } from '../../domain/activity-contract';
import { startRefusalSentence } from '../../domain/status/sentences';
import type { KubeVersion } from '../../domain/versions';
import type { ObserverReport } from './observer/main';

interface Change {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

export interface PodCount {
  readonly before: number;
  readonly after: number;
  /** Of those that are there after the upgrade and have not finished. */
  readonly notReady: number;
  /** Of those that are there after the upgrade: their work is done. */
  readonly finished: number;
  /** Evicted and not made again, because their Job is complete. */
  readonly ofCompleteJobsGone: number;
}

/** Shape of report.json; documented in docs/json-output.md. */
export interface DemoReport {
  readonly schema: 'ascent.demo-report/v1';
  readonly ok: boolean;
  /** Why `ok` is false; empty when it is true. */
  readonly problems: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly members: readonly Change[];
  readonly nodes: readonly Change[];
  /** Pods on the cluster after the upgrade; `podCount` says which are missing and why. */
  readonly pods: number;
  readonly podCount: PodCount;
  readonly evictions: number;
  readonly budgetViolations: number;
  readonly requests: number;
  readonly failedRequests: number;
  /** `labUp`, `temporalUp`, `upgrade`, `total`, and every step as `hop-1.29/snapshot`. */
  readonly durationsSeconds: Readonly<Record<string, number>>;
  readonly snapshots: readonly SnapshotRecord[];
  /** The largest history of a node workflow, in events. */
  readonly eventsPerNodeWorkflow: number;
  /** Pauses and answers to held nodes: commands of people that make histories longer. */
  readonly interruptions: number;
  /** Highest resident memory of the worker's process, in MiB. */
  readonly workerPeakRssMb: number;
  readonly observer: ObserverReport;
}

export interface ReportInput {
  /** What the plan leads to. */
  readonly target: KubeVersion;
  readonly before: Observation;
  readonly after: Observation;
  readonly pods: PodCount;
  readonly result: UpgradeResult;
  readonly observer: ObserverReport;
  readonly timings: Readonly<Record<string, number>>;
  readonly eventsPerNodeWorkflow: number;
  readonly interruptions: number;
  readonly workerPeakRssMb: number;
}

function apiServerVersions(observation: Observation): ReadonlyMap<string, string> {
  return new Map(
    observation.members.map(({ name, apiServer }) => [
      name,
      apiServer.kind === 'observed' ? apiServer.version : 'unobserved',
    ]),
  );
}

function changes(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) {
  return [...before.keys()]
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => ({
      name,
      before: before.get(name) ?? 'missing',
      after: after.get(name) ?? 'missing',
    }));
}

function kubelets(nodes: readonly NodeObservation[]): ReadonlyMap<string, string> {
  return new Map(nodes.map(({ name, kubeletVersion }) => [name, kubeletVersion]));
}

/**
 * What the control plane must be: where the upgrade says that it has ended. Undefined when it never
 * began; the tables of the report say what is there.
 */
function expectedVersion({ result, target }: ReportInput): KubeVersion | undefined {
  switch (result.outcome) {
    case 'completed':
      return target;
    case 'blocked':
      return undefined;
    case 'rejected':
    case 'cancelled':
    case 'rolled-back':
      return result.at;
  }
}

/** Undefined when it has completed. */
function endProblem({ result }: ReportInput): string | undefined {
  switch (result.outcome) {
    case 'completed':
      return undefined;
    case 'blocked':
      return `the upgrade was refused: ${startRefusalSentence(result.refusal)}`;
    case 'rejected':
    case 'cancelled':
      return `the upgrade was ${result.outcome} at ${result.at} by ${result.by}: ${result.reason}`;
    case 'rolled-back':
      return `${result.hop} was rolled back: the cluster is at ${result.at}`;
  }
}

function memberProblems(input: ReportInput): string[] {
  const { after } = input;
  const expected = expectedVersion(input);
  const problems: string[] = [];
  for (const { name, apiServer, controllerManager, scheduler } of after.members) {
    const parts = {
      'kube-apiserver': apiServer,
      'kube-controller-manager': controllerManager,
      'kube-scheduler': scheduler,
    };
    for (const [component, seen] of Object.entries(parts)) {
      if (seen.kind === 'unobserved') problems.push(`${component} of ${name} was not seen`);
      else if (expected !== undefined && seen.version !== expected) {
        problems.push(`${component} of ${name}: ${seen.version}`);
      }
    }
  }
  return problems;
}

/** Where the upgrade ended early, nodes wait for the hops that did not come: that is no news. */
function nodeProblems({ before, after, target, result }: ReportInput): string[] {
  const isEarly = result.outcome !== 'completed';
  const seen = new Map(after.nodes.map((node) => [node.name, node]));
  return before.nodes.flatMap(({ name }) => {
    const node = seen.get(name);
    if (node === undefined) return [`node ${name} is missing`];
    return [
      ...(isEarly || node.kubeletVersion === target
        ? []
        : [`node ${name} runs ${node.kubeletVersion}`]),
      ...(node.ready ? [] : [`node ${name} is not Ready`]),
      ...(node.cordon.kind === 'none' ? [] : [`node ${name} is still cordoned`]),
    ];
  });
}

/** A drain that is paused begins again with the cordon: 30 events (docs/limits.md). */
function eventLimit(interruptions: number): number {
  return 60 + 30 * interruptions;
}

function observedProblems({
  observer,
  pods,
  eventsPerNodeWorkflow,
  interruptions,
}: ReportInput): string[] {
  return [
    ...(observer.requests > 0 ? [] : ['the observer sent no request']),
    ...(observer.failedRequests === 0 ? [] : [`${observer.failedRequests} requests failed`]),
    ...(observer.podEvents > 0 ? [] : ['the observer saw no pod event']),
    ...observer.violations.map(
      ({ budget, healthy, required }) => `budget ${budget}: ${healthy} healthy of ${required}`,
    ),
    ...observer.unjudged.map(
      ({ budget, healthy, required }) =>
        `budget ${budget}: in a gap of the watch only ${healthy} of ${required} ` +
        'were surely healthy',
    ),
    ...(pods.notReady === 0 ? [] : [`${pods.notReady} pods are not Ready`]),
    ...(eventsPerNodeWorkflow <= eventLimit(interruptions)
      ? []
      : [
          `a node workflow wrote ${eventsPerNodeWorkflow} events;` +
            ` ${eventLimit(interruptions)} are the limit`,
        ]),
  ];
}

/** Everything that must hold on the cluster for the demo to exit with 0. */
function problemsOf(input: ReportInput): string[] {
  const { result, before } = input;
  const end = endProblem(input);
  const hops = result.outcome === 'blocked' ? [] : result.hops;
  return [
    ...(end === undefined ? [] : [end]),
    ...hops
      .filter(({ snapshot }) => snapshot === undefined)
      .map(({ hop }) => `${hop} has no verified snapshot`),
    ...(before.members.length > 0 ? [] : ['no member was seen before the upgrade']),
    ...memberProblems(input),
    ...nodeProblems(input),
    ...observedProblems(input),
  ];
}

/** Builds the report; `ok` exactly when there is no problem. */
export function demoReport(input: ReportInput): DemoReport {
  const { before, after, result, observer, target } = input;
  const hops = result.outcome === 'blocked' ? [] : result.hops;
  const members = changes(apiServerVersions(before), apiServerVersions(after));
  const steps = hops.flatMap(({ hop, stepSeconds }) =>
    Object.entries(stepSeconds).map(([step, seconds]) => [`${hop}/${step}`, seconds] as const),
  );
  const problems = problemsOf(input);
  return {
    schema: 'ascent.demo-report/v1',
    ok: problems.length === 0,
    problems,
    from: members[0]?.before ?? 'unknown',
    to: target,
    members,
    nodes: changes(kubelets(before.nodes), kubelets(after.nodes)),
    pods: input.pods.after,
    podCount: input.pods,
    evictions: hops
      .flatMap(({ nodes }) => nodes)
      .reduce((total, { evicted }) => total + evicted, 0),
    budgetViolations: observer.violations.length,
    requests: observer.requests,
    failedRequests: observer.failedRequests,
    durationsSeconds: { ...input.timings, ...Object.fromEntries(steps) },
    snapshots: hops.flatMap(({ snapshot }) => (snapshot === undefined ? [] : [snapshot])),
    eventsPerNodeWorkflow: input.eventsPerNodeWorkflow,
    interruptions: input.interruptions,
    workerPeakRssMb: input.workerPeakRssMb,
    observer,
  };
}

/** A difference that has no cause in it shows by itself. */
function podText({
  before,
  after,
  notReady,
  finished,
  ofCompleteJobsGone: gone,
}: PodCount): string {
  return [
    `${after - notReady - finished} Ready, ${notReady} not Ready`,
    ...(finished === 0 ? [] : [`, ${finished} finished`]),
    ` (${before} before`,
    ...(gone === 0 ? [] : [`; ${gone} of complete Jobs gone, which nobody makes again`]),
    ')',
  ].join('');
}

/** The report for people, line by line. */
export function reportLines(report: DemoReport): readonly string[] {
  const change = ({ name, before, after }: Change): string =>
    `  ${name.padEnd(14)} ${before} → ${after}`;
  const seconds = (name: string): string => `${(report.durationsSeconds[name] ?? 0).toFixed(1)} s`;
  return [
    `${report.ok ? 'OK' : 'NOT OK'}: ${report.from} → ${report.to} in ${seconds('upgrade')}`,
    ...report.problems.map((problem) => `  problem: ${problem}`),
    '',
    'control plane',
    ...report.members.map(change),
    'nodes',
    ...report.nodes.map(change),
    '',
    `pods               ${podText(report.podCount)}`,
    `evictions          ${report.evictions}`,
    `budget violations  ${report.budgetViolations} (${report.observer.budgets} budgets, ` +
      `${report.observer.podEvents} pod events watched, ${report.observer.gaps} gaps)`,
    `failed requests    ${report.failedRequests} of ${report.requests} ` +
      `(p50 ${report.observer.p50Ms} ms, p99 ${report.observer.p99Ms} ms)`,
    ...report.snapshots.map(
      ({ id, sizeBytes, totalKeys }) =>
        `snapshot           ${id}: ${(sizeBytes / 1e6).toFixed(1)} MB, ${totalKeys} keys, restored`,
    ),
    `node workflow      ${report.eventsPerNodeWorkflow} history events at most` +
      ` (${eventLimit(report.interruptions)} are the limit` +
      (report.interruptions === 0 ? ')' : `, with ${report.interruptions} interruptions)`),
    `time               lab ${seconds('labUp')}, Temporal and worker ${seconds('temporalUp')}, ` +
      `upgrade ${seconds('upgrade')}, all ${seconds('total')}`,
  ];
}
