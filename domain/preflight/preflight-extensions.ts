// The part of the preflight that looks at what API servers call while they serve. A webhook that
// must be asked and is not there stops drains, and the pods that would bring it back.

import type {
  AdmissionWebhookObservation,
  ApiExtensionsObservation,
  ConversionWebhookObservation,
  ExtensionBackend,
  GuardedRequest,
  Seen,
} from '../api-extensions';
import type { NodeName } from '../names';
import type { Observation } from '../observation';
import type { Finding, FindingObject } from './findings';

/** What is usual: the default of admissionregistration.k8s.io/v1. */
const usualTimeoutSeconds = 10;

const guardedTexts: Readonly<Record<GuardedRequest, string>> = {
  'evict-pods': 'evictions',
  'create-pods': 'new pods',
  'change-nodes': 'cordons',
  'report-nodes': 'what kubelets report',
  'renew-leases': 'leases',
};

export function extensionFindings({
  extensions,
}: Pick<Observation, 'extensions'>): readonly Finding[] {
  if (extensions === undefined) return [];
  return [
    ...unseenFindings(extensions),
    ...itemsOf(extensions.admission).flatMap(admissionFindings),
    ...itemsOf(extensions.conversion).flatMap(conversionFindings),
    ...itemsOf(extensions.aggregated).flatMap(({ name, unavailable }): readonly Finding[] => {
      if (unavailable === undefined) return [];
      return [
        {
          code: 'aggregated-api-unavailable',
          severity: 'warns',
          object: { kind: 'aggregated-api', name },
          message:
            `it is not available: ${unavailable}; who reads all APIs,` +
            ' as the removal of namespaces does, waits or fails',
          remedy: `kubectl describe apiservice ${name}; remove it if nothing serves it any more`,
          // The message behind the reason has addresses and times in it.
          evidence: { reason: unavailable.replace(/:.*$/s, '') },
        },
      ];
    }),
  ];
}

function itemsOf<Item>(seen: Seen<Item>): readonly Item[] {
  return seen.kind === 'observed' ? seen.items : [];
}

const partTexts = {
  admission: 'admission webhooks',
  conversion: 'CustomResourceDefinitions and their webhooks',
  aggregated: 'aggregated APIs',
} as const;

function unseenFindings(extensions: ApiExtensionsObservation): readonly Finding[] {
  return (['admission', 'conversion', 'aggregated'] as const).flatMap((part) => {
    const seen = extensions[part];
    if (seen.kind === 'observed') return [];
    return [
      {
        code: 'extensions-unobserved',
        severity: 'warns',
        object: { kind: 'cluster' },
        message: `its ${partTexts[part]} could not be looked at: ${seen.problem.message}`,
        remedy: 'allow the worker to list them: deploy/rbac/planner.yaml has the rules',
        about: part,
        evidence: { problem: seen.problem.code },
      } as const,
    ];
  });
}

function admissionFindings(webhook: AdmissionWebhookObservation): readonly Finding[] {
  // What may be passed over stands in nobody's way.
  if (webhook.failurePolicy === 'Ignore' || webhook.guards.length === 0) return [];
  const object = { kind: 'webhook', name: webhook.name } as const;
  return [
    ...unansweredFindings(webhook, object),
    ...aloneFindings(webhook, object),
    ...heartbeatFindings(webhook, object),
    ...slowFindings(webhook, object),
  ];
}

function asked({ guards, isConditional }: AdmissionWebhookObservation): string {
  const all = guards.map((guard) => guardedTexts[guard]).join(', ');
  return isConditional ? `about ${all} (some, as its conditions say)` : `about ${all}`;
}

/** Conditions may spare just what an upgrade needs. */
function severityOf({ isConditional }: AdmissionWebhookObservation): 'blocks' | 'warns' {
  return isConditional ? 'warns' : 'blocks';
}

function unansweredFindings(
  webhook: AdmissionWebhookObservation,
  object: FindingObject,
): readonly Finding[] {
  const why = unansweredText(webhook.backend);
  if (why === undefined) return [];
  return [
    {
      code: 'webhook-unanswered',
      severity: severityOf(webhook),
      object,
      message: `it is asked ${asked(webhook)}, nothing is allowed without its answer, and ${why}`,
      remedy: 'bring its pods up, or remove the configuration of what is not there any more',
      evidence: { guards: webhook.guards.toSorted(), backend: why },
    },
  ];
}

function unansweredText(backend: ExtensionBackend): string | undefined {
  if (backend.kind === 'url' || backend.endpoints.length > 0) return undefined;
  return backend.isThere
    ? `Service ${backend.name} has no ready endpoint`
    : `there is no Service ${backend.name}`;
}

/** The only node that answers, if it is one and known. */
function onlyNode(backend: ExtensionBackend): NodeName | undefined {
  if (backend.kind === 'url') return undefined;
  const [only, ...others] = new Set(backend.endpoints);
  return others.length > 0 ? undefined : only;
}

/**
 * The drain of that node, thought through: its pods leave, their successors are new pods, and
 * those are what it is asked about.
 */
function aloneFindings(
  webhook: AdmissionWebhookObservation,
  object: FindingObject,
): readonly Finding[] {
  const node = onlyNode(webhook.backend);
  if (node === undefined) return [];
  if (webhook.guardsItself && webhook.guards.includes('create-pods')) {
    return [
      {
        code: 'webhook-deadlock',
        severity: severityOf(webhook),
        object,
        message:
          `all that answers for it is on node ${node}; once that is drained, it is asked about` +
          ' the pods that would answer for it, and nobody does',
        remedy:
          'spare its own namespace by the namespaceSelector, or run it on two nodes with a budget',
        evidence: { node },
      },
    ];
  }
  return [
    {
      code: 'webhook-on-one-node',
      severity: 'warns',
      object,
      message:
        `all that answers for it is on node ${node}; while that is drained it is asked` +
        ` ${asked(webhook)}, and nothing is allowed without its answer`,
      remedy: 'run it on two nodes at least, with a disruption budget',
      evidence: { node, guards: webhook.guards.toSorted() },
    },
  ];
}

function heartbeatFindings(
  { guards }: AdmissionWebhookObservation,
  object: FindingObject,
): readonly Finding[] {
  const beats = guards.filter((guard) => guard === 'renew-leases' || guard === 'report-nodes');
  if (beats.length === 0) return [];
  const what = beats.map((guard) => guardedTexts[guard]).join(' and ');
  return [
    {
      code: 'webhook-guards-heartbeats',
      severity: 'warns',
      object,
      message:
        `it is asked about ${what}: when it is slow or away, nodes become NotReady and` +
        ' controllers lose their lead, all at once',
      remedy: 'take leases and the status of nodes out of its rules',
      evidence: { guards: beats.toSorted() },
    },
  ];
}

function slowFindings(
  { timeoutSeconds }: AdmissionWebhookObservation,
  object: FindingObject,
): readonly Finding[] {
  if (timeoutSeconds <= usualTimeoutSeconds) return [];
  return [
    {
      code: 'webhook-slow',
      severity: 'notes',
      object,
      message: `each request may wait ${timeoutSeconds} s for it`,
      remedy: `lower its timeoutSeconds: ${usualTimeoutSeconds} is the default, less is better`,
      evidence: { timeoutSeconds },
    },
  ];
}

function conversionFindings({
  name,
  storedVersions,
  backend,
}: ConversionWebhookObservation): readonly Finding[] {
  const why = unansweredText(backend);
  if (why === undefined) return [];
  const stored =
    storedVersions.length > 1 ? ` (stored as ${storedVersions.toSorted().join(', ')})` : '';
  return [
    {
      code: 'conversion-unanswered',
      severity: 'warns',
      object: { kind: 'definition', name },
      message: `its objects${stored} cannot be converted between their versions: ${why}`,
      remedy: 'bring its pods up: an API server that starts again reads all of them anew',
      evidence: { storedVersions: storedVersions.toSorted(), backend: why },
    },
  ];
}
