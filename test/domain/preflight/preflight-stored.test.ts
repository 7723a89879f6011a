import { storedFindings } from '../../../domain/preflight/preflight-stored';
import { findingSentence } from '../../../domain/status/sentences';
import type { StoredObjectsObservation, StoredUse } from '../../../domain/stored-objects';
import { anyKind } from '../../../domain/stored-objects';
import type { KubeMinor, KubeVersion } from '../../../domain/versions';

const version = (text: string): KubeVersion => text as KubeVersion;

function found(seen: Partial<StoredObjectsObservation>, from = '1.28.15', to = '1.29.15') {
  const storedObjects = { uses: [], unlisted: [], ...seen };
  const hop = { from: version(from), to: version(to) };
  return storedFindings({ observation: { storedObjects }, hop }).map(
    (finding) => [finding.code, finding.severity, findingSentence(finding)] as const,
  );
}

const group = 'flowcontrol.apiserver.k8s.io';
const use = (object: string, ...writers: readonly string[]): StoredUse => ({
  apiVersion: `${group}/v1beta2`,
  kind: 'FlowSchema',
  object,
  writers,
});

it('there is no finding where nobody looked, and where nobody wrote', () => {
  const hop = { from: version('1.28.15'), to: version('1.29.15') };
  expect(storedFindings({ observation: {}, hop })).toEqual([]);
  expect(found({})).toEqual([]);
});

it('objects that were written in what the hop takes away are told of, with who wrote them', () => {
  expect(found({ uses: [use('b', 'helm'), use('a', 'kubectl', 'helm')] })).toEqual([
    [
      'stored-api-removed',
      'warns',
      `API ${group}/v1beta2 FlowSchema: 2 objects were written in it (a, b) by helm, kubectl;` +
        ' 1.29 does not serve it - have who writes them use' +
        ` ${group}/v1 FlowSchema; objects stay, and are converted`,
    ],
  ]);
});

it('where nothing takes its place, that is said', () => {
  const cidr = { apiVersion: 'networking.k8s.io/v1alpha1', kind: 'ClusterCIDR' };
  expect(found({ uses: [{ ...use('a', 'ops'), ...cidr }] })).toEqual([
    [
      'stored-api-removed',
      'warns',
      'API networking.k8s.io/v1alpha1 ClusterCIDR: 1 object was written in it (a) by ops;' +
        ' 1.29 does not serve it - have who writes them stop: nothing takes its place;' +
        ' objects stay, and are converted',
    ],
  ]);
});

it.each([
  ['went before', '1.29.15', '1.30.14'],
  ['goes later', '1.27.16', '1.28.15'],
])('what %s is not told of', (_, from, to) => {
  expect(found({ uses: [use('a', 'helm')] }, from, to)).toEqual([]);
});

it('says what may not be listed', () => {
  const problem = { code: 'forbidden', message: 'listing it: no' } as const;
  const resource = `flowschemas.${group}`;
  expect(found({ unlisted: [{ resource, problem }] })).toEqual([
    [
      'stored-objects-unobserved',
      'warns',
      `cluster: who writes objects of ${resource} was not looked at: listing it: no -` +
        ` allow the worker to list ${resource}, as deploy/rbac/planner.yaml does for others`,
    ],
  ]);
});

it('says at its own hop what may not be listed, and at each what nobody could tell', () => {
  const problem = { code: 'forbidden', message: 'no' } as const;
  const unlisted = ['ipaddresses.networking.k8s.io', anyKind, `flowschemas.${group}`].map(
    (resource) => ({ resource, problem }),
  );
  const at = (from: string, to: string) =>
    found({ until: '1.36' as KubeMinor, unlisted }, from, to).map(([, , text]) =>
      text.slice('cluster: who writes objects of '.length, text.indexOf(' was not')),
    );
  expect(at('1.28.15', '1.29.15')).toEqual([anyKind, `flowschemas.${group}`]);
  expect(at('1.29.15', '1.30.14')).toEqual([anyKind]);
  expect(at('1.30.14', '1.31.14')).toEqual(['ipaddresses.networking.k8s.io', anyKind]);
});

it('says what was not looked at, of a hop that an observation does not reach', () => {
  const until = '1.31' as KubeMinor;
  expect(found({ until }, '1.30.14', '1.31.14')).toEqual([]);
  expect(found({ until }, '1.32.13', '1.32.14')).toEqual([]);
  expect(found({ until }, '1.31.14', '1.32.13')).toEqual([
    [
      'stored-objects-unobserved',
      'notes',
      'cluster: who writes objects in versions that 1.32 takes away was not looked at:' +
        ` flowschemas.${group}, leasecandidates.coordination.k8s.io,` +
        ' podschedulingcontexts.resource.k8s.io and 4 more -' +
        ' look at the cluster again: ascent observe',
    ],
  ]);
});
