// The part of the preflight that looks at versions of CustomResourceDefinitions: objects that are
// stored in one that nobody serves cannot be read as what they are.
// Authority: kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/
// custom-resource-definition-versioning.

import type { DefinitionObservation } from '../api-extensions';
import { boundedList } from '../lists';
import type { Observation } from '../observation';
import type { Finding } from './findings';

export function definitionFindings({
  extensions,
}: Pick<Observation, 'extensions'>): readonly Finding[] {
  return (extensions?.definitions ?? []).flatMap((one) => [
    ...storedFindings(one),
    ...unservedFindings(one),
  ]);
}

function storedFindings({
  name,
  versions,
  storedVersions,
}: DefinitionObservation): readonly Finding[] {
  const storage = versions.find((version) => version.storage)?.name;
  const stale = storedVersions.filter(
    (stored) =>
      stored !== storage && !versions.some((version) => version.name === stored && version.served),
  );
  if (stale.length === 0) return [];
  return [
    {
      code: 'definition-stored-unserved',
      severity: 'warns',
      object: { kind: 'definition', name },
      message:
        `objects may still be stored as ${boundedList(stale)}, which is not served any more:` +
        ' a release of its add-on that takes that version out is refused',
      remedy:
        `write each of its objects once, so that it is stored as ${storage}; then leave only that` +
        ' in status.storedVersions',
    },
  ];
}

function unservedFindings({ name, versions }: DefinitionObservation): readonly Finding[] {
  const storage = versions.find((version) => version.storage && !version.served);
  if (storage === undefined) return [];
  return [
    {
      code: 'definition-storage-unserved',
      severity: 'notes',
      object: { kind: 'definition', name },
      message: `its objects are stored as ${storage.name}, which is not served: all are converted`,
      remedy: 'nothing, while its conversion works; else serve that version',
    },
  ];
}
