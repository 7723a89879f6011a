import { isRestoreNote } from '../../../domain/rollback/note-guard';

const none = { count: 0, names: [] };
const nodes = {
  resource: 'nodes',
  created: { count: 101, names: Array.from({ length: 100 }, (_, at) => ({ name: `n-${at}` })) },
  deleted: none,
};
const machines = {
  resource: 'machines.cluster.x-k8s.io',
  created: none,
  deleted: { count: 1, names: [{ name: 'n'.repeat(253), namespace: 'fleet' }] },
};
const note = { madeAtMs: 7, anchors: [nodes, machines] };

it.each([
  [note],
  [{ madeAtMs: 0, anchors: [] }],
  [{ ...note, cutShortBy: 'keys' }],
  [{ ...note, cutShortBy: 'seconds' }],
])('takes what a look has seen', (given) => {
  expect(isRestoreNote(given)).toBe(true);
});

it.each<readonly [string, unknown]>([
  ['a text', 'note'],
  ['null', null],
  ['no time', { anchors: [] }],
  ['half a millisecond', { ...note, madeAtMs: 0.5 }],
  ['a time before all times', { ...note, madeAtMs: -1 }],
  ['no anchors', { madeAtMs: 7 }],
  ['a limit that there is not', { ...note, cutShortBy: 'patience' }],
  ['an anchor that is none', { ...note, anchors: [7] }],
  ['a resource that is a number', { ...note, anchors: [{ ...nodes, resource: 7 }] }],
  ['a resource that is no anchor', { ...note, anchors: [{ ...nodes, resource: 'pods' }] }],
  ['a resource twice', { ...note, anchors: [nodes, nodes] }],
  ['no names created', { ...note, anchors: [{ ...nodes, created: undefined }] }],
  ['no names deleted', { ...note, anchors: [{ ...nodes, deleted: { count: 1 } }] }],
  ['names without a count', { ...note, anchors: [{ ...nodes, deleted: { names: [] } }] }],
  [
    'more names than are counted',
    { ...note, anchors: [{ ...nodes, deleted: { count: 0, names: [{ name: 'n' }] } }] },
  ],
  [
    'more names than a look keeps',
    {
      ...note,
      anchors: [
        {
          ...nodes,
          deleted: { count: 101, names: Array.from({ length: 101 }, () => ({ name: 'n' })) },
        },
      ],
    },
  ],
  ['a name that is none', { ...note, anchors: [named(null)] }],
  ['a name that is a number', { ...note, anchors: [named({ name: 7 })] }],
  ['a name that is too long', { ...note, anchors: [named({ name: 'n'.repeat(254) })] }],
  ['a namespace that is a number', { ...note, anchors: [named({ name: 'n', namespace: 7 })] }],
])('refuses %s', (_what, given) => {
  expect(isRestoreNote(given)).toBe(false);
});

function named(name: unknown): unknown {
  return { ...nodes, deleted: { count: 1, names: [name] } };
}
