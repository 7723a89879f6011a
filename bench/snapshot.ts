// A verified snapshot of 100,000 objects, asked for as a person does, beside what a runbook has:
// `etcdctl snapshot save` and `etcdutl snapshot status`. In pairs on one lab, in turn: whoever goes
// first warms the caches of the other.

import { rm } from 'node:fs/promises';
import path from 'node:path';

import type { BenchLab } from './bench-lab';
import { createConfigMaps } from './config-maps';
import { type EtcdTools, etcdToolsOf } from './etcd-tools';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';
import { withLab } from './with-lab';

const cluster = 'bench-snapshot';
const objects = 100_000;

async function timed<Value>(
  work: () => Promise<Value>,
): Promise<{ readonly value: Value; readonly seconds: number }> {
  const startedAtMs = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - startedAtMs) / 1_000 };
}

/** Its file goes: the disk is not what is measured. */
async function byTools(tools: EtcdTools, file: string): Promise<number> {
  const { seconds } = await timed(async () => {
    await tools.save(file);
    return tools.status(file);
  });
  await rm(file);
  return seconds;
}

interface Verified {
  readonly keys: number;
  readonly seconds: number;
  /** Restored into a scratch etcd, and compared. */
  readonly restoredSeconds: number;
  /** Read by an API server on that. */
  readonly servedSeconds: number;
}

async function byAscent({ client }: BenchLab, run: number): Promise<Verified> {
  const asked = { actor: 'bench', reason: `it is measured, ${run}` };
  const { value, seconds } = await timed(() => client.takeSnapshot(cluster, asked));
  if (value.kind === 'failed') throw new Error(value.failure.message);
  if (value.kind === 'busy') throw new Error(`${value.workflowId} is under way`);
  const { totalKeys: keys, verified } = value.snapshot;
  const { served } = verified;
  // Without it the figures would be those of less work.
  if (served?.by !== 'kube-apiserver') throw new Error('no API server has read the snapshot');
  const { seconds: servedSeconds } = served;
  return { keys, seconds, restoredSeconds: verified.seconds - servedSeconds, servedSeconds };
}

type Pair = Readonly<Record<string, number>>;

async function pairOf(lab: BenchLab, stateDir: string, run: number): Promise<Pair> {
  const tools = await etcdToolsOf(stateDir);
  const file = path.join(stateDir, 'bench-snapshot.db');
  const isToolsFirst = run % 2 === 1;
  const before = isToolsFirst ? await byTools(tools, file) : undefined;
  const { keys, seconds, restoredSeconds, servedSeconds } = await byAscent(lab, run);
  const toolSeconds = before ?? (await byTools(tools, file));
  const ratio = seconds / toolSeconds;
  const told = [seconds, toolSeconds, ratio].map((one) => one.toFixed(2));
  process.stdout.write(`  ${run}: ${told[0]} s, tools ${told[1]} s, ratio ${told[2]}\n`);
  return {
    keys,
    ratio,
    seconds,
    toolSeconds,
    // Streamed, hashed, sealed, stored and read back; and what the workflow takes.
    keptSeconds: seconds - restoredSeconds - servedSeconds,
    restoredSeconds,
    servedSeconds,
  };
}

export function snapshotBenchmark({ runs, interruption }: BenchmarkOptions): Promise<Figures> {
  const shape = { name: cluster, members: 3, nodes: 2, workloads: 'none' } as const;
  return withLab({ shape, interruption }, async (lab, { stateDir }) => {
    process.stdout.write(`creating ${objects} ConfigMaps …\n`);
    await createConfigMaps(lab.kube, 'kept', objects);
    // The first of each finds everything cold, and is not counted.
    await pairOf(lab, stateDir, 0);
    const pairs: Pair[] = [];
    for (let run = 1; run <= runs; run += 1) pairs.push(await pairOf(lab, stateDir, run));
    return figuresOf(pairs);
  });
}
