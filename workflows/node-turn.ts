// The state of one node's turn in an upgrade, and what is told of it: to its pool, to queries and
// in the current details.

import { defineQuery, setCurrentDetails, setHandler } from '@temporalio/workflow';

import type { Gate } from '../domain/status/control';
import type { ClusterName, HopId, NodeName, PoolName } from '../domain/names';
import type { NodeChange } from '../domain/plan/plan';
import type { NodeOutcome, NodePhase, NodeStatus } from '../domain/status/progress';
import { gateSentence } from '../domain/status/sentences';
import type { DrainPolicy, RebootPolicy } from '../domain/spec';
import { failureOf } from './activity-failures';
import {
  controlSignal,
  type NodeDecision,
  nodeDecisionSignal,
  type NodeReport,
  nodeReportSignal,
} from './family-messages';
import { type Line, openLine, pausedAfter } from './line';

export interface UpgradeNodeInput {
  readonly cluster: ClusterName;
  /** First run id of the root. */
  readonly upgrade: string;
  readonly hop: HopId;
  readonly pool: PoolName;
  readonly poolWorkflowId: string;
  readonly change: NodeChange;
  /** `verify`: the kubelet runs the version already, only the rest is missing. */
  readonly begin: 'cordon' | 'verify';
  readonly drain: DrainPolicy;
  readonly upgradeTimeoutMs: number;
  readonly reboot?: RebootPolicy;
  readonly nodeSoakMs: number;
  /** Written on the node with its cordon. */
  readonly cordonReason: string;
  readonly paused: boolean;
  /** Whether it may end with NodeReturn. */
  readonly mayReturn?: boolean;
  /** Whether its policy may set it aside. */
  readonly maySetAside?: boolean;
  /** How the turn before ended, and what it counted. */
  readonly earlier?: NodeReturn;
}

type NodeCounts = Pick<NodeOutcome, 'evicted' | 'refusals' | 'seconds'>;

/** No outcome yet: the kubelet is as it was, and the pool takes the node again later. */
export interface NodeReturn extends NodeCounts {
  readonly node: NodeName;
  readonly outcome: 'returned';
  /**
   * `yielded`: its drain and another one waited for each other; it serves again. `quarantined`: its
   * drain came to its deadline; it stays cordoned until the others are done.
   */
  readonly why: 'yielded' | 'quarantined';
}

/** What a turn ends with. */
export type NodeEnd = NodeOutcome | NodeReturn;

export interface NodeTurn {
  readonly input: UpgradeNodeInput;
  readonly line: Line;
  readonly startedAtMs: number;
  phase: NodePhase;
  phaseSinceMs: number;
  paused: boolean;
  decision: NodeDecision | undefined;
  gate: Gate | undefined;
  /** `maybe`: the driver began and did not say how it ended. */
  kubelet: 'old' | 'maybe' | 'new';
  changed: boolean;
  before: NodeOutcome['before'];
  after: NodeOutcome['after'];
  evicted: number;
  refusals: number;
  /** What a person has forced in the drain to come; void once the node is held again. */
  force: Extract<NodeDecision, { readonly kind: 'force' }> | undefined;
  /** What the last drain raised could not be put back. */
  surgesLeft: boolean;
}

/** Its handlers are registered when it returns. */
export function openTurn(input: UpgradeNodeInput): NodeTurn {
  const { change } = input;
  const nowMs = Date.now();
  const run: NodeTurn = {
    input,
    line: openLine(input.cluster, input.upgrade),
    startedAtMs: nowMs,
    phase: 'pending',
    phaseSinceMs: nowMs,
    paused: input.paused,
    decision: undefined,
    gate: undefined,
    kubelet: input.begin === 'verify' ? 'new' : 'old',
    changed: false,
    before: change.from,
    after: input.begin === 'verify' ? change.to : change.from,
    evicted: input.earlier?.evicted ?? 0,
    refusals: input.earlier?.refusals ?? 0,
    force: undefined,
    surgesLeft: false,
  };
  setHandler(controlSignal, (control) => {
    run.paused = pausedAfter(control, run.paused);
  });
  setHandler(nodeDecisionSignal, (decision: unknown) => {
    if (run.gate !== undefined && isDecision(decision)) run.decision = decision;
  });
  setHandler(defineQuery<NodeStatus>('status'), () => statusOf(run));
  return run;
}

/** The root sends nothing else; see pausedAfter for why anything else is let pass. */
function isDecision(decision: unknown): decision is NodeDecision {
  if (typeof decision !== 'object' || decision === null) return false;
  const { kind, actor, pods } = decision as Readonly<Record<string, unknown>>;
  if (kind === undefined || actor === undefined) return false;
  return kind !== 'force' || Array.isArray(pods);
}

function statusOf({ input, phase, phaseSinceMs, gate }: NodeTurn): NodeStatus {
  const status = { node: input.change.name, phase, phaseSinceMs };
  return gate === undefined ? status : { ...status, gate };
}

export function enter(run: NodeTurn, phase: NodePhase): void {
  run.phase = phase;
  run.phaseSinceMs = Date.now();
  const { change } = run.input;
  const held = run.gate === undefined ? '' : `\n\n${gateSentence(run.gate)}`;
  const where = phase === 'draining' ? '; Pending Activities say which pods are left, and why' : '';
  setCurrentDetails(`**${change.name}** ${change.from} → ${change.to}: ${phase}${where}${held}`);
}

/** Whether the node stands still, and why. */
export function tellPool(run: NodeTurn, state: NodeReport['state']): void {
  const { change, poolWorkflowId } = run.input;
  run.line.send(poolWorkflowId, nodeReportSignal, { node: change.name, state });
}

const lastPhases: Readonly<Record<NodeOutcome['outcome'], NodePhase>> = {
  upgraded: 'done',
  'already-done': 'done',
  skipped: 'skipped',
  quarantined: 'quarantined',
  undone: 'undone',
};

/** Tidying up a node failed, which must not keep the upgrade. */
export function tellCordonKept(line: Line, node: NodeName, error: unknown): void {
  const text = `node ${node}: ${failureOf(error).message}; its cordon stays as it is`;
  line.report({ kind: 'note', event: 'node.cordon-kept', text, node });
}

/** The turn is over. */
export function outcomeOf(run: NodeTurn, outcome: NodeOutcome['outcome']): NodeOutcome {
  enter(run, lastPhases[outcome]);
  const { before, after } = run;
  return { node: run.input.change.name, outcome, before, after, ...countsOf(run) };
}

/** The turn is over, and was not the last. */
export function returnOf(run: NodeTurn, why: NodeReturn['why']): NodeReturn {
  enter(run, 'pending');
  return { node: run.input.change.name, outcome: 'returned', why, ...countsOf(run) };
}

function countsOf({ evicted, refusals, startedAtMs, input }: NodeTurn): NodeCounts {
  const seconds = Math.round((Date.now() - startedAtMs) / 1_000) + (input.earlier?.seconds ?? 0);
  return { evicted, refusals, seconds };
}
