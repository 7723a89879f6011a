import fc from 'fast-check';

import { type KeyAt, KeyDiff, namesMax, type ObjectGroup } from '../../../domain/rollback/key-diff';

function compared(then: readonly KeyAt[], now: readonly KeyAt[]): readonly ObjectGroup[] {
  const diff = new KeyDiff();
  let [a, b] = [0, 0];
  for (;;) {
    const next = diff.take(then[a], now[b]);
    if (next === 'end') return diff.result();
    if (next !== 'now') a += 1;
    if (next !== 'before') b += 1;
  }
}

const at = (name: string, revision: number): KeyAt => ({
  key: `/registry/configmaps/shop/${name}`,
  revision,
});
const group = {
  resource: 'configmaps',
  namespace: 'shop',
  created: 0,
  changed: 0,
  deleted: 0,
  createdNames: [],
  deletedNames: [],
};

describe('two streams of keys', () => {
  it('that are the same differ in nothing', () => {
    expect(compared([at('a', 1)], [at('a', 1)])).toEqual([]);
    expect(compared([], [])).toEqual([]);
  });

  it('tell what was created, changed and deleted', () => {
    const then = [at('a', 1), at('b', 2), at('c', 3)];
    const now = [at('b', 2), at('c', 9), at('d', 10)];
    expect(compared(then, now)).toEqual([
      { ...group, created: 1, changed: 1, deleted: 1, createdNames: ['d'], deletedNames: ['a'] },
    ]);
  });

  it('are counted by resource, then by namespace, and few are named', () => {
    const many = Array.from({ length: 9 }, (_, index) => at(`n-${index}`, 1));
    const role = { key: '/registry/clusterroles/admin', revision: 1 };
    const other = { key: '/registry/configmaps/other/x', revision: 1 };
    expect(compared([], [role, other, ...many])).toEqual([
      {
        resource: 'clusterroles',
        created: 1,
        changed: 0,
        deleted: 0,
        createdNames: ['admin'],
        deletedNames: [],
      },
      { ...group, namespace: 'other', created: 1, createdNames: ['x'] },
      { ...group, created: 9, createdNames: many.slice(0, namesMax).map((_, i) => `n-${i}`) },
    ]);
  });

  it('have names that fit into a report, however long they are', () => {
    const long = 'x'.repeat(200);
    expect(compared([], [at(long, 1), { key: `${long}/y`, revision: 1 }])).toEqual([
      {
        resource: `/${'x'.repeat(99)}…`,
        created: 1,
        changed: 0,
        deleted: 0,
        createdNames: ['y'],
        deletedNames: [],
      },
      { ...group, created: 1, createdNames: [`${'x'.repeat(100)}…`] },
    ]);
  });

  it('are in the order of their bytes, as etcd has them', () => {
    // U+FFFD comes before U+1F600 in UTF-8, and after it in UTF-16.
    const low = at('\uFFFD', 1);
    const high = at('\u{1F600}', 1);
    expect(compared([low, high], [high])).toEqual([
      { ...group, deleted: 1, deletedNames: ['\uFFFD'] },
    ]);
    expect(compared([at('a', 1)], [at('a', 1), at('ab', 1)])).toEqual([
      { ...group, created: 1, createdNames: ['ab'] },
    ]);
  });

  it('are told completely, whatever they are', () => {
    const side = fc.dictionary(fc.stringMatching(/^[a-f]{1,3}$/), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(side, side, (then, now) => {
        const sorted = (keys: Readonly<Record<string, number>>): readonly KeyAt[] =>
          Object.keys(keys)
            .toSorted()
            .map((name) => at(name, keys[name] ?? 0));
        const [told = group] = compared(sorted(then), sorted(now));
        const names = Object.keys({ ...then, ...now });
        const has = (keys: object, name: string): boolean => Object.hasOwn(keys, name);
        expect([told.created, told.changed, told.deleted]).toEqual([
          names.filter((name) => !has(then, name)).length,
          names.filter((n) => has(then, n) && has(now, n) && then[n] !== now[n]).length,
          names.filter((name) => !has(now, name)).length,
        ]);
      }),
    );
  });
});
