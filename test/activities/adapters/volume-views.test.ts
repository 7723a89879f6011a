import type { V1PersistentVolumeSpec, V1VolumeAttachmentSource } from '@kubernetes/client-node';

import { nodeView, podView } from '../../../activities/adapters/kube-views';
import { attachmentView, volumeView } from '../../../activities/adapters/volume-views';

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
  ])('$name is told with what is known', ({ spec, view }) => {
    expect(volumeView({ spec })).toEqual(view);
  });
});
