// Random upgrades in which things go wrong, judged by a watcher that shares no code with the engine
// and does not take its word: no budget is violated, no pod evicted twice, no more nodes are in
// work than may be, none is left cordoned without a reason, and each upgrade reaches its target or
// stops and says why. What counts as a violation, and what is a fault's doing, is written down in
// test/support/safety/budget-judge.ts (J1 to J5).
//
// ASCENT_SAFETY_SEEDS=pools-a-07 runs that seed alone, in a lab of its own; several with commas.

import { faultKinds } from '../../support/safety/faults';
import type { RunKind, RunReport } from '../../support/safety/lane';
import { Lane } from '../../support/safety/lane';

jest.setTimeout(2_400_000);

/** By the beginning of a seed; the control plane goes up only once in a lab. */
const kinds = {
  '1.29': { from: '1.28.15', to: '1.29.15', controlPlane: '1.28.15' },
  '1.30': { from: '1.29.15', to: '1.30.14', controlPlane: '1.29.15' },
  pools: { from: '1.29.15', to: '1.30.14', controlPlane: '1.30.14' },
} as const satisfies Readonly<Record<string, RunKind>>;

const lanes = ['a', 'b'] as const;
const runsPerLane = 26;

function kindOf(seed: string): RunKind {
  const kind = Object.entries(kinds).find(([name]) => seed.startsWith(`${name}-`))?.[1];
  if (kind === undefined) throw new Error(`seeds begin with ${Object.keys(kinds).join(' or ')}`);
  return kind;
}

function seedsOf(lane: string): readonly string[] {
  const ends = Array.from({ length: runsPerLane }, (_, index) =>
    String(index + 1).padStart(2, '0'),
  );
  const names = Object.keys(kinds);
  return ends.map((end, index) => `${names[index] ?? 'pools'}-${lane}-${end}`);
}

const asked = (process.env['ASCENT_SAFETY_SEEDS'] ?? '').split(',').filter((seed) => seed !== '');
const plan: readonly (readonly string[])[] = asked.length === 0 ? lanes.map(seedsOf) : [asked];

function lines({ seed, end, seconds, problems, ...report }: RunReport): string {
  const { evictions, surges, excused, gaps, faults } = report;
  const counts = [`${evictions} evictions`, `${surges} surges`, `${excused} excused`];
  const figures = [`${seconds} s`, ...counts, `${gaps} gaps`].join(', ');
  const told = `${seed.padEnd(10)} ${end}; ${figures}; ${faults.join(', ') || 'no fault'}`;
  return [told, ...problems.map((problem) => `  ${problem}`), ''].join('\n');
}

describe('random upgrades with faults are safe', () => {
  const reports = new Map<string, Promise<RunReport>>();
  const opened: Lane[] = [];

  /** Runs one after the other; each that fails is told by its own test. */
  async function play(seeds: readonly string[], index: number): Promise<void> {
    const [first = ''] = seeds;
    const lane = await Lane.open(`safety-${index + 1}`, kindOf(first).controlPlane);
    opened.push(lane);
    let before: Promise<unknown> = Promise.resolve();
    for (const seed of seeds) {
      const report = before.then(() => lane.run(seed, kindOf(seed)));
      reports.set(seed, report);
      before = report.then(
        (told) => process.stdout.write(lines(told)),
        (error: unknown) => process.stdout.write(`${seed} could not be run: ${String(error)}\n`),
      );
    }
  }

  beforeAll(async () => {
    await Promise.all(plan.map(play));
  });

  afterAll(async () => {
    await Promise.allSettled(reports.values());
    await Promise.all(opened.map((lane) => lane.close()));
  });

  it.each(plan.flat())('%s', async (seed) => {
    const report = await reports.get(seed);
    expect(report?.problems).toEqual([]);
  });

  it('all of them together do nearly every kind of fault, and most come through', async () => {
    const told = await Promise.all(reports.values());
    const completed = told.filter(({ end }) => end.startsWith('completed'));
    const faults = told.flatMap((report) => report.faults);
    const counts = Object.fromEntries(
      [...new Set(faults)]
        .toSorted()
        .map((kind) => [kind, faults.filter((one) => one === kind).length]),
    );
    const evictions = told.reduce((sum, one) => sum + one.evictions, 0);
    process.stdout.write(
      `${told.length} upgrades, ${completed.length} completed, ${evictions} evictions; ` +
        `faults: ${JSON.stringify(counts)}\n`,
    );
    // Seeds that somebody asked for are what they are.
    if (asked.length > 0) return;
    expect(told.length).toBeGreaterThanOrEqual(50);
    // An upgrade may be over before its fault's moment: a kind or two may not come to pass.
    expect(Object.keys(counts).length).toBeGreaterThanOrEqual(faultKinds.length - 2);
    expect(completed.length).toBeGreaterThan(told.length / 2);
  });
});
