// Who made pods leave, as the API servers of a lab wrote it down (lab/audit-policy.ts).

import { type AuditedLab, auditEvents } from '../audit-events';

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestObject?: {
    readonly deleteOptions?: { readonly preconditions?: { readonly uid?: string } };
  };
  readonly stageTimestamp: string;
}

/** A request that was done, or may have been. */
export interface Removal {
  readonly kind: 'eviction' | 'delete';
  /**
   * False: it was answered with an error of the server, or not at all. An eviction whose client is
   * killed while it is under way is such a one, and may have done its work.
   */
  readonly isSure: boolean;
  readonly user: string;
  /** `shop/cart-1`. */
  readonly pod: string;
  /** The precondition of an eviction. */
  readonly uid: string | undefined;
  readonly at: string;
}

/** From this status on nothing was done, below that of errors of the server. */
const refused = 300;
const failed = 500;

/** Requests in the namespaces that were not refused, of all members. */
export async function removals(
  lab: AuditedLab,
  namespaces: readonly string[],
): Promise<readonly Removal[]> {
  return (await auditEvents<AuditEvent>(lab)).flatMap((event): readonly Removal[] => {
    const removal = removalOf(event);
    const [namespace = ''] = removal?.pod.split('/') ?? [];
    return removal !== undefined && namespaces.includes(namespace) ? [removal] : [];
  });
}

/** Undefined when it was refused, and for what removes no pod. */
function removalOf(event: AuditEvent): Removal | undefined {
  const { namespace = '', name = '' } = event.objectRef ?? {};
  const kind = kindOf(event);
  const answered = answerOf(event);
  if (kind === undefined || answered === 'refused') return undefined;
  return {
    kind,
    isSure: answered === 'done',
    user: event.user.username,
    pod: `${namespace}/${name}`,
    uid: event.requestObject?.deleteOptions?.preconditions?.uid,
    at: event.stageTimestamp,
  };
}

const deleting: readonly string[] = ['delete', 'deletecollection'];

/** Of accounts of Ascent's own everything is logged. */
function kindOf({ verb, objectRef }: AuditEvent): Removal['kind'] | undefined {
  if (objectRef?.resource !== 'pods') return undefined;
  if (objectRef.subresource === 'eviction') return verb === 'create' ? 'eviction' : undefined;
  return objectRef.subresource === undefined && deleting.includes(verb) ? 'delete' : undefined;
}

function answerOf({ stage, responseStatus }: AuditEvent): 'done' | 'refused' | 'unclear' {
  const code = responseStatus?.code ?? failed;
  if (code >= failed) return 'unclear';
  if (code >= refused) return 'refused';
  return stage === 'ResponseComplete' ? 'done' : 'unclear';
}
