// When what of an upgrade went on: steps, waiting at gates, pauses, and the moments between. Pure
// in the entries of a record; how it is drawn is cli/render/record-picture.ts.

import type { AuditEntry } from '../status/control';
import type { HopId } from '../names';
import type { RecordBody, RecordedHop, RecordedNow, StepMark } from './record';
import { dataOf } from './record';

/** What kind of work a step is, by its label. */
export type StepSort = 'preparing' | 'control-plane' | 'nodes' | 'checking' | 'soak' | 'rollback';

/** One step of a hop. */
export interface StepSpan {
  readonly hop: HopId;
  readonly label: string;
  readonly sort: StepSort;
  readonly startMs: number;
  readonly endMs: number;
  /** As the hop told it; absent for looks that it does not time, and for a step under way. */
  readonly seconds?: number;
  /** When it began was not kept: it is laid behind the step before it. */
  readonly isLaidOut?: true;
  readonly isRunning?: true;
}

/** A gate from its opening to its answer, or to whatever made it void. */
export interface GateWait {
  readonly gate: string;
  readonly openedMs: number;
  /** Absent while it is open. */
  readonly closedMs?: number;
  /** What closed it. */
  readonly by?: Pick<AuditEntry, 'event' | 'actor'>;
}

export interface PauseSpan {
  readonly actor: string;
  readonly startMs: number;
  /** Absent while it lasts. */
  readonly endMs?: number;
}

export interface HopLane {
  readonly hop: HopId;
  readonly steps: readonly StepSpan[];
}

export interface Timeline {
  readonly startMs: number;
  readonly endMs: number;
  readonly lanes: readonly HopLane[];
  readonly gates: readonly GateWait[];
  readonly pauses: readonly PauseSpan[];
}

export function timelineOf(bodies: readonly RecordBody[], startedAtMs: number): Timeline {
  const trail = dataOf(bodies, 'event');
  const marks = dataOf(bodies, 'step');
  const [now] = dataOf(bodies, 'now');
  const hops = dataOf(bodies, 'hop');
  // A hop that is rolled back now has ended once already.
  const ended = hops.filter(({ hop }) => hop !== now?.hop?.id);
  const lanes = [
    ...ended.map((hop) => ({ hop: hop.hop, steps: laneOf(hop, marks) })),
    ...runningLane(now, hops, marks),
  ];
  const gates = gateWaits(trail);
  const pauses = pauseSpans(trail);
  const ends = [
    ...lanes.flatMap(({ steps }) => steps.map(({ endMs }) => endMs)),
    ...trail.map(({ atMs }) => atMs),
    ...(now === undefined ? [] : [now.asOfMs]),
  ];
  const endMs = ends.reduce((latest, one) => Math.max(latest, one), startedAtMs);
  return { startMs: startedAtMs, endMs, lanes, gates, pauses };
}

/** By the labels of domain/status/step-labels.ts. */
export function stepSort(label: string): StepSort {
  if (label.startsWith('rollback')) return 'rollback';
  if (/^(preflight|images|snapshot)$/.test(label)) return 'preparing';
  if (/^(pool|rollout) /.test(label)) return 'nodes';
  if (label.endsWith('soak')) return 'soak';
  return label === 'verify' ? 'checking' : 'control-plane';
}

interface Timed {
  readonly hop: HopId;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly steps: RecordedHop['steps'];
}

function laneOf(hop: Timed, marks: readonly StepMark[]): readonly StepSpan[] {
  const begun = marks.filter((mark) => mark.hop === hop.hop).toSorted((a, b) => a.atMs - b.atMs);
  const marked = begun.map((mark, index) => markedSpan(hop, begun, mark, index));
  const laid: StepSpan[] = [];
  let cursorMs = hop.startedAtMs;
  for (const { label, seconds } of hop.steps) {
    const known = marked.findLast((span) => span.label === label);
    if (known !== undefined) cursorMs = known.endMs;
    else {
      const span = { hop: hop.hop, label, sort: stepSort(label), startMs: cursorMs, seconds };
      cursorMs += seconds * 1_000;
      laid.push({ ...span, endMs: cursorMs, isLaidOut: true });
    }
  }
  return [...marked, ...laid].toSorted((a, b) => a.startMs - b.startMs);
}

/** A step that began several times ends each time where the next begins. */
function markedSpan(
  { hop, steps, endedAtMs }: Timed,
  begun: readonly StepMark[],
  { label, atMs }: StepMark,
  index: number,
): StepSpan {
  const isOnce = begun.filter((mark) => mark.label === label).length === 1;
  const time = steps.find((step) => step.label === label);
  const nextMs = begun[index + 1]?.atMs ?? Math.max(endedAtMs, atMs);
  const sort = stepSort(label);
  const span = { hop, label, sort, startMs: atMs };
  if (time === undefined) return { ...span, endMs: nextMs };
  const { seconds } = time;
  return { ...span, seconds, endMs: isOnce ? atMs + seconds * 1_000 : nextMs };
}

function runningLane(
  now: RecordedNow | undefined,
  hops: readonly RecordedHop[],
  marks: readonly StepMark[],
): readonly HopLane[] {
  if (now?.hop === undefined) return [];
  const { asOfMs, hop } = now;
  const before = hops.find((one) => one.hop === hop.id);
  const first = marks.find((mark) => mark.hop === hop.id);
  const done: Timed = {
    hop: hop.id,
    startedAtMs: before?.startedAtMs ?? first?.atMs ?? hop.stepSinceMs,
    endedAtMs: hop.stepSinceMs,
    steps: [...(before?.steps ?? []), ...hop.steps],
  };
  // The step under way may have begun before: what it is at now is told by itself.
  const isDone = ({ atMs }: StepMark): boolean => atMs < hop.stepSinceMs;
  const current: StepSpan = {
    hop: hop.id,
    label: hop.step,
    sort: stepSort(hop.step),
    startMs: hop.stepSinceMs,
    endMs: Math.max(asOfMs, hop.stepSinceMs),
    isRunning: true,
  };
  return [{ hop: hop.id, steps: [...laneOf(done, marks.filter(isDone)), current] }];
}

/** A finding that is acknowledged names a gate where it was the last that blocked there. */
const answers = new Set(['command.approve', 'command.reject', 'command.acknowledge']);
/** They make every open gate void: the work that waited is over. */
const voidsAll = new RegExp(
  '^(command\\.(rollBack|reject)|rollback\\.(automatic|begun)' +
    '|hop\\.(?!begun)|upgrade\\.(?!asked|paused))',
);

function gateWaits(trail: readonly AuditEntry[]): readonly GateWait[] {
  return trail.flatMap((entry, index): readonly GateWait[] => {
    const { gate, event, atMs: openedMs } = entry;
    if (event !== 'gate.opened' || gate === undefined) return [];
    const closing = trail.slice(index + 1).find((later) => closes(later, entry, gate));
    if (closing === undefined) return [{ gate, openedMs }];
    const by = { event: closing.event, actor: closing.actor };
    return [{ gate, openedMs, closedMs: closing.atMs, by }];
  });
}

function closes(later: AuditEntry, opened: AuditEntry, gate: string): boolean {
  if (voidsAll.test(later.event)) return true;
  // The same gate opens again only once it was answered.
  if (later.event === 'gate.opened') return later.gate === gate;
  if (answers.has(later.event)) return later.gate === gate;
  const isOfNode = opened.node !== undefined && later.node === opened.node;
  return isOfNode && /^command\.(retry|skip|quarantine|force)/.test(later.event);
}

/** `command.pause` says nothing of gates; a rollback lifts a pause. */
function pauseSpans(trail: readonly AuditEntry[]): readonly PauseSpan[] {
  return trail.flatMap(({ event, actor, atMs: startMs }, index): readonly PauseSpan[] => {
    if (event !== 'command.pause') return [];
    const end = trail.slice(index + 1).find((later) => liftsPause.test(later.event));
    return [{ actor, startMs, ...(end === undefined ? {} : { endMs: end.atMs }) }];
  });
}

const liftsPause = /^(command\.(resume|rollBack)|upgrade\.(?!paused|asked))/;
