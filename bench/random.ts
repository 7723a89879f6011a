// Random choices that a seed makes again. Mulberry32 (Tommy Ettinger, public domain): small, and
// good enough to vary tests.

const warmUpSteps = 8;

export class Random {
  #state: number;

  /** The same text makes the same choices. FNV-1a spreads texts that differ in a digit. */
  constructor(seed: string) {
    let hash = 0x81_1c_9d_c5;
    for (const letter of seed) {
      hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01_00_01_93);
    }
    this.#state = hash >>> 0;
    // Seeds that are alike begin alike.
    for (let step = 0; step < warmUpSteps; step += 1) this.unit();
  }

  /** From 0 up to, but not, 1. */
  unit(): number {
    this.#state = (this.#state + 0x6d_2b_79_f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.unit() < share;
  }

  /** One of them; throws RangeError when there is none. */
  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError('nothing to choose from');
    return items[this.int(0, items.length - 1)] as Item;
  }

  /** Some of them, each once, in a random order. */
  some<Item>(items: readonly Item[], count: number): readonly Item[] {
    const left = [...items];
    const taken: Item[] = [];
    while (left.length > 0 && taken.length < count) {
      taken.push(...left.splice(this.int(0, left.length - 1), 1));
    }
    return taken;
  }
}
