// Tests that tell one story: each goes on where the one before it stopped, because a real upgrade
// takes minutes and cannot be begun again for every fact.

/** Adds a test of the story. */
export type Tell = (fact: string, tell: () => Promise<void>) => void;

/**
 * After the first test that fails, also by Jest's timeout, the rest fails at once instead of
 * waiting for what cannot come. `diagnosis` is added to the first failure.
 */
export function aStory(diagnosis: () => Promise<string>): Tell {
  let untold: string | undefined;
  return (fact, tell) => {
    it(fact, async () => {
      if (untold !== undefined) throw new Error(`the story broke off at "${untold}"`);
      untold = fact;
      try {
        await tell();
      } catch (error) {
        if (error instanceof Error) error.message += `\n\n${await diagnosis()}`;
        throw error;
      }
      untold = undefined;
    });
  };
}
