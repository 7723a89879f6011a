// The way back from 1.29 to 1.28 with three members: previewed, confirmed by the report's digest,
// and done by the workflow, from the moment at which the confirmation was taken until the cluster
// is verified; and the same steps by a bare script. With 20,000 keys, and with 100,000. No node
// has moved yet: kubelets on the way back are drains with figures of their own.

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

/** What a rollback took, from the moment at which its confirmation was taken. */
interface EngineSeconds extends RollbackSeconds {
  /** The second look, which is before that moment. */
  readonly confirmation: number;
  /** And the account of the restore is made, cordons are right: the upgrade has ended. */
  readonly accounted: number;
}

/** Steps after `rollback verify`: the cluster is known to serve, in the old version. */
const stepsAfter = ['rollback cordons', 'rollback count'];

async function rolledBack({ lab, tools, ca }: Ground, run: number): Promise<EngineSeconds> {
  const { client } = lab;
  assertBegun(await client.start(controlPlaneFirst(cluster, soakMs), { actor: 'bench' }));
  for await (const { status } of client.watch(cluster, { intervalMs: 1_000 })) {
    if (status.phase === 'soaking') break;
    if (status.phase === 'needs-operator') throw new Error(status.sentence);
  }
  await createConfigMaps(lab.kube, `since-${run}`, writesSince);
  const preview = await client.previewRollBack(cluster);
  if (preview.kind === 'failed') throw new Error(preview.failure.message);
  const { digest: report } = preview.report;

  const askedAtMs = Date.now();
  const order = { actor: 'bench', reason: 'it is measured', hop: 'hop-1.29', report };
  await client.confirmRollBack(cluster, order);
  const trail = await client.audit(cluster);
  const orderedAtMs = trail.findLast(({ event }) => event === 'command.rollBack')?.atMs;
  if (orderedAtMs === undefined) throw new Error('the order is not in the trail');
  const seconds = (): number => (Date.now() - orderedAtMs) / 1_000;
  const ended = client.result(cluster).then((result) => ({ result, accounted: seconds() }));
  // Whichever fails first is the error; the other is nobody's then.
  ended.catch(() => undefined);
  const wanted = { version: versions.to, timeoutMs: serveTimeoutMs };
  const [apiReady, { result, accounted }] = await Promise.all([
    untilAllServe(tools.lab, ca, wanted).then(seconds),
    ended,
  ]);
  if (result.outcome !== 'rolled-back') throw new Error(`it ended as ${result.outcome}`);
  const { stepSeconds = {} } = result.hops.at(-1) ?? {};
  tellSteps(run, stepSeconds);
  const after = stepsAfter.reduce((sum, label) => sum + (stepSeconds[label] ?? 0), 0);
  const confirmation = (orderedAtMs - askedAtMs) / 1_000;
  return { apiReady, verified: accounted - after, accounted, confirmation };
}

function tellSteps(run: number, stepSeconds: Readonly<Record<string, number>>): void {
  const steps = Object.entries(stepSeconds).filter(([label]) => label.startsWith('rollback '));
  const text = steps.map(([label, seconds]) => `${label.slice(9)} ${seconds} s`).join(', ');
  process.stdout.write(`  rollback ${run}: ${text}\n`);
}

interface Series {
  readonly keys: number;
  readonly engine: readonly EngineSeconds[];
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
      const ended: EngineSeconds[] = [];
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
  const results = few.engine.map((_, run) => ({
    ...figuresOfRun(few, run, ''),
    ...figuresOfRun(many, run, '100k'),
  }));
  return withRatios(figuresOf(results));
}

function figuresOfRun(
  { keys, engine, script }: Series,
  run: number,
  suffix: string,
): Readonly<Record<string, number>> {
  const ascent = engine[run];
  const bare = script[run];
  if (ascent === undefined || bare === undefined) throw new Error(`run ${run + 1} is missing`);
  const figures = {
    keys,
    apiReadySeconds: ascent.apiReady,
    verifiedSeconds: ascent.verified,
    accountedSeconds: ascent.accounted,
    confirmationSeconds: ascent.confirmation,
    scriptApiReadySeconds: bare.apiReady,
    scriptVerifiedSeconds: bare.verified,
  };
  return Object.fromEntries(
    Object.entries(figures).map(([key, value]) => [`${key}${suffix}`, value]),
  );
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
