// `npm run bench -- NAME [--runs N] [--nodes N] [--json FILE] [--chart FILE]`: one benchmark, a
// table on the screen, the figures as JSON and as a picture. Each benchmark runs alone;
// docs/benchmarks.md tells method and machine.

import { writeFile } from 'node:fs/promises';
import { constants } from 'node:os';

import { Command } from 'commander';

import { Interruption, type SignalName } from '../bin/interruption';
import { barChart } from './chart';
import { demoBenchmark } from './demo';
import { drainBenchmark } from './drain';
import { hopBenchmark } from './hop';
import { knowledgeBenchmark } from './knowledge';
import { machinesBenchmark } from './machines';
import { pathBenchmark } from './path';
import { plannerBenchmark } from './planner';
import { rollbackBenchmark } from './rollback';
import { scaleBenchmark } from './scale';
import { simulationBenchmark } from './simulation';
import { snapshotBenchmark } from './snapshot';
import type { Benchmark } from './statistics';

const benchmarks: Readonly<Record<string, Benchmark>> = {
  demo: demoBenchmark,
  drain: drainBenchmark,
  hop: hopBenchmark,
  knowledge: knowledgeBenchmark,
  machines: machinesBenchmark,
  path: pathBenchmark,
  planner: plannerBenchmark,
  rollback: rollbackBenchmark,
  scale: scaleBenchmark,
  simulation: simulationBenchmark,
  snapshot: snapshotBenchmark,
};

/** Codes by which a shell tells that a signal ended a process. */
function codeOf(name: SignalName): number {
  return 128 + constants.signals[name];
}

let codeOfInterruption: number | undefined;
/** Whoever ends a benchmark that runs is not left with its lab. */
const interruption = new Interruption({
  pid: process.pid,
  listen(name, heard) {
    const listener = (): void => {
      codeOfInterruption ??= codeOf(name);
      heard();
    };
    process.on(name, listener);
    // A terminal that is closed asks for the end as politely as can be.
    if (name === 'SIGTERM') process.on('SIGHUP', listener);
  },
  say: (line) => process.stderr.write(`${line}\n`),
  exit: (code) => process.exit(code),
});

interface RunOptions {
  readonly runs: string;
  readonly nodes?: string;
  readonly json?: string;
  readonly chart?: string;
}

function whole(option: string, text: string, low: number, high: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new Error(`${option} is "${text}", expected a whole number from ${low} to ${high}`);
}

async function run(name: string, options: RunOptions): Promise<void> {
  const benchmark = benchmarks[name];
  if (benchmark === undefined) {
    const known = Object.keys(benchmarks).join(', ');
    throw new Error(`there is no benchmark "${name}"; there are: ${known}`);
  }
  const runs = whole('--runs', options.runs, 1, 20);
  const nodes =
    options.nodes === undefined ? {} : { nodes: whole('--nodes', options.nodes, 20, 2_000) };
  const figures = await benchmark({ runs, ...nodes, interruption });
  const rows = Object.entries(figures.table);
  const width = Math.max(...rows.map(([key]) => key.length));
  process.stdout.write(`\n${name}, ${runs} run(s): median (lowest to highest)\n`);
  for (const [key, { median, lowest, highest }] of rows) {
    process.stdout.write(`  ${key.padEnd(width)}  ${median} (${lowest} to ${highest})\n`);
  }
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify(figures.medians, null, 2)}\n`);
  }
  if (options.chart === undefined) return;
  if (figures.chart === undefined) throw new Error(`benchmark ${name} draws no chart`);
  await writeFile(options.chart, barChart(figures.chart));
}

void new Command('bench')
  .argument('<name>', `one of: ${Object.keys(benchmarks).join(', ')}`)
  .option('--runs <count>', 'counted runs', '3')
  .option('--nodes <count>', 'of scale: nodes of the large cluster; 1000 unless said')
  .option('--json <file>', 'write the medians as JSON')
  .option('--chart <file>', 'draw the medians as SVG')
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    // Interrupted work may still wait for what is gone.
    if (codeOfInterruption !== undefined) process.exit(codeOfInterruption);
    process.exitCode = 1;
  });
