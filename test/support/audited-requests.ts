// What an account has asked the API servers of a lab for, as they wrote it down
// (lab/audit-policy.ts).

import { type AuditedLab, auditEvents } from './audit-events';
import { rightText } from './service-accounts';

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
  };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** One that is about a resource. */
export interface AuditedRequest {
  /** `get apps/daemonsets`. */
  readonly right: string;
  /** Path with query. */
  readonly uri: string;
  readonly isAllowed: boolean;
}

/** All of them until now, of all members. */
export async function auditedRequests(
  lab: AuditedLab,
  username: string,
): Promise<readonly AuditedRequest[]> {
  return (await auditEvents<AuditEvent>(lab)).flatMap((event): readonly AuditedRequest[] => {
    const { user, verb, requestURI, objectRef, annotations = {} } = event;
    if (user.username !== username || objectRef === undefined) return [];
    const { resource, subresource, apiGroup } = objectRef;
    const what = subresource === undefined ? resource : `${resource}/${subresource}`;
    const isAllowed = annotations['authorization.k8s.io/decision'] === 'allow';
    return [{ right: rightText(verb, what, apiGroup), uri: requestURI, isAllowed }];
  });
}
