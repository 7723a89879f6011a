import { shippedKnowledge } from '../../domain/knowledge/shipped';
import { knownObjects } from '../../domain/scan/known-objects';
import { storedKindsFor, usesOf, versionToList } from '../../domain/stored-objects';
import type { KubeMinor } from '../../domain/versions';

const between = (after: string, until: string) => ({
  after: after as KubeMinor,
  until: until as KubeMinor,
});
const kindsFor = (after: string, until: string) =>
  storedKindsFor(shippedKnowledge, between(after, until)).map(
    ({ resource, apiVersions }) => `${resource} ${apiVersions.join(', ')}`,
  );

it.each([
  [
    '1.28',
    '1.29',
    [
      'flowschemas flowcontrol.apiserver.k8s.io/v1beta2',
      'prioritylevelconfigurations flowcontrol.apiserver.k8s.io/v1beta2',
      'clustercidrs networking.k8s.io/v1alpha1',
    ],
  ],
  ['1.29', '1.30', []],
  ['1.98', '1.99', []],
])('on the way from %s to %s are listed %j', (after, until, kinds) => {
  expect(kindsFor(after, until)).toEqual(kinds);
});

it('a kind that loses several versions on the way is listed once, what goes first before', () => {
  expect(kindsFor('1.28', '1.36').filter((kind) => /^(flow|volumeatt)/.test(kind))).toEqual([
    'flowschemas flowcontrol.apiserver.k8s.io/v1beta2, flowcontrol.apiserver.k8s.io/v1beta3',
    'volumeattributesclasses storage.k8s.io/v1alpha1',
  ]);
});

it('one kind is listed once, and neither what is sent nor what lies in files', () => {
  const entry = { group: 'a.io', removed: '1.29' as KubeMinor, source: 'a', kind: 'Thing' };
  const file = {
    schema: 'ascent.knowledge/v1',
    minor: '1.29' as KubeMinor,
    sources: {},
    known: ['apis'],
    apis: [
      { ...entry, version: 'v1alpha1', resource: 'things' },
      { ...entry, version: 'v1beta1', resource: 'things' },
      { ...entry, version: 'v1', resource: 'things/scale' },
      { ...entry, version: 'v1', kind: 'Review', resource: 'reviews', scope: 'wire' },
      { ...entry, version: 'v1', kind: '*' },
      { ...entry, version: 'v2', resource: 'things', removed: '1.31' as KubeMinor },
    ],
  } as const;
  expect(storedKindsFor([file], between('1.28', '1.29'))).toEqual([
    {
      group: 'a.io',
      resource: 'things',
      kind: 'Thing',
      apiVersions: ['a.io/v1alpha1', 'a.io/v1beta1'],
    },
  ]);
  expect(storedKindsFor([{ ...file, apis: undefined } as never], between('1.28', '1.29'))).toEqual(
    [],
  );
});

const kind = { kind: 'Thing', apiVersions: ['a.io/v1beta1'] };
const last = 'kubectl.kubernetes.io/last-applied-configuration';
const use = { apiVersion: 'a.io/v1beta1', kind: 'Thing', object: 'web/one' };
const own = { name: 'one', namespace: 'web' };

it.each([
  ['nobody says who', {}, []],
  ['somebody wrote another version', { managedFields: [{ apiVersion: 'a.io/v1' }] }, []],
  [
    'somebody wrote it, twice',
    {
      managedFields: [
        { apiVersion: 'a.io/v1beta1', manager: 'helm' },
        { apiVersion: 'a.io/v1beta1', manager: 'helm' },
      ],
    },
    [{ ...use, writers: ['helm'] }],
  ],
  [
    'somebody without a name wrote it',
    { managedFields: [{ apiVersion: 'a.io/v1beta1' }] },
    [{ ...use, writers: [''] }],
  ],
  [
    'the API server wrote it for itself',
    {
      managedFields: [
        {
          apiVersion: 'a.io/v1beta1',
          manager: 'api-priority-and-fairness-config-producer-v1',
        },
      ],
    },
    [],
  ],
  [
    'the API server wrote it under its own name',
    { managedFields: [{ apiVersion: 'a.io/v1beta1', manager: 'kube-apiserver' }] },
    [],
  ],
  [
    'kubectl applied it',
    { annotations: { [last]: '{"apiVersion":"a.io/v1beta1","kind":"Thing"}' } },
    [{ ...use, writers: ['last-applied'] }],
  ],
  ['kubectl applied another version', { annotations: { [last]: '{"apiVersion":"a.io/v1"}' } }, []],
  ['the annotation is no JSON', { annotations: { [last]: '{"apiVersion"' } }, []],
  ['the annotation is no object', { annotations: { [last]: 'null' } }, []],
  ['the annotation is a text', { annotations: { [last]: '"a.io/v1beta1"' } }, []],
  ['the annotation has no version', { annotations: { [last]: '{}' } }, []],
  ['the version is no text', { annotations: { [last]: '{"apiVersion":1}' } }, []],
  ['there are other annotations', { annotations: { other: 'yes' } }, []],
])('of an object where %s the uses are known', (_, metadata, uses) => {
  expect(usesOf({ ...own, ...metadata }, kind)).toEqual(uses);
});

it('an object of the cluster has its name alone', () => {
  const managedFields = [{ apiVersion: 'a.io/v1beta1', manager: 'helm' }];
  expect(usesOf({ name: 'one', managedFields }, kind)).toMatchObject([{ object: 'one' }]);
  expect(usesOf({ managedFields }, kind)).toMatchObject([{ object: '' }]);
});

it.each([
  ['flowcontrol.apiserver.k8s.io/v1beta2', 'FlowSchema', true],
  ['flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', false],
  ['v1', 'Secret', false],
  // Every kind of it.
  ['output.kubeadm.k8s.io/v1alpha2', 'Anything', true],
])('the catalogue has something to say of %s %s: %s', (apiVersion, name, is) => {
  expect(knownObjects(shippedKnowledge)({ apiVersion, kind: name })).toBe(is);
});

it.each([
  { served: ['v1beta3', 'v1beta2'], by: 'v1beta3' },
  { served: ['v1beta2', 'v1beta3'], by: 'v1beta3' },
  { served: ['v1beta2', 'v1beta3', 'v1', 'v2'], by: 'v1' },
  { served: ['v1beta2'], by: 'v1beta2' },
  { served: [], by: undefined },
])('lists a kind that is served as $served by what goes last, if at all', ({ served, by }) => {
  const apiVersions = ['a.io/v1beta2', 'a.io/v1beta3'];
  const kind = { group: 'a.io', resource: 'things', kind: 'Thing', apiVersions };
  expect(versionToList(kind, served)).toBe(by);
});
