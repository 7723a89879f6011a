import {
  servedDifference,
  servedText,
  type SnapshotServed,
} from '../../../domain/snapshots/served';
import { version } from '../../support/builders';

const objects = { namespaces: 4, nodes: 1, secrets: 20 };

describe('what an API server lists', () => {
  it('is what etcd holds', () => {
    expect(servedDifference(objects, objects)).toBe(undefined);
  });

  it('is told where it is not', () => {
    expect(servedDifference(objects, { ...objects, nodes: 0 })).toBe(
      '0 nodes are listed of 1 that etcd holds',
    );
    expect(servedDifference(objects, { namespaces: 5, nodes: 1, secrets: 19 })).toBe(
      '5 namespaces are listed of 4 that etcd holds;' +
        ' 19 secrets are listed of 20 that etcd holds',
    );
  });
});

describe('what a snapshot was proven with', () => {
  it.each<[SnapshotServed, string]>([
    [
      { by: 'kube-apiserver', version: version('1.28.15'), objects, seconds: 3.14 },
      'read by an API server 1.28.15 in 3.1 s: 4 namespaces, 1 node, 20 secrets',
    ],
    [
      { by: 'nobody', reason: 'no-api-server' },
      'not read by an API server: tools.apiServers of the access file names none of its minor',
    ],
    [
      { by: 'nobody', reason: 'kms' },
      'not read by an API server: decrypting takes a KMS plugin, which is not here',
    ],
    [
      { by: 'nobody', reason: 'encryption-config-not-kept' },
      'not read by an API server:' +
        ' the encryption config is not kept beside a snapshot in the clear',
    ],
  ])('%j is told', (served, text) => {
    expect(servedText(served)).toBe(text);
  });
});
