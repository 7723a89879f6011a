// The part of the preflight that looks at what clients ask API servers for, and the hop, or a later
// one, takes away. All members are taken together: a client asks whichever the balancer gives it.

import { count } from '../counts';
import type { DeprecatedApiUse } from '../deprecated-apis';
import { shippedKnowledge } from '../knowledge/shipped';
import { boundedList } from '../lists';
import type { MemberName } from '../names';
import type { Observation } from '../observation';
import { compareTexts } from '../text-order';
import { compareMinors, minorOf, parseMinor } from '../versions';
import type { PreflightFacts } from './preflight-cluster';
import type { Finding } from './findings';

interface Used extends DeprecatedApiUse {
  readonly members: readonly MemberName[];
}

export function apiFindings({
  observation,
  hop,
}: {
  readonly observation: Pick<Observation, 'deprecatedUse'>;
  readonly hop: PreflightFacts['hop'];
}): readonly Finding[] {
  const { deprecatedUse = [] } = observation;
  const unseen = deprecatedUse.flatMap(({ member, use }): readonly Finding[] => {
    if (use.kind === 'observed') return [];
    return [
      {
        code: 'api-use-unobserved',
        severity: 'warns',
        object: { kind: 'member', name: member },
        message: `which deprecated APIs it is asked for could not be read: ${use.problem.message}`,
        remedy: 'allow the worker to get /metrics: deploy/rbac/planner.yaml has the rule',
        evidence: { problem: use.problem.code },
      },
    ];
  });
  return [...unseen, ...unionOf(deprecatedUse).map((used) => useFinding(used, hop))];
}

function unionOf(seen: NonNullable<Observation['deprecatedUse']>): readonly Used[] {
  const union = new Map<string, Used>();
  for (const { member, use } of seen) {
    for (const one of use.kind === 'observed' ? use.items : []) {
      const key = nameOf(one);
      const { requests = 0, members = [] } = union.get(key) ?? {};
      union.set(key, {
        ...one,
        requests: requests + one.requests,
        members: [...members, member],
      });
    }
  }
  return [...union.values()];
}

function nameOf({ group, version, resource }: DeprecatedApiUse): string {
  return `${group === '' ? '' : `${group}/`}${version} ${resource}`;
}

/** A warning, as it stays until API servers start again, whatever clients have become since. */
function useFinding(used: Used, hop: PreflightFacts['hop']): Finding {
  const removed = used.removedIn === undefined ? undefined : parseMinor(used.removedIn);
  const isGone = removed !== undefined && compareMinors(removed, minorOf(hop.to)) <= 0;
  const members = boundedList(used.members.toSorted(compareTexts));
  const times = used.requests === 0 ? '' : ` ${count(used.requests, 'time')}`;
  const until =
    removed === undefined ? 'no minor is named that is without it' : `gone in ${removed}`;
  return {
    code: isGone ? 'removed-api-used' : 'deprecated-api-used',
    severity: isGone ? 'warns' : 'notes',
    object: { kind: 'api', name: nameOf(used) },
    message: `somebody has asked for it${times} since ${members} started: ${until}`,
    remedy:
      `have clients use ${replacementOf(used)};` +
      ' audit logs name them, by the annotation k8s.io/deprecated',
    evidence: removed === undefined ? {} : { removedIn: removed },
    figures: { requests: used.requests, members: used.members.toSorted(compareTexts) },
  };
}

function replacementOf({ group, version, resource }: DeprecatedApiUse): string {
  const known = shippedKnowledge
    .flatMap(({ apis = [] }) => apis)
    .find((one) => one.group === group && one.version === version && one.resource === resource);
  return known?.replacement ?? 'a version that stays';
}
