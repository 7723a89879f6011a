// The documents of `-o json` that are more than a shape of the domain with a schema on it
// (docs/json-output.md). A change that takes away or renames a field makes a new version.

import type { DrainEnd, StartRefused } from '../client';
import { drainEndSentence, drainRefusalSentence } from '../client';
import { blockerSentence } from '../domain/blocker-sentences';
import type { Blocker } from '../domain/blockers';
import type { CommandRefusal } from '../domain/status/control';
import type { Finding } from '../domain/preflight/findings';
import { evidenceDigest, findingKey } from '../domain/preflight/identity';
import { isBlocking } from '../domain/preflight/judgement';
import type { HopFindings } from '../domain/preflight/path-preflight';
import { whyItMatters } from '../domain/preflight/reasons';
import type { HopId } from '../domain/names';
import type { PlanResult } from '../domain/plan/plan';
import { poolOrderText, turnSentence } from '../domain/pool/pool-order-sentences';
import type { PoolOrder } from '../domain/pool/pool-orders';
import type { KubeVersion } from '../domain/versions';
import { findingSentence, refusalSentence, startRefusalSentence } from '../domain/status/sentences';
import type { SeverityCounts } from './render/findings';
import { severityCounts } from './render/findings';
import type { PreflightReport } from './render/preflight';

/** What a blocker is about, the same two or three fields for every code. */
interface BlockedObject {
  readonly kind:
    | 'cluster'
    | 'control-plane'
    | 'member'
    | 'node'
    | 'pool'
    | 'pod'
    | 'release'
    | 'plan';
  readonly name: string;
  readonly namespace?: string;
}

type BlockerDocument = Blocker & {
  readonly object: BlockedObject;
  readonly sentence: string;
};

function blockerDocument(blocker: Blocker): BlockerDocument {
  return { ...blocker, object: objectOf(blocker), sentence: blockerSentence(blocker) };
}

/** By what the blocker names, so that a new code with known fields needs no line here. */
function objectOf(blocker: Blocker): BlockedObject {
  if ('pod' in blocker) return { kind: 'pod', ...blocker.pod };
  if ('node' in blocker) return { kind: 'node', name: blocker.node };
  if ('member' in blocker) return { kind: 'member', name: blocker.member };
  if ('controlPlane' in blocker) return { kind: 'control-plane', name: blocker.controlPlane };
  if ('pool' in blocker) return { kind: 'pool', name: blocker.pool };
  if ('cluster' in blocker) return { kind: 'cluster', name: blocker.cluster };
  if ('versions' in blocker) {
    const names = blocker.versions.map(({ member }) => member);
    return { kind: 'control-plane', name: names.join(', ') };
  }
  if ('target' in blocker) return { kind: 'release', name: blocker.target };
  if ('minor' in blocker) return { kind: 'release', name: blocker.minor };
  if ('version' in blocker) return { kind: 'release', name: blocker.version };
  if ('hop' in blocker) return { kind: 'release', name: blocker.hop };
  return { kind: 'plan', name: blocker.actual };
}

const planSchema = 'ascent.plan-result/v1';

/** What stands beside the plan where it was asked for: its digest does not cover it. */
export interface BesidePlan {
  /** Of its pools. */
  readonly orders?: readonly PoolOrder[] | undefined;
  /** What a preflight finds: of each hop, in order. */
  readonly findings?: readonly HopCounts[] | undefined;
}

export interface HopCounts {
  readonly hop: HopId;
  readonly counts: SeverityCounts;
}

export function planDocument(result: PlanResult, { orders, findings }: BesidePlan = {}) {
  const told = {
    ...(orders === undefined ? {} : { orders: orders.map(orderDocument) }),
    ...(findings === undefined ? {} : { findings }),
  };
  return result.kind === 'planned'
    ? { schema: planSchema, ...result, ...told }
    : { schema: planSchema, kind: result.kind, blockers: result.blockers.map(blockerDocument) };
}

function orderDocument(order: PoolOrder) {
  const nodes = order.nodes.map((turn) => ({ ...turn, sentence: turnSentence(turn) }));
  return { ...order, sentence: poolOrderText(order), nodes };
}

interface HopVersions {
  readonly from: KubeVersion;
  readonly to: KubeVersion;
}

/** `hop` and `findings` are those of the first hop, as they were before there were several. */
export function preflightDocument({ cluster, observedAt, hops, only }: PreflightReport) {
  const documents = hops.map(hopDocument);
  const [first] = documents;
  return {
    schema: 'ascent.preflight-result/v1',
    kind: documents.some(({ kind }) => kind === 'blocked') ? 'blocked' : 'clear',
    cluster,
    hop: first?.hop,
    findings: first?.findings,
    observedAt,
    ...(only === undefined ? {} : { only }),
    hops: documents,
  };
}

function hopDocument({ from, to, findings }: HopFindings) {
  const hop = { from, to };
  return {
    hop,
    kind: findings.some(isBlocking) ? 'blocked' : 'clear',
    counts: severityCounts(findings),
    findings: findings.map((finding) => findingDocument(finding, hop)),
  };
}

export function findingDocument(finding: Finding, hop: HopVersions) {
  return {
    ...finding,
    key: findingKey(finding),
    digest: evidenceDigest(finding),
    why: whyItMatters(finding, hop),
    sentence: findingSentence(finding),
  };
}

/** Blockers get their object and sentence here as well. */
export function refusalDocument(refusal: StartRefused) {
  const sentence = startRefusedSentence(refusal);
  return refusal.code === 'blocked'
    ? { ...refusal, blockers: refusal.blockers.map(blockerDocument), sentence }
    : { ...refusal, sentence };
}

/** How the drain or the uncordon of one node ended. */
export function drainEndDocument(node: string, end: DrainEnd) {
  const sentence = drainEndSentence(node, end);
  switch (end.outcome) {
    case 'not-drained':
      return { node, sentence, ...end, blockers: end.blockers.map(blockerDocument) };
    case 'refused': {
      const { refusal } = end;
      const told = { ...refusal, sentence: drainRefusalSentence(refusal) };
      return { node, sentence, ...end, refusal: told };
    }
    case 'drained':
    case 'undone':
    case 'not-undone':
      return { node, sentence, ...end };
  }
}

export function startRefusedSentence(refusal: StartRefused): string {
  return isConflict(refusal) ? refusalSentence(refusal) : startRefusalSentence(refusal);
}

function isConflict(
  refusal: StartRefused,
): refusal is Extract<CommandRefusal, { code: 'upgrade-conflict' }> {
  return refusal.code === 'upgrade-conflict';
}
