// Words for input that people wrote and that is not what it should be: upgrade files, access files,
// observations. Whoever reads them says where; this says what.

/** `is required: expected a duration`; `expected a duration, got the number 5`. */
export function expectedText(what: string, input: unknown): string {
  return input === undefined
    ? `${requiredText}: expected ${what}`
    : `expected ${what}, got ${inputText(input)}`;
}

export const requiredText = 'is required';

function inputText(input: unknown): string {
  return input === null || typeof input === 'object'
    ? kindText(input)
    : `the ${typeof input} ${JSON.stringify(input)}`;
}

const scalarKinds: Readonly<Partial<Record<string, string>>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
};

/** What kind of thing was given, without a word of it: it may be a secret. */
export function kindText(input: unknown): string {
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  return scalarKinds[typeof input] ?? 'a mapping';
}

/** `delete or refuse`; `a, b or c`. */
export function alternativesText(values: readonly unknown[]): string {
  const words = values.map(String);
  const last = words.at(-1) ?? 'nothing';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}

export function unknownKeyText(known: readonly string[]): string {
  return `unknown key; known are ${known.join(', ')}`;
}

/** `unknown key; known are drain, lane - did you mean drain?` */
export function withSuggestion(text: string, suggestion: string | undefined): string {
  return suggestion === undefined ? text : `${text} - did you mean ${suggestion}?`;
}

/**
 * Which of the known words was probably meant: at most two letters off, or a third of a long one.
 * `distance`: how many letters two words differ in (Levenshtein); case does not count.
 */
export function meantWord<Word extends string>(
  given: string,
  known: readonly Word[],
  distance: (one: string, other: string) => number,
): Word | undefined {
  const away = (word: string): number => distance(given.toLowerCase(), word.toLowerCase());
  const [best] = known.toSorted((one, other) => away(one) - away(other));
  if (best === undefined) return undefined;
  return away(best) <= Math.max(2, Math.floor(best.length / 3)) ? best : undefined;
}
