// One text per JSON value, so that equal values have equal digests and can be compared as texts.

/**
 * JSON without spaces, object keys in the order of their UTF-16 code units (as RFC 8785, which
 * also keeps ECMAScript's number format). Members that are undefined are left out, as by
 * JSON.stringify; arrays keep their order. Throws a TypeError, naming the place, for what JSON
 * cannot say: NaN, infinities, functions, symbols, big integers, undefined in arrays.
 */
export function canonicalJson(value: unknown): string {
  return textOf(value, '$');
}

function textOf(value: unknown, path: string): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') {
    return JSON.stringify(value);
  }
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => textOf(item, `${path}[${index}]`)).join(',')}]`;
  }
  if (typeof value === 'object') return textOfObject(value, path);
  throw new TypeError(
    `${path} is not JSON but ${typeof value === 'number' ? value : typeof value}`,
  );
}

function textOfObject(value: object, path: string): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${textOf(member, `${path}.${key}`)}`);
  return `{${members.join(',')}}`;
}
