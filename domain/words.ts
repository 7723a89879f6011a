// A table with one writer of sentences for each variant of a union: exhaustive by type, and shorter
// than a switch of dozens of cases.

interface Coded {
  readonly code: string;
}

export type Words<Variant extends Coded> = {
  readonly [Code in Variant['code']]: (
    variant: Extract<Variant, { readonly code: Code }>,
  ) => string;
};

/** The sentence that the table has for the variant. */
export function say<Variant extends Coded>(words: Words<Variant>, variant: Variant): string {
  // The compiler cannot see that the entry under a code takes the variant with that code.
  const writer = words[variant.code as Variant['code']] as (variant: Variant) => string;
  return writer(variant);
}
