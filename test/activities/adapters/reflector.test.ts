import {
  reflect,
  type Reflected,
  type ReflectorStore,
  type WatchEvent,
} from '../../../activities/adapters/reflector';
import { PortError } from '../../../activities/ports';
import { FakeClock } from '../../support/fake-clock';

type Event = WatchEvent<string>;

/** What a watch tells, and how it ends: by the server, by a fault, or never. */
interface Watch {
  readonly events: readonly Event[];
  readonly ending: 'end' | 'break' | 'hang';
}

interface Script {
  readonly lists: readonly (readonly [version: string, ...views: string[]] | Error)[];
  readonly watches: readonly (Watch | Error)[];
  /** Answers of currentVersion; the last one repeats. */
  readonly versions?: readonly (string | Error)[];
}

const put = (view: string, version: string): Event => ({ kind: 'put', view, version });
const remove = (view: string, version: string): Event => ({ kind: 'remove', view, version });

/** Plays a script to its end and tells everything that was asked for and kept. */
async function play(script: Script): Promise<readonly string[]> {
  const log: string[] = [];
  const say = (line: string): void => {
    if (!over.signal.aborted) log.push(line);
  };
  const over = new AbortController();
  const clock = new FakeClock();
  const [lists, watches] = [[...script.lists], [...script.watches]];
  const versions = [...(script.versions ?? ['0'])];
  const next = <Item>(items: (Item | Error)[]): Item => {
    const item = items.shift();
    if (item === undefined) over.abort();
    over.signal.throwIfAborted();
    if (item instanceof Error) throw item;
    return item as Item;
  };
  const source: Reflected<string> = {
    async list() {
      const [version, ...views] = next(lists);
      say('list');
      return { version, views };
    },
    async currentVersion() {
      const [version] = versions.length > 1 ? versions.splice(0, 1) : versions;
      say('compare');
      if (version instanceof Error) throw version;
      return version ?? '';
    },
    async watch(version, signal) {
      const watch = next(watches);
      say(`watch ${version}`);
      return told(watch, signal);
    },
  };
  const kept = new Set<string>();
  const keep = (change: () => void): void => {
    change();
    say(`keep ${[...kept].join(' ')}`.trimEnd());
  };
  const store: ReflectorStore<string> = {
    replace: (views) =>
      keep(() => {
        kept.clear();
        for (const view of views) kept.add(view);
      }),
    put: (view) => keep(() => kept.add(view)),
    remove: (view) => keep(() => kept.delete(view)),
  };
  const pausing = {
    nowMs: () => clock.nowMs(),
    async sleep(ms: number, signal: AbortSignal) {
      say(`pause ${ms}`);
      await clock.sleep(ms, signal);
    },
  };
  const onLive = (isLive: boolean): void => say(isLive ? 'live' : 'not live');
  await reflect({ source, store, clock: pausing, onLive, silentMs: 20 }, over.signal);
  return log;
}

async function* told({ events, ending }: Watch, signal: AbortSignal): AsyncIterable<Event> {
  yield* events;
  if (ending === 'break') throw new Error('read ECONNRESET');
  if (ending === 'end') return;
  await new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

describe('a reflector', () => {
  it('lists, then keeps what the watch tells from there on', async () => {
    const watch: Watch = {
      events: [put('b', '6'), put('c', '7'), remove('a', '8')],
      ending: 'end',
    };
    expect(await play({ lists: [['5', 'a']], watches: [watch], versions: ['9'] })).toEqual([
      'list',
      'keep a',
      'watch 5',
      'live',
      'keep a b',
      'keep a b c',
      'keep b c',
      'not live',
      'pause 200',
      'compare',
    ]);
  });

  it('goes on where a watch ended or broke, a bookmark counting, without a list', async () => {
    const log = await play({
      lists: [['5', 'a']],
      watches: [
        { events: [{ kind: 'bookmark', version: '30' }], ending: 'end' },
        { events: [put('b', '31')], ending: 'break' },
        { events: [], ending: 'end' },
      ],
      versions: ['40'],
    });
    expect(log.filter((line) => /^(list|watch|pause)/.test(line))).toEqual([
      'list',
      'watch 5',
      'pause 200',
      'watch 30',
      'pause 200',
      'watch 31',
      'pause 200',
    ]);
  });

  it('lists again when etcd is behind it, as after a restore', async () => {
    const log = await play({
      lists: [
        ['500', 'a', 'b'],
        ['120', 'a'],
      ],
      watches: [
        { events: [], ending: 'break' },
        { events: [], ending: 'end' },
      ],
      versions: ['119', '120'],
    });
    expect(log).toEqual([
      'list',
      'keep a b',
      'watch 500',
      'live',
      'not live',
      'pause 200',
      'compare',
      'list',
      'keep a',
      'watch 120',
      'live',
      'not live',
      'pause 200',
      'compare',
    ]);
  });

  it('compares versions as numbers', async () => {
    const watches: readonly Watch[] = [
      { events: [], ending: 'end' },
      { events: [], ending: 'end' },
    ];
    const log = await play({ lists: [['999', 'a']], watches, versions: ['1000000001'] });
    expect(log.filter((line) => line === 'list')).toHaveLength(1);
  });

  it('lists again when its version was compacted', async () => {
    const log = await play({
      lists: [['5', 'a'], ['90']],
      watches: [
        { events: [{ kind: 'expired' }], ending: 'hang' },
        { events: [], ending: 'end' },
      ],
      versions: ['91'],
    });
    expect(log.slice(0, 9)).toEqual([
      'list',
      'keep a',
      'watch 5',
      'live',
      'not live',
      'pause 200',
      'list',
      'keep',
      'watch 90',
    ]);
  });

  it('opens a watch anew that is silent for too long', async () => {
    const log = await play({
      lists: [['5', 'a']],
      watches: [
        { events: [put('b', '6')], ending: 'hang' },
        { events: [], ending: 'end' },
      ],
      versions: ['6'],
    });
    expect(log.filter((line) => /^(list|watch|pause)/.test(line))).toEqual([
      'list',
      'watch 5',
      'pause 200',
      'watch 6',
      'pause 200',
    ]);
  });

  it('waits longer each time, up to 5 s, while the cluster does not answer', async () => {
    const away = new PortError('unreachable', 'listing pods: connect ECONNREFUSED');
    const lists = [...Array.from({ length: 6 }, () => away), ['5', 'a'] as const];
    const log = await play({ lists, watches: [{ events: [], ending: 'break' }] });
    expect(log.filter((line) => line.startsWith('pause'))).toEqual([
      'pause 200',
      'pause 400',
      'pause 800',
      'pause 1600',
      'pause 3200',
      'pause 5000',
      // A watch was open meanwhile.
      'pause 200',
    ]);
  });

  it('keeps its version while the cluster does not say whether it is still good', async () => {
    const log = await play({
      lists: [['5', 'a']],
      watches: [
        { events: [put('b', '6')], ending: 'break' },
        { events: [], ending: 'end' },
      ],
      versions: [new PortError('unreachable', 'connect ECONNREFUSED'), '6'],
    });
    expect(log.filter((line) => /^(list|watch|compare|pause)/.test(line))).toEqual([
      'list',
      'watch 5',
      'pause 200',
      'compare',
      'pause 400',
      'compare',
      'watch 6',
      'pause 200',
      'compare',
    ]);
  });

  it('is not live when a watch is refused', async () => {
    const refused = new PortError('forbidden', 'HTTP 403');
    const log = await play({ lists: [['5']], watches: [refused] });
    expect(log).not.toContain('live');
  });
});
