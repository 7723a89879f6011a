import type { HelmRelease, HelmReleasesObservation } from '../../../domain/helm-releases';
import { helmFindings } from '../../../domain/preflight/preflight-helm';
import type { ManifestObject } from '../../../domain/scan/scan-findings';
import { findingSentence } from '../../../domain/status/sentences';
import type { KubeVersion } from '../../../domain/versions';

const version = (text: string): KubeVersion => text as KubeVersion;
const hop = { from: version('1.28.15'), to: version('1.29.15') };
const nothing: HelmReleasesObservation = { releases: [], unread: [], unlisted: [], leftOut: 0 };

const objectOf = (apiVersion: string, kind: string, name?: string): ManifestObject => ({
  apiVersion,
  kind,
  ...(name === undefined ? {} : { name }),
  place: { file: 'shop/templates/a.yaml', line: 3 },
  volumes: [],
});
const flowSchema = (version_: string, name?: string): ManifestObject =>
  objectOf(`flowcontrol.apiserver.k8s.io/${version_}`, 'FlowSchema', name);

const release = (...objects: readonly ManifestObject[]): HelmRelease => ({
  name: 'web/shop',
  revision: 3,
  chart: 'shop-1.2.3',
  objects,
});

const found = (other: Partial<HelmReleasesObservation>, to = hop.to) =>
  helmFindings({
    observation: { helmReleases: { ...nothing, ...other } },
    hop: { ...hop, to },
  }).map((finding) => [finding.code, finding.severity, findingSentence(finding)] as const);

describe('a Helm release', () => {
  it('is not looked for where nobody asks', () => {
    expect(helmFindings({ observation: {}, hop })).toEqual([]);
  });

  it('is fit while the target serves everything of it', () => {
    expect(found({ releases: [release(objectOf('v1', 'Secret', 's'))] })).toEqual([]);
  });

  it('is told of with what the hop takes away', () => {
    expect(found({ releases: [release(flowSchema('v1beta2', 'shop'))] })).toEqual([
      [
        'helm-api-removed',
        'warns',
        'Helm release web/shop: revision 3 (chart shop-1.2.3) has what 1.29 does not serve:' +
          ' flowcontrol.apiserver.k8s.io/v1beta2 FlowSchema shop (shop/templates/a.yaml);' +
          ' helm upgrade and rollback of it fail from then on -' +
          ' write it as flowcontrol.apiserver.k8s.io/v1 FlowSchema' +
          ' (use v1beta3 (1.26+) or v1 (1.29+)), in a new revision;' +
          ' else: helm mapkubeapis shop -n web',
      ],
    ]);
  });

  it('is told of with what went before the path began', () => {
    const { chart: _, ...chartless } = release(objectOf('policy/v1beta1', 'PodSecurityPolicy'));
    expect(found({ releases: [chartless] }).map(([code, , text]) => [code, text])).toEqual([
      ['helm-api-removed', expect.stringContaining('shop: revision 3 has what 1.29') as string],
    ]);
  });

  it('is told of with what goes later', () => {
    expect(found({ releases: [release(flowSchema('v1beta3'))] })).toEqual([
      [
        'helm-api-deprecated',
        'notes',
        expect.stringContaining(
          'has what is deprecated: flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema (shop/',
        ),
      ],
    ]);
  });

  it.each([
    ['corrupt', 'is not as Helm writes it'],
    ['too-large', 'is larger than is read'],
    ['too-deep', 'is nested too deeply'],
    ['manifest-unread', 'has a manifest that is not readable as YAML'],
  ] as const)('that is %s is named', (flaw, text) => {
    expect(found({ unread: [{ name: 'web/shop', revision: 3, flaw }] })).toEqual([
      [
        'helm-release-unread',
        'warns',
        `Helm release web/shop: its revision 3 ${text}: which APIs it has is not known -` +
          ' see it by hand: helm get manifest shop -n web',
      ],
    ]);
  });
});

it('says what may not be read, and which rule allows it', () => {
  const problem = { code: 'forbidden', message: 'listing secrets of Helm: no' } as const;
  expect(found({ unlisted: [{ store: 'secrets', problem }] })).toEqual([
    [
      'helm-releases-unobserved',
      'warns',
      'cluster: Helm releases that are kept in secrets were not looked at:' +
        ' listing secrets of Helm: no - allow it to get and list secrets:' +
        ' deploy/rbac/helm.yaml has the rule; or take helmReleases out of the access file',
    ],
  ]);
});

it('says how many were not looked at', () => {
  expect(found({ leftOut: 2 })).toEqual([
    [
      'helm-releases-left-out',
      'warns',
      'cluster: 2 Helm releases not looked at: there are more than are read -' +
        ' scan those by hand: helm get manifest NAME -n NAMESPACE | ascent scan -',
    ],
  ]);
});

describe('of a minor that the catalogue does not have', () => {
  const to = version('1.99.0');

  it('says so', () => {
    expect(found({ releases: [release()] }, to)).toEqual([
      [
        'removed-apis-unknown',
        'notes',
        'cluster: which APIs 1.99 removes is not known: the catalogue has no file of this minor' +
          ' - take a newer Ascent, or read the notes of that minor',
      ],
    ]);
  });

  it('says nothing where there is no release', () => {
    expect(found({}, to)).toEqual([]);
  });
});
