import type { Knowledge, MinorKnowledge } from '../../../domain/knowledge/knowledge';
import { cgroupV1Of, fileOf, sourceText, whyUnknown } from '../../../domain/knowledge/lookups';
import type { OverlayFile } from '../../../domain/knowledge/overlay';
import { overlayConflictSentence, overlayKnowledge } from '../../../domain/knowledge/overlay';
import { compareSeverities } from '../../../domain/findings/finding';
import { removedOptionsOf } from '../../../domain/preflight/removed-options';
import { shippedKnowledge } from '../../../domain/knowledge/shipped';
import type { KubeMinor, KubeVersion } from '../../../domain/versions';

const minor = (text: string): KubeMinor => text as KubeMinor;
const version = (text: string): KubeVersion => text as KubeVersion;

const flag = (name: string, source = 'a') =>
  ({ component: 'kubelet', flag: name, change: 'removed', source }) as const;
const thing = (removed: string) =>
  ({ group: 'a.io', version: 'v1', kind: 'Thing', removed: minor(removed), source: 'a' }) as const;
const pod = { group: '', version: 'v1', kind: 'Pod', source: 'a' } as const;

function aFile(of: string, more: Partial<MinorKnowledge> = {}): MinorKnowledge {
  const sources = { a: 'https://a.io' };
  return { schema: 'ascent.knowledge/v1', minor: minor(of), sources, known: [], ...more };
}

const shipped: Knowledge = [
  aFile('1.30', {
    known: ['flags', 'apis'],
    unknown: [
      { topic: 'containerd', why: 'not found' },
      { topic: 'etcd', why: 'not looked into' },
    ],
    flags: [flag('old'), flag('older')],
  }),
  aFile('1.31', { known: ['apis'], apis: [thing('1.31'), pod] }),
];

function overlay(name: string, of: string, more: Partial<OverlayFile['content']>): OverlayFile {
  const content = { ...aFile(of), sources: { a: 'https://b.io' }, withdraw: [], ...more };
  return { name, content };
}

function laid(...overlays: readonly OverlayFile[]) {
  const { knowledge, conflicts } = overlayKnowledge(shipped, overlays);
  return { knowledge, told: conflicts.map(overlayConflictSentence) };
}

describe('knowledge of users', () => {
  it('changes nothing when there is none', () => {
    const { knowledge, told } = laid();
    expect(told).toEqual([]);
    expect(knowledge).toEqual([{ ...shipped[0] }, { ...shipped[1], unknown: [] }]);
  });

  it('adds entries, whole minors, and what was unknown', () => {
    const containerd = { minimums: [version('1.7.0')], source: 'a' };
    const { knowledge, told } = laid(
      overlay('mine', '1.30', { flags: [flag('new')], containerd }),
      overlay('next', '1.38', { known: ['gates'], gates: [] }),
      overlay('past', 'earlier', { apis: [{ ...pod, kind: 'Old' }] }),
    );
    expect(told).toEqual([]);
    const of30 = fileOf(knowledge, minor('1.30'));
    expect(of30?.flags).toEqual([
      flag('old'),
      flag('older'),
      { ...flag('new'), source: 'https://b.io' },
    ]);
    expect(of30?.known).toEqual(['flags', 'apis', 'containerd']);
    expect(of30?.unknown).toEqual([{ topic: 'etcd', why: 'not looked into' }]);
    expect(knowledge.map((file) => file.minor)).toEqual(['earlier', '1.30', '1.31', '1.38']);
  });

  it('replaces by key where it says so, an API wherever it is', () => {
    const { knowledge, told } = laid(
      overlay('mine', '1.30', {
        apis: [{ ...thing('1.30'), replace: true } as ReturnType<typeof thing>],
        flags: [{ ...flag('old', 'KEP-1'), replace: true } as ReturnType<typeof flag>],
      }),
    );
    expect(told).toEqual([]);
    expect(fileOf(knowledge, minor('1.30'))?.apis).toEqual([
      { ...thing('1.30'), source: 'https://b.io' },
    ]);
    expect(fileOf(knowledge, minor('1.31'))?.apis).toEqual([pod]);
    expect(fileOf(knowledge, minor('1.30'))?.flags).toEqual([flag('old', 'KEP-1'), flag('older')]);
  });

  it('withdraws by topic and key', () => {
    const why = 'ours has it';
    const { knowledge, told } = laid(
      overlay('mine', '1.30', {
        withdraw: [
          { topic: 'flags', key: 'kubelet/old', why },
          { topic: 'apis', key: 'a.io/v1/Thing', why },
          { topic: 'apis', key: 'v1/Pod', why },
        ],
      }),
    );
    expect(told).toEqual([]);
    expect(fileOf(knowledge, minor('1.30'))?.flags).toEqual([flag('older')]);
    expect(fileOf(knowledge, minor('1.31'))?.apis).toBeUndefined();
  });

  it('tells whatever has no effect, or another than it says', () => {
    const { knowledge, told } = laid(
      overlay('z', '1.30', { flags: [flag('mine', 'second')] }),
      overlay('b', '1.30', {
        flags: [
          flag('old', 'other'),
          { ...flag('mine', 'first'), replace: true } as ReturnType<typeof flag>,
        ],
        withdraw: [{ topic: 'gates', key: 'A', why: 'gone' }],
      }),
    );
    expect(told).toEqual([
      'b: 1.30 gates A is withdrawn, but it is not in the catalogue',
      'b: 1.30 flags kubelet/old ships already and stays; say replace: true to put yours there',
      'b: 1.30 flags kubelet/mine replaces nothing, and was added',
      'z: 1.30 flags kubelet/mine was said by b before, which holds',
    ]);
    expect(fileOf(knowledge, minor('1.30'))?.flags).toEqual([
      flag('old'),
      flag('older'),
      flag('mine', 'first'),
    ]);
  });

  it('keys every topic', () => {
    const source = 'a';
    const { told } = laid(
      overlay('a', '1.40', {
        plugins: [{ plugin: 'P', change: 'removed', source }],
        configuration: [{ file: 'kubelet', field: 'f', change: 'removed', source }],
        volumes: [{ field: 'rbd', provisioner: 'p', change: 'removed', source }],
        gates: [{ gate: 'G', change: 'removed', source }],
        changes: [{ id: 'c', severity: 'notes', appliesTo: 'all', what: 'w', remedy: 'r', source }],
        withdraw: (
          [
            ['plugins', 'P'],
            ['configuration', 'kubelet/f'],
            ['volumes', 'rbd'],
            ['gates', 'G'],
            ['changes', 'c'],
          ] as const
        ).map(([topic, key]) => ({ topic, key, why: 'before it was added' })),
      }),
    );
    expect(told.map((one) => one.split(' is withdrawn')[0])).toEqual([
      'a: 1.40 plugins P',
      'a: 1.40 configuration kubelet/f',
      'a: 1.40 volumes rbd',
      'a: 1.40 gates G',
      'a: 1.40 changes c',
    ]);
  });
});

describe('what a component may no longer be told', () => {
  it('is what was removed, oldest minor first, not what was deprecated or locked', () => {
    const files: Knowledge = [
      aFile('1.31', {
        flags: [flag('a'), { ...flag('b'), change: 'deprecated' }],
        gates: [
          { gate: 'A', change: 'removed', source: 'a' },
          { gate: 'B', change: 'locked', to: true, source: 'a' },
        ],
        plugins: [{ plugin: 'P', change: 'removed', source: 'a' }],
      }),
      aFile('1.30'),
    ];
    expect(removedOptionsOf(files)).toEqual([
      { minor: '1.30', gates: [], flags: [], plugins: [] },
      { minor: '1.31', gates: ['A'], flags: [flag('a')], plugins: ['P'] },
    ]);
  });
});

describe('findings', () => {
  it('are in the order of what they stop', () => {
    expect((['notes', 'blocks', 'warns'] as const).toSorted(compareSeverities)).toEqual([
      'blocks',
      'warns',
      'notes',
    ]);
  });
});

describe('questions to the catalogue', () => {
  it('are answered with why it does not know', () => {
    expect(whyUnknown(shipped, minor('1.30'), 'flags')).toBeUndefined();
    expect(whyUnknown(shipped, minor('1.30'), 'containerd')).toBe('not found');
    expect(whyUnknown(shipped, minor('1.31'), 'containerd')).toBe('its file does not say');
    expect(whyUnknown(shipped, minor('1.32'), 'flags')).toBe(
      'the catalogue has no file of this minor',
    );
  });

  it('resolve sources', () => {
    expect(sourceText(aFile('1.30'), 'a')).toBe('https://a.io');
    expect(sourceText(aFile('1.30'), 'KEP-1')).toBe('KEP-1');
  });

  it('know what becomes of control groups of version 1', () => {
    const of = (text: string) => cgroupV1Of(shippedKnowledge, minor(text));
    expect(of('1.30')).toBeUndefined();
    expect(of('1.34')).toEqual({ state: 'maintained', maintainedSince: '1.31' });
    expect(of('1.37')).toEqual({ state: 'refused', maintainedSince: '1.31' });
  });
});
