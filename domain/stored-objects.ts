// Objects of kinds of which a later minor takes a version away: who wrote them last in that
// version. An API server converts what is stored, and so nothing of them is lost; who wrote them
// is lost, if it goes on as before. Evidence only.
// Authority: metadata.managedFields (kubernetes.io/docs/reference/using-api/server-side-apply), and
// the annotation of kubectl apply.

import type { Knowledge } from './knowledge/knowledge';
import { minorFiles } from './knowledge/lookups';
import type { Problem } from './observation';
import type { KubeMinor } from './versions';
import { compareMinors } from './versions';

/** A kind that is listed, and those of its versions that go. */
export interface StoredKind {
  readonly group: string;
  /** `flowschemas`. */
  readonly resource: string;
  readonly kind: string;
  /** `flowcontrol.apiserver.k8s.io/v1beta2`; what goes first comes first. */
  readonly apiVersions: readonly string[];
}

/** One object, written in a version that goes. */
export interface StoredUse {
  readonly apiVersion: string;
  readonly kind: string;
  /** `exempt`, `web/claim`. */
  readonly object: string;
  /** Field managers, and `last-applied` for what stands in the annotation of kubectl. */
  readonly writers: readonly string[];
}

/** In the place of a resource, where it could not be told which there are. */
export const anyKind = 'whatever it takes away';

export interface StoredObjectsObservation {
  /** The last minor of which it was looked for what it takes away; absent: the next one. */
  readonly until?: KubeMinor;
  readonly uses: readonly StoredUse[];
  /** `flowschemas.flowcontrol.apiserver.k8s.io`, or `anyKind`. */
  readonly unlisted: readonly { readonly resource: string; readonly problem: Problem }[];
}

/**
 * What is to be listed in a cluster of the minor `after`: kinds of which a later one, up to the
 * minor `until`, takes a version away.
 */
export function storedKindsFor(
  knowledge: Knowledge,
  { after, until }: { readonly after: KubeMinor; readonly until: KubeMinor },
): readonly StoredKind[] {
  const kinds = new Map<string, StoredKind>();
  const entries = minorFiles(knowledge)
    .filter(({ minor }) => compareMinors(minor, after) > 0 && compareMinors(minor, until) <= 0)
    .flatMap(({ minor, apis = [] }) => apis.filter(({ removed }) => removed === minor));
  for (const { group, version, kind, resource, scope } of entries) {
    const isStored = scope === undefined && resource !== undefined && !resource.includes('/');
    if (!isStored) continue;
    const name = resourceText({ group, resource });
    const apiVersions = [...(kinds.get(name)?.apiVersions ?? []), `${group}/${version}`];
    kinds.set(name, { group, resource, kind, apiVersions });
  }
  return [...kinds.values()];
}

/** `flowschemas.flowcontrol.apiserver.k8s.io`. */
export function resourceText({ group, resource }: Pick<StoredKind, 'group' | 'resource'>): string {
  return `${resource}.${group}`;
}

/**
 * By which version to list a kind: one that stays, else the one that goes last. A request for what
 * the next minor takes away counts as use of it (deprecated-apis.ts), also when it is our own.
 * `served`: as the API server prefers them.
 */
export function versionToList(
  { group, apiVersions }: StoredKind,
  served: readonly string[],
): string | undefined {
  const whenGone = (version: string): number => {
    const at = apiVersions.indexOf(`${group}/${version}`);
    return at < 0 ? apiVersions.length : at;
  };
  return served.toSorted((a, b) => whenGone(b) - whenGone(a))[0];
}

/** The API server's own: what it writes goes with it. */
const ownWriters = /^(api-priority-and-fairness-config-|kube-apiserver$)/;

interface Metadata {
  readonly name?: string;
  readonly namespace?: string;
  readonly managedFields?: readonly { readonly apiVersion?: string; readonly manager?: string }[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Of one object, by its metadata. */
export function usesOf(
  { name = '', namespace, managedFields = [], annotations = {} }: Metadata,
  { kind, apiVersions }: Pick<StoredKind, 'kind' | 'apiVersions'>,
): readonly StoredUse[] {
  const applied = annotations['kubectl.kubernetes.io/last-applied-configuration'];
  const written = [
    ...managedFields.map(({ apiVersion, manager = '' }) => ({ apiVersion, writer: manager })),
    ...(applied === undefined
      ? []
      : [{ apiVersion: appliedVersion(applied), writer: 'last-applied' }]),
  ];
  return apiVersions.flatMap((apiVersion) => {
    const writers = written
      .filter((one) => one.apiVersion === apiVersion && !ownWriters.test(one.writer))
      .map(({ writer }) => writer);
    if (writers.length === 0) return [];
    const object = namespace === undefined ? name : `${namespace}/${name}`;
    return [{ apiVersion, kind, object, writers: [...new Set(writers)] }];
  });
}

/** Undefined for what kubectl has not written. */
function appliedVersion(applied: string): string | undefined {
  try {
    const object: unknown = JSON.parse(applied);
    const has = typeof object === 'object' && object !== null && 'apiVersion' in object;
    return has && typeof object.apiVersion === 'string' ? object.apiVersion : undefined;
  } catch {
    return undefined;
  }
}
