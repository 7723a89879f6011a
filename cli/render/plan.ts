// A plan for people: what happens in which order, to which nodes, and where it asks somebody.

import { count } from '../../domain/counts';
import { formatDuration } from '../../domain/durations';
import { approvalGateId } from '../../domain/status/gates';
import { imagesAtOnce, machineNames } from '../../domain/plan/images-step';
import { laneEffects, laneSentence } from '../../domain/plan/lane-effects';
import type {
  EndEmulationStep,
  EtcdStep,
  Hop,
  ImagesStep,
  Plan,
  PoolStep,
  PreparingStep,
  ReplaceMembersStep,
  RolloutStep,
  SoakStep,
  Step,
} from '../../domain/plan/plan';
import { isOfPool, isPreparing, replacesMachines, stopsApiServer } from '../../domain/plan/plan';
import { stepLabel } from '../../domain/status/step-labels';
import { minorOf } from '../../domain/versions';
import type { Style } from './style';
import { columns, tally } from './text';

/** Lines without a final newline. */
export function renderPlan(plan: Plan, style: Style): readonly string[] {
  return [
    style.strong(
      `Plan for cluster ${plan.cluster}: ${plan.from} → ${plan.to}` +
        ` in ${count(plan.hops.length, 'hop')}`,
    ),
    `digest ${plan.digest}`,
    ...plan.hops.flatMap((hop) => ['', ...renderHop(hop, style)]),
    ...(poolSteps(plan).length === 0 ? [] : ['', ...renderPools(plan, style)]),
    ...laneEffects(plan).map(laneSentence),
    '',
    ...renderTotals(plan),
  ];
}

function renderHop(hop: Hop, style: Style): readonly string[] {
  const approval =
    hop.approval === 'required'
      ? style.wait(`waits for an approval: ${approvalGateId(hop.id)}`)
      : style.faint('begins by itself');
  const rows = groupedSteps(hop.steps).map((steps, index) => [
    `${index + 1}`.padStart(3),
    ...stepCells(steps),
  ]);
  return [`${style.strong(hop.id)}  ${hop.from} → ${hop.to}  ${approval}`, ...columns(rows, ' ')];
}

/** API servers follow one another, so they are told in one line. */
function groupedSteps(steps: readonly Step[]): readonly (readonly Step[])[] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (stopsApiServer(step) && last?.[0]?.kind === step.kind) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

function stepCells(steps: readonly Step[]): readonly string[] {
  const [step] = steps;
  if (step === undefined) return [];
  if (isOfPool(step)) return [stepLabel(step), nodesText(step)];
  if (isPreparing(step)) return [stepLabel(step), preparingText(step)];
  if (stopsApiServer(step)) return [`${step.kind}s`, apiServersText(steps)];
  switch (step.kind) {
    case 'replace-members':
      return ['members', replacementText(step)];
    case 'controllers':
      return ['controllers', `${step.members.join(', ')}; one at a time, the leader last`];
    case 'end-emulation':
      return ['end-emulation', switchText(step)];
    case 'etcd':
      return ['etcd', etcdText(step)];
    case 'verify':
      return ['verify', 'every member and node, seen directly'];
    case 'soak':
      return [stepLabel(step), soakText(step)];
  }
}

function preparingText(step: PreparingStep): string {
  switch (step.kind) {
    case 'preflight':
      return 'looks for what would stop the hop';
    case 'images':
      return imagesText(step);
    case 'snapshot':
      return `${step.snapshotId}, restored and compared`;
  }
}

function imagesText(step: ImagesStep): string {
  const machines = count(machineNames(step).length, 'machine');
  const atOnce = `${imagesAtOnce} at a time, at most ${formatDuration(step.timeoutMs)} each`;
  return `those of ${step.to} come to ${machines} before anything is changed; ${atOnce}`;
}

function soakText({ durationMs, of }: SoakStep): string {
  const checked = `${formatDuration(durationMs)}, the cluster is checked meanwhile`;
  return of === undefined ? checked : `${checked}; until then back without a restore`;
}

function switchText(step: EndEmulationStep): string {
  const { members, at, emulates, expectedDowntimeMs: downtimeMs, timeoutMs } = step;
  const away = downtimeMs === undefined ? 'one at a time' : downtimeText(downtimeMs, timeoutMs);
  const serve = members.length === 1 ? 'serves' : 'serve';
  return `${members.join(', ')} ${serve} as ${minorOf(at)}, no longer as ${emulates}; ${away}`;
}

function downtimeText(downtimeMs: number, limitMs: number): string {
  const away = `the API is away for about ${formatDuration(downtimeMs)}`;
  return `${away}, at most ${formatDuration(limitMs)}`;
}

function apiServersText(steps: readonly Step[]): string {
  const servers = steps.filter(stopsApiServer);
  const [first] = servers;
  const limit = first?.timeoutMs ?? 0;
  const names = servers.map(({ member }) => member).join(', ');
  const emulates = first?.kind === 'api-server' ? first.emulates : undefined;
  const as = emulates === undefined ? '' : ` serving as ${emulates}`;
  const downtimeMs = first?.expectedDowntimeMs;
  if (downtimeMs !== undefined) return `${names}${as}; ${downtimeText(downtimeMs, limit)}`;
  return `${names}${as}; one at a time, at most ${formatDuration(limit)} each`;
}

/** Every one takes an API server away for a moment. */
function apiServerChanges(steps: readonly Step[]): number {
  const switched = steps.map((step) => (step.kind === 'end-emulation' ? step.members.length : 0));
  return switched.reduce((sum, members) => sum + members, steps.filter(stopsApiServer).length);
}

function etcdText({ members, from, to }: EtcdStep): string {
  const way = `${from} → ${to}`;
  const order = members.length === 1 ? '' : '; one at a time, the leader last';
  const isMinor = minorOf(from) !== minorOf(to);
  return `${members.join(', ')} ${way}${order}${isMinor ? '; then back by the snapshot only' : ''}`;
}

function poolText({ nodes, maxUnavailable, window, reboot }: PoolStep): string {
  const first = nodes[0];
  if (first === undefined) return 'no nodes';
  const changes = new Set(nodes.map(({ from, to }) => `${from} → ${to}`));
  const canaryName = window?.order === 'least-disruptive' ? 'one' : first.name;
  const canary = nodes.length === 1 ? '' : `; ${canaryName} first, alone`;
  const what = `${count(nodes.length, 'node')} ${[...changes].join(', ')}`;
  return `${what}, ${maxUnavailable} at a time${canary}${rebootText(reboot)}`;
}

function rebootText(reboot: PoolStep['reboot']): string {
  if (reboot === undefined) return '';
  const which = reboot.when === 'always' ? 'machines' : 'machines that ask for it';
  return `; ${which} start again, within ${formatDuration(reboot.timeoutMs)}`;
}

function nodesText(step: PoolStep | RolloutStep): string {
  return step.kind === 'pool' ? poolText(step) : rolloutText(step);
}

function replacementText({ replicas, object, from, to, stuckMs }: ReplaceMembersStep): string {
  const limit = `asks a person after ${formatDuration(stuckMs)} in which nothing went on`;
  const what = `${count(replicas, 'machine')} ${from} → ${to}, replaced by ${object}`;
  return `${what}; ${limit}; from here on no way back`;
}

function rolloutText({ replicas, machineDeployment, from, to, stuckMs }: RolloutStep): string {
  const limit = `asks a person after ${formatDuration(stuckMs)} in which nothing went on`;
  const what = `${count(replicas, 'machine')} ${from} → ${to}`;
  return `${what}, replaced by MachineDeployment ${machineDeployment}; ${limit}`;
}

function poolSteps(plan: Plan): readonly PoolStep[] {
  return plan.hops.flatMap((hop) =>
    hop.steps.filter((step): step is PoolStep => step.kind === 'pool'),
  );
}

function renderPools(plan: Plan, style: Style): readonly string[] {
  const byName = new Map<string, PoolStep[]>();
  for (const step of poolSteps(plan)) {
    byName.set(step.pool, [...(byName.get(step.pool) ?? []), step]);
  }
  const [head = '', ...rows] = columns([
    ['POOL', 'LANE', 'NODES', 'DRAINS', 'AT A TIME', 'DRAIN LIMIT', 'ZONES'],
    ...[...byName].map(([name, steps]) => poolRow(name, steps)),
  ]);
  return [style.faint(head), ...rows];
}

function poolRow(name: string, steps: readonly PoolStep[]): readonly string[] {
  const nodes = new Map(steps.flatMap((step) => step.nodes).map((node) => [node.name, node]));
  const drains = steps.reduce((sum, step) => sum + step.nodes.length, 0);
  const [step] = steps;
  if (step === undefined) return [name];
  return [
    name,
    step.lane,
    `${nodes.size}`,
    `${drains}`,
    `${step.maxUnavailable}`,
    formatDuration(step.drain.timeoutMs),
    zonesText(
      [...nodes.values()].map(({ zone }) => zone),
      step,
    ),
  ];
}

function zonesText(zones: readonly string[], { window }: PoolStep): string {
  const inTurn = window?.zones === 'one-at-a-time' && new Set(zones).size > 1;
  return `${tally(zones, 'no zone')}${inTurn ? '; one at a time' : ''}`;
}

function renderTotals(plan: Plan): readonly string[] {
  const pools = poolSteps(plan);
  const drains = pools.reduce((sum, step) => sum + step.nodes.length, 0);
  const nodes = new Set(pools.flatMap((step) => step.nodes.map(({ name }) => name)));
  const steps = plan.hops.flatMap((hop) => hop.steps);
  const soakMs = steps.reduce((sum, step) => sum + (step.kind === 'soak' ? step.durationMs : 0), 0);
  const machines = steps.reduce((sum, one) => sum + (replacesMachines(one) ? one.replicas : 0), 0);
  const drained = `${count(drains, 'drain')} of ${count(nodes.size, 'node')}`;
  const waiting = plan.hops.filter((hop) => hop.approval === 'required').map(({ id }) => id);
  return [
    `In all: ${machines === 0 ? drained : `${count(machines, 'machine')} replaced`},` +
      ` ${count(steps.filter(({ kind }) => kind === 'snapshot').length, 'snapshot')},` +
      ` ${count(apiServerChanges(steps), 'API server change')},` +
      ` ${formatDuration(soakMs)} of soaking.`,
    waiting.length === 0
      ? 'Nothing in it waits for a person.'
      : `Waits for an approval before ${waiting.join(' and ')}.`,
  ];
}
