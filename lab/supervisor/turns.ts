// Whose turn it is: work on one machine happens one piece after the other, and a restore takes
// the turn of all of them.

export class Turns {
  private readonly tails = new Map<string, Promise<unknown>>();

  /** Runs the work when nobody works on any of the names. */
  async take<Result>(names: readonly string[], work: () => Promise<Result>): Promise<Result> {
    // All tails are replaced in one go, without awaiting in between, so nobody can deadlock.
    const before = names.map((name) => this.tails.get(name) ?? Promise.resolve());
    const mine = Promise.allSettled(before).then(work);
    for (const name of names) this.tails.set(name, mine);
    try {
      return await mine;
    } finally {
      for (const name of names) {
        if (this.tails.get(name) === mine) this.tails.delete(name);
      }
    }
  }
}
