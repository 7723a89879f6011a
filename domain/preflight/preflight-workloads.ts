// The part of the preflight that looks at workloads which the drains of a hop meet: the checks of
// domain/simulation, told by namespace.
// K1. What warns is one finding for each check and namespace, whose team can see to it. What is a
//     note is one for each check. So two thousand workloads make a page that a person reads.
// K2. The key holds no workload. Their names are evidence: a team that adds another one of the kind
//     has changed what was seen. Pods, nodes and counts change by themselves and are none.
// K3. Budgets that let nothing leave are told by the observation, whether nodes are drained or not.

import { count } from '../counts';
import { boundedList } from '../lists';
import type { DrainLimit, DrainLimits } from '../simulation/checked-cluster';
import type { WorkloadCheck, WorkloadFinding } from '../simulation/findings';
import { checkWorkloads } from '../simulation/workload-checks';
import { compareTexts } from '../text-order';
import { boundedNames } from './bounded-names';
import type { DrainedPool, DrainsObservation } from './drains';
import type { Finding } from './findings';

interface WorkloadFacts {
  readonly observation: { readonly drains?: DrainsObservation };
  /** Absent: any node may be drained. */
  readonly pools?: readonly DrainedPool[];
}

export function workloadFindings({
  observation: { drains },
  pools,
}: WorkloadFacts): readonly Finding[] {
  if (drains === undefined || pools?.length === 0) return [];
  if (drains.kind === 'unobserved') {
    const { code, message } = drains.problem;
    return [{ ...unobserved(message), evidence: { problem: code } }];
  }
  const { evidence, unread } = drains;
  const limits = pools === undefined ? undefined : limitsOf(pools);
  return [
    ...unread.map(({ what, problem }) => ({ ...unobserved(problem), about: what })),
    ...groupsOf(checkWorkloads(evidence, limits)).map(findingOf),
  ];
}

function unobserved(problem: string): Finding {
  return {
    code: 'workloads-unobserved',
    severity: 'warns',
    object: { kind: 'cluster' },
    message: `what its drains meet was not all looked at: ${problem}`,
    remedy: 'allow the worker to list what is named: deploy/rbac/planner.yaml has the rules',
  };
}

function limitsOf(pools: readonly DrainedPool[]): DrainLimits {
  return new Map(
    pools.flatMap(({ nodes, drain: { timeoutMs, gracePeriodSeconds } }) => {
      const limit: DrainLimit = {
        timeoutSeconds: timeoutMs / 1_000,
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      };
      return nodes.map((node) => [node, limit] as const);
    }),
  );
}

const toldByBudgets = ['budget-never', 'budget-overlap', 'budget-sync-failed'] as const;

type ToldHere = Exclude<WorkloadCheck, (typeof toldByBudgets)[number]>;

type Found = WorkloadFinding & { readonly check: ToldHere };

/** K3. */
function isToldHere(finding: WorkloadFinding): finding is Found {
  return !(toldByBudgets as readonly WorkloadCheck[]).includes(finding.check);
}

interface Group {
  readonly check: ToldHere;
  /** Absent: of several. */
  readonly namespace?: string;
  /** At least one; all of one severity. */
  readonly found: readonly Found[];
}

/** Namespaces that one check warns of by name; the others are one finding. */
const namespacesAtMost = 20;

/** K1. */
function groupsOf(all: readonly WorkloadFinding[]): readonly Group[] {
  const byCheck = groupedBy(all.filter(isToldHere), ({ check }) => check);
  return [...byCheck.values()].flatMap((found): readonly Group[] => {
    const { check } = found[0];
    const warned = [...groupedBy(found.filter(warns), ({ object }) => object.namespace)]
      .toSorted(([a], [b]) => compareTexts(a, b))
      .map(([namespace, own]) => ({ check, namespace, found: own }));
    const others = warned.slice(namespacesAtMost).flatMap((group) => group.found);
    const noted = found.filter((one) => !warns(one));
    return [
      ...warned.slice(0, namespacesAtMost),
      ...[others, noted].filter((some) => some.length > 0).map((some) => ({ check, found: some })),
    ];
  });
}

function warns({ severity }: Found): boolean {
  return severity !== 'notes';
}

function groupedBy(
  found: readonly Found[],
  by: (finding: Found) => string,
): ReadonlyMap<string, readonly [Found, ...Found[]]> {
  const groups = new Map<string, [Found, ...Found[]]>();
  for (const finding of found) {
    const group = groups.get(by(finding));
    if (group === undefined) groups.set(by(finding), [finding]);
    else group.push(finding);
  }
  return groups;
}

function findingOf({ check, namespace, found }: Group): Finding {
  const [first] = found as readonly [Found];
  const isWarning = warns(first);
  const nameOf = ({ object }: Found): string =>
    `${object.kind} ${namespace === undefined ? `${object.namespace}/` : ''}${object.name}`;
  const [only, ...more] = found.map((one) => `${nameOf(one)}: ${one.evidence}`);
  const several = found.map((one) => `${nameOf(one)} (${one.evidence})`);
  const spaces = new Set(found.map(({ object }) => object.namespace)).size;
  const where = namespace === undefined ? ` in ${count(spaces, 'namespace')}` : '';
  return {
    code: check,
    severity: first.severity,
    object: namespace === undefined ? { kind: 'cluster' } : { kind: 'namespace', name: namespace },
    message:
      more.length === 0
        ? (only as string)
        : `${count(found.length, nounOf(check))}${where}: ${boundedList(several)}`,
    remedy: first.remedy,
    why: first.why,
    ...(isWarning && namespace === undefined ? { about: 'other-namespaces' } : {}),
    evidence: boundedNames(found.map(nameOf)),
    figures: { objects: found.length },
  };
}

function nounOf(check: ToldHere): string {
  if (check === 'budget-empty') return 'budget';
  return check === 'bare-pod' || check === 'finalizer' ? 'pod' : 'workload';
}
