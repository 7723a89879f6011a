import { volumeFindings } from '../../../domain/preflight/preflight-volumes';
import { findingSentence } from '../../../domain/status/sentences';
import type { KubeVersion } from '../../../domain/versions';
import type { VolumeInUse, VolumesObservation } from '../../../domain/volumes-in-use';

const version = (text: string): KubeVersion => text as KubeVersion;

function found(seen: Partial<VolumesObservation>, from = '1.30.14', to = '1.31.14') {
  const volumes = { uses: [], drivers: [], unlisted: [], ...seen };
  const hop = { from: version(from), to: version(to) };
  return volumeFindings({ observation: { volumes }, hop }).map(
    (finding) => [finding.code, finding.severity, findingSentence(finding)] as const,
  );
}

const volume = (field: string, name: string): VolumeInUse => ({
  field,
  kind: 'PersistentVolume',
  name,
});

it('there is no finding where nobody looked, and where no such volume is', () => {
  const hop = { from: version('1.30.14'), to: version('1.31.14') };
  expect(volumeFindings({ observation: {}, hop })).toEqual([]);
  expect(found({})).toEqual([]);
});

it('volumes that nothing will mount block the hop that takes their driver', () => {
  const uses = [volume('rbd', 'pv-2'), volume('rbd', 'pv-1'), volume('azureFile', 'pv-3')];
  expect(found({ uses })).toEqual([
    [
      'volume-driver-missing',
      'blocks',
      'volume type rbd: PersistentVolume pv-1, PersistentVolume pv-2: 1.31 has no driver for it;' +
        ' no kubelet of that minor mounts it - move the data to a volume of a CSI driver before' +
        ' the hop',
    ],
  ]);
  expect(found({ uses }, '1.31.14', '1.32.13')).toEqual([]);
});

describe('where a CSI driver takes over', () => {
  const uses: readonly VolumeInUse[] = [{ field: 'azureFile', kind: 'StorageClass', name: 'file' }];
  const hop = ['1.29.15', '1.30.14'] as const;

  it('a class without it is told of', () => {
    expect(found({ uses }, ...hop)).toEqual([
      [
        'volume-driver-missing',
        'warns',
        'volume type azureFile: StorageClass file: 1.30 has no driver for it but' +
          ' file.csi.azure.com, which is not installed; no kubelet of that minor mounts it -' +
          ' install the CSI driver file.csi.azure.com before the hop',
      ],
    ]);
  });

  it('nothing is found with it', () => {
    expect(found({ uses, drivers: ['file.csi.azure.com'] }, ...hop)).toEqual([]);
  });

  it('what could not be listed is told, and no more', () => {
    const problem = { code: 'forbidden', message: 'listing csidrivers: no' } as const;
    const volumes = { uses, unlisted: [{ list: 'csidrivers', problem }] } as const;
    const [from, to] = hop.map(version) as [KubeVersion, KubeVersion];
    const findings = volumeFindings({ observation: { volumes }, hop: { from, to } });
    expect(findings.map(findingSentence)).toEqual([
      'cluster: volumes whose driver goes were not looked for: listing csidrivers: no - allow the' +
        ' worker to list csidrivers: deploy/rbac/planner.yaml has the rule',
    ]);
  });
});
