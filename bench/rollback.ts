// The way back from 1.29 to 1.28 with three members: through the workflow, from the order until the
// upgrade has ended as rolled back, and the same steps by a bare script. With 20,000 keys, and with
// 100,000. No node has moved yet: kubelets on the way back are drains with figures of their own.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Interruption } from '../bin/interruption';
import { pkiOf } from '../lab/certificates';
import { labLayout } from '../lab/layout';
import { untilAllServe } from './api-server-watch';
import { BareControlPlane } from './bare-control-plane';
import { bareRollback, type RollbackSeconds } from './bare-rollback';
import type { BenchLab } from './bench-lab';
import { assertBegun, controlPlaneFirst } from './bench-upgrade';
import { createConfigMaps } from './config-maps';
import { type EtcdTools, etcdToolsOf } from './etcd-tools';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';
import { withLab } from './with-lab';

const cluster = 'bench-rollback';
const versions = { from: '1.29.15', to: '1.28.15' } as const;
/** ConfigMaps that are made for so many keys: a new cluster has about 700 of its own. */
const sizes = { keys20k: 19_300, keys100k: 99_300 } as const;
/** ConfigMaps written between snapshot and order, which are gone afterwards. */
const writesSince = 200;
/** A good moment for an order. */
const soakMs = 3_600_000;
const serveTimeoutMs = 120_000;

interface Ground {
  readonly lab: BenchLab;
  readonly tools: EtcdTools;
  readonly ca: string;
}

async function rolledBack({ lab, tools, ca }: Ground, run: number): Promise<RollbackSeconds> {
  assertBegun(await lab.client.start(controlPlaneFirst(cluster, soakMs), { actor: 'bench' }));
  for await (const { status } of lab.client.watch(cluster, { intervalMs: 1_000 })) {
    if (status.phase === 'soaking') break;
    if (status.phase === 'needs-operator') throw new Error(status.sentence);
  }
  await createConfigMaps(lab.kube, `since-${run}`, writesSince);

  const orderedMs = performance.now();
  const seconds = (): number => (performance.now() - orderedMs) / 1_000;
  const order = { actor: 'bench', reason: 'it is measured', hop: 'hop-1.29' };
  await lab.client.rollBack(cluster, order);
  const ended = lab.client.result(cluster).then((result) => ({ result, verified: seconds() }));
  // Whichever fails first is the error; the other is nobody's then.
  ended.catch(() => undefined);
  const wanted = { version: versions.to, timeoutMs: serveTimeoutMs };
  const [apiReady, { result, verified }] = await Promise.all([
    untilAllServe(tools.lab, ca, wanted).then(seconds),
    ended,
  ]);
  if (result.outcome !== 'rolled-back') throw new Error(`it ended as ${result.outcome}`);
  tellSteps(run, result.hops.at(-1)?.stepSeconds ?? {});
  return { apiReady, verified };
}

function tellSteps(run: number, stepSeconds: Readonly<Record<string, number>>): void {
  const steps = Object.entries(stepSeconds).filter(([label]) => label.startsWith('rollback '));
  const text = steps.map(([label, seconds]) => `${label.slice(9)} ${seconds} s`).join(', ');
  process.stdout.write(`  rollback ${run}: ${text}\n`);
}

interface Series {
  readonly keys: number;
  readonly engine: readonly RollbackSeconds[];
  readonly script: readonly RollbackSeconds[];
}

/** The script goes on from the same snapshot, on a control plane of its own. */
function measured(count: number, runs: number, interruption: Interruption): Promise<Series> {
  return withDirectory(async (directory) => {
    const snapshotFile = path.join(directory, 'snapshot.db');
    const shape = { name: cluster, members: 3, nodes: 2, workloads: 'none' } as const;
    const { keys, engine } = await withLab({ shape, interruption }, async (lab, { stateDir }) => {
      const tools = await etcdToolsOf(stateDir);
      const ca = await readFile(pkiOf(labLayout(stateDir).pki).certificate('ca'), 'utf8');
      await createConfigMaps(lab.kube, 'kept', count);
      await tools.save(snapshotFile);
      const { totalKey } = await tools.status(snapshotFile);
      const ended: RollbackSeconds[] = [];
      for (let run = 1; run <= runs; run += 1) {
        ended.push(await rolledBack({ lab, tools, ca }, run));
        tellSeconds('Ascent', ended);
      }
      return { keys: totalKey, engine: ended };
    });
    const script = await scripted(path.join(directory, 'bare'), snapshotFile, {
      runs,
      interruption,
    });
    return { keys, engine, script };
  });
}

function scripted(
  stateDir: string,
  snapshotFile: string,
  { runs, interruption }: Pick<BenchmarkOptions, 'runs' | 'interruption'>,
): Promise<readonly RollbackSeconds[]> {
  const started = {
    what: 'the bare control plane',
    endWith: 'nothing: its processes end with this one',
    left: () => Promise.resolve([]),
  };
  return interruption.whileTearingDown(started, async () => {
    const bare = await BareControlPlane.prepare(stateDir, versions.from);
    try {
      const ended: RollbackSeconds[] = [];
      for (let run = 1; run <= runs; run += 1) {
        interruption.signal.throwIfAborted();
        const change = { ...versions, writes: writesSince, run };
        ended.push(await bareRollback({ bare, snapshotFile, ...change }));
        tellSeconds('script', ended);
      }
      return ended;
    } finally {
      await bare.end();
    }
  });
}

function tellSeconds(who: string, ended: readonly RollbackSeconds[]): void {
  const { apiReady = 0, verified = 0 } = ended.at(-1) ?? {};
  const seconds = `API ready ${apiReady.toFixed(2)} s, verified ${verified.toFixed(2)} s`;
  process.stdout.write(`  ${who} ${ended.length}: ${seconds}\n`);
}

async function withDirectory<Result>(use: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(path.join(tmpdir(), 'ascent-bench-rollback-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export async function rollbackBenchmark({
  runs,
  interruption,
}: BenchmarkOptions): Promise<Figures> {
  process.stdout.write('20,000 keys …\n');
  const few = await measured(sizes.keys20k, runs, interruption);
  process.stdout.write('100,000 keys …\n');
  const many = await measured(sizes.keys100k, runs, interruption);
  const results = few.engine.map((engine, run) => {
    const script = few.script[run] ?? engine;
    return {
      keys: few.keys,
      apiReadySeconds: engine.apiReady,
      verifiedSeconds: engine.verified,
      scriptApiReadySeconds: script.apiReady,
      scriptVerifiedSeconds: script.verified,
      keys100k: many.keys,
      apiReadySeconds100k: many.engine[run]?.apiReady ?? Number.NaN,
      verifiedSeconds100k: many.engine[run]?.verified ?? Number.NaN,
      scriptApiReadySeconds100k: many.script[run]?.apiReady ?? Number.NaN,
      scriptVerifiedSeconds100k: many.script[run]?.verified ?? Number.NaN,
    };
  });
  return withRatios(figuresOf(results));
}

/** Of the medians: a run of the script is no pair of a run of the engine. */
function withRatios({ table, medians }: Figures): Figures {
  const ratio = (suffix: string): number =>
    (medians[`verifiedSeconds${suffix}`] ?? Number.NaN) /
    (medians[`scriptVerifiedSeconds${suffix}`] ?? Number.NaN);
  const ratios = figuresOf([{ ratioToScript: ratio(''), ratioToScript100k: ratio('100k') }]);
  return {
    table: { ...table, ...ratios.table },
    medians: { ...medians, ...ratios.medians },
  };
}
