import type { SnapshotId } from '../../../domain/names';
import type { ObjectGroup } from '../../../domain/rollback/key-diff';
import {
  boundedGroups,
  groupsMax,
  noteOfReport,
  reportDifferences,
  type RollBackFacts,
  rollBackReport,
} from '../../../domain/rollback/report';
import { defaultReportLimits } from '../../../domain/rollback/report-limits';
import { clusterName, hopId, nodeName, version } from '../../support/builders';

function aGroup(resource: string, change: Partial<ObjectGroup> = {}): ObjectGroup {
  const none = { created: 0, changed: 0, deleted: 0, createdNames: [], deletedNames: [] };
  return { resource, ...none, ...change };
}

const facts: RollBackFacts = {
  cluster: clusterName('prod'),
  hop: hopId('hop-1.29'),
  at: version('1.28.15'),
  snapshot: { id: 's-1' as SnapshotId, takenAt: '2026-11-21', revision: 100, keys: 80_000 },
  objects: { groups: [], comparedKeys: 80_000, seconds: 2, limits: defaultReportLimits },
  nodes: [],
  moreNodes: 0,
  staying: [],
  moreStaying: 0,
  cheapest: { rung: 'none', tooLittle: [] },
};
const newer = { node: nodeName('web-1'), kubelet: 'v1.29.15' };
const returning = { ...newer, to: version('1.28.15') };
const withGroups = (...groups: readonly ObjectGroup[]): RollBackFacts => ({
  ...facts,
  objects: { ...facts.objects, groups },
});
const digestOf = (given: RollBackFacts): string =>
  rollBackReport(given, { atMs: 0, members: 3 }).digest;

it('is what a rollback would note before data moves', () => {
  expect(noteOfReport(rollBackReport(facts, { atMs: 7, members: 3 }))).toEqual({
    madeAtMs: 7,
    anchors: [],
  });
  const none = { count: 0, names: [] };
  const anchors = [
    { resource: 'nodes', created: { count: 1, names: [{ name: 'web-9' }] }, deleted: none },
  ] as const;
  const objects = { ...facts.objects, anchors, cutShortBy: 'keys' } as const;
  expect(noteOfReport(rollBackReport({ ...facts, objects }, { atMs: 8, members: 3 }))).toEqual({
    madeAtMs: 8,
    anchors,
    cutShortBy: 'keys',
  });
});

it('expects no second without an API where nothing is restored and others serve', () => {
  const cheapest = { rung: 'leave-emulation', tooLittle: [], keepsData: true } as const;
  const expectedOf = (members: number) =>
    rollBackReport({ ...facts, cheapest }, { atMs: 0, members }).expected;
  expect(expectedOf(3)).toEqual({ restore: 0, restoreFrom: 'keys' });
  expect(expectedOf(1)).toEqual({ restore: 0, restoreFrom: 'keys', onlyMember: 30 });
});

describe('the digest of a report', () => {
  it('stays while only time passes and the cluster works by itself', () => {
    const later = {
      ...withGroups(
        aGroup('pods', { namespace: 'shop', created: 5, deleted: 5 }),
        aGroup('leases', { namespace: 'kube-system', changed: 9 }),
        aGroup('deployments', { namespace: 'shop', changed: 2 }),
      ),
      snapshot: { ...facts.snapshot, keys: 1 },
    };
    expect(digestOf(later)).toBe(digestOf(facts));
    expect(rollBackReport(facts, { atMs: 99, members: 3 }).digest).toBe(digestOf(facts));
    expect(reportDifferences(facts, later)).toEqual([]);
  });

  it.each<readonly [string, RollBackFacts, string]>([
    [
      'a Secret was created',
      withGroups(aGroup('secrets', { namespace: 'shop', created: 1 })),
      'secrets in shop: nothing, now 1 created',
    ],
    [
      'a ConfigMap was changed',
      withGroups(aGroup('configmaps', { namespace: 'shop', changed: 2 })),
      'configmaps in shop: nothing, now 2 changed',
    ],
    [
      'a Deployment was deleted',
      withGroups(aGroup('deployments', { namespace: 'shop', deleted: 1, changed: 4 })),
      'deployments in shop: nothing, now 1 deleted',
    ],
    [
      'a node has moved on',
      { ...facts, nodes: [returning], moreNodes: 2 },
      'nodes: none, now web-1 and 2 more',
    ],
    [
      'the old programs suffice now',
      { ...facts, cheapest: { rung: 'leave-emulation', tooLittle: [], keepsData: true } },
      'data: nothing, now kept',
    ],
    [
      'a node has joined that stays newer',
      { ...facts, staying: [newer] },
      'nodes that stay newer: none, now web-1',
    ],
    [
      'it is another snapshot',
      { ...facts, snapshot: { ...facts.snapshot, id: 's-2' as SnapshotId } },
      'snapshot: s-1, now s-2',
    ],
    [
      'not all could be compared',
      { ...facts, objects: { ...facts.objects, cutShortBy: 'seconds' } },
      'objects: nothing, now not all compared (limit of seconds)',
    ],
  ])('is another when %s', (_, now, difference) => {
    expect(digestOf(now)).not.toBe(digestOf(facts));
    expect(reportDifferences(facts, now)).toEqual([difference]);
  });

  it('is another when what was written is written no more', () => {
    const before = withGroups(aGroup('clusterroles', { created: 1 }));
    expect(reportDifferences(before, facts)).toEqual(['clusterroles: 1 created, now nothing']);
  });
});

describe('what is expected', () => {
  it('is reckoned from the keys, and from nodes that were timed', () => {
    const nodes = [returning];
    const report = rollBackReport(
      { ...facts, nodes, moreNodes: 1 },
      { atMs: 0, members: 3, nodeSeconds: 60.4 },
    );
    expect(report.expected).toEqual({ restore: 16, restoreFrom: 'keys', nodes: 121 });
  });

  it('says nothing of nodes while none was timed', () => {
    expect(rollBackReport(facts, { atMs: 0, members: 3 }).expected).toEqual({
      restore: 16,
      restoreFrom: 'keys',
    });
  });
});

describe('the groups of a report', () => {
  it('come with what tells of persons first', () => {
    const given = [
      aGroup('leases'),
      aGroup('deployments'),
      aGroup('secrets'),
      aGroup('configmaps'),
    ];
    expect(boundedGroups(given).groups.map(({ resource }) => resource)).toEqual([
      'secrets',
      'configmaps',
      'deployments',
      'leases',
    ]);
  });

  it('beyond those that Temporal carries are summed up', () => {
    const many = Array.from({ length: groupsMax + 3 }, (_, index) =>
      aGroup('secrets', { namespace: `n-${index}`, created: 1, changed: 2, deleted: 3 }),
    );
    expect(boundedGroups(many)).toEqual({
      groups: many.slice(0, groupsMax),
      more: { groups: 3, created: 3, changed: 6, deleted: 9 },
    });
  });
});
