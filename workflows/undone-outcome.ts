// What came of a hop that was rolled back. Pure.

import type { HopOutcome, NodeOutcome } from '../domain/status/progress';
import type { RollBackEnd } from './roll-back-hop';
import type { WayBack } from './upgrade-state';

/** The outcome of the hop, with its nodes and members as they are after the rollback. */
export function undoneOutcome(options: {
  readonly way: WayBack;
  /** What the hop told before it was undone; absent when its workflow was lost. */
  readonly before: HopOutcome | undefined;
  readonly end: RollBackEnd;
  readonly span: { readonly startedAtMs: number; readonly endedAtMs: number };
}): HopOutcome {
  const { way, before, end, span } = options;
  const { id, from, to } = way.hop;
  const nodes = new Map((before?.nodes ?? []).map((node) => [node.node, node]));
  for (const back of end.nodes) nodes.set(back.node, returned(nodes.get(back.node), back));
  return {
    hop: id,
    from,
    to,
    outcome: 'rolled-back',
    snapshot: way.snapshot,
    members: before?.members ?? [],
    nodes: [...nodes.values()],
    stepSeconds: { ...before?.stepSeconds, ...end.stepSeconds },
    ...(end.keptData === undefined ? {} : { keptData: end.keptData }),
    ...(end.account === undefined ? {} : { account: end.account }),
    startedAtMs: before?.startedAtMs ?? span.startedAtMs,
    endedAtMs: span.endedAtMs,
  };
}

/** One node over both ways: it is where it was, and its pods have left twice. */
function returned(up: NodeOutcome | undefined, back: NodeOutcome): NodeOutcome {
  const isBack = back.outcome === 'upgraded' || back.outcome === 'already-done';
  const outcome = isBack ? 'undone' : back.outcome;
  if (up === undefined) return { ...back, outcome };
  return {
    ...back,
    outcome,
    before: up.before,
    evicted: up.evicted + back.evicted,
    refusals: up.refusals + back.refusals,
    seconds: up.seconds + back.seconds,
  };
}
