// Workloads that run add-ons: of all of a cluster only those are kept whose image is known.
// A1. What may not be listed is told in its place; the rest still is.

import type { V1ObjectMeta, V1PodTemplateSpec } from '@kubernetes/client-node';

import {
  type AddonKind,
  addonKinds,
  type AddonsObservation,
  type AddonWorkload,
  type OwnAddonsObservation,
} from '../../domain/addons';
import { withOwnAddons } from '../../domain/knowledge/addon-overlay';
import { type Addon, addonOf } from '../../domain/knowledge/addons';
import { shippedAddons } from '../../domain/knowledge/shipped-addons';
import { readOwnAddons } from '../knowledge/own-addons';
import { type AddonProbe, PortError } from '../ports';
import { problemOf } from '../problems';
import { readKnowledgeFolder } from './knowledge-folder';
import type { KubeConnection } from './kube-connection';
import { type KubeApiLimits, KubeRequests, type Page, type PageRequest } from './kube-requests';

const words: Readonly<Record<AddonKind, string>> = {
  daemonsets: 'DaemonSet',
  deployments: 'Deployment',
  statefulsets: 'StatefulSet',
};

interface Workload {
  readonly metadata?: V1ObjectMeta;
  readonly spec?: { readonly template: V1PodTemplateSpec };
}

interface AddonProbeOptions {
  /** Folder of files of the user's own, read anew each time; absent: what ships is all. */
  readonly folder?: string;
  readonly limits?: KubeApiLimits;
}

export function createAddonProbe(
  connection: KubeConnection,
  { folder, limits }: AddonProbeOptions = {},
): AddonProbe {
  const requests = new KubeRequests(connection, limits);
  return {
    async observe(signal) {
      const own = folder === undefined ? undefined : await observeOwn(folder);
      const known = own?.kind === 'read' ? withOwnAddons(shippedAddons, own.addons) : shippedAddons;
      const seen = await Promise.all(
        addonKinds.map((kind) => observeKind({ requests, kind, known, signal })),
      );
      return {
        workloads: seen.flatMap(({ workloads }) => workloads),
        unlisted: seen.flatMap(({ unlisted }) => unlisted),
        ...(own === undefined ? {} : { own }),
      };
    },
  };
}

async function observeOwn(folder: string): Promise<OwnAddonsObservation> {
  try {
    const read = readOwnAddons(await readKnowledgeFolder(folder), shippedAddons);
    if (read.kind === 'invalid') return { kind: 'unread', problems: read.problems };
    return { kind: 'read', addons: read.files };
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    return { kind: 'unread', problems: [error.message] };
  }
}

interface Looking {
  readonly requests: KubeRequests;
  readonly kind: AddonKind;
  readonly known: readonly Addon[];
  readonly signal: AbortSignal;
}

async function observeKind(looking: Looking): Promise<AddonsObservation> {
  const { requests, kind, known, signal } = looking;
  try {
    const all = await requests.list(
      { doing: `listing ${kind}`, signal },
      { request: listing(requests, kind), view: (one) => viewOf(one, kind, known) },
    );
    return { workloads: all.filter((one) => one !== undefined), unlisted: [] };
  } catch (error) {
    if (!(error instanceof PortError) || signal.aborted) throw error;
    return { workloads: [], unlisted: [{ kind, problem: problemOf(error) }] };
  }
}

type Listing = (page: PageRequest, call: object) => Promise<Page<Workload>>;

function listing({ apps }: KubeRequests, kind: AddonKind): Listing {
  switch (kind) {
    case 'daemonsets':
      return (page, call) => apps.listDaemonSetForAllNamespaces(page, call);
    case 'deployments':
      return (page, call) => apps.listDeploymentForAllNamespaces(page, call);
    case 'statefulsets':
      return (page, call) => apps.listStatefulSetForAllNamespaces(page, call);
  }
}

function viewOf(
  { metadata = {}, spec }: Workload,
  kind: AddonKind,
  known: readonly Addon[],
): AddonWorkload | undefined {
  const images = (spec?.template.spec?.containers ?? [])
    .map(({ image = '' }) => image)
    .filter((image) => addonOf(image, known) !== undefined);
  if (images.length === 0) return undefined;
  const version = metadata.labels?.['app.kubernetes.io/version'];
  return {
    workload: `${words[kind]} ${metadata.namespace}/${metadata.name}`,
    images,
    ...(version === undefined ? {} : { version }),
  };
}
