// What is read of webhooks and aggregated APIs of a real API server.

import { createExtensionProbe } from '../../../activities/adapters/extension-probe';
import { openKubeConnection } from '../../../activities/adapters/kube-connection';
import { namedMembers } from '../../../activities/adapters/member-directory';
import { createMemberProbe } from '../../../activities/adapters/member-probe';
import type { MemberName } from '../../../domain/names';
import type { ApiExtensionsObservation, Seen } from '../../../domain/api-extensions';
import { definitionFindings } from '../../../domain/preflight/preflight-definitions';
import { untilTrue } from '../../support/lab-until';
import { type RealKube, startKube } from './support/real-kube';
import { temporaryDirectory } from './support/temporary-directory';
import { createAuthority } from './support/pki';
import { never } from './support/refusals';

jest.setTimeout(300_000);

const directory = temporaryDirectory();
const admission = '/apis/admissionregistration.k8s.io/v1';
const service = { namespace: 'policy', name: 'webhook', path: '/secret', port: 443 };
const rules = [
  { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
];
const usual = { sideEffects: 'None', admissionReviewVersions: ['v1'], rules };

let real: RealKube;

async function observe(kubeconfig: string): Promise<ApiExtensionsObservation> {
  const connection = openKubeConnection(kubeconfig);
  try {
    return await createExtensionProbe(connection).observe(never);
  } finally {
    await connection.close();
  }
}

async function make(path: string, object: object): Promise<void> {
  const answer = await real.call('POST', path, object);
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
}

function byName<Item extends { readonly name: string }>(seen: Seen<Item>) {
  if (seen.kind === 'unobserved') throw new Error(seen.problem.message);
  return seen.items.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const definition = (plural: string, conversion: object) => ({
  metadata: { name: `${plural}.example.com` },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural, kind: plural },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object' } },
      },
    ],
    ...conversion,
  },
});

beforeAll(async () => {
  real = await startKube(directory);
  const caBundle = Buffer.from((await createAuthority('webhooks')).ca).toString('base64');
  await make('/api/v1/namespaces', { metadata: { name: 'policy', labels: { spared: 'yes' } } });
  await make('/api/v1/namespaces/policy/services', {
    metadata: { name: 'webhook' },
    spec: { ports: [{ port: 443 }], selector: { app: 'webhook' } },
  });
  await make('/apis/discovery.k8s.io/v1/namespaces/policy/endpointslices', {
    metadata: { name: 'webhook-1', labels: { 'kubernetes.io/service-name': 'webhook' } },
    addressType: 'IPv4',
    endpoints: [
      { addresses: ['10.0.0.1'], nodeName: 'worker-1', conditions: { ready: true } },
      { addresses: ['10.0.0.2'], nodeName: 'worker-2', conditions: { ready: false } },
      { addresses: ['10.0.0.3'], nodeName: 'worker-3' },
      { addresses: ['10.0.0.4'] },
    ],
  });
  await make(`${admission}/validatingwebhookconfigurations`, {
    metadata: { name: 'policies' },
    webhooks: [
      { ...usual, name: 'all.example.com', clientConfig: { service, caBundle } },
      {
        ...usual,
        name: 'spared.example.com',
        clientConfig: { service: { ...service, name: 'absent' } },
        failurePolicy: 'Ignore',
        timeoutSeconds: 3,
        namespaceSelector: {
          matchExpressions: [{ key: 'spared', operator: 'DoesNotExist' }],
        },
        matchConditions: [{ name: 'some', expression: 'true' }],
      },
    ],
  });
  await make(`${admission}/mutatingwebhookconfigurations`, {
    metadata: { name: 'defaults' },
    webhooks: [
      {
        ...usual,
        name: 'outside.example.com',
        clientConfig: { url: 'https://hooks.example.com:8443/path' },
        objectSelector: { matchLabels: { mutate: 'yes' } },
      },
    ],
  });
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const webhook = { clientConfig: { service, caBundle }, conversionReviewVersions: ['v1'] };
  await make(definitions, definition('plains', {}));
  await make(definitions, definition('hooks', { conversion: { strategy: 'Webhook', webhook } }));
  await make('/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: 'v1.away.example.com' },
    spec: {
      group: 'away.example.com',
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { namespace: 'policy', name: 'absent' },
    },
  });
});
afterAll(() => real.close());

const webhookService = {
  kind: 'service',
  name: 'policy/webhook',
  isThere: true,
  endpoints: ['worker-1', 'worker-3', undefined],
};

/** Of an authority that was made for an hour. */
const trust = {
  kind: 'read',
  expiresAt: expect.any(String) as string,
  expiresInSeconds: expect.any(Number) as number,
};

it('has the webhooks, what they are asked about, and who answers for them', async () => {
  const seen = await observe(real.kubeconfig);
  expect(byName(seen.admission)).toEqual([
    {
      kind: 'mutating',
      name: 'defaults/outside.example.com',
      failurePolicy: 'Fail',
      timeoutSeconds: 10,
      guards: ['create-pods'],
      guardsItself: false,
      isConditional: true,
      backend: { kind: 'url', host: 'hooks.example.com:8443' },
    },
    {
      kind: 'validating',
      name: 'policies/all.example.com',
      failurePolicy: 'Fail',
      timeoutSeconds: 10,
      guards: ['create-pods'],
      guardsItself: true,
      isConditional: false,
      backend: webhookService,
      trust,
    },
    {
      kind: 'validating',
      name: 'policies/spared.example.com',
      failurePolicy: 'Ignore',
      timeoutSeconds: 3,
      guards: ['create-pods'],
      guardsItself: false,
      isConditional: true,
      backend: { kind: 'service', name: 'policy/absent', isThere: false, endpoints: [] },
    },
  ]);
});

it('has the definitions that are converted, and no others', async () => {
  await untilTrue('the definition is stored', async () => {
    const [hooks] = byName((await observe(real.kubeconfig)).conversion);
    return hooks?.storedVersions.length === 1;
  });
  expect(byName((await observe(real.kubeconfig)).conversion)).toEqual([
    { name: 'hooks.example.com', storedVersions: ['v1'], backend: webhookService, trust },
  ]);
});

it('has the versions of all definitions, and those that objects are stored in', async () => {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const own = await real.call('GET', `${path}/plains.example.com`);
  const { spec } = own.body as { readonly spec: { readonly versions: readonly object[] } };
  // What was stored as v1 is not served any more, and nobody has written it again.
  const [v1] = spec.versions;
  const versions = [
    { ...v1, served: false, storage: false },
    { ...v1, name: 'v2' },
  ];
  expect(
    (await real.call('PATCH', `${path}/plains.example.com`, { spec: { versions } })).status,
  ).toBe(200);
  const plains = {
    name: 'plains.example.com',
    versions: [
      { name: 'v1', served: false, storage: false },
      { name: 'v2', served: true, storage: true },
    ],
    storedVersions: ['v1', 'v2'],
  };
  await untilTrue('both are stored versions', async () => {
    const { definitions = [] } = await observe(real.kubeconfig);
    return definitions.some(({ storedVersions }) => storedVersions.length === 2);
  });
  const { definitions } = await observe(real.kubeconfig);
  expect(definitions).toEqual([
    {
      name: 'hooks.example.com',
      versions: [{ name: 'v1', served: true, storage: true }],
      storedVersions: ['v1'],
    },
    plains,
  ]);
  expect(definitionFindings({ extensions: await observe(real.kubeconfig) })).toMatchObject([
    { code: 'definition-stored-unserved', object: { name: 'plains.example.com' } },
  ]);
});

it('has the aggregated APIs, with why one is not available', async () => {
  const unavailable = 'ServiceNotFound: service/absent in "policy" is not present';
  await untilTrue('the API server has looked', async () => {
    const [away] = byName((await observe(real.kubeconfig)).aggregated);
    return away?.unavailable === unavailable;
  });
  expect(byName((await observe(real.kubeconfig)).aggregated)).toEqual([
    { name: 'v1.away.example.com', unavailable },
  ]);
});

it('has the deprecated APIs that somebody has asked for, and how often', async () => {
  const path = '/apis/flowcontrol.apiserver.k8s.io/v1beta2/flowschemas';
  for (const each of [path, path, `${path}/absent`]) await real.call('GET', each);
  const connection = openKubeConnection(real.kubeconfig);
  const address = { apiServer: real.url, controllerManager: real.url, scheduler: real.url };
  const probe = createMemberProbe(connection, namedMembers([{ name: 'cp-1', ...address }]));
  const use = await probe.deprecatedApis('cp-1' as MemberName, never);
  await connection.close();
  expect(use).toEqual({
    kind: 'observed',
    upSeconds: expect.any(Number) as number,
    items: [
      {
        group: 'flowcontrol.apiserver.k8s.io',
        version: 'v1beta2',
        resource: 'flowschemas',
        removedIn: '1.29',
        requests: 3,
      },
    ],
  });
});

it('says part by part what it may not read', async () => {
  const refused = (doing: string, what: string) => ({
    kind: 'unobserved',
    problem: {
      code: 'forbidden',
      message: expect.stringMatching(
        new RegExp(`^${doing}: .*cannot list resource "${what}"`),
      ) as string,
    },
  });
  const { admission: webhooks, ...rest } = await observe(real.strangerKubeconfig);
  expect(rest).toEqual({
    conversion: refused('listing CustomResourceDefinitions', 'customresourcedefinitions'),
    aggregated: refused('listing APIServices', 'apiservices'),
  });
  expect(webhooks).toMatchObject({ kind: 'unobserved', problem: { code: 'forbidden' } });
});
