// Until when a hop can be rolled back, and which hops cannot any more. Pure in the facts.
// W1. What closes the way back is the beginning of the next hop, or the end of the upgrade: nothing
//     else changes what a restore returns to. Its snapshot is kept as long as the upgrade runs.

import { formatDuration } from '../durations';
import type { GateId, HopId } from '../names';
import type { Hop } from '../plan/plan';
import { approvalGateId } from './gates';
import { emulationSoakLabel } from './step-labels';

/** What will close the way back of a hop. */
export type WayBackEnd = {
  /** The end of the hop's soak, in epoch milliseconds; absent while nobody can tell. */
  readonly notBeforeMs?: number;
} & (
  | {
      readonly reason: 'next-hop-begins';
      readonly hop: HopId;
      /** A person must approve that hop first: the way back stays open until somebody does. */
      readonly gate?: GateId;
    }
  | { readonly reason: 'upgrade-ends' }
);

/** A hop that cannot be rolled back: done, or never to be. */
export interface NoWayBack {
  readonly hop: HopId;
  readonly reason: 'next-hop-begun' | 'upgrade-ended' | 'machines-replaced';
  /** Epoch milliseconds. */
  readonly sinceMs: number;
}

/** The step that the hop is at now. */
interface CurrentStep {
  readonly id: HopId;
  readonly step: string;
  readonly stepSinceMs: number;
}

/** `hop` can be rolled back now; `later` are the hops of the plan that are still to come. */
export function wayBackEnd(facts: {
  readonly hop: Hop;
  readonly later: readonly Hop[];
  readonly current?: CurrentStep;
}): WayBackEnd {
  const [next] = facts.later;
  const notBefore = soakEnd(facts.hop, facts.current);
  if (next === undefined) return { reason: 'upgrade-ends', ...notBefore };
  const gate = next.approval === 'required' ? { gate: approvalGateId(next.id) } : {};
  return { reason: 'next-hop-begins', hop: next.id, ...gate, ...notBefore };
}

function soakEnd(hop: Hop, current: CurrentStep | undefined): Pick<WayBackEnd, 'notBeforeMs'> {
  if (current?.id !== hop.id || current.step !== 'soak') return {};
  const soak = hop.steps.findLast((step) => step.kind === 'soak');
  return soak === undefined ? {} : { notBeforeMs: current.stepSinceMs + soak.durationMs };
}

/** Until then at least the old programs lead back, in the soak of an emulation. */
export function dataKeptUntil(hop: Hop, current: CurrentStep | undefined): number | undefined {
  if (current?.id !== hop.id || current.step !== emulationSoakLabel) return undefined;
  const soak = hop.steps.find((step) => step.kind === 'soak' && step.of === 'emulation');
  return soak?.kind === 'soak' ? current.stepSinceMs + soak.durationMs : undefined;
}

/**
 * Hops that are completed and have no way back, in order. `begunMs` is when the hop that runs now
 * began, `endedMs` when the upgrade ended; `open` is the hop that can be rolled back.
 */
export function noWayBack(facts: {
  readonly hops: readonly {
    readonly hop: HopId;
    readonly outcome: string;
    readonly startedAtMs: number;
    readonly endedAtMs: number;
  }[];
  readonly open?: HopId;
  readonly begunMs?: number;
  readonly hasEnded: boolean;
  /** Those that replace machines, running or done, and when they began. */
  readonly replacing?: readonly { readonly hop: HopId; readonly startedAtMs: number }[];
}): readonly NoWayBack[] {
  const { hops, open, begunMs, hasEnded, replacing = [] } = facts;
  const oneWay = replacing.map(({ hop, startedAtMs: sinceMs }) => {
    return { hop, reason: 'machines-replaced', sinceMs } as const;
  });
  const closed = hops.flatMap((done, index): readonly NoWayBack[] => {
    if (done.outcome !== 'completed' || done.hop === open) return [];
    if (oneWay.some(({ hop }) => hop === done.hop)) return [];
    const nextMs = hops[index + 1]?.startedAtMs ?? begunMs;
    if (nextMs !== undefined) {
      return [{ hop: done.hop, reason: 'next-hop-begun', sinceMs: nextMs }];
    }
    if (!hasEnded) return [];
    return [{ hop: done.hop, reason: 'upgrade-ended', sinceMs: done.endedAtMs }];
  });
  return [...closed, ...oneWay];
}

/** One clause, without a full stop; without `nowMs` it says no durations that grow. */
export function wayBackEndText(end: WayBackEnd, nowMs?: number): string {
  const what =
    end.reason === 'next-hop-begins' ? `until ${end.hop} begins` : 'until the upgrade ends';
  const who =
    end.reason === 'next-hop-begins' && end.gate !== undefined
      ? `, which waits for an approval (${end.gate})`
      : '';
  return `${what}${who}${whenText(end.notBeforeMs, nowMs)}`;
}

function whenText(notBeforeMs: number | undefined, nowMs: number | undefined): string {
  if (notBeforeMs === undefined || nowMs === undefined || notBeforeMs <= nowMs) return '';
  return `, not before its soak is over in ${formatDuration(notBeforeMs - nowMs)}`;
}

/** Goes after what going back takes; empty where the soak is over, or there is none. */
export function dataKeptText(untilMs: number | undefined, nowMs: number): string {
  if (untilMs === undefined || untilMs <= nowMs) return '';
  return `; this soak ends in ${formatDuration(untilMs - nowMs)}`;
}

/** One clause, without a full stop. */
export function noWayBackText({ hop, reason }: NoWayBack): string {
  if (reason === 'machines-replaced') {
    return `${hop} cannot be rolled back: it replaces machines, which no snapshot brings back`;
  }
  return reason === 'next-hop-begun'
    ? `${hop} cannot be rolled back any more: the next hop has begun`
    : `${hop} cannot be rolled back any more: the upgrade has ended`;
}
