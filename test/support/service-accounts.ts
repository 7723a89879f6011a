// Service accounts with exactly the rights that deploy/rbac gives them, and kubeconfigs with their
// tokens.

import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { parse, parseAllDocuments } from 'yaml';

export const rightsOf = {
  planner: 'deploy/rbac/planner.yaml',
  helm: 'deploy/rbac/helm.yaml',
  nodeJobs: 'deploy/rbac/node-jobs.yaml',
  upgrader: 'deploy/rbac/upgrader.yaml',
  upgraderSurge: 'deploy/rbac/upgrader-surge.yaml',
  upgraderForce: 'deploy/rbac/upgrader-force.yaml',
} as const;

const root = path.join(__dirname, '..', '..');

export interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
  readonly spec?: object;
  readonly webhooks?: readonly object[];
}

export function manifestsOf(file: (typeof rightsOf)[keyof typeof rightsOf]): readonly Manifest[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** A webhook that is asked about nothing, and the Service that would answer for it. */
export const quietWebhook: readonly Manifest[] = [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'webhook', namespace: 'default' },
    spec: { ports: [{ port: 443 }] },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'policies' },
    webhooks: [
      {
        name: 'policies.example.com',
        clientConfig: { service: { namespace: 'default', name: 'webhook' } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  },
];

/** Where the API server has it. */
export function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const group = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const { name, namespace } = metadata;
  const inside = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${group}${inside}/${kind.toLowerCase()}s/${name}`;
}

const ofOtherMinors: ReadonlySet<string | undefined> = new Set([
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'ipaddresses',
  'servicecidrs',
  'volumeattributesclasses',
]);

/** Whether only a minor that no lab goes to takes away a version of what the rule is about. */
export function isOfOtherMinors({ resources: [resource] = [] }: Rule): boolean {
  return ofOtherMinors.has(resource);
}

/** Each right of one verb on one thing, with the role as it is and as it would be without. */
export function withoutEach(manifests: readonly Manifest[]): readonly {
  readonly whole: Manifest;
  readonly without: Manifest;
  readonly rule: Rule;
}[] {
  return manifests.flatMap((whole) => {
    const single = (whole.rules ?? []).flatMap(singleRules);
    return single.map((rule) => {
      const rules = single.filter((other) => other !== rule);
      return { whole, without: { ...whole, rules }, rule };
    });
  });
}

function singleRules(rule: Rule): readonly Rule[] {
  const { verbs, resources, nonResourceURLs, ...rest } = rule;
  return verbs.flatMap((verb) => [
    ...(resources ?? []).map((one) => ({ ...rest, verbs: [verb], resources: [one] })),
    ...(nonResourceURLs ?? []).map((one) => ({ ...rest, verbs: [verb], nonResourceURLs: [one] })),
  ]);
}

/** `get apps/daemonsets`, `list pods`. */
export function rightText(verb: string, resource: string, group = ''): string {
  return `${verb} ${group === '' ? '' : `${group}/`}${resource}`;
}

/** The text of a single right; undefined when it is about no resource. */
export function rightOf({ verbs, apiGroups, resources }: Rule): string | undefined {
  const [[verb = ''], [group] = [], [resource] = []] = [verbs, apiGroups, resources];
  return resource === undefined ? undefined : rightText(verb, resource, group);
}

/** The kubeconfig of an administrator, with the token instead; answers its path. */
export async function kubeconfigWith(
  token: string,
  of: { readonly kubeconfig: string; readonly to: string },
): Promise<string> {
  const config = parse(await readFile(of.kubeconfig, 'utf8')) as {
    readonly users: readonly { readonly name: string }[];
  };
  const users = config.users.map(({ name }) => ({ name, user: { token } }));
  // JSON is YAML, too.
  await writeFile(of.to, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return of.to;
}
