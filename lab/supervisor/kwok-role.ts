// What kwok may do in the lab: play pods of nodes and renew the nodes' leases, nothing else.

import type { KubeRest } from '../kube-rest';

const roleName = 'ascent-lab-kwok';
/** Common name of kwok's client certificate (certificates.ts). */
const kwokUser = 'ascent:kwok';
const rbacPath = '/apis/rbac.authorization.k8s.io/v1';

const rules = [
  { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'update', 'patch'] },
  { apiGroups: [''], resources: ['nodes/status', 'pods/status'], verbs: ['update', 'patch'] },
  {
    apiGroups: [''],
    resources: ['pods'],
    verbs: ['get', 'list', 'watch', 'update', 'patch', 'delete'],
  },
  { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'update', 'patch'] },
  {
    apiGroups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
] as const;

/** May be repeated. */
export async function allowKwok(kube: KubeRest): Promise<void> {
  await kube.apply(`${rbacPath}/clusterroles/${roleName}`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: roleName },
    rules,
  });
  await kube.apply(`${rbacPath}/clusterrolebindings/${roleName}`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: roleName },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: roleName },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: kwokUser }],
  });
}
