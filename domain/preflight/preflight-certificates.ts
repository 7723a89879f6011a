// Certificates against the planned end of the path: one that expires on the way ends it in the
// middle of a change.

import type { ControlPlaneFacts } from './preflight-cluster';
import type { Finding, FindingObject } from './findings';
import { formatDuration } from '../durations';
import { type CertificateObservation, memberComponents } from '../observation';

/** What answers of people, windows and retries add is not planned. */
const reserveMs = 7 * 86_400_000;

interface Shown {
  readonly object: FindingObject;
  /** `its API server`. */
  readonly of: string;
  readonly about: string;
  readonly certificate: CertificateObservation;
}

/**
 * `blocks`: it expires before the end of this hop. `warns`: before that of the path, or within a
 * week after it.
 */
export function certificateFindings(facts: ControlPlaneFacts): readonly Finding[] {
  const { hopMs = 0, pathMs = 0 } = facts.planned ?? {};
  return shownIn(facts).flatMap(({ object, of, about, certificate }): readonly Finding[] => {
    const { expiresAt, expiresInSeconds } = certificate;
    const leftMs = expiresInSeconds * 1_000;
    if (leftMs > pathMs + reserveMs) return [];
    const when =
      leftMs <= 0
        ? 'has expired'
        : `expires in ${formatDuration(leftMs)}: ${endText(leftMs, { hopMs, pathMs })}`;
    return [
      {
        code: 'certificate-expires',
        severity: leftMs <= hopMs ? 'blocks' : 'warns',
        object,
        message: `the certificate of ${of}, or an authority of it, ${when} (${expiresAt})`,
        remedy: 'renew it and restart what shows it, one member at a time, before the upgrade',
        about,
        evidence: { expiresAt },
        figures: { secondsLeft: expiresInSeconds },
      },
    ];
  });
}

function endText(
  leftMs: number,
  { hopMs, pathMs }: { readonly hopMs: number; readonly pathMs: number },
): string {
  if (leftMs <= hopMs) return `the hop ends in ${formatDuration(hopMs)} as planned`;
  const path = `the path takes ${formatDuration(pathMs)} as planned`;
  if (leftMs <= pathMs) return path;
  return pathMs > 0 ? `${path}, and longer when people are waited for` : 'within the week';
}

function shownIn({ observation: { members, etcd } }: ControlPlaneFacts): readonly Shown[] {
  const ofMembers = members.flatMap(({ name, certificates = {} }) =>
    memberComponents.flatMap((component): readonly Shown[] => {
      const certificate = certificates[component];
      const object = { kind: 'member', name } as const;
      if (certificate === undefined) return [];
      return [{ object, of: `its ${component}`, about: component, certificate }];
    }),
  );
  const etcdMembers = etcd.kind === 'observed' ? etcd.members : [];
  const ofEtcd = etcdMembers.flatMap(({ name, certificate }): readonly Shown[] => {
    const object = { kind: 'etcd', name } as const;
    if (certificate === undefined) return [];
    return [{ object, of: 'this member', about: 'etcd', certificate }];
  });
  return [...ofMembers, ...ofEtcd];
}
