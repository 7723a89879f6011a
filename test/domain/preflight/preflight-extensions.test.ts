import type {
  AdmissionWebhookObservation,
  ApiExtensionsObservation,
  ExtensionBackend,
} from '../../../domain/api-extensions';
import type { NodeName } from '../../../domain/names';
import { extensionFindings } from '../../../domain/preflight/preflight-extensions';
import { findingObjectText } from '../../../domain/status/sentences';

const problem = { code: 'forbidden', message: 'listing validating webhooks: forbidden' } as const;
const nothing: ApiExtensionsObservation = {
  admission: { kind: 'observed', items: [] },
  conversion: { kind: 'observed', items: [] },
  aggregated: { kind: 'observed', items: [] },
};

const on = (...nodes: readonly (string | undefined)[]): ExtensionBackend => ({
  kind: 'service',
  name: 'policy/webhook',
  isThere: true,
  endpoints: nodes as readonly (NodeName | undefined)[],
});
const gone: ExtensionBackend = {
  kind: 'service',
  name: 'policy/webhook',
  isThere: false,
  endpoints: [],
};
const outside: ExtensionBackend = { kind: 'url', host: 'policy.example.com' };

const fit: AdmissionWebhookObservation = {
  kind: 'validating',
  name: 'policy/pods.example.com',
  failurePolicy: 'Fail',
  timeoutSeconds: 10,
  guards: ['evict-pods', 'create-pods'],
  guardsItself: true,
  isConditional: false,
  backend: on('worker-1', 'worker-2'),
};

function found(extensions: ApiExtensionsObservation | undefined) {
  const seen = extensions === undefined ? {} : { extensions };
  return extensionFindings(seen).map(
    ({ code, severity, object, message }) =>
      [code, severity, findingObjectText(object), message] as const,
  );
}

const foundOf = (other: Partial<AdmissionWebhookObservation>) =>
  found({ ...nothing, admission: { kind: 'observed', items: [{ ...fit, ...other }] } });

const webhook = 'webhook policy/pods.example.com';

describe('an admission webhook', () => {
  it.each([
    { when: 'two nodes answer for it', other: {} },
    { when: 'a URL answers for it', other: { backend: outside } },
    { when: 'it may be passed over', other: { failurePolicy: 'Ignore', backend: gone } as const },
    { when: 'nothing of an upgrade is its business', other: { guards: [], backend: gone } },
    { when: 'it is not known where its pods are', other: { backend: on(undefined, undefined) } },
    { when: 'one of its pods may be elsewhere', other: { backend: on('worker-1', undefined) } },
  ])('is no finding when $when', ({ other }) => {
    expect(foundOf(other)).toEqual([]);
  });

  it('blocks when nobody answers for it', () => {
    const says = (why: string) =>
      'it is asked about evictions, new pods, nothing is allowed without its answer, and ' + why;
    expect(foundOf({ backend: gone })).toEqual([
      ['webhook-unanswered', 'blocks', webhook, says('there is no Service policy/webhook')],
    ]);
    expect(foundOf({ backend: on() })).toEqual([
      [
        'webhook-unanswered',
        'blocks',
        webhook,
        says('Service policy/webhook has no ready endpoint'),
      ],
    ]);
  });

  it('warns only where conditions may spare what is needed', () => {
    expect(foundOf({ backend: gone, isConditional: true })).toEqual([
      [
        'webhook-unanswered',
        'warns',
        webhook,
        'it is asked about evictions, new pods (some, as its conditions say), nothing is' +
          ' allowed without its answer, and there is no Service policy/webhook',
      ],
    ]);
  });

  it('blocks when the drain of the one node that answers would lock it out', () => {
    const backend = on('worker-1', 'worker-1');
    const says =
      'all that answers for it is on node worker-1; once that is drained, it is asked about the' +
      ' pods that would answer for it, and nobody does';
    expect(foundOf({ backend })).toEqual([['webhook-deadlock', 'blocks', webhook, says]]);
    expect(foundOf({ backend, isConditional: true })).toEqual([
      ['webhook-deadlock', 'warns', webhook, says],
    ]);
  });

  it('warns when one node answers, and its own pods need no answer', () => {
    const backend = on('worker-1');
    const says = (what: string) =>
      `all that answers for it is on node worker-1; while that is drained it is asked about` +
      ` ${what}, and nothing is allowed without its answer`;
    expect(foundOf({ backend, guardsItself: false })).toEqual([
      ['webhook-on-one-node', 'warns', webhook, says('evictions, new pods')],
    ]);
    expect(foundOf({ backend, guards: ['change-nodes'] })).toEqual([
      ['webhook-on-one-node', 'warns', webhook, says('cordons')],
    ]);
  });

  it('warns when heartbeats depend on it, and notes that it may be slow', () => {
    expect(foundOf({ guards: ['report-nodes', 'renew-leases'], timeoutSeconds: 30 })).toEqual([
      [
        'webhook-guards-heartbeats',
        'warns',
        webhook,
        'it is asked about what kubelets report and leases: when it is slow or away, nodes become' +
          ' NotReady and controllers lose their lead, all at once',
      ],
      ['webhook-slow', 'notes', webhook, 'each request may wait 30 s for it'],
    ]);
  });
});

it('a conversion that nobody answers for is a warning', () => {
  const items = [
    { name: 'a.example.com', storedVersions: ['v1'], backend: gone },
    { name: 'b.example.com', storedVersions: ['v2', 'v1'], backend: on() },
    { name: 'c.example.com', storedVersions: ['v1'], backend: on('worker-1') },
  ];
  expect(found({ ...nothing, conversion: { kind: 'observed', items } })).toEqual([
    [
      'conversion-unanswered',
      'warns',
      'CustomResourceDefinition a.example.com',
      'its objects cannot be converted between their versions: there is no Service policy/webhook',
    ],
    [
      'conversion-unanswered',
      'warns',
      'CustomResourceDefinition b.example.com',
      'its objects (stored as v1, v2) cannot be converted between their versions:' +
        ' Service policy/webhook has no ready endpoint',
    ],
  ]);
});

it('an aggregated API that is away is a warning', () => {
  const items = [
    { name: 'v1beta1.metrics.k8s.io', unavailable: 'MissingEndpoints: no endpoints' },
    { name: 'v1.other.example.com' },
  ];
  expect(found({ ...nothing, aggregated: { kind: 'observed', items } })).toEqual([
    [
      'aggregated-api-unavailable',
      'warns',
      'APIService v1beta1.metrics.k8s.io',
      'it is not available: MissingEndpoints: no endpoints; who reads all APIs, as the removal of' +
        ' namespaces does, waits or fails',
    ],
  ]);
});

it('what could not be looked at is told, part by part; what was not asked is not', () => {
  const unseen = { kind: 'unobserved', problem } as const;
  expect(found({ admission: unseen, conversion: unseen, aggregated: unseen })).toEqual(
    ['admission webhooks', 'CustomResourceDefinitions and their webhooks', 'aggregated APIs'].map(
      (part) => [
        'extensions-unobserved',
        'warns',
        'cluster',
        `its ${part} could not be looked at: listing validating webhooks: forbidden`,
      ],
    ),
  );
  expect(found(undefined)).toEqual([]);
});
