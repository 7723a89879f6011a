import type { SnapshotId } from '../../../domain/names';
import {
  drilledText,
  drillPhaseText,
  type DrillRefusal,
  drillRefusalText,
  drillRemedy,
  type DrillReport,
  rollbackSecondsOf,
} from '../../../domain/rollback/drill';
import { clusterName, minor, version } from '../../support/builders';

const snapshot = 'prod-hop-1.29' as SnapshotId;
const notServed = { code: 'not-served', snapshot, minor: minor('1.28') } as const;

describe('a drill', () => {
  it('adds its phases up', () => {
    const phases = [
      { phase: 'fetch', seconds: 1 },
      { phase: 'start-api-server', seconds: 4.5 },
    ] as const;
    expect(rollbackSecondsOf(phases)).toBe(5.5);
  });

  it('names its phases', () => {
    const phases = ['fetch', 'restore', 'start-etcd', 'compare', 'start-api-server'] as const;
    expect(phases.map(drillPhaseText)).toEqual([
      'fetch and open the snapshot',
      'restore it for every member',
      'start etcd',
      'compare the members',
      'start the API server, until it is ready',
    ]);
  });

  it('tells what was restored, and who reads it', () => {
    const report: DrillReport = {
      schema: 'ascent.drill/v1',
      cluster: clusterName('prod'),
      snapshot: {
        id: snapshot,
        takenAt: '2026-11-21T02:00:00.000Z',
        kubeVersion: version('1.28.15'),
        revision: 7,
      },
      members: 3,
      keys: 20_000,
      hashKv: '1',
      apiServer: {
        version: version('1.28.15'),
        objects: { namespaces: 12, nodes: 1, secrets: 310 },
      },
      phases: [],
      rollbackSeconds: 7,
    };
    expect(drilledText(report)).toBe(
      '3 members of etcd with the same 20000 keys; an API server 1.28.15 serves 12 namespaces,' +
        ' 1 node, 310 secrets',
    );
  });

  it.each<[DrillRefusal, string, string]>([
    [
      { code: 'no-snapshot', location: '/s' },
      'there is no snapshot of the cluster in /s',
      'see what there is: snapshot list; each hop takes one before it begins',
    ],
    [
      { code: 'no-snapshot', location: '/s', asked: snapshot },
      'there is no snapshot prod-hop-1.29 of the cluster in /s',
      'see what there is: snapshot list; each hop takes one before it begins',
    ],
    [
      { code: 'no-key', snapshot, key: 'sha256:1' },
      'snapshot prod-hop-1.29 is sealed with key sha256:1, which is not at hand',
      "put that key into the worker's key file; without it there is no way back",
    ],
    [
      { code: 'no-space', location: '/s', freeBytes: 1, neededBytes: 4 },
      '/s has 1 bytes free, the drill needs 4',
      'free some space there, or drill where there is more',
    ],
    [
      { ...notServed, reason: 'no-api-server' },
      'no API server 1.28 can read snapshot prod-hop-1.29 here:' +
        ' tools.apiServers of the access file names none',
      'name one in the worker\'s access file: tools.apiServers["1.28"]',
    ],
    [
      { ...notServed, reason: 'kms' },
      'no API server 1.28 can read snapshot prod-hop-1.29 here: decrypting takes a KMS plugin',
      'nothing can be done here: such a way back can only be tried on a cluster',
    ],
    [
      { ...notServed, reason: 'encryption-config-not-kept' },
      'no API server 1.28 can read snapshot prod-hop-1.29 here:' +
        ' the encryption config is not kept beside it',
      'nothing can be done here: such a way back can only be tried on a cluster',
    ],
  ])('%j is told, with what to do', (refusal, text, remedy) => {
    expect([drillRefusalText(refusal), drillRemedy(refusal)]).toEqual([text, remedy]);
  });
});
