// The preflight of a whole path, before its first hop: hop by hop, each with its versions, from one
// observation.
// W1. The first hop is told everything that its own preflight would tell.
// W2. What a later hop adds, the table of horizons decides, by check (horizons.ts).
// W3. What was not looked at, because it is looked at before a later hop only, is a finding there.

import type { EtcdStep, Hop, Step } from '../plan/plan';
import { plannedMs } from '../plan/planned-time';
import type { KubeVersion } from '../versions';
import { type DrainedPool, drainedPools, type PreflightObservation } from './drains';
import type { Finding } from './findings';
import { horizonOf } from './horizons';
import { evidenceDigest, findingKey } from './identity';
import { evaluatePreflight } from './preflight';
import type { EtcdChangeFacts, PlannedTime } from './preflight-cluster';

export interface PathHop {
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** Until the end of this hop, and of the path: from the observation on. */
  readonly planned?: PlannedTime;
  readonly etcd?: EtcdChangeFacts;
  /** As of PreflightFacts. */
  readonly pools?: readonly DrainedPool[];
}

export interface HopFindings {
  readonly from: KubeVersion;
  readonly to: KubeVersion;
  /** In the order of PreflightReport. */
  readonly findings: readonly Finding[];
}

interface PathFacts {
  readonly observation: PreflightObservation;
  /** In order, at least one. */
  readonly hops: readonly PathHop[];
}

/** One entry for each hop, in order. Nothing is thrown. */
export function evaluatePath({ observation, hops }: PathFacts): readonly HopFindings[] {
  const told = new Set<string>();
  return hops.map(({ from, to, ...facts }, index) => {
    const isAhead = index > 0;
    const hop = { from, to };
    const all = evaluatePreflight({ observation, hop, ...facts, ...(isAhead ? { isAhead } : {}) });
    const findings = isAhead ? all.findings.filter((one) => addsTo(told, one)) : all.findings;
    for (const finding of findings) told.add(identityOf(finding));
    return { from, to, findings };
  });
}

/** W2. */
function addsTo(told: ReadonlySet<string>, finding: Finding): boolean {
  switch (horizonOf(finding.code)) {
    case 'first-hop':
      return false;
    case 'each-hop':
      return true;
    case 'once':
      return !told.has(identityOf(finding));
  }
}

function identityOf(finding: Finding): string {
  return `${findingKey(finding)} ${evidenceDigest(finding)}`;
}

/** The hops of a plan, with what is planned of them. */
export function pathOf(hops: readonly Hop[]): readonly PathHop[] {
  const pathMs = plannedMs(hops);
  // Of the last one, if there is any.
  const end = hops.reduce<Pick<PlannedTime, 'pathTo'>>((_, { to }) => ({ pathTo: to }), {});
  return hops.map((hop, index) => {
    const { from, to } = hop;
    const hopMs = plannedMs(hops.slice(0, index + 1));
    const planned = { hopMs, pathMs, ...end };
    const etcd = etcdOf(hop, hops.slice(0, index));
    const pools = drainedPools(hop);
    return {
      from,
      to,
      planned,
      ...(etcd === undefined ? {} : { etcd }),
      ...(pools === undefined ? {} : { pools }),
    };
  });
}

/** What API servers of the hop find: what was changed on the way, or is before them. */
function etcdOf(hop: Hop, before: readonly Hop[]): EtcdChangeFacts | undefined {
  const steps = before.flatMap((one) => one.steps).filter(isEtcd);
  const own = hop.steps.filter(isEtcd).filter(({ place }) => place !== undefined);
  const last = [...steps, ...own].at(-1);
  return last === undefined ? undefined : { to: last.to, stage: 'to-come' };
}

function isEtcd(step: Step): step is EtcdStep {
  return step.kind === 'etcd';
}
