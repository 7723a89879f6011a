// Lists inside sentences.

const namedMax = 3;

/** `a, b`; `a, b, c and 2 more`: in the order given, so that a sentence stays one. */
export function boundedList(names: readonly string[]): string {
  const more = names.length - namedMax;
  return `${names.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
