// Work on many objects, a few at a time.

/**
 * Takes every item, in order, at most `atOnce` at the same time. After the first failure nothing
 * more begins; what is under way is let finish before that failure is thrown.
 */
export async function forEachAtOnce<Item>(
  items: readonly Item[],
  atOnce: number,
  take: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const takeFromQueue = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      try {
        await take(item);
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  };
  const takers = Array.from({ length: atOnce }, takeFromQueue);
  await Promise.allSettled(takers);
  await Promise.all(takers);
}

/** At most so many pieces of work at once; the others wait in their order. */
export class Slots {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A slot goes straight to who waits longest, so that nobody overtakes.
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}
