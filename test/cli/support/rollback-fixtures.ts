// What a rollback of the first hop would undo, for the commands that show it.

import type { SnapshotId } from '../../../domain/names';
import { rollBackReport, type RollBackReport } from '../../../domain/rollback/report';
import { defaultReportLimits } from '../../../domain/rollback/report-limits';
import { cheapestRung } from '../../../domain/rollback/rungs';
import { clusterName, hopId, nodeName, version } from '../../support/builders';
import { nowMs } from './fake-terminal';

const group = {
  created: 0,
  changed: 0,
  deleted: 0,
  createdNames: [],
  deletedNames: [],
} as const;

export const undoneReport: RollBackReport = rollBackReport(
  {
    cluster: clusterName('prod'),
    hop: hopId('hop-1.29'),
    at: version('1.28.15'),
    snapshot: {
      id: 'prod-hop-1.29-from-1.28.15-0123abcd' as SnapshotId,
      takenAt: '2026-11-21T02:35:00.000Z',
      revision: 41_200,
      keys: 20_000,
    },
    objects: {
      groups: [
        {
          ...group,
          resource: 'configmaps',
          namespace: 'shop',
          created: 7,
          changed: 2,
          createdNames: ['basket', 'offers-1', 'offers-2', 'offers-3', 'offers-4'],
        },
        {
          ...group,
          resource: 'secrets',
          namespace: 'shop',
          deleted: 1,
          deletedNames: ['old-password'],
        },
        { ...group, resource: 'deployments', namespace: 'shop', changed: 3 },
        { ...group, resource: 'pods', namespace: 'shop', created: 12, deleted: 12 },
      ],
      anchors: [
        {
          resource: 'nodes',
          created: { count: 1, names: [{ name: 'web-9' }] },
          deleted: { count: 0, names: [] },
        },
        {
          resource: 'persistentvolumes',
          created: { count: 0, names: [] },
          deleted: { count: 1, names: [{ name: 'pv-3' }] },
        },
      ],
      comparedKeys: 20_004,
      seconds: 2,
      limits: defaultReportLimits,
    },
    nodes: [
      { node: nodeName('web-1'), kubelet: 'v1.29.15', to: version('1.28.15') },
      { node: nodeName('web-2'), kubelet: 'v1.29.15', to: version('1.28.15') },
    ],
    moreNodes: 0,
    staying: [{ node: nodeName('web-9'), kubelet: 'v1.29.15' }],
    moreStaying: 0,
    cheapest: cheapestRung({ done: [], current: 'pool web', unsettled: [], isLost: false }),
  },
  { atMs: nowMs, members: 3, nodeSeconds: 62 },
);
