// Which objects the catalogue has anything to say of: of a large cluster only those are kept.

import type { Knowledge } from '../knowledge/knowledge';
import type { ManifestObject } from './scan-findings';

/** Whether the API version of an object is one that some minor removes or deprecates. */
export function knownObjects(
  knowledge: Knowledge,
): (object: Pick<ManifestObject, 'apiVersion' | 'kind'>) => boolean {
  const known = new Set(
    knowledge.flatMap(({ apis = [] }) =>
      apis.map(
        ({ group, version, kind }) => `${group === '' ? '' : `${group}/`}${version} ${kind}`,
      ),
    ),
  );
  return ({ apiVersion, kind }) =>
    known.has(`${apiVersion} ${kind}`) || known.has(`${apiVersion} *`);
}
