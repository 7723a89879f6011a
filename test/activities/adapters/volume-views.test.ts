import type {
  V1NodeSelectorTerm,
  V1PersistentVolumeSpec,
  V1VolumeAttachmentSource,
} from '@kubernetes/client-node';

import { nodeView, podView } from '../../../activities/adapters/kube-views';
import { attachmentView, volumeView } from '../../../activities/adapters/volume-views';
import { zoneLabel } from '../../../domain/observation';

describe('the claims of a pod', () => {
  it('are those of its volumes, generic ephemeral ones included', () => {
    const volumes = [
      { name: 'tmp', emptyDir: {} },
      { name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } },
      { name: 'scratch', ephemeral: {} },
    ];
    const spec = { containers: [], volumes };
    expect(podView({ metadata: { name: 'db-0' }, spec }).claims).toEqual([
      'data-db-0',
      'db-0-scratch',
    ]);
  });

  it('are absent where it uses none', () => {
    const spec = { containers: [], volumes: [{ name: 'tmp', emptyDir: {} }] };
    expect(podView({ spec })).not.toHaveProperty('claims');
  });
});

describe('the volumes that a kubelet uses', () => {
  it('are told as it names them, and left out when there are none', () => {
    const volumesInUse = ['kubernetes.io/csi/disk.example.com^disk-1'];
    expect(nodeView({ status: { volumesInUse } })).toMatchObject({ volumesInUse });
    expect(nodeView({ status: { volumesInUse: [] } })).not.toHaveProperty('volumesInUse');
  });
});

describe('an attachment', () => {
  const viewOf = (source: V1VolumeAttachmentSource): object | undefined =>
    attachmentView({
      metadata: { name: 'csi-1' },
      spec: { attacher: 'disk.example.com', nodeName: 'worker-1', source },
    });

  it('is told with its node and its volume', () => {
    const seen = { name: 'csi-1', node: 'worker-1', volume: 'pv-1' };
    expect(viewOf({ persistentVolumeName: 'pv-1' })).toEqual(seen);
  });

  it('of a volume that is written into a pod is about no PersistentVolume', () => {
    expect(viewOf({ inlineVolumeSpec: {} })).toBeUndefined();
  });
});

type Expressions = V1NodeSelectorTerm['matchExpressions'];

function zone(...values: string[]): Expressions {
  return [
    { key: 'kubernetes.io/arch', operator: 'In', values: ['amd64'] },
    { key: zoneLabel, operator: 'In', values },
  ];
}

function affinityOf(...terms: Expressions[]): V1PersistentVolumeSpec {
  const nodeSelectorTerms = terms.map((expressions) =>
    expressions === undefined ? {} : { matchExpressions: expressions },
  );
  return { nodeAffinity: { required: { nodeSelectorTerms } } };
}

describe('a volume', () => {
  const claimRef = { namespace: 'shop', name: 'data-db-0' };

  it.each<{ name: string; spec: V1PersistentVolumeSpec; view: object }>([
    {
      name: 'of a CSI driver',
      spec: { claimRef, csi: { driver: 'disk.example.com', volumeHandle: 'disk-1' } },
      view: { claim: claimRef, inUseAs: 'kubernetes.io/csi/disk.example.com^disk-1' },
    },
    { name: 'of another kind', spec: { claimRef }, view: { claim: claimRef } },
    { name: 'that nobody claims', spec: {}, view: {} },
    {
      name: 'with zones',
      spec: affinityOf(zone('a', 'b'), zone('b', 'c')),
      view: { zones: ['a', 'b', 'c'] },
    },
    {
      name: 'whose driver names zones in its own way',
      spec: affinityOf([{ key: 'topology.gke.io/zone', operator: 'In', values: ['a'] }]),
      view: { zones: ['a'] },
    },
    { name: 'with a way besides its zones', spec: affinityOf(zone('a'), []), view: {} },
    {
      name: 'of a zone that it must not be in',
      spec: affinityOf([{ key: zoneLabel, operator: 'NotIn', values: ['a'] }]),
      view: {},
    },
  ])('$name is told with what is known', ({ spec, view }) => {
    expect(volumeView({ spec })).toEqual(view);
  });
});
