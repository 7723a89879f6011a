// The account of the engine in a lab: a user of its own, so that an audit log tells it from all
// others, with exactly the rights that docs/operate.md asks for.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { KubeRest } from '../../../lab/kube-rest';
import type { OtherAccess } from '../lab-access';
import { tokenAccess } from '../lab-access';
import type { LabGround } from '../lab-ground';

const namespace = 'ascent';
const name = 'engine';
const tokenSeconds = 86_400;
const rbacPath = '/apis/rbac.authorization.k8s.io/v1';
/** The page that says which. */
export const rightsPage = path.join(__dirname, '..', '..', '..', 'docs', 'operate.md');

/** As audit logs name it. */
export const engineUser = `system:serviceaccount:${namespace}:${name}`;

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

const groups: Readonly<Record<string, string>> = {
  nodes: '',
  pods: '',
  'pods/eviction': '',
  namespaces: '',
  persistentvolumes: '',
  persistentvolumeclaims: '',
  poddisruptionbudgets: 'policy',
  daemonsets: 'apps',
  deployments: 'apps',
  replicasets: 'apps',
  statefulsets: 'apps',
  horizontalpodautoscalers: 'autoscaling',
  volumeattachments: 'storage.k8s.io',
  leases: 'coordination.k8s.io',
  services: '',
  configmaps: '',
  endpointslices: 'discovery.k8s.io',
  validatingwebhookconfigurations: 'admissionregistration.k8s.io',
  mutatingwebhookconfigurations: 'admissionregistration.k8s.io',
  customresourcedefinitions: 'apiextensions.k8s.io',
  apiservices: 'apiregistration.k8s.io',
  storageclasses: 'storage.k8s.io',
  csidrivers: 'storage.k8s.io',
  flowschemas: 'flowcontrol.apiserver.k8s.io',
  prioritylevelconfigurations: 'flowcontrol.apiserver.k8s.io',
  validatingadmissionpolicies: 'admissionregistration.k8s.io',
  validatingadmissionpolicybindings: 'admissionregistration.k8s.io',
  ipaddresses: 'networking.k8s.io',
  servicecidrs: 'networking.k8s.io',
  volumeattributesclasses: 'storage.k8s.io',
};

/**
 * The rights of the page, `RESOURCE: VERB, VERB` one after the other; words between them do not
 * matter. Throws for a resource whose API group nobody has written down here.
 */
export function documentedRights(text: string): readonly Rule[] {
  const [, section = ''] = text.split('### Rights in the cluster');
  const [rights = ''] = section.trim().split('\n## ');
  const verbs = '(?:get|list|watch|create|update|patch|delete)';
  const pattern = new RegExp(
    `\\b([a-z]+(?:/[a-z]+)?)(?:\\s+(?:in kube-system|\\([a-z0-9.]+\\)))?:` +
      `\\s+(${verbs}(?:,\\s+${verbs})*)`,
    'g',
  );
  const rules = [...rights.toLowerCase().matchAll(pattern)].map(
    ([, resource = '', list = '']): Rule => {
      const verbsOf = list.split(/,\s+/);
      const group = groups[resource];
      if (group === undefined) throw new Error(`${rightsPage}: of which API group is ${resource}?`);
      return { apiGroups: [group], resources: [resource], verbs: verbsOf };
    },
  );
  const paths = [...rights.matchAll(/`(\/[a-z/*]+)`/g)].map(([, url = '']) => url);
  return [...rules, { nonResourceURLs: paths, verbs: ['get'] }];
}

/** Makes the account in the lab, and an access file that uses it. May be repeated. */
export async function engineAccess(ground: LabGround, kube: KubeRest): Promise<OtherAccess> {
  const metadata = { name, namespace };
  await kube.apply(`/api/v1/namespaces/${namespace}`, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace },
  });
  const accountPath = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`;
  await kube.apply(accountPath, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
  await kube.apply(`${rbacPath}/clusterroles/ascent-engine`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'ascent-engine' },
    rules: documentedRights(await readFile(rightsPage, 'utf8')),
  });
  await kube.apply(`${rbacPath}/clusterrolebindings/ascent-engine`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'ascent-engine' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'ascent-engine' },
    subjects: [{ kind: 'ServiceAccount', ...metadata }],
  });
  const { body } = await kube.must({
    method: 'POST',
    path: `${accountPath}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: tokenSeconds },
    },
  });
  const { status } = body as { readonly status: { readonly token: string } };
  return tokenAccess(ground, ground.cluster, status.token);
}
