// How the Kubernetes API is asked: typed clients on one connection, limits, pages.
// Q1. Lists are read in pages; a list that expired between two pages is begun again, once. Of a
//     page only the views are kept: a pod as it comes has about ten times their size.
// Q2. Reads are tried again once when a pooled connection broke before its answer; changes never.

import {
  AdmissionregistrationV1Api,
  ApiException,
  ApiextensionsV1Api,
  ApiregistrationV1Api,
  AppsV1Api,
  AutoscalingV2Api,
  type ConfigurationOptions,
  CoordinationV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  Observable,
  type ObservableMiddleware,
  PatchStrategy,
  PolicyV1Api,
  setHeaderOptions,
  StorageV1Api,
} from '@kubernetes/client-node';

import { PortError } from '../ports';
import { boundedCall, isBrokenConnection } from './bounded-call';
import type { KubeConnection } from './kube-connection';
import { explainRefusal } from './kube-errors';

const usualPageSize = 500;

export interface KubeApiLimits {
  /** One object, or one page of a list. */
  readonly readTimeoutMs: number;
  /** Admission webhooks and the budget's own retries (20 x 500 ms) count in. */
  readonly changeTimeoutMs: number;
}

const defaultLimits: KubeApiLimits = { readTimeoutMs: 30_000, changeTimeoutMs: 30_000 };

/** What is being asked; `doing` begins the message of every failure. */
export interface Asking {
  readonly doing: string;
  readonly signal: AbortSignal;
}

type Request<Answer> = (options: ConfigurationOptions) => Promise<Answer>;

export interface Page<Item> {
  readonly metadata?: { readonly _continue?: string; readonly resourceVersion?: string };
  /**
   * An API server says null for none where it makes metadata of a list (PartialObjectMetadataList
   * of an empty one, asPartialObjectMetadataList in pkg/endpoints/handlers/response.go).
   */
  readonly items: readonly Item[] | null;
}

export interface PageRequest {
  readonly limit: number;
  readonly _continue?: string;
}

interface Listing<Item, View> {
  readonly request: (page: PageRequest, options: ConfigurationOptions) => Promise<Page<Item>>;
  /** What is kept of an item. */
  readonly view: (item: Item) => View;
  /** Items of a page; the default is 500. */
  readonly pageSize?: number;
}

export interface Listed<View> {
  readonly views: readonly View[];
  /** Resource version of the list. */
  readonly version: string;
}

/** Every method throws PortError, or the signal's reason. */
export class KubeRequests {
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly autoscaling: AutoscalingV2Api;
  readonly policy: PolicyV1Api;
  readonly coordination: CoordinationV1Api;
  readonly storage: StorageV1Api;
  readonly discovery: DiscoveryV1Api;
  readonly admission: AdmissionregistrationV1Api;
  readonly definitions: ApiextensionsV1Api;
  readonly aggregation: ApiregistrationV1Api;
  readonly #limits: KubeApiLimits;

  constructor(connection: KubeConnection, limits: KubeApiLimits = defaultLimits) {
    this.core = connection.client(CoreV1Api);
    this.apps = connection.client(AppsV1Api);
    this.autoscaling = connection.client(AutoscalingV2Api);
    this.policy = connection.client(PolicyV1Api);
    this.coordination = connection.client(CoordinationV1Api);
    this.storage = connection.client(StorageV1Api);
    this.discovery = connection.client(DiscoveryV1Api);
    this.admission = connection.client(AdmissionregistrationV1Api);
    this.definitions = connection.client(ApiextensionsV1Api);
    this.aggregation = connection.client(ApiregistrationV1Api);
    this.#limits = limits;
  }

  read<Answer>({ doing, signal }: Asking, request: Request<Answer>): Promise<Answer> {
    return boundedCall(
      { doing, timeoutMs: this.#limits.readTimeoutMs, signal },
      async (inner) => {
        try {
          return await request(withSignal(inner));
        } catch (error) {
          if (!isBrokenConnection(error)) throw error;
          return request(withSignal(inner));
        }
      },
      (error) => explainRefusal(error, doing),
    );
  }

  /** Undefined when the object does not exist. */
  async find<Answer>(asking: Asking, request: Request<Answer>): Promise<Answer | undefined> {
    return this.read(asking, async (options) => {
      try {
        return await request(options);
      } catch (error) {
        if (error instanceof ApiException && error.code === 404) return undefined;
        throw error;
      }
    });
  }

  /** The views of all items, in the order of the server. */
  async list<Item, View>(asking: Asking, list: Listing<Item, View>): Promise<readonly View[]> {
    return (await this.listVersioned(asking, list)).views;
  }

  /** The same, and the resource version that all pages are of. */
  async listVersioned<Item, View>(
    asking: Asking,
    list: Listing<Item, View>,
  ): Promise<Listed<View>> {
    try {
      return await this.#pages(asking, list);
    } catch (error) {
      const isExpired = error instanceof PortError && error.code === 'conflict';
      if (!isExpired) throw error;
      return this.#pages(asking, list);
    }
  }

  change<Answer>({ doing, signal }: Asking, request: Request<Answer>): Promise<Answer> {
    return boundedCall(
      { doing, timeoutMs: this.#limits.changeTimeoutMs, signal },
      (inner) => request(withSignal(inner)),
      (error) => explainRefusal(error, doing),
    );
  }

  async #pages<Item, View>(
    asking: Asking,
    { request, view, pageSize = usualPageSize }: Listing<Item, View>,
  ): Promise<Listed<View>> {
    const views: View[] = [];
    let version = '';
    let next: string | undefined;
    do {
      const wanted = { limit: pageSize, ...(next === undefined ? {} : { _continue: next }) };
      const page = await this.read(asking, (options) => request(wanted, options));
      for (const item of page.items ?? []) views.push(view(item));
      next = page.metadata?._continue;
      version = page.metadata?.resourceVersion ?? '';
    } while (next !== undefined && next !== '');
    return { views, version };
  }
}

/** The client library takes a signal only through a middleware. */
function withSignal(signal: AbortSignal): ConfigurationOptions<ObservableMiddleware> {
  const middleware: ObservableMiddleware = {
    pre(request) {
      request.setSignal(signal);
      return new Observable(Promise.resolve(request));
    },
    post: (response) => new Observable(Promise.resolve(response)),
  };
  return { middleware: [middleware], middlewareMergeStrategy: 'append' };
}

/** JSON merge patch: the client's default, a JSON patch, would be a list of operations. */
export function asMergePatch(options: ConfigurationOptions): ConfigurationOptions {
  return setHeaderOptions('Content-Type', PatchStrategy.MergePatch, options);
}

/** Of a list only metadata: names and labels, without what Secrets hold. */
export function asMetadata(options: ConfigurationOptions): ConfigurationOptions {
  const kind = 'as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  return setHeaderOptions('Accept', `application/json;${kind}`, options);
}
