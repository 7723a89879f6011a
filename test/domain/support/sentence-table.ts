// Sentences by the code of what they say.

/** Keyed by code, so that a code without a sentence here does not compile. */
export type SentenceTable<Codes extends string, Variant> = Readonly<
  Record<Codes, readonly [Variant, string][]>
>;

/** One row for each sentence. */
export function rowsOf<Variant>(table: Readonly<Record<string, readonly [Variant, string][]>>) {
  return Object.entries(table).flatMap(([code, cases]) =>
    cases.map(([variant, sentence]) => ({ code, variant, sentence })),
  );
}
