// Seeds of the safety test: the same one makes the same situation, together they make all forms.

import { readFileSync } from 'node:fs';

import { manifestsOf, rightOf, rightsOf, rightText, withoutEach } from '../service-accounts';
import { documentedRights, rightsPage } from './engine-account';
import { faultKinds } from './faults';
import type { Scene } from './situation';
import { situationOf } from './situation';

const scene = (seed: string): Scene => ({
  seed,
  cluster: 'safety',
  target: '1.30.14',
  nodes: ['worker-01', 'worker-02', 'worker-03'],
  zones: ['zone-a', 'zone-b'],
});
const many = Array.from({ length: 200 }, (_, index) => situationOf(scene(`pools-${index}`)));
const distinct = (values: readonly (string | undefined)[]): readonly string[] =>
  [...new Set(values.map(String))].toSorted();

describe('a situation of the safety test', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(situationOf(scene('pools-7'))).toEqual(many[7]);
    expect(situationOf(scene('pools-8'))).not.toEqual(many[7]);
  });

  it('has budgets of every form', () => {
    const forms = many.flatMap(({ budgets }) => budgets.map(({ form }) => form));
    const texts = forms.map(({ minAvailable, maxUnavailable }) =>
      minAvailable === undefined
        ? `maxUnavailable ${typeof maxUnavailable}`
        : `minAvailable ${typeof minAvailable}`,
    );
    expect(distinct(texts)).toEqual([
      'maxUnavailable number',
      'maxUnavailable string',
      'minAvailable number',
      'minAvailable string',
    ]);
    expect(distinct(forms.map((form) => form.unhealthyPodEvictionPolicy))).toEqual([
      'AlwaysAllow',
      'IfHealthyBudget',
      'undefined',
    ]);
  });

  it('has workloads of every kind, and every fault', () => {
    expect(distinct(many.flatMap(({ workloads }) => workloads.map(({ kind }) => kind)))).toEqual([
      'Deployment',
      'Job',
      'Pod',
      'StatefulSet',
    ]);
    const faults = many.flatMap((situation) => situation.faults);
    expect(distinct(faults.map(({ action }) => action.kind))).toEqual(faultKinds.toSorted());
  });
});

describe('the rights that a page asks for', () => {
  const page = (rights: string): string =>
    `## Access\n\n### Rights in the cluster\n\n${rights}\n\n## The worker\n\nnodes: delete\n`;

  it('are read resource by resource, words between them aside', () => {
    expect(
      documentedRights(
        page(
          'nodes: get,\nlist · pods/eviction: create · with a ladder also deployments: patch ·' +
            ' leases in kube-system: get · volumeattachments\n(storage.k8s.io): list ·' +
            ' URLs `/readyz/*`, `/version`: get. No Secrets.',
        ),
      ),
    ).toEqual([
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list'] },
      { apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'] },
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get'] },
      { apiGroups: ['storage.k8s.io'], resources: ['volumeattachments'], verbs: ['list'] },
      { nonResourceURLs: ['/readyz/*', '/version'], verbs: ['get'] },
    ]);
  });

  it('are those that the files of deploy/rbac give', () => {
    const files = [rightsOf.upgrader, rightsOf.upgraderSurge, rightsOf.upgraderForce];
    const given = withoutEach(files.flatMap(manifestsOf)).flatMap(
      ({ rule }) => rightOf(rule) ?? [],
    );
    const text = readFileSync(rightsPage, 'utf8');
    const told = documentedRights(text).flatMap(({ apiGroups: [group] = [], resources, verbs }) =>
      (resources ?? []).flatMap((one) => verbs.map((verb) => rightText(verb, one, group))),
    );
    expect(told.toSorted()).toEqual(given.toSorted());
  });

  it('are refused when nobody knows the group of a resource', () => {
    expect(() => documentedRights(page('gizmos: get'))).toThrow('of which API group is gizmos?');
  });
});
