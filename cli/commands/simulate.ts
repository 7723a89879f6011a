// `simulate`: whether nodes would drain now, and whether there is room while they are out.

import type { Command } from 'commander';

import { amountsIn } from '../../activities/adapters/pod-requests';
import { observeCluster } from '../../activities/observe';
import { defaultDrainPolicy } from '../../client';
import type { ClusterName, NodeName } from '../../domain/names';
import { resolvePools } from '../../domain/plan/pools';
import { isMaxUnavailable, maxUnavailableWanted } from '../../domain/pool/pool-limits';
import type { Amounts, CollectedEvidence, SimulatedNode } from '../../domain/simulation/evidence';
import {
  simulateCluster,
  type SimulatedPool,
  type SimulationReport,
} from '../../domain/simulation/report';
import type { MaxUnavailable, UpgradeSpec } from '../../domain/spec';
import { requireAccess } from '../access';
import { CliError, usageError } from '../cli-error';
import { readSpec } from '../cluster-view';
import { exitCodes } from '../exit-codes';
import { collect } from '../globals';
import { isClear, renderSimulation } from '../render/simulation';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

interface SimulateOptions {
  readonly spec?: string;
  readonly node?: readonly string[];
  readonly atOnce?: string;
  readonly headroom?: boolean;
  readonly replacedBy?: string;
  readonly windows: string;
}

export function addSimulate(program: Command, run: CommandRun): void {
  const command = program
    .command('simulate')
    .summary('drain nodes on paper')
    .description(
      'Reckons what a drain of nodes would come to now: what stops each node, whether everything' +
        ' fits elsewhere while a window of a pool is out, and what of workloads makes drains slow' +
        ' or felt. Reads only. Exit code 4 when a node would not drain or something finds no room.',
    )
    .option('-s, --spec <file>', 'pools and their limits (YAML); without it all workers are one')
    .option('--node <name>', 'only this node; several: together, as one window', collect)
    .option('--at-once <limit>', 'without a spec: nodes that are out at a time, as maxUnavailable')
    .option('--headroom', 'what autoscalers may add must find room as well')
    .option('--replaced-by <amounts>', 'what nodes will offer: cpu=3500m,memory=14Gi')
    .option('--windows <count>', 'windows of a pool to reckon, those with most pods first', '50')
    .addHelpText(
      'after',
      examples([
        ['simulate --access access.json', 'would each worker drain now, and is there room?'],
        ['simulate --spec upgrade.yaml --headroom -o json', 'pools as the upgrade would take them'],
        ['simulate --node worker-1 --node worker-2', 'both of them together'],
      ]),
    );
  run.bind<SimulateOptions>(command, simulate);
}

async function simulate(invocation: Invocation<SimulateOptions>) {
  const { context, options } = invocation;
  const replacement = replacementOf(options.replacedBy);
  const windowsAtMost = windowsOf(options.windows);
  const spec = options.spec === undefined ? undefined : await readSpec(context, options.spec);
  const { access } = await requireAccess(options, context);
  const cluster = access.cluster as ClusterName;
  assertSpec(spec, cluster, options);
  const ports = await context.openCluster(access);
  let collected: CollectedEvidence;
  let pools: readonly SimulatedPool[];
  try {
    const { signal } = context;
    collected = await ports.simulation.collect(signal);
    pools =
      spec === undefined
        ? [workers(collected.evidence.nodes, options)]
        : poolsOf(spec, await observeCluster({ cluster, ports, signal }));
  } finally {
    await ports.close();
  }
  const chosen = options.node === undefined ? pools : [namedPool(options.node, collected, pools)];
  const nodes = chosen.flatMap((pool) => pool.nodes);
  const report = simulateCluster(collected.evidence, {
    pools: chosen,
    headroom: options.headroom === true,
    replacedBy: new Map(replacement === undefined ? [] : nodes.map((name) => [name, replacement])),
    windowsAtMost,
  });
  const { unread } = collected;
  invocation.print({
    json: withSchema('ascent.simulation-result/v1', simulationFields(report, cluster, unread)),
    lines: (style, width) => [
      style.strong(`Simulated drains of cluster ${cluster}`),
      '',
      ...renderSimulation(report, style, width),
      ...unread.map(({ what, problem }) => style.wait(`not known: ${what} (${problem})`)),
    ],
  });
  return isClear(report) ? exitCodes.ok : exitCodes.findings;
}

function simulationFields(
  { schema: _, ...report }: SimulationReport,
  cluster: string,
  unread: CollectedEvidence['unread'],
): object {
  return {
    kind: isClear({ schema: _, ...report }) ? 'clear' : 'short',
    cluster,
    ...report,
    unread,
  };
}

function assertSpec(
  spec: UpgradeSpec | undefined,
  cluster: ClusterName,
  { atOnce }: SimulateOptions,
): void {
  if (spec === undefined) return;
  if (atOnce !== undefined) {
    throw usageError('--at-once: the spec says it for each pool', 'give one of both');
  }
  if (spec.cluster === cluster) return;
  throw new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'wrong-cluster',
    message: `the access file is about cluster ${cluster}, the spec about ${spec.cluster}`,
    remedy: 'give the access file or the lab of the cluster in the spec',
  });
}

function poolsOf(
  spec: UpgradeSpec,
  observation: Awaited<ReturnType<typeof observeCluster>>,
): readonly SimulatedPool[] {
  return resolvePools(spec.pools, observation.nodes).pools.map(({ spec: pool, nodes }) => ({
    name: pool.name,
    nodes: nodes.map(({ name }) => name),
    maxUnavailable: pool.maxUnavailable,
    drain: pool.drain,
  }));
}

const controlPlaneRoles = [
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
];

/** Every node that is not of the control plane. */
function workers(nodes: readonly SimulatedNode[], { atOnce }: SimulateOptions): SimulatedPool {
  const own = nodes.filter(({ labels }) => controlPlaneRoles.every((role) => !(role in labels)));
  return {
    name: 'workers',
    nodes: own.map(({ name }) => name).toSorted(),
    maxUnavailable: limitOf(atOnce ?? '1'),
    drain: defaultDrainPolicy(),
  };
}

function limitOf(text: string): MaxUnavailable {
  const limit: unknown = /^\d+$/.test(text) ? Number(text) : text;
  if (isMaxUnavailable(limit)) return limit;
  throw usageError(`--at-once is "${text}"`, `give ${maxUnavailableWanted}`);
}

/** Nodes by name, out together; throws CliError `node-missing`. */
function namedPool(
  names: readonly string[],
  { evidence }: CollectedEvidence,
  pools: readonly SimulatedPool[],
): SimulatedPool {
  const missing = names.filter((name) => !evidence.nodes.some((node) => node.name === name));
  if (missing.length > 0) {
    throw new CliError({
      exitCode: exitCodes.notFound,
      code: 'node-missing',
      message: `the cluster has no node ${missing.join(', ')}`,
      remedy: 'name nodes as kubectl get nodes lists them',
    });
  }
  const nodes = names as readonly NodeName[];
  const of = pools.find((pool) => nodes.every((name) => pool.nodes.includes(name)));
  const drain = of?.drain ?? defaultDrainPolicy();
  return { name: of?.name ?? 'named', nodes, maxUnavailable: nodes.length, drain };
}

function replacementOf(text: string | undefined): Amounts | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(',').map((part) => part.split('='));
  const isRead = parts.every(
    ([resource = '', amount = '']) => resource !== '' && /\d/.test(amount),
  );
  if (isRead) return amountsIn(Object.fromEntries(parts) as Readonly<Record<string, string>>);
  throw usageError(`--replaced-by is "${text}"`, 'give amounts such as cpu=3500m,memory=14Gi');
}

const windowsMax = 10_000;

function windowsOf(text: string): number {
  const windows = Number(text);
  if (Number.isInteger(windows) && windows >= 1 && windows <= windowsMax) return windows;
  throw usageError(`--windows is "${text}"`, `give a whole number from 1 to ${windowsMax}`);
}
