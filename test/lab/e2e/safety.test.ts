// Random upgrades in which things go wrong, judged by a watcher that shares no code with the engine
// and does not take its word: no budget is violated, no pod evicted twice, no more nodes are in
// work than may be, none is left cordoned without a reason, and each upgrade reaches its target or
// stops and says why. What counts as a violation, and what is a fault's doing, is written down in
// test/support/safety/budget-judge.ts (J1 to J5).
//
// ASCENT_SAFETY_SEEDS=pools-a-07 runs that seed alone, in a lab of its own; several with commas.

import type { FaultKind } from '../../support/safety/faults';
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

/** How often each kind is there; kinds in the order of their names. */
function countsOf(kinds: readonly FaultKind[]): Readonly<Record<string, number>> {
  const names = [...new Set(kinds)].toSorted();
  return Object.fromEntries(
    names.map((name) => [name, kinds.filter((kind) => kind === name).length]),
  );
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
    // Each fault was done, or the upgrade was over before its moment.
    const { faults = [], ahead = [], drawn = [] } = report ?? {};
    expect([...faults, ...ahead].toSorted()).toEqual(drawn.toSorted());
  });

  it('all of them together draw every kind of fault, and most come through', async () => {
    const told = await Promise.all(reports.values());
    const completed = told.filter(({ end }) => end.startsWith('completed'));
    const drawn = told.flatMap((report) => report.drawn);
    const faults = told.flatMap((report) => report.faults);
    const evictions = told.reduce((sum, one) => sum + one.evictions, 0);
    process.stdout.write(
      `${told.length} upgrades, ${completed.length} completed, ${evictions} evictions; ` +
        `faults: ${JSON.stringify(countsOf(faults))} of ${JSON.stringify(countsOf(drawn))}\n`,
    );
    // Seeds that somebody asked for are what they are.
    if (asked.length > 0) return;
    expect(told.length).toBeGreaterThanOrEqual(50);
    expect(Object.keys(countsOf(drawn))).toEqual(faultKinds.toSorted());
    expect(faults.length).toBeGreaterThan(drawn.length / 2);
    expect(completed.length).toBeGreaterThan(told.length / 2);
  });
});
