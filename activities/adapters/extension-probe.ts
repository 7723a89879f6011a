// What API servers call while they serve, read through the load balancer: webhooks, APIServices,
// and which nodes answer for them.
// E1. What may not be read, or does not answer, is told in its place; the rest still is.
// E2. Nothing but names, rules and addresses is kept: no path of a URL, and of a CA bundle only
//     when it ends.

import type {
  AdmissionregistrationV1WebhookClientConfig,
  V1APIService,
  V1CustomResourceDefinition,
  V1LabelSelector,
  V1MutatingWebhook,
  V1ValidatingWebhook,
} from '@kubernetes/client-node';

import {
  type AdmissionWebhookObservation,
  type AggregatedApiObservation,
  type ConversionWebhookObservation,
  type DefinitionObservation,
  type ExtensionBackend,
  guardsOf,
  type Seen,
  type TrustObservation,
} from '../../domain/api-extensions';
import { compileSelector } from '../../domain/label-match';
import type { NodeName } from '../../domain/names';
import { type ExtensionProbe, PortError } from '../ports';
import { problemOf } from '../problems';
import type { KubeConnection } from './kube-connection';
import { type KubeApiLimits, KubeRequests } from './kube-requests';
import { trustIn } from './trusted-authorities';

/** Definitions come with their schemas, of up to a megabyte each. */
const definitionsAPage = 25;

interface NamespaceView {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface ServiceRef {
  readonly namespace: string;
  readonly name: string;
}

export function createExtensionProbe(
  connection: KubeConnection,
  limits?: KubeApiLimits,
): ExtensionProbe {
  const requests = new KubeRequests(connection, limits);
  return {
    async observe(signal) {
      const backends = new Backends(requests, signal);
      const [admission, all, aggregated] = await Promise.all([
        seen(() => listAdmission(requests, { backends, signal }), signal),
        seen(() => listDefinitions(requests, { backends, signal }), signal),
        seen(() => listAggregated(requests, signal), signal),
      ]);
      if (all.kind === 'unobserved') return { admission, conversion: all, aggregated };
      const converted = all.items.flatMap(({ conversion }) => conversion ?? []);
      return {
        admission,
        conversion: { kind: 'observed', items: converted },
        aggregated,
        definitions: all.items.map(({ definition }) => definition),
      };
    },
  };
}

async function seen<Item>(
  list: () => Promise<readonly Item[]>,
  signal: AbortSignal,
): Promise<Seen<Item>> {
  try {
    return { kind: 'observed', items: await list() };
  } catch (error) {
    if (!(error instanceof PortError) || signal.aborted) throw error;
    return { kind: 'unobserved', problem: problemOf(error) };
  }
}

interface Looking {
  readonly backends: Backends;
  readonly signal: AbortSignal;
}

type Webhook = V1ValidatingWebhook | V1MutatingWebhook;

interface Configured {
  readonly kind: AdmissionWebhookObservation['kind'];
  readonly configuration: string;
  readonly webhook: Webhook;
}

async function listAdmission(
  requests: KubeRequests,
  { backends, signal }: Looking,
): Promise<readonly AdmissionWebhookObservation[]> {
  const { admission, core } = requests;
  const [validating, mutating, namespaces] = await Promise.all([
    requests.list(
      { doing: 'listing validating webhooks', signal },
      {
        request: (page, call) => admission.listValidatingWebhookConfiguration(page, call),
        view: ({ metadata, webhooks = [] }) => configured('validating', metadata?.name, webhooks),
      },
    ),
    requests.list(
      { doing: 'listing mutating webhooks', signal },
      {
        request: (page, call) => admission.listMutatingWebhookConfiguration(page, call),
        view: ({ metadata, webhooks = [] }) => configured('mutating', metadata?.name, webhooks),
      },
    ),
    requests.list(
      { doing: 'listing namespaces', signal },
      {
        request: (page, call) => core.listNamespace(page, call),
        view: ({ metadata }): NamespaceView => ({
          name: metadata?.name ?? '',
          labels: metadata?.labels ?? {},
        }),
      },
    ),
  ]);
  return await Promise.all(
    [...validating, ...mutating]
      .flat()
      .map(async (one) => admissionView(one, namespaces, await backendOf(one, backends))),
  );
}

function configured(
  kind: Configured['kind'],
  configuration = '',
  webhooks: readonly Webhook[],
): readonly Configured[] {
  return webhooks.map((webhook) => ({ kind, configuration, webhook }));
}

function backendOf({ webhook }: Configured, backends: Backends): Promise<ExtensionBackend> {
  return backends.of(webhook.clientConfig);
}

/** Defaults are those of admissionregistration.k8s.io/v1, which the API server has filled in. */
function admissionView(
  { kind, configuration, webhook }: Configured,
  namespaces: readonly NamespaceView[],
  backend: ExtensionBackend,
): AdmissionWebhookObservation {
  const { rules = [], namespaceSelector = {}, timeoutSeconds = 10 } = webhook;
  const selects = compileSelector(namespaceSelector);
  const selected = namespaces.filter(({ labels }) => selects(labels)).map(({ name }) => name);
  const known = rules.map((rule) => ({
    apiGroups: rule.apiGroups ?? [],
    apiVersions: rule.apiVersions ?? [],
    operations: rule.operations ?? [],
    resources: rule.resources ?? [],
    ...(rule.scope === undefined ? {} : { scope: rule.scope }),
  }));
  const own = webhook.clientConfig.service?.namespace;
  const inOwn = selected.filter((name) => name === own);
  return {
    kind,
    name: `${configuration}/${webhook.name}`,
    failurePolicy: webhook.failurePolicy === 'Ignore' ? 'Ignore' : 'Fail',
    timeoutSeconds,
    guards: guardsOf(known, selected),
    guardsItself: guardsOf(known, inOwn).includes('create-pods'),
    isConditional:
      isSelecting(webhook.objectSelector) || (webhook.matchConditions ?? []).length > 0,
    backend,
    ...trustOf(webhook.clientConfig),
  };
}

function trustOf({ caBundle }: { readonly caBundle?: string }): {
  readonly trust?: TrustObservation;
} {
  const trust = trustIn(caBundle, Date.now());
  return trust === undefined ? {} : { trust };
}

function isSelecting({ matchLabels = {}, matchExpressions = [] }: V1LabelSelector = {}): boolean {
  return Object.keys(matchLabels).length > 0 || matchExpressions.length > 0;
}

interface SeenDefinition {
  readonly definition: DefinitionObservation;
  readonly conversion?: ConversionWebhookObservation;
}

async function listDefinitions(
  requests: KubeRequests,
  { backends, signal }: Looking,
): Promise<readonly SeenDefinition[]> {
  const all = await requests.list(
    { doing: 'listing CustomResourceDefinitions', signal },
    {
      request: (page, call) => requests.definitions.listCustomResourceDefinition(page, call),
      view: definitionOf,
      pageSize: definitionsAPage,
    },
  );
  return await Promise.all(
    all.map(async ({ clientConfig, definition }) => {
      if (clientConfig === undefined) return { definition };
      const { name, storedVersions } = definition;
      const backend = await backends.of(clientConfig);
      return {
        definition,
        conversion: { name, storedVersions, backend, ...trustOf(clientConfig) },
      };
    }),
  );
}

/** Without its schemas; with who converts it, where somebody does. */
function definitionOf({ metadata, spec, status }: V1CustomResourceDefinition) {
  const { strategy, webhook } = spec.conversion ?? {};
  return {
    definition: {
      name: metadata?.name ?? '',
      versions: spec.versions.map(({ name, served, storage }) => ({ name, served, storage })),
      storedVersions: status?.storedVersions ?? [],
    },
    clientConfig: strategy === 'Webhook' ? webhook?.clientConfig : undefined,
  };
}

function listAggregated(
  requests: KubeRequests,
  signal: AbortSignal,
): Promise<readonly AggregatedApiObservation[]> {
  return requests
    .list(
      { doing: 'listing APIServices', signal },
      {
        request: (page, call) => requests.aggregation.listAPIService(page, call),
        view: aggregatedOf,
      },
    )
    .then((all) => all.filter((one) => one !== undefined));
}

/** Those without a Service are served by the API server itself. */
function aggregatedOf(api: V1APIService): AggregatedApiObservation | undefined {
  if (api.spec?.service === undefined) return undefined;
  const seen = { name: api.metadata?.name ?? '', ...trustOf(api.spec) };
  const available = api.status?.conditions?.find(({ type }) => type === 'Available');
  if (available?.status === 'True') return seen;
  const { reason = 'nobody has looked yet', message } = available ?? {};
  return { ...seen, unavailable: message === undefined ? reason : `${reason}: ${message}` };
}

type ClientConfig = Pick<AdmissionregistrationV1WebhookClientConfig, 'url' | 'service'>;

/** Who answers; each Service is looked at once. */
class Backends {
  readonly #requests: KubeRequests;
  readonly #signal: AbortSignal;
  readonly #services = new Map<string, Promise<ExtensionBackend>>();

  constructor(requests: KubeRequests, signal: AbortSignal) {
    this.#requests = requests;
    this.#signal = signal;
  }

  of({ url, service }: ClientConfig): Promise<ExtensionBackend> {
    if (service === undefined) return Promise.resolve({ kind: 'url', host: hostOf(url) });
    const name = `${service.namespace}/${service.name}`;
    const known = this.#services.get(name) ?? this.#look(service, name);
    this.#services.set(name, known);
    return known;
  }

  async #look(service: ServiceRef, ref: string): Promise<ExtensionBackend> {
    const { namespace, name } = service;
    const signal = this.#signal;
    const { core, discovery } = this.#requests;
    const found = await this.#requests.find({ doing: `reading Service ${ref}`, signal }, (call) =>
      core.readNamespacedService({ namespace, name }, call),
    );
    if (found === undefined) return { kind: 'service', name: ref, isThere: false, endpoints: [] };
    const labelSelector = `kubernetes.io/service-name=${name}`;
    const slices = await this.#requests.list(
      { doing: `listing the endpoints of Service ${ref}`, signal },
      {
        request: (page, call) =>
          discovery.listNamespacedEndpointSlice({ ...page, namespace, labelSelector }, call),
        view: ({ endpoints = [] }) =>
          // Who does not say is ready, by the definition of the condition.
          endpoints
            .filter(({ conditions }) => conditions?.ready !== false)
            .map(({ nodeName }) => nodeName as NodeName | undefined),
      },
    );
    return { kind: 'service', name: ref, isThere: true, endpoints: slices.flat() };
  }
}

/** A URL may hold more than a person should read. */
function hostOf(url = ''): string {
  return URL.canParse(url) ? new URL(url).host : '';
}
