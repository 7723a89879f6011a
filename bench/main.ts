// `npm run bench -- NAME [--runs N] [--json FILE] [--chart FILE]`: one benchmark, a table on the
// screen, the figures as JSON and as a picture. Each benchmark runs alone; docs/benchmarks.md tells
// method and machine.

import { writeFile } from 'node:fs/promises';

import { Command } from 'commander';

import { barChart } from './chart';
import { demoBenchmark } from './demo';
import { drainBenchmark } from './drain';
import { pathBenchmark } from './path';
import { plannerBenchmark } from './planner';
import type { Benchmark } from './statistics';

const benchmarks: Readonly<Record<string, Benchmark>> = {
  demo: demoBenchmark,
  drain: drainBenchmark,
  path: pathBenchmark,
  planner: plannerBenchmark,
};

interface RunOptions {
  readonly runs: string;
  readonly json?: string;
  readonly chart?: string;
}

async function run(name: string, options: RunOptions): Promise<void> {
  const benchmark = benchmarks[name];
  if (benchmark === undefined) {
    const known = Object.keys(benchmarks).join(', ');
    throw new Error(`there is no benchmark "${name}"; there are: ${known}`);
  }
  const runs = Number(options.runs);
  if (!Number.isInteger(runs) || runs < 1 || runs > 20) {
    throw new Error(`--runs is "${options.runs}", expected a whole number from 1 to 20`);
  }
  const figures = await benchmark(runs);
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
  .option('--json <file>', 'write the medians as JSON')
  .option('--chart <file>', 'draw the medians as SVG')
  .action(run)
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
