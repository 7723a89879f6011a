// Helm's releases, read where Helm keeps them: Secrets and ConfigMaps of all namespaces.
// H1. First only metadata is listed, from an API server's memory; of what a release has, no more
//     than its latest deployed revision is read, a few at a time.
// H2. What may not be read is told in its place, and so is each record that is no good.
// H3. Nothing of a record is kept but what activities/helm lets through.

import {
  type HelmRelease,
  type HelmReleasesObservation,
  type HelmStore,
  helmStores,
  type UnreadHelmRelease,
} from '../../domain/helm-releases';
import { compareTexts } from '../../domain/text-order';
import { forEachAtOnce } from '../at-once';
import { readRelease } from '../helm/read-release';
import { type HelmProbe, PortError } from '../ports';
import { problemOf } from '../problems';
import type { KubeConnection } from './kube-connection';
import { asMetadata, type KubeApiLimits, KubeRequests, type PageRequest } from './kube-requests';

const labelSelector = 'owner=helm,status=deployed';
const secretType = 'helm.sh/release.v1';
/** As many as are under way, with up to 1.5 MiB each. */
const readAtOnce = 4;
const releasesMax = 5_000;

interface StoredRevision {
  readonly namespace: string;
  /** Of the Secret or ConfigMap. */
  readonly record: string;
  /** Namespace and name of the release. */
  readonly name: string;
  readonly revision: number;
}

export interface HelmProbeOptions {
  readonly limits?: KubeApiLimits;
  readonly releasesMax?: number;
}

export function createHelmProbe(
  connection: KubeConnection,
  options: HelmProbeOptions = {},
): HelmProbe {
  const requests = new KubeRequests(connection, options.limits);
  const most = options.releasesMax ?? releasesMax;
  return {
    async observe(signal) {
      const found = await Promise.all(
        helmStores.map((store) => observeStore({ requests, store, signal, most })),
      );
      return {
        releases: found.flatMap(({ releases }) => releases),
        unread: found.flatMap(({ unread }) => unread),
        unlisted: found.flatMap(({ unlisted }) => unlisted),
        leftOut: found.reduce((sum, { leftOut }) => sum + leftOut, 0),
      };
    },
  };
}

interface Looking {
  readonly requests: KubeRequests;
  readonly store: HelmStore;
  readonly signal: AbortSignal;
  readonly most: number;
}

async function observeStore(looking: Looking): Promise<HelmReleasesObservation> {
  const { requests, store, signal, most } = looking;
  const releases: HelmRelease[] = [];
  const unread: UnreadHelmRelease[] = [];
  try {
    const latest = latestOf(await listRevisions(looking));
    await forEachAtOnce(latest.slice(0, most), readAtOnce, async (one) => {
      const { name, revision } = one;
      const stored = await storedIn(requests, { store, one, signal });
      // It was there a moment ago: Helm has just put a later one in its place.
      if (stored === undefined) return;
      const read = await readRelease(stored);
      if (read.kind === 'unread') unread.push({ name, revision, flaw: read.flaw });
      else releases.push({ name, revision, ...read.release });
    });
    const leftOut = Math.max(0, latest.length - most);
    return {
      releases: releases.toSorted(byRelease),
      unread: unread.toSorted(byRelease),
      unlisted: [],
      leftOut,
    };
  } catch (error) {
    if (!(error instanceof PortError) || signal.aborted) throw error;
    return { releases, unread, unlisted: [{ store, problem: problemOf(error) }], leftOut: 0 };
  }
}

function byRelease(a: { readonly name: string }, b: { readonly name: string }): number {
  return compareTexts(a.name, b.name);
}

function listRevisions({ requests, store, signal }: Looking): Promise<readonly StoredRevision[]> {
  const { core } = requests;
  const asked = { labelSelector, resourceVersion: '0' };
  // Pages begin from memory; those after them go on from where they are.
  const from = (page: PageRequest) =>
    page._continue === undefined ? { ...asked, ...page } : { labelSelector, ...page };
  return requests.list(
    { doing: `listing ${store} of Helm`, signal },
    {
      request: (page, call) =>
        store === 'secrets'
          ? core.listSecretForAllNamespaces(
              { ...from(page), fieldSelector: `type=${secretType}` },
              asMetadata(call),
            )
          : core.listConfigMapForAllNamespaces(from(page), asMetadata(call)),
      view: ({ metadata }): StoredRevision => {
        const { namespace = '', name: record = '', labels = {} } = metadata ?? {};
        return {
          namespace,
          record,
          name: `${namespace}/${labels['name'] ?? record}`,
          revision: Number.parseInt(labels['version'] ?? '', 10) || 0,
        };
      },
    },
  );
}

/** Helm leaves older ones deployed when it is ended in mid-upgrade. */
function latestOf(revisions: readonly StoredRevision[]): readonly StoredRevision[] {
  const latest = new Map<string, StoredRevision>();
  for (const one of revisions) {
    const other = latest.get(one.name);
    if (other === undefined || other.revision < one.revision) latest.set(one.name, one);
  }
  return [...latest.values()].toSorted(byRelease);
}

interface Wanted extends Pick<Looking, 'store' | 'signal'> {
  readonly one: StoredRevision;
}

/** In the base64 of Helm; empty where the record is not as Helm writes it. */
async function storedIn(
  requests: KubeRequests,
  { store, one: { namespace, record: name }, signal }: Wanted,
): Promise<string | undefined> {
  const { core } = requests;
  const asking = { doing: `reading Helm's ${store} in ${namespace}`, signal };
  if (store === 'configmaps') {
    const found = await requests.find(asking, (call) =>
      core.readNamespacedConfigMap({ namespace, name }, call),
    );
    return found === undefined ? undefined : (found.data?.['release'] ?? '');
  }
  const found = await requests.find(asking, (call) =>
    core.readNamespacedSecret({ namespace, name }, call),
  );
  if (found === undefined) return undefined;
  return Buffer.from(found.data?.['release'] ?? '', 'base64').toString('latin1');
}
