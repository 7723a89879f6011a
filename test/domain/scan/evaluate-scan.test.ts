import type { Knowledge, MinorKnowledge } from '../../../domain/knowledge/knowledge';
import { shippedKnowledge } from '../../../domain/knowledge/shipped';
import { evaluateScan } from '../../../domain/scan/evaluate-scan';
import type { ManifestObject, ScanRange } from '../../../domain/scan/scan-findings';
import { scanChecks, skipReasons } from '../../../domain/scan/scan-findings';
import type { KubeMinor } from '../../../domain/versions';

const minor = (text: string): KubeMinor => text as KubeMinor;

function anObject(apiVersion: string, kind: string, more: Partial<ManifestObject> = {}) {
  return { place: { file: 'a.yaml', line: 3 }, apiVersion, kind, volumes: [], ...more };
}

function rangeOf(text: string): ScanRange {
  const [first = '', last] = text.split('..');
  return last === undefined ? { to: minor(first) } : { from: minor(first), to: minor(last) };
}

function found(
  objects: readonly ManifestObject[],
  range: string,
  knowledge: Knowledge = shippedKnowledge,
) {
  return evaluateScan({ objects, skipped: [], knowledge, range: rangeOf(range) });
}

const told = (...args: Parameters<typeof found>) =>
  found(...args).map(({ check, severity, evidence, why }) => [check, severity, evidence, why]);

const flow = (version: string) => `flowcontrol.apiserver.k8s.io/${version}`;

describe('objects of files', () => {
  it('are told with all that is known of them', () => {
    const object = anObject('networking.k8s.io/v1beta1', 'Ingress', {
      name: 'shop',
      namespace: 'web',
    });
    expect(found([object], '1.28..1.31')).toEqual([
      {
        check: 'api-removed',
        severity: 'blocks',
        object: {
          place: { file: 'a.yaml', line: 3 },
          apiVersion: 'networking.k8s.io/v1beta1',
          kind: 'Ingress',
          namespace: 'web',
          name: 'shop',
        },
        evidence: 'networking.k8s.io/v1beta1 Ingress',
        why:
          'an API server of 1.28 does not serve it, since 1.22 already, and so before the path' +
          ' begins',
        remedy:
          'write it as networking.k8s.io/v1 Ingress (v1 changes backend structure' +
          ' (service.name/port), pathType mandatory)',
        source: 'https://kubernetes.io/docs/reference/using-api/deprecation-guide/',
      },
    ]);
  });

  it.each([
    [
      flow('v1beta2'),
      'FlowSchema',
      '1.28',
      'warns',
      'deprecated since 1.26; 1.29 will not have it',
    ],
    [
      flow('v1beta2'),
      'FlowSchema',
      '1.29',
      'blocks',
      'an API server of 1.29 does not serve it any more',
    ],
    [
      flow('v1beta2'),
      'FlowSchema',
      '1.28..1.31',
      'blocks',
      'an API server of 1.29 does not serve it any more',
    ],
    ['v1', 'Endpoints', '1.33', 'warns', 'deprecated since 1.33; no removal is planned'],
    [
      'kubescheduler.config.k8s.io/v1beta3',
      'KubeSchedulerConfiguration',
      '1.30',
      'blocks',
      'kube-scheduler of 1.29 does not read it any more',
    ],
    [
      'kubeadm.k8s.io/v1beta3',
      'InitConfiguration',
      '1.36',
      'warns',
      'deprecated since 1.31; 1.37 will not have it',
    ],
  ])('%s %s for %s: %s, %s', (apiVersion, kind, range, severity, why) => {
    const check = severity === 'blocks' ? 'api-removed' : 'api-deprecated';
    expect(told([anObject(apiVersion, kind)], range)).toEqual([
      [check, severity, `${apiVersion} ${kind}`, why],
    ]);
  });

  it.each([
    [flow('v1'), 'FlowSchema', '1.36'],
    [flow('v1beta3'), 'FlowSchema', '1.28'],
    ['v1', 'Pod', '1.37'],
    ['v1', 'Endpoints', '1.32'],
    ['example.com/v1beta1', 'Thing', '1.37'],
  ])('are not told where %s %s is served in %s', (apiVersion, kind, range) => {
    expect(found([anObject(apiVersion, kind)], range)).toEqual([]);
  });

  it('are told as planned where the catalogue has no file of the removing minor', () => {
    const object = anObject('storagemigration.k8s.io/v1beta1', 'StorageVersionMigration');
    expect(told([object], '1.39..1.40').filter(([check]) => check !== 'minor-unknown')).toEqual([
      [
        'api-deprecated',
        'warns',
        'storagemigration.k8s.io/v1beta1 StorageVersionMigration',
        'deprecated since 1.37; 1.40 will not have it',
      ],
    ]);
  });

  it('are told without a replacement where there is none, or without who reads them', () => {
    const file: MinorKnowledge = {
      schema: 'ascent.knowledge/v1',
      minor: minor('1.30'),
      sources: {},
      known: ['apis'],
      apis: [
        {
          group: 'a.io',
          version: 'v1',
          kind: 'Config',
          removed: minor('1.30'),
          scope: 'file',
          source: 'KEP-1',
        },
      ],
    };
    const [finding] = found([anObject('a.io/v1', 'Config')], '1.30', [file]);
    expect(finding).toMatchObject({
      why: 'the component that reads it of 1.30 does not read it any more',
      remedy: 'take it out; nothing takes its place',
      source: 'KEP-1',
    });
  });

  it('are looked at for volumes whose drivers were taken out', () => {
    const volumes = [
      { field: 'name', line: 8 },
      { field: 'rbd', line: 9 },
      { field: 'azureFile', line: 10 },
      { field: 'portworxVolume', line: 11 },
    ];
    const storage = [{ provisioner: 'kubernetes.io/aws-ebs', line: 4 }];
    const findings = found(
      [
        anObject('v1', 'Pod', { volumes }),
        anObject('storage.k8s.io/v1', 'StorageClass', { volumes: storage }),
      ],
      '1.31',
    );
    expect(
      findings.map(({ object, evidence, why, remedy }) => [
        object.place?.line,
        evidence,
        why,
        remedy,
      ]),
    ).toEqual([
      [
        4,
        'provisioner kubernetes.io/aws-ebs',
        '1.27 took its driver out of Kubernetes; only a CSI driver mounts it in 1.31',
        'see that the CSI driver ebs.csi.aws.com is installed',
      ],
      [
        9,
        'a volume of type rbd',
        '1.31 took its driver out of Kubernetes, and nothing mounts it in 1.31',
        'move the data to a volume of a CSI driver before that hop',
      ],
      [
        10,
        'a volume of type azureFile',
        '1.30 took its driver out of Kubernetes; only a CSI driver mounts it in 1.31',
        'see that the CSI driver file.csi.azure.com is installed',
      ],
    ]);
  });
});

describe('a scan', () => {
  it('tells every minor of the path that is not known', () => {
    expect(found([], '1.37..1.39').map(({ evidence }) => evidence)).toEqual([
      'removed APIs are not known for 1.38: the catalogue has no file of this minor',
      'removed APIs are not known for 1.39: the catalogue has no file of this minor',
    ]);
    expect(found([], '1.26..1.37')).toEqual([]);
  });

  it('orders by severity, file, line and check', () => {
    const at = (file: string, line: number) => ({ place: { file, line } });
    const objects = [
      anObject('v1', 'Endpoints', { ...at('a', 1), volumes: [{ field: 'rbd', line: 1 }] }),
      anObject(flow('v1beta2'), 'FlowSchema', at('b', 9)),
      anObject(flow('v1beta2'), 'FlowSchema', at('b', 2)),
      anObject(flow('v1beta2'), 'FlowSchema', at('a', 7)),
      anObject(flow('v1beta1'), 'FlowSchema', at('a', 7)),
    ];
    const order = found(objects, '1.39').map(
      ({ check, object: { place, apiVersion } }) =>
        `${check} ${place?.file}:${place?.line} ${apiVersion}`,
    );
    expect(order).toEqual([
      `api-removed a:7 ${flow('v1beta1')}`,
      `api-removed a:7 ${flow('v1beta2')}`,
      `api-removed b:2 ${flow('v1beta2')}`,
      `api-removed b:9 ${flow('v1beta2')}`,
      'minor-unknown undefined:undefined undefined',
      'api-deprecated a:1 v1',
      'volume-removed a:1 v1',
    ]);
  });

  it.each(skipReasons)('tells what was skipped: %s', (reason) => {
    const place = { file: 'a.yaml', line: 2 };
    const skipped = [
      { place, isDocument: false, reason },
      { place, isDocument: true, reason, detail: 'why' },
    ];
    const input = { objects: [], skipped, knowledge: shippedKnowledge, range: rangeOf('1.31') };
    const findings = evaluateScan(input);
    const checks = findings.map(({ check }) => check).toSorted();
    expect(checks).toEqual(['document-skipped', 'file-skipped']);
    const [document] = findings.filter(({ check }) => check === 'document-skipped');
    expect(document?.evidence).toMatch(/^it .* \(why\)$/);
  });

  it('has a name for every check', () => {
    expect(new Set(scanChecks).size).toBe(6);
  });
});
