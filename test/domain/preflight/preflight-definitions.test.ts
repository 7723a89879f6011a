import type { DefinitionObservation } from '../../../domain/api-extensions';
import { definitionFindings } from '../../../domain/preflight/preflight-definitions';
import { findingSentence } from '../../../domain/status/sentences';

const of = (name: string, served: boolean, storage = false) => ({ name, served, storage });

function found(one: Omit<DefinitionObservation, 'name'>) {
  const nothing = { kind: 'observed', items: [] } as const;
  const definitions = [{ name: 'things.example.com', ...one }];
  const extensions = {
    admission: nothing,
    conversion: nothing,
    aggregated: nothing,
    definitions,
  };
  return definitionFindings({ extensions }).map(
    (finding) => [finding.code, finding.severity, findingSentence(finding)] as const,
  );
}

it('definitions that nobody has listed have no findings', () => {
  const problem = { code: 'forbidden', message: 'no' } as const;
  const unseen = { kind: 'unobserved', problem } as const;
  const extensions = { admission: unseen, conversion: unseen, aggregated: unseen };
  expect(definitionFindings({ extensions })).toEqual([]);
  expect(definitionFindings({})).toEqual([]);
});

it.each([
  ['one version', [of('v1', true, true)], ['v1']],
  ['two, both served', [of('v1', true, true), of('v1beta1', true)], ['v1beta1', 'v1']],
  ['an old one that nothing is stored in', [of('v1', true, true), of('v1alpha1', false)], ['v1']],
])('a definition with %s is fit', (_, versions, storedVersions) => {
  expect(found({ versions, storedVersions })).toEqual([]);
});

it.each([
  ['is not served any more', [of('v1', true, true), of('v1beta1', false)]],
  ['is not there any more', [of('v1', true, true)]],
])('a stored version that %s is told of', (_, versions) => {
  expect(found({ versions, storedVersions: ['v1beta1', 'v1'] })).toEqual([
    [
      'definition-stored-unserved',
      'warns',
      'CustomResourceDefinition things.example.com: objects may still be stored as v1beta1,' +
        ' which is not served any more: a release of its add-on that takes that version out is' +
        ' refused - write each of its objects once, so that it is stored as v1; then leave only' +
        ' that in status.storedVersions',
    ],
  ]);
});

it('a version that objects are stored in and nobody serves is told of', () => {
  const versions = [of('v1', true), of('v1beta1', false, true)];
  expect(found({ versions, storedVersions: ['v1beta1'] })).toEqual([
    [
      'definition-storage-unserved',
      'notes',
      'CustomResourceDefinition things.example.com: its objects are stored as v1beta1, which is' +
        ' not served: all are converted - nothing, while its conversion works; else serve that' +
        ' version',
    ],
  ]);
});
