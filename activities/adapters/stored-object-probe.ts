// Who has written objects in versions that a later minor takes away, of those that are supported: a
// path is looked at as a whole. Only kinds of which one does are listed, without their contents and
// from an API server's memory; and of these only objects that somebody wrote in such a version are
// kept.
// S1. What may not be listed is told in its place; the rest still is.

import {
  ApisApi,
  CustomObjectsApi,
  type V1APIGroup,
  type V1ObjectMeta,
  VersionApi,
} from '@kubernetes/client-node';

import { shippedKnowledge } from '../../domain/knowledge/shipped';
import { newestSupportedMinor } from '../../domain/plan/releases';
import {
  anyKind,
  resourceText,
  type StoredKind,
  storedKindsFor,
  type StoredObjectsObservation,
  type StoredUse,
  usesOf,
  versionToList,
} from '../../domain/stored-objects';
import { minorOf, parseVersion } from '../../domain/versions';
import { PortError, type StoredObjectProbe } from '../ports';
import { problemOf } from '../problems';
import type { KubeConnection } from './kube-connection';
import {
  asMetadata,
  type KubeApiLimits,
  KubeRequests,
  type Page,
  type PageRequest,
} from './kube-requests';

interface ListedObject {
  readonly metadata?: V1ObjectMeta;
}

interface Listed {
  readonly metadata?: { readonly continue?: string };
  readonly items: readonly ListedObject[] | null;
}

export function createStoredObjectProbe(
  connection: KubeConnection,
  limits?: KubeApiLimits,
): StoredObjectProbe {
  const looking = {
    requests: new KubeRequests(connection, limits),
    apis: connection.client(ApisApi),
    objects: connection.client(CustomObjectsApi),
    version: connection.client(VersionApi),
  };
  return {
    async observe(signal) {
      const all = { ...looking, signal };
      try {
        const kinds = await servedKinds(all);
        const seen = await Promise.all(kinds.map((one) => observeKind(all, one)));
        return {
          until,
          uses: seen.flatMap(({ uses }) => uses),
          unlisted: seen.flatMap(({ unlisted }) => unlisted),
        };
      } catch (error) {
        return { until, ...untold(anyKind, error, signal) };
      }
    },
  };
}

const until = newestSupportedMinor;

interface Looking {
  readonly requests: KubeRequests;
  readonly apis: ApisApi;
  readonly objects: CustomObjectsApi;
  readonly version: VersionApi;
  readonly signal: AbortSignal;
}

function untold(resource: string, error: unknown, signal: AbortSignal): StoredObjectsObservation {
  if (!(error instanceof PortError) || signal.aborted) throw error;
  return { uses: [], unlisted: [{ resource, problem: problemOf(error) }] };
}

/** A kind, with a version to list it by. */
interface ServedKind extends StoredKind {
  readonly version: string;
}

async function servedKinds(looking: Looking): Promise<readonly ServedKind[]> {
  const { requests, apis, version, signal } = looking;
  const { gitVersion } = await requests.read({ doing: 'asking for its version', signal }, (call) =>
    version.getCode({}, call),
  );
  const own = parseVersion(gitVersion);
  if (own === undefined) throw new PortError('unexpected', `${gitVersion} is no version`);
  const kinds = storedKindsFor(shippedKnowledge, { after: minorOf(own), until });
  if (kinds.length === 0) return [];
  const { groups } = await requests.read({ doing: 'listing API groups', signal }, (call) =>
    apis.getAPIVersions({}, call),
  );
  const served = await Promise.all(
    groups
      .filter(({ name }) => kinds.some(({ group }) => group === name))
      .map((group) => resourcesOf(looking, group)),
  );
  const found = served.flat();
  return kinds.flatMap((kind) => {
    const name = resourceText(kind);
    const at = versionToList(
      kind,
      found.filter(([resource]) => resource === name).map(([, one]) => one),
    );
    return at === undefined ? [] : [{ ...kind, version: at }];
  });
}

/** Each resource of a group that can be listed, with each version that has it. */
async function resourcesOf(
  { requests, objects, signal }: Looking,
  { name: group, versions }: V1APIGroup,
): Promise<readonly (readonly [resource: string, version: string])[]> {
  const lists = await Promise.all(
    versions.map(async ({ version }) => {
      const doing = `asking which resources ${group}/${version} has`;
      const { resources } = await requests.read({ doing, signal }, (call) =>
        objects.getAPIResources({ group, version }, call),
      );
      return resources
        .filter(({ verbs }) => verbs.includes('list'))
        .map(({ name }) => [resourceText({ group, resource: name }), version] as const);
    }),
  );
  return lists.flat();
}

async function observeKind(
  { requests, objects, signal }: Looking,
  kind: ServedKind,
): Promise<StoredObjectsObservation> {
  const { group, version, resource: plural } = kind;
  const name = resourceText(kind);
  type Items = Page<ListedObject>;
  const request = async (page: PageRequest, call: object): Promise<Items> => {
    // Pages begin from memory; those after them go on from where they are.
    const from = page._continue === undefined ? { resourceVersion: '0' } : {};
    const asked = { group, version, plural, ...from, ...page };
    const answer: unknown = await objects.listClusterCustomObject(asked, asMetadata(call));
    const { items, metadata } = answer as Listed;
    const next = metadata?.continue;
    return { items, metadata: next === undefined ? {} : { _continue: next } };
  };
  const view = ({ metadata = {} }: ListedObject): readonly StoredUse[] => usesOf(metadata, kind);
  try {
    const uses = await requests.list({ doing: `listing ${name}`, signal }, { request, view });
    return { uses: uses.flat(), unlisted: [] };
  } catch (error) {
    return untold(name, error, signal);
  }
}
