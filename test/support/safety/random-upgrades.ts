// Random upgrades in which things go wrong, judged by a watcher that shares no code with the engine
// and does not take its word: no budget is violated, no pod evicted twice, no more nodes are in
// work than may be, none is left cordoned without a reason, and each upgrade reaches its target or
// stops and says why. What counts as a violation, and what is a fault's doing, is written down in
// budget-judge.ts (J1 to J5).

import type { FaultKind } from './faults';
import { faultKinds } from './faults';
import type { RunKind, RunReport } from './lane';
import { Lane } from './lane';

/** By the beginning of a seed; the control plane goes up only once in a lab. */
const kinds = {
  '1.29': { from: '1.28.15', to: '1.29.15', controlPlane: '1.28.15' },
  '1.30': { from: '1.29.15', to: '1.30.14', controlPlane: '1.29.15' },
  pools: { from: '1.29.15', to: '1.30.14', controlPlane: '1.30.14' },
} as const satisfies Readonly<Record<string, RunKind>>;

/** Beginnings of seeds. */
export const seedKinds = Object.keys(kinds) as readonly (keyof typeof kinds)[];

function kindOf(seed: string): RunKind {
  const kind = Object.entries(kinds).find(([name]) => seed.startsWith(`${name}-`))?.[1];
  if (kind === undefined) throw new Error(`seeds begin with ${seedKinds.join(' or ')}`);
  return kind;
}

function lines({ seed, end, seconds, problems, ...report }: RunReport): string {
  const { evictions, surges, excused, gaps, faults } = report;
  const counts = [`${evictions} evictions`, `${surges} surges`, `${excused} excused`];
  const figures = [`${seconds} s`, ...counts, `${gaps} gaps`].join(', ');
  const told = `${seed.padEnd(10)} ${end}; ${figures}; ${faults.join(', ') || 'no fault'}`;
  return [told, ...problems.map((problem) => `  ${problem}`), ''].join('\n');
}

/** How often each kind is there; kinds in the order of their names. */
function countsOf(faults: readonly FaultKind[]): Readonly<Record<string, number>> {
  const names = [...new Set(faults)].toSorted();
  return Object.fromEntries(
    names.map((name) => [name, faults.filter((kind) => kind === name).length]),
  );
}

/** The seeds of a lab one after the other; the labs beside each other. */
class RandomUpgrades {
  readonly #reports = new Map<string, Promise<RunReport>>();
  readonly #opened: Lane[] = [];

  /** Runs one after the other; each that fails is told by its own test. */
  async play(seeds: readonly string[], index: number): Promise<void> {
    const [first = ''] = seeds;
    const lane = await Lane.open(`safety-${index + 1}`, kindOf(first).controlPlane);
    this.#opened.push(lane);
    let before: Promise<unknown> = Promise.resolve();
    for (const seed of seeds) {
      const report = before.then(() => lane.run(seed, kindOf(seed)));
      this.#reports.set(seed, report);
      before = report.then(
        (told) => process.stdout.write(lines(told)),
        (error: unknown) => process.stdout.write(`${seed} could not be run: ${String(error)}\n`),
      );
    }
  }

  of(seed: string): Promise<RunReport> | undefined {
    return this.#reports.get(seed);
  }

  all(): Promise<readonly RunReport[]> {
    return Promise.all(this.#reports.values());
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#reports.values());
    await Promise.all(this.#opened.map((lane) => lane.close()));
  }
}

/** How many of them must reach their target; nothing is asked of seeds that somebody names. */
type ComeThrough = 'most' | 'some' | 'unknown';

/**
 * The tests of upgrades by their seeds, for each lab a list. Unless it is `unknown` how many come
 * through, all of them together draw every kind of fault. Where pods are when a fault comes is
 * chance, and decides for some seeds whether a node is held: of a few, not `most` can be asked.
 */
export function describeRandomUpgrades(
  labs: readonly (readonly string[])[],
  { comeThrough }: { readonly comeThrough: ComeThrough },
): void {
  describe('random upgrades with faults are safe', () => {
    const upgrades = new RandomUpgrades();

    beforeAll(async () => {
      await Promise.all(labs.map((seeds, index) => upgrades.play(seeds, index)));
    });

    afterAll(() => upgrades.close());

    it.each(labs.flat())('%s', async (seed) => {
      const report = await upgrades.of(seed);
      expect(report?.problems).toEqual([]);
      // Each fault was done, or the upgrade was over before its moment.
      const { faults = [], ahead = [], drawn = [] } = report ?? {};
      expect([...faults, ...ahead].toSorted()).toEqual(drawn.toSorted());
    });

    it(`all of them together draw every kind of fault, ${comeThrough} come through`, async () => {
      const told = await upgrades.all();
      const completed = told.filter(({ end }) => end.startsWith('completed'));
      const drawn = told.flatMap((report) => report.drawn);
      const faults = told.flatMap((report) => report.faults);
      const evictions = told.reduce((sum, one) => sum + one.evictions, 0);
      process.stdout.write(
        `${told.length} upgrades, ${completed.length} completed, ${evictions} evictions; ` +
          `faults: ${JSON.stringify(countsOf(faults))} of ${JSON.stringify(countsOf(drawn))}\n`,
      );
      expect(told).toHaveLength(labs.flat().length);
      if (comeThrough === 'unknown') return;
      expect(Object.keys(countsOf(drawn))).toEqual(faultKinds.toSorted());
      expect(faults.length).toBeGreaterThan(drawn.length / 2);
      expect(completed.length).toBeGreaterThan(comeThrough === 'most' ? told.length / 2 : 0);
    });
  });
}
