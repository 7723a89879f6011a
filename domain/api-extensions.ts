// What API servers call while they serve: admission webhooks, conversion webhooks of CRDs, and
// aggregated APIs. Evidence only; what of it stands in the way of a hop, domain/preflight says.
// Authority: kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers.

import type { NodeName } from './names';
import type { CertificateObservation, Problem } from './observation';

/** Who answers. Where a URL leads is not looked at. */
export type ExtensionBackend =
  | { readonly kind: 'url'; readonly host: string }
  | {
      readonly kind: 'service';
      /** `cert-manager/webhook`. */
      readonly name: string;
      readonly isThere: boolean;
      /** Of each ready endpoint, the node that it is on; undefined where it does not say. */
      readonly endpoints: readonly (NodeName | undefined)[];
    };

/** What a caBundle is worth: when the last of its authorities ends, if one can be read. */
export type TrustObservation =
  | ({ readonly kind: 'read' } & CertificateObservation)
  | { readonly kind: 'unreadable' };

interface Trusting {
  /** Absent where it has no caBundle, or it was observed before that was looked at. */
  readonly trust?: TrustObservation;
}

/** What an upgrade and the nodes in it ask API servers for, as far as webhooks are asked of it. */
export const guardedRequests = [
  'evict-pods',
  'create-pods',
  'change-nodes',
  'report-nodes',
  'renew-leases',
] as const;

export type GuardedRequest = (typeof guardedRequests)[number];

export interface AdmissionWebhookObservation extends Trusting {
  readonly kind: 'validating' | 'mutating';
  /** Its configuration's name, and its own: `policies/pods.policies.example.com`. */
  readonly name: string;
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly timeoutSeconds: number;
  /** In the order of `guardedRequests`. */
  readonly guards: readonly GuardedRequest[];
  /** It is asked for new pods in the namespace of the pods that answer for it. */
  readonly guardsItself: boolean;
  /** An object selector or match conditions spare requests that nobody can foretell. */
  readonly isConditional: boolean;
  readonly backend: ExtensionBackend;
}

export interface ConversionWebhookObservation extends Trusting {
  /** Of the CustomResourceDefinition. */
  readonly name: string;
  /** Objects are stored in versions that are not the one stored now: they must be converted. */
  readonly storedVersions: readonly string[];
  readonly backend: ExtensionBackend;
}

export interface DefinitionObservation {
  /** `certificates.cert-manager.io`. */
  readonly name: string;
  readonly versions: readonly {
    readonly name: string;
    readonly served: boolean;
    readonly storage: boolean;
  }[];
  /** Versions that objects were ever stored in, and nobody has said that none is any more. */
  readonly storedVersions: readonly string[];
}

export interface AggregatedApiObservation extends Trusting {
  /** `v1beta1.metrics.k8s.io`. */
  readonly name: string;
  /** Why it is not, as its condition Available says. */
  readonly unavailable?: string;
}

export type Seen<Item> =
  | { readonly kind: 'observed'; readonly items: readonly Item[] }
  | { readonly kind: 'unobserved'; readonly problem: Problem };

export interface ApiExtensionsObservation {
  readonly admission: Seen<AdmissionWebhookObservation>;
  readonly conversion: Seen<ConversionWebhookObservation>;
  readonly aggregated: Seen<AggregatedApiObservation>;
  /** All CustomResourceDefinitions; absent where those that are converted are unobserved. */
  readonly definitions?: readonly DefinitionObservation[];
}

/** A rule of a webhook, as the API has it. */
export interface AdmissionRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly operations: readonly string[];
  readonly resources: readonly string[];
  /** Default `*`. */
  readonly scope?: string;
}

interface Guarded {
  readonly request: GuardedRequest;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly operation: 'CREATE' | 'UPDATE';
  /** Namespaces that it is made in; undefined: none, or whichever has pods. */
  readonly within?: readonly string[];
  readonly isNamespaced: boolean;
}

const pods = { group: '', version: 'v1', isNamespaced: true } as const;
const nodes = { group: '', version: 'v1', operation: 'UPDATE', isNamespaced: false } as const;

const guardedTable: readonly Guarded[] = [
  { ...pods, request: 'evict-pods', resource: 'pods/eviction', operation: 'CREATE' },
  { ...pods, request: 'create-pods', resource: 'pods', operation: 'CREATE' },
  { ...nodes, request: 'change-nodes', resource: 'nodes' },
  { ...nodes, request: 'report-nodes', resource: 'nodes/status' },
  {
    request: 'renew-leases',
    group: 'coordination.k8s.io',
    version: 'v1',
    resource: 'leases',
    operation: 'UPDATE',
    isNamespaced: true,
    within: ['kube-node-lease', 'kube-system'],
  },
];

/**
 * What of these a webhook with such rules is asked about. `namespaces`: those that its namespace
 * selector selects; it counts for namespaced requests only.
 */
export function guardsOf(
  rules: readonly AdmissionRule[],
  namespaces: readonly string[],
): readonly GuardedRequest[] {
  return guardedTable
    .filter((guarded) => {
      const { within } = guarded;
      const isAnywhere =
        !guarded.isNamespaced ||
        namespaces.some((name) => within === undefined || within.includes(name));
      return isAnywhere && rules.some((rule) => isRuled(rule, guarded));
    })
    .map(({ request }) => request);
}

function isRuled(rule: AdmissionRule, guarded: Guarded): boolean {
  const names = (list: readonly string[], name: string): boolean =>
    list.includes('*') || list.includes(name);
  const { scope = '*' } = rule;
  return (
    names(rule.apiGroups, guarded.group) &&
    names(rule.apiVersions, guarded.version) &&
    names(rule.operations, guarded.operation) &&
    (scope === '*' || (scope === 'Namespaced') === guarded.isNamespaced) &&
    rule.resources.some((pattern) => isResource(pattern, guarded.resource))
  );
}

// `*` is every resource and no subresource; `pods/*` are those of pods; `*/scale` is one of all.
function isResource(pattern: string, resource: string): boolean {
  if (pattern === '*/*' || pattern === resource) return true;
  const [name, sub] = resource.split('/');
  const [wantedName, wantedSub] = pattern.split('/');
  if ((sub === undefined) !== (wantedSub === undefined)) return false;
  return (wantedName === '*' || wantedName === name) && (wantedSub === '*' || wantedSub === sub);
}
