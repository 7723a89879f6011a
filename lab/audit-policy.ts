// What the lab's API servers keep in their audit logs: who made pods leave, whatever became of it,
// and what service accounts of Ascent's own ask for.
// A1. Components do their daily work unlogged: kwok ends every pod, controllers delete those that
//     are too many.

import { stringify } from 'yaml';

/** The file for `--audit-policy-file`; the first rule that fits decides. */
export function auditPolicy(): string {
  return stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    omitManagedFields: true,
    rules: [
      {
        // With the body: it says which pod of that name was meant.
        level: 'Request',
        verbs: ['create'],
        resources: [{ group: '', resources: ['pods/eviction'] }],
      },
      { level: 'Metadata', userGroups: ['system:serviceaccounts:ascent'] },
      // A1.
      { level: 'None', users: ['ascent:kwok'] },
      { level: 'None', userGroups: ['system:nodes', 'system:serviceaccounts:kube-system'] },
      {
        level: 'Metadata',
        verbs: ['delete', 'deletecollection'],
        resources: [{ group: '', resources: ['pods'] }],
      },
      { level: 'None' },
    ],
  });
}
