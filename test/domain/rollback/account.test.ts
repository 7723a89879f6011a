import {
  type AccountGap,
  accountSummary,
  foreseenOrphans,
  gapSentence,
  noteSummary,
  type OrphanCode,
  orphanSentence,
  restoreAccount,
  type RestoreCount,
  type RestoreNote,
  workloadsSentence,
} from '../../../domain/rollback/account';
import type { AnchorDifference, AnchorResource } from '../../../domain/rollback/key-tally';
import { nodeName } from '../../support/builders';

const none = { count: 0, names: [] };
const named = (...names: readonly string[]) => ({
  count: names.length,
  names: names.map((name) => ({ name })),
});

function differs(resource: AnchorResource, change: Partial<AnchorDifference>): AnchorDifference {
  return { resource, created: none, deleted: none, ...change };
}

const counted: RestoreCount = {
  workloads: {
    totals: [{ resource: 'pods', snapshot: 12, cluster: 12 }],
    differing: [],
    more: 0,
  },
  anchors: [],
  stranded: { count: 0, pods: [] },
};
const noted = (...anchors: readonly AnchorDifference[]): RestoreNote => ({ madeAtMs: 7, anchors });

describe('the account of a restore', () => {
  it('has no orphans where nothing but Kubernetes changed', () => {
    expect(restoreAccount(noted(), counted)).toEqual({
      schema: 'ascent.restore-account/v1',
      workloads: counted.workloads,
      orphans: [],
      gaps: [],
    });
  });

  it('tells what was made since and is unknown, and what was removed since and is back', () => {
    const note = noted(
      differs('nodes', { created: named('worker-8', 'worker-9'), deleted: named('worker-2') }),
      differs('persistentvolumes', { created: named('pv-9') }),
      differs('volumeattachments', { deleted: named('csi-1') }),
      differs('machines.cluster.x-k8s.io', {
        created: { count: 1, names: [{ name: 'm-9', namespace: 'fleet' }] },
      }),
    );
    expect(restoreAccount(note, counted).orphans).toEqual([
      { code: 'node-unknown', count: 2, objects: [{ name: 'worker-8' }, { name: 'worker-9' }] },
      { code: 'node-returned', count: 1, objects: [{ name: 'worker-2' }] },
      { code: 'volume-unknown', count: 1, objects: [{ name: 'pv-9' }] },
      { code: 'attachment-returned', count: 1, objects: [{ name: 'csi-1' }] },
      { code: 'machine-unknown', count: 1, objects: [{ name: 'm-9', namespace: 'fleet' }] },
    ]);
  });

  it('leaves out what has come back, or gone again, by itself since the restore', () => {
    const note = noted(
      differs('nodes', {
        created: { ...named('worker-8', 'worker-9'), count: 300 },
        deleted: named('worker-2'),
      }),
    );
    const anchors = [
      differs('nodes', { created: named('worker-9', 'other'), deleted: named('worker-2') }),
    ];
    expect(restoreAccount(note, { ...counted, anchors }).orphans).toEqual([
      { code: 'node-unknown', count: 299, objects: [{ name: 'worker-8' }] },
    ]);
  });

  it('tells pods that are bound to a node without an object', () => {
    const pod = { namespace: 'shop', name: 'web-1' };
    const stranded = { count: 4, pods: [{ pod, node: nodeName('worker-9') }] };
    expect(restoreAccount(noted(), { ...counted, stranded }).orphans).toEqual([
      {
        code: 'pod-without-node',
        count: 4,
        objects: [{ namespace: 'shop', name: 'web-1', node: 'worker-9' }],
      },
    ]);
  });

  it('says what could not be looked at instead of nothing', () => {
    const problem = 'etcd does not answer';
    expect(restoreAccount({ problem }, { problem: 'no worker' })).toEqual({
      schema: 'ascent.restore-account/v1',
      orphans: [],
      gaps: [
        { code: 'not-noted', problem },
        { code: 'not-counted', problem: 'no worker' },
      ],
    });
  });

  it('says what was cut short, and keeps what was seen before', () => {
    const note: RestoreNote = {
      ...noted(differs('nodes', { created: named('worker-9') })),
      cutShortBy: 'seconds',
    };
    expect(restoreAccount(note, { ...counted, cutShortBy: 'keys' })).toMatchObject({
      orphans: [{ code: 'node-unknown', count: 1 }],
      gaps: [
        { code: 'noted-in-part', limit: 'seconds' },
        { code: 'counted-in-part', limit: 'keys' },
      ],
    });
  });
});

it('foresees what a restore would leave over', () => {
  const anchors = [
    differs('nodes', { created: named('worker-9') }),
    differs('persistentvolumes', { deleted: named('pv-3') }),
  ];
  expect(foreseenOrphans(anchors)).toEqual([
    { code: 'node-unknown', count: 1, objects: [{ name: 'worker-9' }] },
    { code: 'volume-returned', count: 1, objects: [{ name: 'pv-3' }] },
  ]);
  expect(foreseenOrphans([])).toEqual([]);
});

describe('the account in words', () => {
  it.each<[OrphanCode, string]>([
    [
      'pod-without-node',
      'pods of a node that is not there (1): x - the garbage collector removes them; delete' +
        ' those that stay',
    ],
    [
      'machine-unknown',
      'machines made after the snapshot, not in it (1): x - the infrastructure still has' +
        ' them: adopt them, or remove them there',
    ],
    [
      'machine-returned',
      'machines removed after the snapshot, back with it (1): x - the infrastructure may have' +
        ' them no more: see whether they are made anew',
    ],
    [
      'node-unknown',
      'nodes that joined after the snapshot, not in it (1): x - restart the kubelet, or join' +
        ' it again',
    ],
    [
      'node-returned',
      'nodes removed after the snapshot, back with it (1): x - delete the Node object where its' +
        ' machine is gone',
    ],
    [
      'volume-unknown',
      'PersistentVolumes made after the snapshot, not in it (1): x - their disks are still' +
        ' there: import them, or delete them in the storage',
    ],
    [
      'volume-returned',
      'PersistentVolumes deleted after the snapshot, back with it (1): x - their disks may be' +
        ' gone: look before a pod needs one',
    ],
    [
      'attachment-unknown',
      'attachments made after the snapshot, not in it (1): x - the disk may still be' +
        ' attached: detach it in the storage',
    ],
    [
      'attachment-returned',
      'attachments ended after the snapshot, back with it (1): x - the disk may be elsewhere by' +
        ' now: look before a pod needs it',
    ],
  ])('says what %s means, and what to do', (code, sentence) => {
    expect(orphanSentence({ code, count: 1, objects: [{ name: 'x' }] })).toBe(sentence);
  });

  it('counts those that are left when all that were named have come back', () => {
    expect(orphanSentence({ code: 'node-unknown', count: 40, objects: [] })).toContain(
      '(40): 40 not named - ',
    );
  });

  it('names five orphans, with their namespace and node, and counts the others', () => {
    const objects = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({
      name,
      namespace: 'shop',
      node: nodeName('worker-9'),
    }));
    expect(orphanSentence({ code: 'pod-without-node', count: 40, objects })).toContain(
      '(40): shop/a on worker-9, shop/b on worker-9, shop/c on worker-9, shop/d on worker-9,' +
        ' shop/e on worker-9 and 35 more - ',
    );
  });

  it.each<[AccountGap, string]>([
    [
      { code: 'not-noted', problem: 'no answer' },
      'what was made since the snapshot is not known, it could not be compared: no answer',
    ],
    [
      { code: 'noted-in-part', limit: 'keys' },
      'what was made since the snapshot is known in part, the limit of keys was reached',
    ],
    [
      { code: 'not-counted', problem: 'no answer' },
      'nothing was counted after the restore: no answer',
    ],
    [
      { code: 'counted-in-part', limit: 'seconds' },
      'not all was counted after the restore, the limit of seconds was reached',
    ],
  ])('says what %j means', (gap, sentence) => {
    expect(gapSentence(gap)).toBe(sentence);
  });

  it('counts workloads, and says where they differ', () => {
    const { workloads } = counted;
    expect(workloadsSentence(workloads)).toBe('workloads as in the snapshot: pods 12');
    expect(workloadsSentence({ totals: [], differing: [], more: 0 })).toBe(
      'workloads as in the snapshot: none',
    );
    const inShop = { resource: 'pods', namespace: 'shop', snapshot: 12, cluster: 11 } as const;
    expect(workloadsSentence({ ...workloads, differing: [inShop], more: 2 })).toBe(
      'workloads in the snapshot: pods 12; differing now: pods in shop 11 instead of 12 and 2 more',
    );
  });

  it('is one line in the trail, before the restore and after it', () => {
    const note = noted(differs('nodes', { created: named('worker-9') }));
    expect(noteSummary(note)).toBe('the restore leaves over: node-unknown 1 (worker-9)');
    expect(noteSummary({ ...noted(), cutShortBy: 'keys' })).toBe(
      'the restore leaves over: no node, machine or volume; what was made since the' +
        ' snapshot is known in part, the limit of keys was reached',
    );
    expect(noteSummary({ problem: 'no answer' })).toBe(
      'what was made since the snapshot is not known, it could not be compared: no answer',
    );
    expect(accountSummary(restoreAccount(note, counted))).toBe(
      'workloads as in the snapshot: pods 12; orphans: node-unknown 1 (worker-9)',
    );
    expect(accountSummary(restoreAccount(noted(), { problem: 'no answer' }))).toBe(
      'no orphans; nothing was counted after the restore: no answer',
    );
  });
});
