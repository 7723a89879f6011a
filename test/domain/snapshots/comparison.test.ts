import { snapshotDifference } from '../../../domain/snapshots/comparison';

describe('a snapshot that was restored', () => {
  it.each([
    [{ revision: 7, hashKv: '42' }, { hashKv: '42', keys: 3 }, undefined],
    [{ revision: 7, hashKv: '42', keys: 3 }, { hashKv: '42', keys: 3 }, undefined],
    [{ revision: 7, hashKv: '42' }, { hashKv: '42', keys: 0 }, 'it holds no key'],
    [
      { revision: 7, hashKv: '42' },
      { hashKv: '43', keys: 3 },
      'restored, it has hash 43 at revision 7, the member it was taken from has 42',
    ],
    [
      { revision: 7, hashKv: '42', keys: 4 },
      { hashKv: '42', keys: 3 },
      'restored, it has 3 keys, its record says 4',
    ],
  ])('compared with %j is %j: %s', (expected, restored, difference) => {
    expect(snapshotDifference(expected, restored)).toBe(difference);
  });
});
