// The part of the preflight that looks at what clients ask API servers for, and the hop, or a later
// one, takes away. All members are taken together: a client asks whichever the balancer gives it.

import { count } from '../counts';
import { type DeprecatedApiUse, perHour } from '../deprecated-apis';
import { shippedKnowledge } from '../knowledge/shipped';
import { boundedList } from '../lists';
import type { MemberName } from '../names';
import type { Observation } from '../observation';
import { compareTexts } from '../text-order';
import { compareMinors, type KubeMinor, minorOf, parseMinor } from '../versions';
import type { PreflightFacts } from './preflight-cluster';
import type { Finding } from './findings';

/**
 * What a program that runs all the time comes to, on average since API servers started: an informer
 * asks again every few minutes. A person who has looked, or a job of the night, does not.
 */
const regular = { requests: 10, perHour: 1 };

interface Used extends DeprecatedApiUse {
  readonly members: readonly MemberName[];
  /** Of those members that say since when they count. */
  readonly perHour: number;
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
    if (use.kind === 'unobserved') continue;
    const { items, upSeconds } = use;
    for (const one of items) {
      const key = nameOf(one);
      const { requests = 0, members = [], perHour: rate = 0 } = union.get(key) ?? {};
      union.set(key, {
        ...one,
        requests: requests + one.requests,
        perHour: rate + (upSeconds === undefined ? 0 : perHour(one.requests, upSeconds)),
        members: [...members, member],
      });
    }
  }
  return [...union.values()];
}

function nameOf({ group, version, resource }: DeprecatedApiUse): string {
  return `${group === '' ? '' : `${group}/`}${version} ${resource}`;
}

/**
 * What is asked for all the time blocks: it fails with the hop. What is not warns, as a count stays
 * until API servers start again, and who asked may be gone since.
 */
function useFinding(used: Used, hop: PreflightFacts['hop']): Finding {
  const removed = used.removedIn === undefined ? undefined : parseMinor(used.removedIn);
  const isGone = removed !== undefined && compareMinors(removed, minorOf(hop.to)) <= 0;
  const isRegular = used.requests >= regular.requests && used.perHour >= regular.perHour;
  const object = { kind: 'api', name: nameOf(used) } as const;
  const remedy =
    `have clients use ${replacementOf(used)};` +
    ' audit logs name them, by the annotation k8s.io/deprecated';
  const found = {
    object,
    message: `somebody has asked for it${askedText(used, isRegular)}: ${untilText(removed)}`,
    evidence: removed === undefined ? {} : { removedIn: removed },
    figures: { requests: used.requests, members: used.members.toSorted(compareTexts) },
  };
  if (!isGone) return { ...found, remedy, code: 'deprecated-api-used', severity: 'notes' };
  const gone = { ...found, code: 'removed-api-used' } as const;
  if (!isRegular) return { ...gone, remedy, severity: 'warns' };
  const then = 'acknowledge it once they have moved, as what was counted stays';
  return { ...gone, remedy: `${remedy}; ${then}`, severity: 'blocks' };
}

function askedText(used: Used, isRegular: boolean): string {
  const { requests, members } = used;
  const times = requests === 0 ? '' : ` ${count(requests, 'time')}`;
  const rate = isRegular ? `, about ${Math.round(used.perHour)} an hour` : '';
  return `${times} since ${boundedList(members.toSorted(compareTexts))} started${rate}`;
}

function untilText(removed: KubeMinor | undefined): string {
  return removed === undefined ? 'no minor is named that is without it' : `gone in ${removed}`;
}

function replacementOf({ group, version, resource }: DeprecatedApiUse): string {
  const known = shippedKnowledge
    .flatMap(({ apis = [] }) => apis)
    .find((one) => one.group === group && one.version === version && one.resource === resource);
  return known?.replacement ?? 'a version that stays';
}
