// What drainNode and uncordonNode have in common: the state that `status` and `audit` tell, the
// message `undo`, and the undoing itself. Both have the id of the node's lock, so that whatever is
// asked about a node finds the one that runs.
// R1. Handlers change the state and nothing else; who acts on an undo waits until every handler has
//     answered (docs/adr/0008).

import {
  ApplicationFailure,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';

import type { AuditEntry, CommandAccepted } from '../domain/status/control';
import type { CordonPurpose } from '../domain/drain/cordon-reasons';
import type { ClusterName, NodeName } from '../domain/names';
import {
  type DrainEnd,
  drainFailure,
  type DrainPhase,
  type DrainRefusal,
  type DrainStatus,
  type UndoRequest,
} from '../domain/drain/node-drain';
import {
  drainEndSentence,
  drainRefusalSentence,
  drainStatusSentence,
} from '../domain/drain/node-drain-sentences';
import type { DrainPolicy } from '../domain/spec';
import { failureOf } from './activity-failures';
import { activity, askedCordonMs, workerTimeoutMs } from './activity-options';
import { type AuditNote, engineActor, withNote } from './audit-trail';
import { requestProblems } from './request-problems';
import { auditQuery, drainStatusQuery, searchAttributes, undoSignal, undoUpdate } from './messages';

/** What both inputs have. */
interface RunInput extends UndoRequest {
  readonly cluster: ClusterName;
  readonly node: NodeName;
  readonly policy?: DrainPolicy;
  readonly workerTimeoutMs?: number;
}

export interface NodeRun {
  readonly input: RunInput;
  readonly startedAtMs: number;
  phase: DrainPhase;
  phaseSinceMs: number;
  audit: readonly AuditEntry[];
  /** What was asked for by `undo`; whoever asks later is told that it is under way. */
  undo: UndoRequest | undefined;
  evicted: number;
  refusals: number;
  end: DrainEnd | undefined;
}

/**
 * Makes the state and registers what both workflows answer; call it before the first await. The
 * request that began it is in the trail before any message is heard: it may come again as one.
 */
export function openNodeRun(
  input: RunInput,
  begin: {
    readonly phase: DrainPhase;
    readonly asked: 'drain' | 'undo';
    readonly undo?: UndoRequest;
  },
): NodeRun {
  const nowMs = Date.now();
  const { actor, reason, requestId, node } = input;
  const what = begin.asked === 'drain' ? 'drain' : 'uncordon';
  const text = `${actor} asked to ${what} ${node} (${reason})`;
  const first = { actor, event: `command.${begin.asked}`, text, requestId, node };
  const run: NodeRun = {
    input,
    startedAtMs: nowMs,
    phase: begin.phase,
    phaseSinceMs: nowMs,
    audit: withNote([], first, nowMs),
    undo: begin.undo,
    evicted: 0,
    refusals: 0,
    end: undefined,
  };
  setHandler(drainStatusQuery, () => statusOf(run));
  setHandler(auditQuery, () => run.audit);
  setHandler(undoUpdate, (request) => acceptUndo(run, request), {
    validator: (request) => {
      const refusal = undoRefusal(run, request);
      if (refusal !== undefined) throw refused(refusal);
    },
  });
  setHandler(undoSignal, (request) => {
    const refusal = undoRefusal(run, request);
    if (refusal === undefined) acceptUndo(run, request);
    else {
      const text = `undo was refused: ${drainRefusalSentence(refusal)}`;
      note(run, { actor: 'unknown', event: 'command.refused', text });
    }
  });
  return run;
}

/** The failure that an update is refused with: its type is the code, its detail the refusal. */
export function refused(refusal: DrainRefusal): ApplicationFailure {
  return ApplicationFailure.nonRetryable(drainRefusalSentence(refusal), refusal.code, refusal);
}

function undoRefusal({ end }: NodeRun, request: UndoRequest): DrainRefusal | undefined {
  const problems = requestProblems(request);
  if (problems.length > 0) return { code: 'request-malformed', problems };
  return end === undefined ? undefined : { code: 'drain-ended' };
}

function acceptUndo(run: NodeRun, request: UndoRequest): CommandAccepted {
  const { requestId, actor, reason } = request;
  const { node } = run.input;
  const effect =
    run.phase === 'undoing' || run.undo !== undefined
      ? `node ${node} is being uncordoned already`
      : `the drain of node ${node} is stopped, then the node is uncordoned`;
  if (!run.audit.some((entry) => entry.requestId === requestId)) {
    const text = `${actor} asked to uncordon ${node} (${reason}): ${effect}`;
    note(run, { actor, event: 'command.undo', text, requestId, node });
  }
  run.undo ??= request;
  return { requestId, effect };
}

function statusOf(run: NodeRun): DrainStatus {
  const { input, startedAtMs, phase, phaseSinceMs, end } = run;
  const { cluster, node, actor, reason, policy } = input;
  const facts = {
    cluster,
    node,
    phaseSinceMs,
    startedAtMs,
    by: actor,
    reason,
    ...(policy === undefined ? {} : { policy }),
  };
  return end === undefined ? { ...facts, phase } : { ...facts, phase: 'ended', end };
}

/** One line more in the trail, which the Temporal UI shows, too. */
export function note(run: NodeRun, entry: AuditNote): void {
  run.audit = withNote(run.audit, entry, Date.now());
  tell(run);
}

function tell(run: NodeRun): void {
  const { cluster, node } = run.input;
  const draining = run.phase === 'draining' && run.end === undefined;
  setCurrentDetails(
    [
      `**Node ${node} of ${cluster}**`,
      '',
      drainStatusSentence(statusOf(run)) +
        (draining ? '; Pending Activities say which pods are left, and why' : ''),
      '',
      ...run.audit.map(({ text }) => `- ${text}`),
      // The frame of the Temporal UI cuts the last line in half.
      '',
      '&nbsp;',
    ].join('\n'),
  );
}

export function enter(run: NodeRun, phase: DrainPhase): void {
  run.phase = phase;
  run.phaseSinceMs = Date.now();
  tell(run);
  publishPhase(run, phase);
}

function publishPhase({ input }: NodeRun, phase: DrainStatus['phase']): void {
  upsertSearchAttributes([
    { key: searchAttributes.cluster, value: input.cluster },
    { key: searchAttributes.phase, value: phase },
  ]);
}

/** Keeps the end; from here on nothing is accepted any more. */
export function close(run: NodeRun, end: DrainEnd): DrainEnd {
  run.end = end;
  run.phaseSinceMs = Date.now();
  const text = drainEndSentence(run.input.node, end);
  note(run, { actor: engineActor, event: `drain.${end.outcome}`, text });
  publishPhase(run, 'ended');
  return end;
}

export function countsOf({ evicted, refusals, startedAtMs }: NodeRun) {
  return { evicted, refusals, seconds: Math.round((Date.now() - startedAtMs) / 1_000) };
}

/** The bounds of an activity that somebody waits for. */
export function askedBounds({ input }: NodeRun) {
  return {
    totalMs: askedCordonMs,
    workerTimeoutMs: input.workerTimeoutMs ?? workerTimeoutMs,
  };
}

/** What a person's undo lifts: the cordon of an upgrade only when none runs that it belongs to. */
export function undoneBy({ upgradeRuns }: UndoRequest): readonly CordonPurpose[] {
  const always = ['drain', 'quarantine', 'other'] as const;
  return upgradeRuns ? always : [...always, 'upgrade'];
}

/** Uncordons the node, as far as `undoes` allows. Throws only cancellation. */
export async function undone(
  run: NodeRun,
  options: {
    readonly by: string;
    readonly reason: string;
    readonly undoes: readonly CordonPurpose[];
  },
): Promise<DrainEnd> {
  const { cluster, node } = run.input;
  const { by, reason, undoes } = options;
  enter(run, 'undoing');
  try {
    const call = activity(cluster, 'uncordonNode', {
      summary: `uncordon ${node}`,
      ...askedBounds(run),
    });
    const result = await call({ cluster, node, undoes });
    const { uncordon, reason: cordon } = result;
    const found = cordon === undefined ? {} : { cordon };
    return { outcome: 'undone', by, reason, uncordon, ...found, ...countsOf(run) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = drainFailure(failureOf(error));
    return { outcome: 'not-undone', by, reason, failure, ...countsOf(run) };
  }
}
