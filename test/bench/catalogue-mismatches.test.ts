import type { RealMinor, ServedResource } from '../../bench/catalogue/mismatches';
import { mismatchesOf } from '../../bench/catalogue/mismatches';
import type { ApiEntry, Knowledge, MinorKnowledge } from '../../domain/knowledge/knowledge';
import type { KubeMinor } from '../../domain/versions';

const minor = (text: string): KubeMinor => text as KubeMinor;

const resource = (version: string, name: string, kind = 'Thing'): ServedResource => ({
  version,
  name,
  kind,
});

const entry = (group: string, more: Partial<ApiEntry> = {}): ApiEntry => ({
  group,
  version: 'v1beta1',
  kind: 'Thing',
  resource: 'things',
  source: 'KEP-1',
  ...more,
});

function aFile(of: string, more: Partial<MinorKnowledge>): MinorKnowledge {
  return { schema: 'ascent.knowledge/v1', minor: minor(of), sources: {}, known: [], ...more };
}

interface Said {
  readonly served?: readonly ServedResource[];
  readonly gates?: readonly string[];
  readonly plugins?: readonly string[];
  readonly shown?: readonly string[];
  readonly hidden?: readonly string[];
}

function real(of: string, said: Said): RealMinor {
  const { served = [], gates = [], plugins = [], shown = [], hidden = [] } = said;
  const knows = (flag: string) => Promise.resolve([...shown, ...hidden].includes(flag));
  return {
    minor: minor(of),
    served,
    gates: new Set(gates),
    plugins: new Set(plugins),
    flags: [{ component: 'kubelet', shown: new Set(shown), knows }],
  };
}

const things = [resource('a.io/v1beta1', 'things'), resource('a.io/v1beta1', 'things/status')];

function told(knowledge: Knowledge, before: Said, now: Said): Promise<readonly string[]> {
  return mismatchesOf(knowledge, [real('1.31', now), real('1.30', before)]);
}

const flag = (name: string) =>
  ({ component: 'kubelet', flag: name, change: 'removed', source: 'KEP-1' }) as const;
const gate = (name: string, change: 'removed' | 'locked' = 'removed') =>
  ({ gate: name, change, source: 'KEP-1' }) as const;
const plugin = (name: string) => ({ plugin: name, change: 'removed', source: 'KEP-1' }) as const;

describe('the catalogue and real programs', () => {
  it('say the same when what is gone is said, and the rest is there', async () => {
    const knowledge = [
      aFile('1.30', { apis: [entry('old', { removed: minor('1.29') })] }),
      aFile('1.31', {
        apis: [
          entry('a.io', { removed: minor('1.31'), deprecated: minor('1.30') }),
          entry('', { deprecated: minor('1.31'), version: 'v1' }),
          entry('conf', { scope: 'file', removed: minor('1.31') }),
          entry('policy', { resource: 'pods/eviction', removed: minor('1.31') }),
        ],
        flags: [flag('gone')],
        gates: [gate('Gone'), gate('Locked', 'locked')],
        plugins: [plugin('Gone')],
      }),
    ];
    const core = resource('v1', 'things');
    const before = {
      served: [core, ...things],
      gates: ['Gone', 'Locked'],
      plugins: ['Gone', 'Stays'],
      shown: ['gone', 'later'],
    };
    const now = { served: [core], gates: ['Locked'], plugins: ['Stays'], hidden: ['later'] };
    expect(await told(knowledge, before, now)).toEqual([]);
  });

  it('differ where something is gone that is not said', async () => {
    const before = { served: things, gates: ['Gone'], plugins: ['Gone'], shown: ['gone'] };
    expect(await told([aFile('1.31', {})], before, {})).toEqual([
      '1.31 removed a.io/v1beta1 things, which is not said',
      '1.31 removed a.io/v1beta1 things/status, which is not said',
      '1.31 removed the gate Gone, which is not said',
      '1.31 removed the plugin Gone, which is not said',
      '1.31 removed the flag kubelet --gone, which is not said',
    ]);
  });

  it('differ where something is said to be gone that is there', async () => {
    const knowledge = [
      aFile('1.31', {
        apis: [entry('a.io', { removed: minor('1.31') })],
        gates: [gate('Gone')],
        plugins: [plugin('Gone')],
        flags: [flag('gone')],
      }),
    ];
    const both = { served: things, gates: ['Gone'], plugins: ['Gone'], hidden: ['gone'] };
    expect(await told(knowledge, both, both)).toEqual([
      '1.31 serves a.io/v1beta1 Thing, which 1.31 removed',
      '1.31 knows the gate Gone, which it removed',
      '1.31 knows the plugin Gone, which it removed',
      '1.31 knows the flag kubelet --gone, which it removed',
    ]);
  });

  it('differ where something was never there', async () => {
    const knowledge = [
      aFile('1.31', {
        apis: [entry('a.io', { removed: minor('1.31') })],
        gates: [gate('Gone')],
        plugins: [plugin('Gone')],
        flags: [flag('gone')],
      }),
    ];
    expect(await told(knowledge, {}, {})).toEqual([
      '1.30 does not serve a.io/v1beta1 Thing either',
      '1.30 does not know the gate Gone either',
      '1.30 does not know the plugin Gone either',
      '1.30 does not know the flag kubelet --gone either',
    ]);
  });

  it('say the same of a gate that an older patch does not have yet', async () => {
    const reals = [
      real('1.30', { gates: ['Brought'] }),
      real('1.31', {}),
      real('1.32', { gates: ['Brought'] }),
    ];
    expect(await mismatchesOf([aFile('1.31', {})], reals)).toEqual([]);
  });

  it('are not compared where there is nothing to compare with', async () => {
    const alone = { ...real('1.31', { served: things }), flags: [] };
    expect(await mismatchesOf([], [alone, real('1.30', { served: things })])).toEqual([]);
    expect(await mismatchesOf([aFile('1.31', {})], [alone])).toEqual([]);
    const older = { ...real('1.30', { served: things }), flags: [] };
    const newer = real('1.31', { served: things, shown: ['a'] });
    expect(await mismatchesOf([aFile('1.31', {})], [older, newer])).toEqual([]);
  });
});
