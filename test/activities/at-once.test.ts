import { EventEmitter, once } from 'node:events';

import { forEachAtOnce, Slots } from '../../activities/at-once';

/** Work that ends when the test says so. */
function stepwise() {
  const begun: string[] = [];
  const ends = new Map<string, { done(): void; fail(error: Error): void }>();
  const take = (item: string): Promise<void> => {
    begun.push(item);
    return new Promise((resolve, reject) => {
      ends.set(item, { done: resolve, fail: reject });
    });
  };
  return { begun, ends, take };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('work on many objects at once', () => {
  it('takes them in order, so many at a time', async () => {
    const { begun, ends, take } = stepwise();
    const all = forEachAtOnce(['a', 'b', 'c'], 2, take);
    expect(begun).toEqual(['a', 'b']);
    ends.get('b')?.done();
    await turn();
    expect(begun).toEqual(['a', 'b', 'c']);
    ends.get('a')?.done();
    ends.get('c')?.done();
    await all;
  });

  it('begins nothing after a failure, and throws it when what was begun has ended', async () => {
    const { begun, ends, take } = stepwise();
    const failure = new Error('b is broken');
    let isOver = false;
    const all = forEachAtOnce(['a', 'b', 'c'], 2, take).finally(() => {
      isOver = true;
    });
    ends.get('b')?.fail(failure);
    await turn();
    expect([begun, isOver]).toEqual([['a', 'b'], false]);
    ends.get('a')?.done();
    await expect(all).rejects.toBe(failure);
    expect(begun).toEqual(['a', 'b']);
  });

  it('has nothing to do for nothing', async () => {
    const { begun, take } = stepwise();
    await forEachAtOnce([], 2, take);
    expect(begun).toEqual([]);
  });
});

it('slots let so many work at once, in order, also after one has failed', async () => {
  const slots = new Slots(2);
  const begun: string[] = [];
  const end = new EventEmitter();
  const work = ['a', 'b', 'c', 'd'].map((name) =>
    slots.run(async () => {
      begun.push(name);
      await once(end, name);
    }),
  );
  expect(begun).toEqual(['a', 'b']);
  // once() rejects when an error is emitted, for everything that runs.
  const failed = Promise.allSettled([work[0], work[1]]);
  end.emit('error', new Error('no'));
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await Promise.resolve();
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  end.emit('d');
  end.emit('c');
  await Promise.all([work[2], work[3]]);
  await slots.run(() => Promise.resolve(begun.push('e')));
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
});
