// A kubeadm cluster on real machines from 1.28 over 1.29 to 1.30, control plane and both workers,
// while clients ask a Service of two replicas 40 times a second: by Ascent, by a plain shell script
// over SSH that does the same to a lab of the same kind, one machine after the other, and by that
// script when it also waits for the control plane.

import { mkdir } from 'node:fs/promises';

import { demoSpec } from '../bin/demo/demo';
import { startWorker } from '../bin/demo/worker-process';
import type { Interruption } from '../bin/interruption';
import { AscentClient } from '../client';
import { connectTemporal } from '../client/connect';
import type { PoolName } from '../domain/names';
import type { UpgradeSpec } from '../domain/spec';
import { labLayout } from '../lab/layout';
import type { MachinesLab } from '../lab/machines/machines-lab';
import { temporalDown, temporalUp } from '../lab/temporal-server';
import { type ActivityTime, readTimes } from './activity-times';
import { bareUpgrade } from './bare-machines';
import { assertBegun } from './bench-upgrade';
import type { LoadReport } from './hop-load/load';
import { hops, machinesCluster, underLoad, withMachines, workerPool } from './machines-ground';
import { type BenchmarkOptions, type Figures, figuresOf, spreadOf } from './statistics';

interface MeasuredUpgrade {
  readonly pathSeconds: number;
  readonly workerSeconds: readonly number[];
}

interface Measured extends MeasuredUpgrade {
  readonly load: readonly LoadReport[];
}

function tell(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** The control plane's own machine first, as kubeadm's documentation has it. */
function specOf(): UpgradeSpec {
  const spec = demoSpec(machinesCluster, { members: 1, nodes: 2 });
  const pools = spec.pools.flatMap((pool) => [
    {
      ...pool,
      name: 'control-plane' as PoolName,
      nodeSelector: { 'node-role.kubernetes.io/control-plane': '' },
    },
    { ...pool, nodeSelector: workerPool },
  ]);
  return { ...spec, approvals: 'none', hopSoakMs: 0, pools };
}

async function byAscent(lab: MachinesLab): Promise<MeasuredUpgrade> {
  const { stateDir, accessFile } = lab;
  const { logs, processes } = labLayout(stateDir);
  for (const directory of [logs, processes]) await mkdir(directory, { recursive: true });
  const { address } = await temporalUp({ stateDir });
  const connection = await connectTemporal({ address, env: {} });
  try {
    const where = { stateDir, accessFile, temporalAddress: address, cluster: machinesCluster };
    const worker = await startWorker(connection.client, where);
    try {
      return await upgraded(address);
    } finally {
      await worker.stop();
    }
  } finally {
    await connection.close();
    await temporalDown({ stateDir });
  }
}

async function upgraded(address: string): Promise<MeasuredUpgrade> {
  const client = await AscentClient.connect({ address, env: {} });
  try {
    const begunMs = performance.now();
    assertBegun(await client.start(specOf(), { actor: 'bench' }));
    const result = await client.result(machinesCluster);
    if (result.outcome !== 'completed') throw new Error(`it ended as ${result.outcome}`);
    const pathSeconds = (performance.now() - begunMs) / 1_000;
    const changed = result.hops.flatMap((hop) => hop.nodes);
    const { activities, turns } = await readTimes(address, machinesCluster, changed.length);
    tellProfile(activities);
    const workers = [...turns].filter(([node]) => node.startsWith('worker-'));
    return { pathSeconds, workerSeconds: workers.flatMap(([, seconds]) => seconds) };
  } finally {
    await client.close();
  }
}

/** Shorter ones are not where the time goes. */
const toldSeconds = 0.5;

function tellProfile(activities: readonly ActivityTime[]): void {
  for (const { activity, summary, atSeconds, seconds } of activities) {
    if (seconds < toldSeconds) continue;
    const [at, took] = [atSeconds, seconds].map((each) => each.toFixed(1).padStart(6));
    tell(`  ${at} s  ${took} s  ${activity}: ${summary}`);
  }
}

async function measured(
  who: string,
  interruption: Interruption,
  upgrade: (lab: MachinesLab) => Promise<MeasuredUpgrade>,
): Promise<Measured> {
  const { result, load } = await withMachines(interruption, (lab) =>
    underLoad(lab, () => upgrade(lab)),
  );
  const workers = result.workerSeconds.map((seconds) => seconds.toFixed(1)).join(', ');
  tell(`${who}: ${result.pathSeconds.toFixed(1)} s; workers ${workers} s`);
  for (const { mode, requests, failed, failures } of load) {
    tell(`  ${mode}: ${failed} of ${requests} failed`);
    failures.forEach((failure) => tell(`  ${failure}`));
  }
  return { ...result, load };
}

function byScript(isCareful: boolean, { signal }: Interruption) {
  return (lab: MachinesLab): Promise<MeasuredUpgrade> =>
    bareUpgrade(lab, { versions: hops, isCareful }, signal);
}

function machineSeconds({ workerSeconds }: Measured): number {
  return spreadOf(workerSeconds).median;
}

function failedOf({ load }: Measured): number {
  return load.reduce((total, { failed }) => total + failed, 0);
}

/** Each on a lab of its own, one after the other. */
export async function machinesBenchmark({
  runs,
  interruption,
}: BenchmarkOptions): Promise<Figures> {
  const results: Readonly<Record<string, number>>[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const ascent = await measured('Ascent', interruption, byAscent);
    const script = await measured('script', interruption, byScript(false, interruption));
    const careful = await measured('careful script', interruption, byScript(true, interruption));
    results.push({
      perMachineSeconds: machineSeconds(ascent),
      scriptPerMachineSeconds: machineSeconds(script),
      perMachineRatio: machineSeconds(ascent) / machineSeconds(script),
      pathSeconds: ascent.pathSeconds,
      scriptPathSeconds: script.pathSeconds,
      pathRatio: ascent.pathSeconds / script.pathSeconds,
      carefulScriptPathSeconds: careful.pathSeconds,
      carefulPathRatio: ascent.pathSeconds / careful.pathSeconds,
      requests: ascent.load.reduce((total, { requests }) => total + requests, 0),
      failedRequests: failedOf(ascent),
      scriptFailedRequests: failedOf(script),
      carefulScriptFailedRequests: failedOf(careful),
    });
  }
  return figuresOf(results);
}
