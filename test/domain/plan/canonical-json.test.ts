import fc from 'fast-check';

import { canonicalJson } from '../../../domain/plan/canonical-json';

describe('canonical JSON', () => {
  it('sorts keys at every depth, keeps the order of lists and leaves undefined out', () => {
    const value = { b: [{ d: 1, c: null }, 'x'], a: true, e: undefined };
    expect(canonicalJson(value)).toBe('{"a":true,"b":[{"c":null,"d":1},"x"]}');
  });

  it('is the same for the same value, whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).toReversed());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it.each([
    { value: { a: [1, Number.NaN] }, message: '$.a[1] is not JSON but NaN' },
    { value: [undefined], message: '$[0] is not JSON but undefined' },
    { value: { f: () => 1 }, message: '$.f is not JSON but function' },
    { value: 1n, message: '$ is not JSON but bigint' },
  ])('refuses what JSON cannot say: $message', ({ value, message }) => {
    expect(() => canonicalJson(value)).toThrow(new TypeError(message));
  });
});
