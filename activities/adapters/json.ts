// JSON that somebody else has written.

/** Undefined when the text is none. The parser's own error quotes the text: it is not told. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
