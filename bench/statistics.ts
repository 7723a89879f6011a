// Medians of repeated runs, with the range beside them, because machines are noisy.

import type { Interruption } from '../bin/interruption';
import type { Chart } from './chart';

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

export interface Figures {
  readonly table: Readonly<Record<string, Spread>>;
  /** What `--json` writes: key → median. */
  readonly medians: Readonly<Record<string, number>>;
  /** What `--chart` draws, of the medians. */
  readonly chart?: Chart;
}

export interface BenchmarkOptions {
  /** Does its work so many times, one after the other. */
  readonly runs: number;
  /** How large a cluster, where a benchmark has a choice. */
  readonly nodes?: number;
  /** Of this process: whoever starts something takes it down. */
  readonly interruption: Interruption;
}

export type Benchmark = (options: BenchmarkOptions) => Promise<Figures>;

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Lower median for an even count. Throws for an empty list. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  const lowest = sorted[0];
  const highest = sorted.at(-1);
  if (median === undefined || lowest === undefined || highest === undefined) {
    throw new Error('no run was counted');
  }
  return { median: rounded(median), lowest: rounded(lowest), highest: rounded(highest) };
}

/** Each run's figures by key → the spread of each key. */
export function figuresOf(runs: readonly Readonly<Record<string, number>>[]): Figures {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run)))];
  const table = Object.fromEntries(
    keys.map((key) => [
      key,
      spreadOf(runs.flatMap((run) => (run[key] === undefined ? [] : [run[key]]))),
    ]),
  );
  const medians = Object.fromEntries(
    Object.entries(table).map(([key, { median }]) => [key, median]),
  );
  return { table, medians };
}
