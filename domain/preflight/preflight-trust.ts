// What API servers trust webhooks and aggregated APIs by, against the planned end of the path: once
// all authorities of a caBundle are over, they refuse whatever answer they get.
// T1. Many of them are renewed by a program, shortly before they end. So that nobody is stopped for
//     what renews itself, only what is over already blocks.

import type {
  AdmissionWebhookObservation,
  ApiExtensionsObservation,
  Seen,
  TrustObservation,
} from '../api-extensions';
import { formatDuration } from '../durations';
import type { Finding, FindingObject, Severity } from './findings';
import type { PreflightFacts } from './preflight-cluster';

interface Trusted {
  readonly object: FindingObject;
  readonly trust: TrustObservation;
  /** Of one that is over. */
  readonly severity: Severity;
}

interface TrustFacts {
  readonly observation: Pick<PreflightFacts['observation'], 'extensions'>;
  readonly planned?: PreflightFacts['planned'];
}

/** `warns`: it ends before the hop does. `notes`: before the path does. */
export function trustFindings({ observation, planned }: TrustFacts): readonly Finding[] {
  const { extensions } = observation;
  if (extensions === undefined) return [];
  const { hopMs = 0, pathMs = 0 } = planned ?? {};
  return trustedIn(extensions).flatMap(({ object, trust, severity }): readonly Finding[] => {
    const found = { code: 'extension-trust-ends', object } as const;
    if (trust.kind === 'unreadable') {
      return [{ ...found, severity, ...unreadable, evidence: { caBundle: 'unreadable' } }];
    }
    const { expiresAt, expiresInSeconds } = trust;
    const leftMs = expiresInSeconds * 1_000;
    if (leftMs > pathMs && leftMs > 0) return [];
    const end = endOf(leftMs, { hopMs, pathMs });
    return [
      {
        ...found,
        severity: end.severity ?? severity,
        message: `the last authority in its caBundle ${end.text} (${expiresAt})`,
        remedy: 'see that what made it (cert-manager, its own program) renews it in time',
        evidence: { expiresAt },
        figures: { secondsLeft: expiresInSeconds },
      },
    ];
  });
}

const unreadable = {
  message: 'its caBundle holds no certificate that can be read',
  remedy: 'put the authority of its certificate there, as PEM',
};

interface TrustEnd {
  /** Absent: it is over, and who is trusted by it matters. */
  readonly severity?: Severity;
  readonly text: string;
}

function endOf(
  leftMs: number,
  { hopMs, pathMs }: { readonly hopMs: number; readonly pathMs: number },
): TrustEnd {
  if (leftMs <= 0) return { text: 'has expired' };
  const text = (what: string, ms: number): string =>
    `expires in ${formatDuration(leftMs)}: the ${what} takes ${formatDuration(ms)} as planned`;
  return leftMs <= hopMs
    ? { severity: 'warns', text: text('hop', hopMs) }
    : { severity: 'notes', text: text('path', pathMs) };
}

function trustedIn(extensions: ApiExtensionsObservation): readonly Trusted[] {
  const { admission, conversion, aggregated } = extensions;
  return [
    ...trustsOf(admission, (webhook) => ({
      object: { kind: 'webhook', name: webhook.name },
      severity: severityOf(webhook),
    })),
    ...trustsOf(conversion, ({ name }) => ({
      object: { kind: 'definition', name },
      severity: 'warns',
    })),
    ...trustsOf(aggregated, ({ name }) => ({
      object: { kind: 'aggregated-api', name },
      severity: 'warns',
    })),
  ];
}

/** Those that something is given to trust by. */
function trustsOf<Item extends { readonly trust?: TrustObservation }>(
  seen: Seen<Item>,
  about: (item: Item) => Omit<Trusted, 'trust'>,
): readonly Trusted[] {
  if (seen.kind === 'unobserved') return [];
  return seen.items.flatMap((item) =>
    item.trust === undefined ? [] : [{ ...about(item), trust: item.trust }],
  );
}

/** As for one that nobody answers for; conditions may spare just what an upgrade needs. */
function severityOf({
  failurePolicy,
  guards,
  isConditional,
}: AdmissionWebhookObservation): Severity {
  const isInTheWay = failurePolicy === 'Fail' && guards.length > 0 && !isConditional;
  return isInTheWay ? 'blocks' : 'warns';
}
